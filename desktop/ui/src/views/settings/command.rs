//! What is typed on the next machine, so that its bridge finds this server.

use patze_core::time::Timestamp;

/// Stands where this page does not know how another machine reaches the server.
const HERE: &str = "ADDRESS-OF-THIS-COMPUTER";

/// Where this page was loaded from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// `http:` or `https:`.
    pub protocol: String,
    /// The name alone.
    pub host: String,
    /// The port; empty for the protocol's own.
    pub port: String,
}

impl Address {
    /// Of this page.
    pub fn of_page() -> Self {
        let location = web_sys::window().map(|window| window.location());
        let part = |get: fn(&web_sys::Location) -> Result<String, wasm_bindgen::JsValue>| {
            location.as_ref().and_then(|location| get(location).ok()).unwrap_or_default()
        };
        Self {
            protocol: part(web_sys::Location::protocol),
            host: part(web_sys::Location::hostname),
            port: part(web_sys::Location::port),
        }
    }

    /// Whether only this computer knows it by this name.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// As another machine would call it.
    pub fn for_others(&self) -> String {
        let host = if self.is_loopback() { HERE } else { &self.host };
        let protocol = if self.protocol == "https:" { "https" } else { "http" };
        if self.port.is_empty() {
            format!("{protocol}://{host}")
        } else {
            format!("{protocol}://{host}:{}", self.port)
        }
    }

    /// As this page calls it.
    pub fn origin(&self) -> String {
        let Self { protocol, host, port } = self;
        if port.is_empty() { format!("{protocol}//{host}") } else { format!("{protocol}//{host}:{port}") }
    }

    /// The command that lets the next machine reach a server that listens on its own computer alone.
    pub fn tunnel(&self) -> String {
        let port = match (self.port.as_str(), self.protocol.as_str()) {
            ("", "https:") => "443",
            ("", _) => "80",
            (port, _) => port,
        };
        format!("ssh -N -L 9700:127.0.0.1:{port} you@{HERE}")
    }
}

/// The bridge's environment and command.
pub fn bridge(base: &str, token: &str, expires_at: Option<Timestamp>) -> String {
    let end = expires_at.map_or_else(String::new, |end| format!("TOKEN_EXPIRES_AT={end} \\\n"));
    format!("CONTROL_PLANE_BASE_URL={base} \\\nCONTROL_PLANE_TOKEN={token} \\\n{end}patze-bridge")
}

/// The settings that open a server to other machines, for its `.env`. Without tokens it would not start so.
pub const fn opened(needs_token: bool) -> &'static str {
    if needs_token {
        "HOST=0.0.0.0"
    } else {
        "HOST=0.0.0.0\nTELEMETRY_AUTH_MODE=token\nTELEMETRY_AUTH_TOKEN=at-least-16-characters"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(protocol: &str, host: &str, port: &str) -> Address {
        Address { protocol: protocol.to_owned(), host: host.to_owned(), port: port.to_owned() }
    }

    #[test]
    fn a_loopback_address_is_of_no_use_elsewhere() {
        for host in ["127.0.0.1", "localhost", "patze.localhost", "[::1]", "127.8.9.1"] {
            assert!(address("http:", host, "9700").is_loopback(), "{host}");
        }
        for host in ["larch.local", "192.168.1.5", "[fe80::1]", "localhost.example"] {
            assert!(!address("http:", host, "9700").is_loopback(), "{host}");
        }
        assert_eq!(
            address("http:", "127.0.0.1", "9700").for_others(),
            "http://ADDRESS-OF-THIS-COMPUTER:9700"
        );
        assert_eq!(address("https:", "patze.example.org", "").for_others(), "https://patze.example.org");
        assert_eq!(address("https:", "patze.example.org", "").origin(), "https://patze.example.org");
    }

    #[test]
    fn the_command_can_be_pasted() {
        assert_eq!(
            bridge("http://larch.local:9700", "pz_x", None),
            "CONTROL_PLANE_BASE_URL=http://larch.local:9700 \\\nCONTROL_PLANE_TOKEN=pz_x \\\npatze-bridge"
        );
        let end = Timestamp::parse("2027-01-31T12:00:00Z").unwrap();
        assert!(
            bridge("http://x", "pz_x", Some(end)).contains("TOKEN_EXPIRES_AT=2027-01-31T12:00:00.000Z \\\n")
        );
        assert!(opened(false).contains("TELEMETRY_AUTH_MODE=token"));
        assert!(!opened(true).contains("TELEMETRY_AUTH_MODE"));
    }
}
