//! What is known of a machine over time, and what is not: gaps in its heartbeats, the share that was heard, and the strip
//! that shows both. Pure.
//!
//! Only its present state is told with a time (`Pulse::since`); of what it said of itself before, heartbeats alone are left.

use patze_core::history::SeriesPoint;
use patze_core::time::Timestamp;

use crate::parts::strip::Stretch;
use crate::say::word::State;
use crate::say::{clock, span};

/// A time without heartbeats, as exactly as its buckets tell it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The end of the last bucket before, or where the window begins.
    pub from: Timestamp,
    /// The begin of the first bucket after, or where the window ends.
    pub to: Timestamp,
    /// Where the last bucket before begins, if there is one.
    pub before: Option<Timestamp>,
    /// Where the first bucket after begins, if there is one.
    pub after: Option<Timestamp>,
}

/// The gaps between `from` and `to`. A machine that was not heard of yet has none: `since` tells when it first was.
///
/// Heartbeats come every few seconds or minutes: how many a bucket has tells how many empty ones are no accident.
pub fn gaps(
    points: &[SeriesPoint],
    bucket: i64,
    from: Timestamp,
    to: Timestamp,
    since: Option<Timestamp>,
) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let known = since.is_some_and(|since| since <= from);
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        if known {
            gaps.push(Gap { from, to, before: None, after: None });
        }
        return gaps;
    };
    let most = |points: &[SeriesPoint]| points.iter().map(|point| point.n).max().unwrap_or(0);
    if known && is_gap(first.start.since(from).div_euclid(bucket), most(&points[..points.len().min(3)])) {
        gaps.push(Gap { from, to: first.start, before: None, after: Some(first.start) });
    }
    for (i, pair) in points.windows(2).enumerate() {
        let empty = pair[1].start.since(pair[0].start) / bucket - 1;
        let usual = most(&points[i.saturating_sub(2)..=i]).min(most(&points[i + 1..points.len().min(i + 4)]));
        if is_gap(empty, usual) {
            let (before, after) = (pair[0].start, pair[1].start);
            gaps.push(Gap { from: before.plus(bucket), to: after, before: Some(before), after: Some(after) });
        }
    }
    let empty = to.since(last.start).div_euclid(bucket) - 1;
    if is_gap(empty, most(&points[points.len().saturating_sub(3)..])) {
        gaps.push(Gap { from: last.start.plus(bucket), to, before: Some(last.start), after: None });
    }
    gaps
}

/// Whether so many empty buckets are no accident, where there are usually `usual` heartbeats in one.
fn is_gap(empty: i64, usual: u64) -> bool {
    empty >= 1 && u64::try_from(empty).unwrap_or(0).saturating_mul(usual) >= 2
}

/// The state that a machine is in, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// The state.
    pub state: State,
    /// Since when; of one that is down, its last heartbeat.
    pub since: Timestamp,
}

/// Availability from `from` to `to`, as shares of that time: what was heard is fine, what was not is nothing, and the
/// present state has its colour.
pub fn stretches(
    gaps: &[(Timestamp, Timestamp)],
    now: Now,
    from: Timestamp,
    to: Timestamp,
    since: Option<Timestamp>,
) -> Vec<Stretch> {
    let begin = since.map_or(from, |since| since.clamp(from, to));
    let all = to.since(from).max(1) as f64;
    let share = |at: Timestamp| (at.since(from) as f64 / all).clamp(0.0, 1.0);
    let mut edges = vec![begin, to, now.since.clamp(begin, to)];
    edges.extend(gaps.iter().flat_map(|&(a, b)| [a.clamp(begin, to), b.clamp(begin, to)]));
    edges.sort_unstable();
    edges.dedup();
    let state_at = |at: Timestamp| match now.state {
        State::Down if at >= now.since => Some(State::Down),
        _ if gaps.iter().any(|&(a, b)| at >= a && at < b) => None,
        state if at >= now.since && state != State::Paused => Some(state),
        _ => Some(State::Ok),
    };
    let mut stretches: Vec<(Timestamp, Timestamp, Option<State>)> = Vec::new();
    for pair in edges.windows(2) {
        let state = state_at(pair[0]);
        match stretches.last_mut() {
            Some(last) if last.2 == state => last.1 = pair[1],
            _ => stretches.push((pair[0], pair[1], state)),
        }
    }
    let tip = |a: Timestamp, b: Timestamp, state: Option<State>| {
        let word = state.map_or("No data", State::name);
        format!("{word} {}, {}", between(a, b, to), span::duration(b.since(a) / 60_000 * 60_000))
    };
    stretches
        .into_iter()
        .map(|(a, b, state)| Stretch { from: share(a), to: share(b), state, tip: tip(a, b, state).into() })
        .collect()
}

/// The share of the time from `from` to `to` in which the machine was heard, 0 to 100; none if it was not known then.
pub fn heard(
    gaps: &[(Timestamp, Timestamp)],
    now: Now,
    from: Timestamp,
    to: Timestamp,
    since: Option<Timestamp>,
) -> Option<f64> {
    let parts = stretches(gaps, now, from, to, since);
    let all: f64 = parts.iter().map(|part| part.to - part.from).sum();
    let lost = |part: &&Stretch| matches!(part.state, None | Some(State::Down));
    let silent: f64 = parts.iter().filter(lost).map(|part| part.to - part.from).sum();
    (all > 0.0).then(|| (all - silent) / all * 100.0)
}

/// `06:12–06:50` of today, `9 Oct 22:04` of another day.
pub fn between(from: Timestamp, to: Timestamp, now: Timestamp) -> String {
    if clock::day_begin(from) == clock::day_begin(now) {
        format!("{}–{}", clock::short(from), clock::short(to))
    } else {
        clock::near(from, now)
    }
}

/// `97.4 %`, and never all of it while a moment is missing.
pub fn share(percent: f64) -> String {
    const THIN: char = crate::say::THIN;
    if percent >= 100.0 {
        format!("100{THIN}%")
    } else if percent >= 99.9 {
        format!("99.9{THIN}%")
    } else {
        format!("{percent:.1}{THIN}%")
    }
}

#[cfg(test)]
mod tests {
    use patze_core::event::payload::Gauges;
    use patze_core::time::MINUTE;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * MINUTE)
    }

    /// Buckets of ten minutes that begin at these minutes, each with `n` heartbeats.
    fn points(n: u64, minutes: impl IntoIterator<Item = i64>) -> Vec<SeriesPoint> {
        let gauges = Gauges::default();
        let point = |minute| SeriesPoint { start: at(minute), n, min: gauges, mean: gauges, max: gauges };
        minutes.into_iter().map(point).collect()
    }

    fn found(points: &[SeriesPoint], to: i64, since: Option<i64>) -> Vec<(i64, i64)> {
        gaps(points, 10 * MINUTE, at(0), at(to), since.map(at))
            .iter()
            .map(|gap| (gap.from.millis() / MINUTE, gap.to.millis() / MINUTE))
            .collect()
    }

    #[test]
    fn one_empty_bucket_is_a_gap_where_there_are_many_heartbeats() {
        let often = points(100, [0, 10, 20, 40, 50]);
        assert_eq!(found(&often, 59, Some(0)), [(30, 40)]);
        let seldom = points(1, [0, 10, 20, 40, 50]);
        assert_eq!(found(&seldom, 59, Some(0)), [], "an accident");
        assert_eq!(found(&points(1, [0, 10, 40, 50]), 59, Some(0)), [(20, 40)]);
    }

    #[test]
    fn what_came_seldom_before_is_not_expected_often() {
        let mut mixed = points(100, [0, 10, 20]);
        mixed.extend(points(1, [40, 50, 60]));
        assert_eq!(found(&mixed, 69, Some(0)), []);
    }

    #[test]
    fn the_ends_count_where_the_machine_was_known() {
        let some = points(10, [30, 40]);
        assert_eq!(found(&some, 90, Some(-5)), [(0, 30), (50, 90)]);
        assert_eq!(found(&some, 59, Some(25)), [], "it was not heard of before");
        assert_eq!(found(&some, 59, None), []);
        assert_eq!(found(&[], 59, Some(-5)), [(0, 59)]);
        assert_eq!(found(&[], 59, None), []);
    }

    #[test]
    fn the_strip_has_gaps_and_the_present_state() {
        let now = Now { state: State::Degraded, since: at(70) };
        let parts = stretches(&[(at(20), at(40))], now, at(0), at(100), None);
        let shapes: Vec<_> = parts.iter().map(|part| (part.from, part.to, part.state)).collect();
        assert_eq!(
            shapes,
            [
                (0.0, 0.2, Some(State::Ok)),
                (0.2, 0.4, None),
                (0.4, 0.7, Some(State::Ok)),
                (0.7, 1.0, Some(State::Degraded))
            ]
        );
        let share = heard(&[(at(20), at(40))], now, at(0), at(100), None).unwrap();
        assert!((share - 80.0).abs() < 1e-9);
    }

    #[test]
    fn one_that_is_down_is_not_heard() {
        let now = Now { state: State::Down, since: at(50) };
        let parts = stretches(&[(at(60), at(100))], now, at(0), at(100), Some(at(25)));
        assert_eq!((parts.len(), parts[0].from, parts[1].state), (2, 0.25, Some(State::Down)));
        let share = heard(&[(at(60), at(100))], now, at(0), at(100), Some(at(25))).unwrap();
        assert!((share - 100.0 / 3.0).abs() < 1e-9);
        assert_eq!(heard(&[], now, at(0), at(0), None), None);
    }

    #[test]
    fn nearly_all_is_not_all() {
        assert_eq!(share(97.44), "97.4\u{a0}%");
        assert_eq!(share(99.99), "99.9\u{a0}%");
        assert_eq!(share(100.0), "100\u{a0}%");
    }
}
