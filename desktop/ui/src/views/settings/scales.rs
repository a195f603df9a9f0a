//! How long things are kept, as shares of a bar and as words. Pure.

use patze_core::retention::{Keep, Size};
use patze_core::time::{DAY, HOUR};

use crate::say::THIN;

/// What is kept of heartbeats that are gone, by the server's own rules (docs/decisions/retention.md): the length of a bucket
/// and how long it is kept.
pub const HEARTBEATS: [(&str, &str); 3] = [
    ("Heartbeats, 1\u{a0}min", "30d"),
    ("Heartbeats, 10\u{a0}min", "365d"),
    ("Heartbeats, 1\u{a0}h", "forever"),
];

/// The least and the greatest time on a bar, ms: an hour and four years, by the logarithm.
const SHORT: f64 = HOUR as f64;
const LONG: f64 = 4.0 * 365.0 * DAY as f64;

/// How much of a bar a time to keep is.
pub fn share(keep: &str) -> f64 {
    match keep.parse::<Keep>() {
        Ok(Keep(None)) => 1.0,
        Ok(Keep(Some(ms))) => ((ms as f64 / SHORT).ln() / (LONG / SHORT).ln()).clamp(0.02, 1.0),
        Err(_) => 0.0,
    }
}

/// `48h` → `48 h`, `365d` → `1 year`, `20GB` → `20 GB`.
pub fn line(text: &str) -> String {
    match text {
        "forever" => return "kept".to_owned(),
        "365d" => return format!("1{THIN}year"),
        _ => {}
    }
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = &text[..text.len() - unit.len()];
    let unit = match unit {
        "m" => "min",
        other => other,
    };
    if number.is_empty() || unit.is_empty() { text.to_owned() } else { format!("{number}{THIN}{unit}") }
}

/// What is wrong with a time to keep, if anything.
pub fn keep_fault(text: &str) -> Option<String> {
    text.parse::<Keep>().err()
}

/// What is wrong with a size, if anything.
pub fn size_fault(text: &str) -> Option<String> {
    text.parse::<Size>().err()
}

/// Whether less is kept by `new` than by `old`: what is too old by it begins to leave at once.
pub fn is_less(old: [&str; 3], new: [&str; 3]) -> bool {
    let keeps = |text: &str| text.parse::<Keep>().ok().map(|keep| keep.0.unwrap_or(u64::MAX));
    let sizes = |text: &str| text.parse::<Size>().ok().map(|size| size.0.unwrap_or(u64::MAX));
    keeps(new[0]) < keeps(old[0]) || keeps(new[1]) < keeps(old[1]) || sizes(new[2]) < sizes(old[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_is_more_of_the_bar() {
        let shares = ["1h", "48h", "30d", "365d", "forever"].map(share);
        assert!(shares.is_sorted() && shares[0] > 0.0 && shares[4] == 1.0, "{shares:?}");
        assert_eq!(share("nonsense"), 0.0);
    }

    #[test]
    fn units_are_written_apart() {
        assert_eq!(line("48h"), "48\u{a0}h");
        assert_eq!(line("90m"), "90\u{a0}min");
        assert_eq!(line("20GiB"), "20\u{a0}GiB");
        assert_eq!(line("365d"), "1\u{a0}year");
        assert_eq!(line("forever"), "kept");
        assert_eq!(line("unlimited"), "unlimited");
    }

    #[test]
    fn keeping_less_is_noticed() {
        let old = ["48h", "30d", "unlimited"];
        assert!(!is_less(old, old));
        assert!(!is_less(old, ["72h", "forever", "unlimited"]));
        assert!(is_less(old, ["48h", "7d", "unlimited"]));
        assert!(is_less(old, ["48h", "30d", "2GB"]));
        assert!(is_less(["forever", "30d", "2GB"], ["1y", "30d", "2GB"]));
        assert!(keep_fault("soon").is_some() && keep_fault("2w").is_none());
        assert!(size_fault("1kB").is_some() && size_fault("unlimited").is_none());
    }
}
