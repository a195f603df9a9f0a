//! How far the rail reaches.

use patze_core::time::{DAY, HOUR};

/// A range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Range {
    /// An hour.
    Hour,
    /// Six hours.
    SixHours,
    /// A day.
    #[default]
    Day,
    /// A week.
    Week,
    /// Thirty days.
    Month,
    /// Since recording began.
    All,
}

impl Range {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Hour, Self::SixHours, Self::Day, Self::Week, Self::Month, Self::All];

    /// The range of a word in the address.
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|range| range.word() == word).unwrap_or_default()
    }

    /// The word in the address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::All => "all",
        }
    }

    /// What is shown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hour => "1\u{a0}h",
            Self::SixHours => "6\u{a0}h",
            Self::Day => "24\u{a0}h",
            Self::Week => "7\u{a0}d",
            Self::Month => "30\u{a0}d",
            Self::All => "all",
        }
    }

    /// Its length, ms; none for all there is.
    pub const fn span(self) -> Option<i64> {
        match self {
            Self::Hour => Some(HOUR),
            Self::SixHours => Some(6 * HOUR),
            Self::Day => Some(DAY),
            Self::Week => Some(7 * DAY),
            Self::Month => Some(30 * DAY),
            Self::All => None,
        }
    }

    /// Between two ticks, ms, for a line that reaches `span`.
    pub fn tick(span: i64) -> i64 {
        const STEPS: [i64; 11] = [
            10 * 60_000,
            HOUR / 2,
            HOUR,
            3 * HOUR,
            6 * HOUR,
            DAY,
            2 * DAY,
            5 * DAY,
            10 * DAY,
            30 * DAY,
            90 * DAY,
        ];
        STEPS.into_iter().find(|step| span / step <= 9).unwrap_or(365 * DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_were_written() {
        for range in Range::ALL {
            assert_eq!(Range::of(range.word()), range);
        }
        assert_eq!(Range::of("nonsense"), Range::Day);
        assert_eq!(Range::tick(DAY), 3 * HOUR);
        assert_eq!(Range::tick(HOUR), 10 * 60_000);
    }
}
