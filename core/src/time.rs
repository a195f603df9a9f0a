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

    /// `2026-02-21T00:00:00.000Z`. By hand, for every row that is shown has three or four.
    fn text(self) -> [u8; 24] {
        // The proleptic Gregorian calendar in eras of 400 years that begin with a March
        // (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>); all is positive from the year 1 on.
        let days = self.0.div_euclid(DAY) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let millis = self.0.rem_euclid(DAY);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |digits: std::ops::Range<usize>, mut number: i64| {
            for digit in text[digits].iter_mut().rev() {
                // A remainder of ten.
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        put(0..4, year);
        put(5..7, month);
        put(8..10, day);
        put(11..13, millis / HOUR);
        put(14..16, millis / MINUTE % 60);
        put(17..19, millis / SECOND % 60);
        put(20..23, millis % SECOND);
        text
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
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.text()).unwrap_or_default())
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

    proptest::proptest! {
        #[test]
        fn an_instant_is_written_as_jiff_writes_it(millis in Timestamp::MIN.0..=Timestamp::MAX.0) {
            // And the days around it, for leap days and ends of years.
            for days in 0..800 {
                let instant = Timestamp::from_millis(millis + days * DAY);
                let known = jiff::Timestamp::from_millisecond(instant.0).unwrap();
                proptest::prop_assert_eq!(instant.to_string(), format!("{known:.3}"));
            }
        }
    }

    #[test]
    fn every_instant_in_range_survives_its_text() {
        for t in [Timestamp::MIN, Timestamp::EPOCH, Timestamp::MAX, Timestamp::from_millis(1_234_567_890_123)]
        {
            assert_eq!(Timestamp::parse(&t.to_string()), Some(t), "{t}");
        }
    }
}
