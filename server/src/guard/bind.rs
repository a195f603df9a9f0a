//! Where the server listens, and what follows for mode `none`: whoever reaches the port may do everything.

use std::net::IpAddr;

use patze_actors::credentials::Mode;

/// Where the server listens.
#[derive(Clone, Copy, Debug)]
pub struct Bind {
    wide: bool,
    allow_open: bool,
}

/// Mode `none` where others than this machine's users reach the port.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "everybody who reaches this address could do everything here, because authentication is off (mode none). \
     Set a token (TELEMETRY_AUTH_MODE=token and TELEMETRY_AUTH_TOKEN), or HOST=127.0.0.1, \
     or PATZE_ALLOW_OPEN=1 if that is what you want"
)]
pub struct OpenBind;

impl Bind {
    /// The addresses that `HOST` stands for, and whether `PATZE_ALLOW_OPEN` is set.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>, allow_open: bool) -> Self {
        let wide = addresses.into_iter().any(|address| !address.to_canonical().is_loopback());
        Self { wide, allow_open }
    }

    /// Whether the server may run in `mode` there: at the start (exit code 2 if not) and when the mode changes
    /// (400 `open_bind`).
    ///
    /// # Errors
    /// If it may not.
    pub fn check(&self, mode: Mode) -> Result<(), OpenBind> {
        if mode == Mode::None && self.wide && !self.allow_open { Err(OpenBind) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_none_is_for_loopback_or_by_explicit_wish() {
        for (addresses, allow_open, mode, allowed) in [
            (&["127.0.0.1"][..], false, Mode::None, true),
            (&["127.0.0.1", "::1"], false, Mode::None, true),
            (&["::ffff:127.0.0.1"], false, Mode::None, true),
            (&["127.8.9.1"], false, Mode::None, true),
            (&["0.0.0.0"], false, Mode::None, false),
            (&["::"], false, Mode::None, false),
            (&["127.0.0.1", "192.0.2.1"], false, Mode::None, false),
            (&["0.0.0.0"], true, Mode::None, true),
            (&["0.0.0.0"], false, Mode::Token, true),
        ] {
            let bind = Bind::new(addresses.iter().map(|address| address.parse().unwrap()), allow_open);
            assert_eq!(bind.check(mode).is_ok(), allowed, "{addresses:?} {allow_open} {mode:?}");
        }
        assert!(OpenBind.to_string().contains("PATZE_ALLOW_OPEN=1"), "names the remedy");
    }
}
