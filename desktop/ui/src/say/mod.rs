//! How numbers, spans and times are written (docs/page.md, "Numbers"): pure, so that each rule has its test.
//!
//! | to write | open |
//! |---|---|
//! | counts, tokens, money, bytes, shares | [`number`] |
//! | durations, ages, countdowns | [`span`] |
//! | times of day and dates in the viewer's zone | [`clock`] |
//! | words for states | [`word`] |
//! | what others say, as a sentence | [`sentence`] |
//! | the time that somebody types ("yesterday 18:00") | [`typed`] |

pub mod clock;
pub mod number;
pub mod sentence;
pub mod span;
pub mod typed;
pub mod word;

/// Stands before every unit: it does not break. (The narrow one, U+202F, is hardly seen at this size.)
pub const THIN: char = '\u{a0}';
/// What was never known.
pub const NONE: &str = "–";
