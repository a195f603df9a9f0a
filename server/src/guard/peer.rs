//! Where a request comes from (W-S8): the socket's address. `X-Forwarded-For` counts only if the socket's address is a
//! proxy that the user named in `PATZE_TRUSTED_PROXIES`.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use actix_web::http::header::{FORWARDED, HeaderMap, X_FORWARDED_FOR};
use ipnet::IpNet;

/// Where a request comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The client's address, if the transport has one.
    pub address: Option<IpAddr>,
    /// Whether it came through a proxy that nobody vouches for, so that the address is the proxy's.
    hidden: bool,
}

/// The proxies whose word on the client's address is taken; comma-separated addresses and networks.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

// === impl Peer ===

impl Peer {
    pub(super) fn of(socket: Option<SocketAddr>, headers: &HeaderMap, proxies: &TrustedProxies) -> Self {
        let forwarded = headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED);
        let Some(mut address) = socket.map(|socket| socket.ip().to_canonical()) else {
            return Self { address: None, hidden: forwarded };
        };
        if !proxies.contain(address) {
            return Self { address: Some(address), hidden: forwarded };
        }
        // Each proxy appends whom it heard; what stands left of the first address that is no proxy of ours is hearsay.
        let hops = headers.get_all(X_FORWARDED_FOR).filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = hops.flat_map(|value| value.split(',')).collect();
        for hop in hops.into_iter().rev() {
            let Some(hop) = hop_address(hop.trim()) else { break };
            address = hop;
            if !proxies.contain(hop) {
                break;
            }
        }
        Self { address: Some(address), hidden: false }
    }

    /// Whether the request was made on this machine, as far as can be known.
    pub fn is_local(&self) -> bool {
        !self.hidden && self.address.is_some_and(|address| address.is_loopback())
    }
}

// === impl TrustedProxies ===

impl TrustedProxies {
    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let parse = |entry: &str| {
            let address = entry.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            address.or_else(|_| entry.parse()).map_err(|_| {
                format!("PATZE_TRUSTED_PROXIES: {entry:?} is no IP address and no network such as 10.0.0.0/8")
            })
        };
        Ok(Self(entries.map(parse).collect::<Result<_, _>>()?))
    }
}

/// An address as proxies write it: bare, with a port, in brackets.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().ok().or_else(|| hop.parse().ok().map(|hop: SocketAddr| hop.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn peer(socket: &str, forwarded_for: &[&str], proxies: &str) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for value in forwarded_for {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
        }
        let peer = Peer::of(Some(socket.parse().unwrap()), &headers, &proxies.parse().unwrap());
        (peer.address.unwrap().to_string(), peer.is_local())
    }

    #[test]
    fn w_s8_x_forwarded_for_counts_from_trusted_proxies_alone() {
        for (socket, forwarded_for, proxies, address, local) in [
            ("192.0.2.1:5", &[][..], "", "192.0.2.1", false),
            ("127.0.0.1:5", &[], "", "127.0.0.1", true),
            ("[::1]:5", &[], "", "::1", true),
            ("[::ffff:127.0.0.1]:5", &[], "", "127.0.0.1", true),
            // Spoofed by the client itself.
            ("192.0.2.1:5", &["127.0.0.1"], "", "192.0.2.1", false),
            ("192.0.2.1:5", &["127.0.0.1"], "10.0.0.0/8", "192.0.2.1", false),
            // A proxy on this machine that nobody named: not local, because the client is unknown.
            ("127.0.0.1:5", &["198.51.100.7"], "", "127.0.0.1", false),
            // A named proxy.
            ("127.0.0.1:5", &["198.51.100.7"], "127.0.0.1", "198.51.100.7", false),
            ("127.0.0.1:5", &["127.0.0.1"], "127.0.0.1, ::1", "127.0.0.1", true),
            // The client wrote the left part itself.
            ("10.0.0.1:5", &["127.0.0.1, 198.51.100.7"], "10.0.0.0/8", "198.51.100.7", false),
            ("10.0.0.1:5", &["127.0.0.1", "198.51.100.7, 10.0.0.9"], "10.0.0.0/8", "198.51.100.7", false),
            ("10.0.0.1:5", &["nonsense"], "10.0.0.0/8", "10.0.0.1", false),
            ("10.0.0.1:5", &["[2001:db8::1]:99"], "10.0.0.0/8", "2001:db8::1", false),
            ("10.0.0.1:5", &["192.0.2.9:1234"], "10.0.0.0/8", "192.0.2.9", false),
            ("[::ffff:10.0.0.1]:5", &["192.0.2.9"], "10.0.0.0/8", "192.0.2.9", false),
        ] {
            let found = peer(socket, forwarded_for, proxies);
            assert_eq!(found, (address.to_owned(), local), "{socket} {forwarded_for:?} {proxies:?}");
        }
    }

    #[test]
    fn a_proxy_that_is_no_address_is_refused() {
        assert!(" 10.0.0.0/8,, 192.0.2.1 ".parse::<TrustedProxies>().is_ok());
        let error = "10.0.0.0/8, proxy.lan".parse::<TrustedProxies>().unwrap_err();
        assert!(error.contains("proxy.lan"), "{error}");
    }
}
