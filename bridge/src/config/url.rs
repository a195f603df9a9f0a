//! The control plane's address.

use std::fmt;

/// Scheme, host and port of the control plane. A path, query or fragment in the setting is dropped, as the original
/// bridge does (contract §14.1); [`BaseUrl::parse`] says so in a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    tls: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
}

// === impl BaseUrl ===

impl BaseUrl {
    /// Reads a setting: the address, and whether something was dropped from it. `None` if it is no address of ours.
    pub fn parse(text: &str) -> Option<(Self, bool)> {
        let (scheme, rest) = text.split_once("://")?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, dropped) = rest.split_at(end);
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, after.strip_prefix(':').or(after.is_empty().then_some(""))?)
            }
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        let port = match port {
            "" if tls => 443,
            "" => 80,
            digits => digits.parse().ok().filter(|port| *port != 0)?,
        };
        let plain = !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':'));
        plain.then(|| (Self { tls, host: host.to_ascii_lowercase(), port }, !matches!(dropped, "" | "/")))
    }

    /// Whether it is spoken to through TLS.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The host's name or address, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as the `Host` header wants them: without the scheme's own port.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.tls { 443 } else { 80 } { host } else { format!("{host}:{}", self.port) }
    }
}

impl Default for BaseUrl {
    /// A control plane on this machine.
    fn default() -> Self {
        Self { tls: false, host: "127.0.0.1".to_owned(), port: 9_700 }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_addresses() {
        for (text, shown, port, dropped) in [
            ("http://127.0.0.1:9700", "http://127.0.0.1:9700", 9700, false),
            ("http://127.0.0.1:9700/", "http://127.0.0.1:9700", 9700, false),
            ("HTTPS://Control.Example.org", "https://control.example.org", 443, false),
            ("http://box", "http://box", 80, false),
            ("https://box:443/patze/?a=1#b", "https://box", 443, true),
            ("http://box:9700?x", "http://box:9700", 9700, true),
            ("http://[::1]:9700", "http://[::1]:9700", 9700, false),
            ("https://[fe80::1]", "https://[fe80::1]", 443, false),
            ("http://my_box.local:443", "http://my_box.local:443", 443, false),
        ] {
            let (url, was_dropped) = BaseUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.port(), was_dropped), (shown, port, dropped), "{text}");
        }
    }

    #[test]
    fn refused_addresses() {
        for text in [
            "",
            "127.0.0.1:9700",
            "ftp://box",
            "http://",
            "http:///x",
            "http://box:0",
            "http://box:99999",
            "http://box:97x",
            "http://user:secret@box",
            "http://user@box",
            "http://a b",
            "http://[::1",
            "http://[nope]:1",
            "http://[::1]9700",
            "http://a:1:2",
        ] {
            assert_eq!(BaseUrl::parse(text), None, "{text}");
        }
    }
}
