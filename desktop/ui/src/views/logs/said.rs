//! What is said over and under the lines: how much was found, where they begin and end.

use patze_core::time::Timestamp;
use yew::prelude::*;

use super::book::Book;
use super::foot::End;
use super::newer::{self, Newer};
use super::query::Query;
use super::top::Top;
use crate::fleet::Reading;
use crate::say::number;

/// History that is further behind than this is told of, events.
const FAR_BEHIND: u64 = 1_000;

/// `7 hits in 24 h`, `2 of 7 hits in 24 h`.
pub fn found(hits: Option<&str>, at: Option<usize>, all: bool) -> AttrValue {
    let Some(hits) = hits else { return AttrValue::default() };
    let words = if hits == "1" { "hit" } else { "hits" };
    let of = at.map_or_else(String::new, |at| format!("{} of ", number::count(at as u64 + 1)));
    let span = if all { "the whole log" } else { "24\u{a0}h" };
    format!("{of}{hits} {words} in {span}").into()
}

/// How many lines there are, where that is known.
pub fn sum(book: &Book, query: &Query) -> String {
    let span = if query.all { "whole log" } else { "24\u{a0}h" };
    if book.is_whole() && query.until.is_none() && query.text.is_empty() {
        format!("{}, {span}", number::of(book.lines.len(), "line", "lines"))
    } else {
        span.to_owned()
    }
}

/// What follows the last line.
pub fn end(book: &Book, query: &Query) -> End {
    match (&book.problem, &book.next) {
        (Some(problem), _) if book.search_fault().is_none() => End::Failed(problem.clone()),
        (_, Some(_)) if book.loading => End::Waiting,
        (_, Some(_)) => End::More,
        (_, None) => End::Whole { all: query.all },
    }
}

/// Where the list begins.
pub fn top(
    query: &Query,
    moment: Option<Timestamp>,
    offline: bool,
    follow: bool,
    newer: impl FnOnce() -> Newer,
) -> Top {
    match (query.until, moment) {
        (Some(until), _) if moment.is_none_or(|moment| until < moment) => Top::Until(until),
        (_, Some(moment)) => Top::Moment(moment),
        _ if offline => Top::Offline,
        _ if follow => Top::Follows,
        _ => Top::Newest(newer()),
    }
}

/// What has come since.
pub fn newer_of(book: &Book, reading: &Reading, query: &Query) -> Newer {
    if book.stale || !query.agent.is_empty() {
        return Newer::default();
    }
    let top = book.lines.first().map(|line| (line.machine_id.clone(), line.id.clone()));
    newer::count(&reading.fleet.facts().logs, book.anchor.as_ref(), top.as_ref(), query)
}

/// Events that history has not taken yet, if they are many.
pub fn behind(book: &Book) -> u64 {
    if book.progress.behind > FAR_BEHIND { book.progress.behind } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_told() {
        assert_eq!(found(Some("7"), None, false), "7 hits in 24\u{a0}h");
        assert_eq!(found(Some("7"), Some(1), false), "2 of 7 hits in 24\u{a0}h");
        assert_eq!(found(Some("1"), None, true), "1 hit in the whole log");
        assert_eq!(found(Some("200+"), None, false), "200+ hits in 24\u{a0}h");
        assert_eq!(found(None, Some(1), false), "");
    }

    #[test]
    fn the_top_says_where_the_list_begins() {
        let at = Timestamp::from_millis;
        let query = |until: Option<i64>| Query { until: until.map(at), ..Query::default() };
        let top = |query: &Query, moment, follow| super::top(query, moment, false, follow, Newer::default);
        assert_eq!(top(&query(None), None, false), Top::Newest(Newer::default()));
        assert_eq!(top(&query(None), None, true), Top::Follows);
        assert_eq!(super::top(&query(None), None, true, true, Newer::default), Top::Offline);
        assert_eq!(top(&query(Some(5)), None, false), Top::Until(at(5)));
        assert_eq!(top(&query(Some(5)), Some(at(9)), false), Top::Until(at(5)));
        assert_eq!(top(&query(Some(9)), Some(at(5)), false), Top::Moment(at(5)));
    }
}
