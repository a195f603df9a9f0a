//! How long a token lives, as people write it.

use std::str::FromStr;

use patze_core::time::Timestamp;

/// From `7d`, `12h`, `1w 3d`, `90 minutes` or `never`. A day has 24 hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lifetime {
    /// Until it is revoked.
    Never,
    /// This many milliseconds; more than 0.
    Millis(i64),
}

impl Lifetime {
    /// When a token that is made at `now` ends.
    pub fn end(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::Millis(millis) => Some(now.plus(millis)),
        }
    }
}

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let span: Option<jiff::Span> = text.parse().ok();
        let day = jiff::SpanRelativeTo::days_are_24_hours();
        let millis =
            span.and_then(|span| span.total((jiff::Unit::Millisecond, day)).ok()).filter(|ms| *ms >= 1.0);
        // Below 2^53: jiff's longest span has about 6 * 10^14 milliseconds.
        millis.map(|millis| Self::Millis(millis as i64)).ok_or_else(|| {
            format!("{text:?} is no lifetime; write 7d, 12h, 30m or never (months differ in length)")
        })
    }
}

#[cfg(test)]
mod tests {
    use patze_core::time::{DAY, HOUR, MINUTE};

    use super::*;

    #[test]
    fn lifetimes_as_people_write_them() {
        for (text, lifetime) in [
            ("never", Some(Lifetime::Never)),
            ("7d", Some(Lifetime::Millis(7 * DAY))),
            ("12h", Some(Lifetime::Millis(12 * HOUR))),
            ("1w 3d", Some(Lifetime::Millis(10 * DAY))),
            ("90 minutes", Some(Lifetime::Millis(90 * MINUTE))),
            ("PT1H", Some(Lifetime::Millis(HOUR))),
            ("1d12h", Some(Lifetime::Millis(36 * HOUR))),
            ("1mo", None),
            ("1y", None),
            ("0d", None),
            ("-1d", None),
            ("1d ago", None),
            ("7", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(text.parse().ok(), lifetime, "{text:?}");
        }
    }

    #[test]
    fn a_long_life_ends_where_time_does() {
        let end = "19998y".parse::<Lifetime>().or_else(|_| "7304484d".parse()).unwrap().end(Timestamp::EPOCH);
        assert_eq!(end, Some(Timestamp::MAX));
        assert_eq!(Lifetime::Never.end(Timestamp::EPOCH), None);
    }
}
