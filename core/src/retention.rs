//! How long and how much the log keeps (design §6), and how people write that.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::{DAY, HOUR, MINUTE, SECOND};

/// What is kept. Ages are measured against log time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// How long each heartbeat and tick is kept, ms; for ever if none. Rollups outlive them.
    pub heartbeats_ms: Option<u64>,
    /// How long each log line is kept, ms; for ever if none.
    pub logs_ms: Option<u64>,
    /// How large all files together may become, bytes; without bound if none.
    pub max_bytes: Option<u64>,
}

/// A time to keep something for: `48h`, `30d`, `90m`, `2w`, `1y`, or `forever`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Keep(pub Option<u64>);

/// A size: `2GB`, `500MB`, `1.5TB` (powers of 1000), `2GiB` (powers of 1024), plain bytes, or `unlimited`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub Option<u64>);

/// The least time that anything is kept: less would leave nothing for charts to begin with.
pub const LEAST_MS: u64 = HOUR.unsigned_abs();
/// The least size: room for the write-ahead log, and for the base and checkpoints of a fleet at its bounds.
pub const LEAST_BYTES: u64 = 256 * 1000 * 1000;

const TIMES: [(&str, i64); 6] =
    [("y", 365 * DAY), ("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)];
const SIZES: [(&str, u64); 8] = [
    ("tib", 1 << 40),
    ("gib", 1 << 30),
    ("mib", 1 << 20),
    ("tb", 1_000_000_000_000),
    ("gb", 1_000_000_000),
    ("mb", 1_000_000),
    ("kb", 1_000),
    ("b", 1),
];

impl Default for Retention {
    fn default() -> Self {
        Self {
            heartbeats_ms: Some(48 * HOUR.unsigned_abs()),
            logs_ms: Some(30 * DAY.unsigned_abs()),
            max_bytes: None,
        }
    }
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = text.trim().to_ascii_lowercase();
        if word == "forever" {
            return Ok(Self(None));
        }
        let fault =
            || format!("{text:?} is no time to keep something for; write 48h, 30d, 2w, 1y or forever");
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: u64 = word[..word.len() - unit.len()].parse().map_err(|_| fault())?;
        let (_, millis) = TIMES.iter().find(|(name, _)| *name == unit).ok_or_else(fault)?;
        let millis = number.saturating_mul(millis.unsigned_abs());
        if millis < LEAST_MS {
            return Err(format!("{text:?} is too short; at least 1h is kept"));
        }
        Ok(Self(Some(millis)))
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(millis) = self.0 else { return f.write_str("forever") };
        // Days and hours are what people set; a unit that does not fit exactly is not used.
        let fits = |unit: &&(&str, i64)| {
            matches!(unit.0, "d" | "h" | "m" | "s") && millis.is_multiple_of(unit.1.unsigned_abs())
        };
        let two_days = 2 * DAY.unsigned_abs();
        let unit = TIMES.iter().filter(fits).find(|unit| unit.0 != "d" || millis > two_days);
        match unit {
            Some((name, unit)) => write!(f, "{}{name}", millis / unit.unsigned_abs()),
            None => write!(f, "{}s", millis / SECOND.unsigned_abs()),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = text.trim().to_ascii_lowercase();
        if word == "unlimited" {
            return Ok(Self(None));
        }
        let fault = || format!("{text:?} is no size; write 2GB, 500MB, 2GiB or unlimited");
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number: f64 = word[..word.len() - unit.len()].parse().map_err(|_| fault())?;
        let unit = if unit.trim().is_empty() { "b" } else { unit.trim() };
        let (_, bytes) = SIZES.iter().find(|(name, _)| *name == unit).ok_or_else(fault)?;
        let bytes = number * *bytes as f64;
        if bytes.is_nan() || bytes >= 9e15 {
            return Err(fault());
        }
        if bytes < LEAST_BYTES as f64 {
            return Err(format!("{text:?} is too small; at least 256MB is needed"));
        }
        Ok(Self(Some(bytes as u64)))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(bytes) = self.0 else { return f.write_str("unlimited") };
        match SIZES.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
            Some((name, unit)) => {
                let name = name.to_ascii_uppercase().replace("IB", "iB");
                write!(f, "{}{name}", bytes / unit)
            }
            None => write!(f, "{bytes}B"),
        }
    }
}

macro_rules! texts {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}

texts! { Keep Size }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        let hour = HOUR.unsigned_abs();
        for (text, millis, shown) in [
            ("48h", Some(48 * hour), "48h"),
            (" 30D ", Some(30 * 24 * hour), "30d"),
            ("90m", Some(hour * 3 / 2), "90m"),
            ("2w", Some(14 * 24 * hour), "14d"),
            ("1y", Some(365 * 24 * hour), "365d"),
            ("2d", Some(48 * hour), "48h"),
            ("Forever", None, "forever"),
        ] {
            let keep: Keep = text.parse().unwrap();
            assert_eq!((keep.0, keep.to_string().as_str()), (millis, shown), "{text}");
            assert_eq!(shown.parse::<Keep>().unwrap(), keep);
        }
        for text in ["", "48", "h", "-1h", "1.5h", "48 h", "2 days", "59m", "99999999999999999999d"] {
            let error = text.parse::<Keep>().unwrap_err();
            assert!(error.contains("1h") || error.contains("48h"), "{text}: {error}");
        }
    }

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes, shown) in [
            ("2GB", Some(2_000_000_000), "2GB"),
            ("2 GiB", Some(2 << 30), "2GiB"),
            ("1.5gb", Some(1_500_000_000), "1500MB"),
            ("300000001", Some(300_000_001), "300000001B"),
            ("unlimited", None, "unlimited"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.0, size.to_string().as_str()), (bytes, shown), "{text}");
            assert_eq!(shown.parse::<Size>().unwrap(), size);
        }
        for text in ["", "GB", "2XB", "-2GB", "1MB", "nan", "1e9GB", "99999999TB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
