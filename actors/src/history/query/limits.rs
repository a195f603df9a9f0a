//! The bounds of questions.

/// Rows of a page unless told.
pub const PAGE: usize = 50;
/// Rows of a page at most.
pub const MAX_PAGE: usize = 200;
/// Points of a series at least.
pub const MIN_POINTS: usize = 2;
/// Points of a series at most.
pub const MAX_POINTS: usize = 2_000;
/// Buckets of the moment rail at most.
pub const MAX_BUCKETS: usize = 1_000;
/// Steps of each kind in a timeline.
pub(super) const MAX_STEPS: usize = 2_000;
/// Buckets of usage at most: more than a year of hours, 27 years of days.
pub(super) const MAX_USAGE_BUCKETS: usize = 10_000;
/// Series of usage that are told apart.
pub(super) const MAX_USAGE_SERIES: usize = 200;
/// Days that a search in the past may span: each is a word of the search.
pub(super) const MAX_SEARCH_DAYS: i64 = 400;
