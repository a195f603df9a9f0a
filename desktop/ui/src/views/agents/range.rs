//! How far back the costs of agents go.

use patze_core::time::{DAY, Timestamp};

use crate::say::clock;

/// Days that are asked for, whatever is chosen, so that a choice asks for nothing.
pub const DAYS: usize = 30;

/// A range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Range {
    /// Since midnight.
    Today,
    /// Today and the six days before.
    #[default]
    Week,
    /// Today and the 29 days before.
    Month,
}

impl Range {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Today, Self::Week, Self::Month];

    /// The range of a word in the address.
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|range| range.word() == word).unwrap_or_default()
    }

    /// The word in the address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// What is shown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Today => "Today",
            Self::Week => "7\u{a0}d",
            Self::Month => "30\u{a0}d",
        }
    }

    /// Its days.
    pub const fn days(self) -> usize {
        match self {
            Self::Today => 1,
            Self::Week => 7,
            Self::Month => DAYS,
        }
    }

    /// The range of the column beside today's.
    pub const fn column(self) -> Self {
        match self {
            Self::Today | Self::Week => Self::Week,
            Self::Month => Self::Month,
        }
    }
}

/// Where the last [`DAYS`] days begin on the viewer's clock, the oldest first.
pub fn day_begins(now: Timestamp) -> Vec<Timestamp> {
    let today = clock::day_begin(now);
    let days = i64::try_from(DAYS).unwrap_or(1);
    // By noon, so that a day of 23 or 25 hours is one day too.
    (0..days).rev().map(|back| clock::day_begin(today.plus(-back * DAY + DAY / 2))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_were_written() {
        for range in Range::ALL {
            assert_eq!(Range::of(range.word()), range);
        }
        assert_eq!(Range::of(""), Range::Week);
    }

    #[test]
    fn days_end_with_today() {
        let now = Timestamp::parse("2026-10-23T14:32:08Z").unwrap();
        let begins = day_begins(now);
        assert_eq!(begins.len(), DAYS);
        assert_eq!(begins[DAYS - 1].to_string(), "2026-10-23T00:00:00.000Z");
        assert_eq!(begins[0].to_string(), "2026-09-24T00:00:00.000Z");
    }
}
