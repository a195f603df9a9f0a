//! Instants, to the millisecond, and the texts that are accepted for them.
//!
//! The core never reads a clock (FO-3): every instant comes in with an event or from the caller.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One second in milliseconds.
pub const SECOND: i64 = 1_000;
/// One minute in milliseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// One hour in milliseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// One day in milliseconds.
pub const DAY: i64 = 24 * HOUR;

/// Milliseconds since 1970-01-01T00:00:00Z. Written as ISO 8601 UTC with exactly three fractional digits and `Z`,
/// because clients compare timestamps as text (contract §0).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00.000Z, the `lastUpdated` of an empty snapshot (contract §7).
    pub const EPOCH: Self = Self(0);
    /// 0001-01-01T00:00:00.000Z; earlier texts are refused.
    pub const MIN: Self = Self(-62_135_596_800_000);
    /// 9999-12-30T22:00:00.000Z; later texts are refused, because they no longer sort as text.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// The instant `millis` milliseconds after 1970, held within [`Self::MIN`] and [`Self::MAX`].
    pub const fn from_millis(millis: i64) -> Self {
        if millis < Self::MIN.0 {
            Self::MIN
        } else if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This instant moved by `millis`, which may be negative.
    pub const fn plus(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this instant; negative if it is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Reads RFC 3339, a date alone (midnight UTC) and a date-time without zone (as UTC): design §18.4, W-C8.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let instant = if let Some(instant) = as_we_write(text) {
            instant
        } else if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            instant
        } else {
            // A zone-less text; one with a zone that `Timestamp` refused must not pass as if it had none.
            let bare =
                text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'-' | b':' | b'.' | b'T' | b't' | b' '));
            let civil = if bare { text.parse::<jiff::civil::DateTime>().ok()? } else { return None };
            civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
        };
        let millis = instant.as_millisecond();
        (Self::MIN.0..=Self::MAX.0).contains(&millis).then_some(Self(millis))
    }

    /// Whether `text` is already written as we write it, so that a payload need not be rewritten (contract §3.3).
    pub fn is_canonical(text: &str) -> bool {
        let bytes = text.as_bytes();
        bytes.len() == 24
            && bytes[10] == b'T'
            && bytes[19] == b'.'
            && bytes[23] == b'Z'
            && Self::parse(text).is_some()
    }
}

/// Reads `2026-02-21T00:00:00.000Z`, the form of nearly all texts, several times faster than a reader of all forms. None
/// for any other form, and for what stands at no place of the calendar.
fn as_we_write(text: &str) -> Option<jiff::Timestamp> {
    let bytes: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let [.., b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _, b'.', _, _, _, b'Z'] = bytes else {
        return None;
    };
    let number = |digits: std::ops::Range<usize>| {
        bytes[digits].iter().try_fold(0_i16, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0'))
        })
    };
    let small = |first: usize| i8::try_from(number(first..first + 2)?).ok();
    let nanos = i32::from(number(20..23)?) * 1_000_000;
    let civil = jiff::civil::DateTime::new(
        number(0..4)?,
        small(5)?,
        small(8)?,
        small(11)?,
        small(14)?,
        small(17)?,
        nanos,
    );
    jiff::tz::Offset::UTC.to_timestamp(civil.ok()?).ok()
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{instant:.3}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a timestamp"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_texts() {
        for (text, canonical) in [
            ("2026-02-21T00:00:00.000Z", "2026-02-21T00:00:00.000Z"),
            ("2026-02-21T00:00:00Z", "2026-02-21T00:00:00.000Z"),
            ("2026-02-21T02:30:00.123456+02:30", "2026-02-21T00:00:00.123Z"),
            ("2026-02-21", "2026-02-21T00:00:00.000Z"),
            ("2026-02-21T01:02:03", "2026-02-21T01:02:03.000Z"),
            ("2026-02-21 01:02:03.5", "2026-02-21T01:02:03.500Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::parse(text).map(|t| t.to_string()).as_deref(), Some(canonical), "{text}");
        }
    }

    #[test]
    fn refused_texts() {
        for text in [
            "",
            "1",
            "Feb 3 2026",
            "2026-13-01",
            "2026-02-21T25:00:00Z",
            "+012026-01-01T00:00:00Z",
            "now",
            "2026-02-21T00:00:00 Nowhere/City",
            "-000001-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn canonical_is_exactly_what_we_write() {
        assert!(Timestamp::is_canonical("2026-02-21T00:00:00.000Z"));
        for text in [
            "2026-02-21T00:00:00Z",
            "2026-02-21 00:00:00.000Z",
            "2026-02-21T00:00:00.000+",
            "2026-99-21T00:00:00.000Z",
        ] {
            assert!(!Timestamp::is_canonical(text), "{text}");
        }
    }

    /// The short cut agrees with the reader of all forms, wherever it reads anything.
    #[test]
    fn the_short_cut_is_no_other_rule() {
        for text in [
            "2026-02-21T23:59:59.999Z",
            "0000-01-01T00:00:00.000Z",
            "2024-02-29T12:00:00.001Z",
            "2025-02-29T12:00:00.001Z",
            "2026-04-31T12:00:00.001Z",
            "2026-02-21T24:00:00.000Z",
            "2026-02-21T23:59:60.000Z",
            "2026-02-21T23:60:00.000Z",
            "2026-02-2xT23:59:00.000Z",
            "2026-02-21t23:59:00.000Z",
            "9999-12-31T23:59:59.999Z",
        ] {
            let all_forms = text.parse::<jiff::Timestamp>().ok();
            let short_cut = as_we_write(text);
            assert!(short_cut.is_none() || short_cut == all_forms, "{text}: {short_cut:?}, {all_forms:?}");
        }
        assert!(as_we_write("2026-02-21T23:59:59.999Z").is_some());
    }

    #[test]
    fn every_instant_in_range_survives_its_text() {
        for t in [Timestamp::MIN, Timestamp::EPOCH, Timestamp::MAX, Timestamp::from_millis(1_234_567_890_123)]
        {
            assert_eq!(Timestamp::parse(&t.to_string()), Some(t), "{t}");
        }
    }
}
