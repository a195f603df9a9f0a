//! Against DNS rebinding (W-S20): in mode `none` a request must name this server by a name that no stranger's DNS can
//! give it.
//!
//! A web page of `evil.example` that lets its name point to 127.0.0.1 is of one origin with this server, as the browser
//! sees it, and may read all that needs no token. But the browser says `Host: evil.example`. Addresses, loopback names
//! and this machine's own name cannot be had that way.
//!
//! A request with a token that we know passes under every name: such a page has none. One without `Host` (HTTP/1.0
//! health checks) passes too: browsers always send it.

use std::net::IpAddr;
use std::str::FromStr;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderValue};
use actix_web::middleware::Next;
use patze_actors::credentials::Mode;

use super::{Guard, guard_of, is_port_or_nothing, refuse};
use crate::error::Error;

/// Names that the user allows; comma-separated. Case and port do not matter.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts(Vec<String>);

/// Refuses foreign names in mode `none`.
///
/// # Errors
/// Those of the service behind it.
pub async fn host<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let foreign = match guard_of(&request) {
        Ok(guard) => foreign_name(guard, &request),
        Err(error) => return Ok(refuse(request, &error)),
    };
    match foreign {
        None => Ok(next.call(request).await?.map_into_left_body()),
        Some(name) => Ok(refuse(request, &Error::HostNotAllowed(name))),
    }
}

/// The name that a request may not use, if it uses one.
fn foreign_name(guard: &Guard, request: &ServiceRequest) -> Option<String> {
    if guard.0.credentials.mode() == Mode::Token {
        return None;
    }
    // The target's authority is HTTP/2's `Host`. Whatever is there must be allowed.
    let target = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let named = request.headers().get_all(HOST).map(HeaderValue::as_bytes).chain(target);
    let foreign = named.map(String::from_utf8_lossy).find(|host| !guard.0.allowed.hosts.contain(host))?;
    let header = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let known =
        guard.0.credentials.identify(header, guard.0.clock.now()).is_ok_and(|caller| caller.is_known());
    (!known).then(|| foreign.chars().take(256).collect())
}

// === impl AllowedHosts ===

impl AllowedHosts {
    fn contain(&self, host: &str) -> bool {
        let Some(name) = name_of(host) else { return false };
        name.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.0.contains(&name)
            || is_this_machine(&name, &rustix::system::uname().nodename().to_string_lossy())
    }
}

impl FromStr for AllowedHosts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let name = |entry: &str| match name_of(entry) {
            Some(name) if !name.contains(['*', '/', ' ']) => Ok(name),
            _ => Err(format!(
                "PATZE_ALLOWED_HOSTS: {entry:?} is no host name; write names alone, such as patze.example.org"
            )),
        };
        Ok(Self(entries.map(name).collect::<Result<_, _>>()?))
    }
}

/// This machine's name as the network says it: whole, its first label, and that in mDNS.
fn is_this_machine(name: &str, node: &str) -> bool {
    let node = node.to_ascii_lowercase();
    let label = node.split('.').next().unwrap_or_default();
    !label.is_empty() && (name == node || name == label || name.strip_suffix(".local") == Some(label))
}

/// The name in a `Host`, in lower case, without port, brackets and the root's dot.
fn name_of(host: &str) -> Option<String> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    (is_port_or_nothing(port) && !name.is_empty()).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_s20_names_that_no_stranger_can_have() {
        let allowed: AllowedHosts = "patze.example.org, NAS.lan:9700".parse().unwrap();
        for host in [
            "localhost",
            "LOCALHOST:9700",
            "localhost.",
            "patze.localhost:1",
            "127.0.0.1",
            "127.0.0.1:9700",
            "192.168.1.5:9700",
            "[::1]",
            "[::1]:9700",
            "[fe80::1]:9700",
            "patze.example.org",
            "Patze.Example.Org:443",
            "nas.lan",
        ] {
            assert!(allowed.contain(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9700",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil-localhost",
            "example.org",
            "a.patze.example.org",
            "localhost:",
            "localhost:x",
            "localhost:+1",
            "localhost:9700:9700",
            "localhost@evil.example",
            "::1",
            "[::1",
            "[::1]x",
            ".",
            ":9700",
        ] {
            assert!(!allowed.contain(host), "{host}");
        }
    }

    #[test]
    fn w_s20_this_machines_own_name() {
        for (name, node, own) in [
            ("nas", "nas", true),
            ("nas.local", "nas", true),
            ("nas", "NAS.fritz.box", true),
            ("nas.fritz.box", "NAS.fritz.box", true),
            ("nas.local", "nas.fritz.box", true),
            ("nas.evil.example", "nas", false),
            ("nas.fritz.box", "nas", false),
            (".local", "", false),
            ("", "", false),
        ] {
            assert_eq!(is_this_machine(name, node), own, "{name} on {node:?}");
        }
        let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
        assert!(AllowedHosts::default().contain(&format!("{node}:9700")), "{node}");
    }

    #[test]
    fn an_allowed_host_that_is_no_name_is_refused() {
        for text in ["*", "*.example.org", "http://example.org", "a b", "x:y"] {
            assert!(text.parse::<AllowedHosts>().unwrap_err().contains(text), "{text}");
        }
        assert!(" , ".parse::<AllowedHosts>().is_ok());
    }
}
