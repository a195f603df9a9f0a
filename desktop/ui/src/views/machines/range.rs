//! How far back the charts of a machine go.

use patze_core::time::{DAY, HOUR, MINUTE, Timestamp};

/// A range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Range {
    /// An hour.
    Hour,
    /// A day.
    #[default]
    Day,
    /// A week.
    Week,
    /// Thirty days.
    Month,
}

impl Range {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The range of a word in the address.
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|range| range.word() == word).unwrap_or_default()
    }

    /// The word in the address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// What is shown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hour => "1\u{a0}h",
            Self::Day => "24\u{a0}h",
            Self::Week => "7\u{a0}d",
            Self::Month => "30\u{a0}d",
        }
    }

    /// Its length, ms.
    pub const fn span(self) -> i64 {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 30 * DAY,
        }
    }

    /// The length of a bucket, ms.
    pub const fn bucket(self) -> i64 {
        match self {
            Self::Hour => MINUTE,
            Self::Day => 10 * MINUTE,
            Self::Week => HOUR,
            Self::Month => 4 * HOUR,
        }
    }
}

/// What is asked for and drawn: a range that ends at a moment, in buckets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Where the drawing begins.
    pub from: Timestamp,
    /// Where the drawing ends: the moment.
    pub to: Timestamp,
    /// Where the last bucket ends. Now, that is a whole number of buckets, so that they scroll by whole ones; of the past
    /// nothing after its moment is asked for.
    pub end: Timestamp,
    /// The length of a bucket, ms.
    pub bucket: i64,
    /// How many.
    pub n: i64,
}

impl Window {
    /// `span` ms until `to`, in buckets of `bucket` ms.
    pub fn new(to: Timestamp, span: i64, bucket: i64, past: bool) -> Self {
        let bucket = bucket.max(1);
        let n = (span / bucket).max(1);
        let end =
            if past { to } else { Timestamp::from_millis((to.millis().div_euclid(bucket) + 1) * bucket) };
        Self { from: to.plus(-span), to, end, bucket, n }
    }

    /// Where the first bucket begins.
    pub fn begin(&self) -> Timestamp {
        self.end.plus(-self.n * self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_were_written() {
        for range in Range::ALL {
            assert_eq!(Range::of(range.word()), range);
            assert_eq!(range.span() % range.bucket(), 0);
        }
        assert_eq!(Range::of("1y"), Range::Day);
    }

    #[test]
    fn now_ends_with_a_whole_bucket_and_the_past_with_its_moment() {
        let to = Timestamp::parse("2026-10-23T14:32:08Z").unwrap();
        let now = Window::new(to, DAY, 10 * MINUTE, false);
        assert_eq!(now.end.to_string(), "2026-10-23T14:40:00.000Z");
        assert_eq!(now.begin().to_string(), "2026-10-22T14:40:00.000Z");
        assert_eq!(Window::new(to, DAY, 10 * MINUTE, true).end, to);
    }
}
