//! What the command line and the environment tell the server (contract §1.1; design §3, §10). A `.env` file in the
//! working folder is read before.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use patze_core::retention::{Keep, Retention, Size};

use crate::guard::Allowed;

/// The server's configuration. Options win over the environment.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// The address or name to listen on; anything wider than this machine needs a token (or PATZE_ALLOW_OPEN=1)
    #[arg(long, env = "HOST", value_name = "HOST", default_value = "127.0.0.1")]
    pub host: String,
    /// The port to listen on; 0 for a free one
    #[arg(long, env = "PORT", value_name = "PORT", default_value_t = 9700)]
    pub port: u16,
    /// The folder for the database, credentials and secrets; ~/.patze-control if not set
    #[arg(long, env = "PATZE_SETTINGS_DIR", value_name = "FOLDER", global = true)]
    pub settings_dir: Option<PathBuf>,
    /// Milliseconds of silence after which a machine counts as offline
    #[arg(long, env = "HEARTBEAT_TIMEOUT_MS", value_name = "MS", default_value = "120000")]
    pub heartbeat_timeout: HeartbeatTimeout,
    /// How long each heartbeat is kept: 48h, 7d, forever; what they showed is kept as minimum, mean and maximum
    #[arg(long, env = "PATZE_KEEP_HEARTBEATS", value_name = "TIME", default_value = "48h")]
    pub keep_heartbeats: Keep,
    /// How long each log line is kept: 30d, 1y, forever
    #[arg(long, env = "PATZE_KEEP_LOGS", value_name = "TIME", default_value = "30d")]
    pub keep_logs: Keep,
    /// How large all files together may become before the oldest history goes: 2GB, 500MB, unlimited
    #[arg(long, env = "PATZE_MAX_SIZE", value_name = "SIZE", default_value = "unlimited")]
    pub max_size: Size,
    /// Listen wider than this machine although everybody may do everything (1)
    #[arg(long, env = "PATZE_ALLOW_OPEN", value_parser = clap::builder::BoolishValueParser::new(), default_value = "0", hide_possible_values = true, num_args = 0..=1, default_missing_value = "1")]
    pub allow_open: bool,
    /// Which origins, hosts and proxies are believed.
    #[command(flatten)]
    pub allowed: Allowed,
}

/// How long a machine may be silent. The contract's server takes a text that is no number for "for ever"; ours refuses it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeartbeatTimeout(pub Duration);

impl Config {
    /// What is kept unless it is set otherwise at run time.
    pub fn retention(&self) -> Retention {
        Retention {
            heartbeats_ms: self.keep_heartbeats.0,
            logs_ms: self.keep_logs.0,
            max_bytes: self.max_size.0,
        }
    }

    /// The settings folder: as told, `~/` at its beginning being the home folder; else `~/.patze-control`. None if there is
    /// no home folder to find it in.
    pub fn settings_dir(&self) -> Option<PathBuf> {
        let told = self.settings_dir.as_deref().filter(|dir| !dir.as_os_str().is_empty());
        let dir = told.unwrap_or(Path::new("~/.patze-control"));
        match dir.strip_prefix("~") {
            Ok(below) => Some(std::env::home_dir()?.join(below)),
            Err(_) => Some(dir.to_owned()),
        }
    }
}

impl FromStr for HeartbeatTimeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let millis = text.trim().parse::<u64>().ok().filter(|millis| (1_000..=86_400_000).contains(millis));
        let millis = millis.ok_or("must be a whole number of milliseconds from 1000 to 86400000")?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        config: Config,
    }

    fn parse(options: &[&str]) -> Result<Config, clap::Error> {
        let line = Line::try_parse_from(std::iter::once("patze").chain(options.iter().copied()))?;
        Ok(line.config)
    }

    #[test]
    fn loopback_is_the_default() {
        let config = parse(&["--host", "127.0.0.1", "--heartbeat-timeout", "120000"]).unwrap();
        assert_eq!((config.host.as_str(), config.allow_open), ("127.0.0.1", false));
        assert_eq!(config.heartbeat_timeout.0, Duration::from_secs(120));
        assert!(parse(&["--allow-open"]).unwrap().allow_open);
    }

    #[test]
    fn what_is_kept_is_read_and_what_is_too_little_refused() {
        assert_eq!(parse(&[]).unwrap().retention(), Retention::default());
        let kept =
            parse(&["--keep-heartbeats", "7d", "--keep-logs", "forever", "--max-size", "2GB"]).unwrap();
        let day = 86_400_000;
        let expected =
            Retention { heartbeats_ms: Some(7 * day), logs_ms: None, max_bytes: Some(2_000_000_000) };
        assert_eq!(kept.retention(), expected);
        for (option, value, allowed) in [
            ("--keep-logs", "5m", "at least 1h"),
            ("--max-size", "1MB", "at least 256MB"),
            ("--keep-heartbeats", "soon", "48h"),
        ] {
            let error = parse(&[option, value]).unwrap_err().to_string();
            assert!(error.contains(allowed) && error.contains(option), "{error}");
        }
    }

    #[test]
    fn a_timeout_that_is_none_is_refused() {
        for text in ["soon", "", "-1", "999", "86400001", "1e6"] {
            assert!(text.parse::<HeartbeatTimeout>().is_err(), "{text}");
        }
    }
}
