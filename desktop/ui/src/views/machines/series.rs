//! A machine's gauges over time: how they are asked for, and what charts draw of them.

use std::rc::Rc;

use patze_core::event::payload::Gauges;
use patze_core::history::{Series, SeriesPoint};
use patze_core::ids::MachineId;
use patze_core::time::{MINUTE, Timestamp};
use yew::prelude::*;

use super::range::Window;
use crate::client::history::{Fetched, use_fetched};
use crate::parts::chart::Point;
use crate::route::encoded;
use crate::world::use_now_by;

/// The path of a machine's series.
pub fn path(machine: &MachineId, from: Timestamp, to: Timestamp, points: i64) -> String {
    format!(
        "/history/machines/{}/series?from={}&to={}&points={}",
        encoded(machine.as_str()),
        encoded(&from.to_string()),
        encoded(&to.to_string()),
        points.clamp(2, 2_000)
    )
}

/// Asks for a window of a machine's gauges. (Read as it is and not as an `Answer`: gauges cannot be read through a flattened
/// field, and how far history is does not matter here.) The window that ends now is asked for anew every minute.
#[hook]
pub fn use_series(machine: Option<&MachineId>, window: Window, past: bool) -> Fetched<Series> {
    let fetched = use_fetched(machine.map(|machine| path(machine, window.begin(), window.end, window.n)));
    let minute = use_now_by(MINUTE);
    let first = use_mut_ref(|| true);
    let retry = fetched.retry.clone();
    use_effect_with(minute, move |_| {
        if !first.replace(false) && !past {
            retry.emit(());
        }
    });
    fetched
}

/// The answer, if it is of this machine and window, and not of what was asked for before.
pub fn of_window(answer: Option<&Rc<Series>>, machine: &MachineId, window: &Window) -> Option<Rc<Series>> {
    answer
        .filter(|series| {
            series.machine_id == *machine
                && series.bucket_ms == window.bucket
                && window.to.since(series.to) <= 2 * window.bucket
                && series.to.since(window.end) <= 2 * window.bucket
        })
        .cloned()
}

/// The points that begin before `to`.
pub fn until(points: &[SeriesPoint], to: Timestamp) -> &[SeriesPoint] {
    &points[..points.partition_point(|point| point.start < to)]
}

/// One gauge of each bucket, as it is drawn.
pub fn gauge(points: &[SeriesPoint], of: fn(&Gauges) -> Option<f64>) -> Vec<Point> {
    let point = |point: &SeriesPoint| {
        Some(Point { start: point.start, min: of(&point.min)?, mean: of(&point.mean)?, max: of(&point.max)? })
    };
    points.iter().filter_map(point).collect()
}

/// A rate from a counter, between the last heartbeats of buckets that follow each other. A bucket that is being filled has
/// none; nor has one in which the counter fell, for it was reset.
pub fn rates(
    points: &[SeriesPoint],
    bucket: i64,
    now: Timestamp,
    of: fn(&Gauges) -> Option<f64>,
) -> Vec<Point> {
    let rate = |pair: &[SeriesPoint]| {
        let [a, b] = pair else { return None };
        // Where the last one stands, if they come evenly: a day in which they grow frequent must not look busy.
        let last = |point: &SeriesPoint| bucket - bucket / i64::try_from(point.n.max(1)).unwrap_or(i64::MAX);
        let between = b.start.since(a.start);
        let ms = between + last(b) - last(a);
        if b.start.plus(bucket) > now || between > 3 * bucket || ms <= 0 {
            return None;
        }
        let (before, least, after) = (of(&a.max)?, of(&b.min)?, of(&b.max)?);
        (least >= before).then(|| {
            let rate = (after - before) / (ms as f64 / 1_000.0);
            Point { start: b.start, min: rate, mean: rate, max: rate }
        })
    };
    points.windows(2).filter_map(rate).collect()
}

/// In how long a share that grows as these points do reaches 100, ms. None unless it plainly grows, and does so within
/// 90 days.
pub fn full_in(points: &[Point]) -> Option<i64> {
    const FEWEST: usize = 12;
    const FARTHEST_MS: f64 = 90.0 * 86_400_000.0;
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < FEWEST || last.start.since(first.start) < 12 * 3_600_000 {
        return None;
    }
    let n = points.len() as f64;
    let x = |point: &Point| point.start.since(first.start) as f64;
    let (mean_x, mean_y) =
        (points.iter().map(x).sum::<f64>() / n, points.iter().map(|point| point.mean).sum::<f64>() / n);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for point in points {
        let (dx, dy) = (x(point) - mean_x, point.mean - mean_y);
        (xx, xy, yy) = (xx + dx * dx, xy + dx * dy, yy + dy * dy);
    }
    if xx <= 0.0 || yy <= 0.0 || xy <= 0.0 || xy * xy / (xx * yy) < 0.5 {
        return None;
    }
    let ms = (100.0 - last.mean).max(0.0) / (xy / xx);
    (ms <= FARTHEST_MS).then_some(ms as i64)
}

#[cfg(test)]
mod tests {
    use patze_core::time::HOUR;

    use super::*;

    fn point(minute: i64, counter: f64) -> SeriesPoint {
        let gauges = Gauges { net_rx_bytes: Some(counter), ..Gauges::default() };
        SeriesPoint {
            start: Timestamp::from_millis(minute * MINUTE),
            n: 1,
            min: gauges,
            mean: gauges,
            max: gauges,
        }
    }

    fn rates_of(counters: &[(i64, f64)], now: i64) -> Vec<(i64, f64)> {
        let points: Vec<_> = counters.iter().map(|&(minute, counter)| point(minute, counter)).collect();
        rates(&points, MINUTE, Timestamp::from_millis(now * MINUTE), |gauges| gauges.net_rx_bytes)
            .iter()
            .map(|point| (point.start.millis() / MINUTE, point.mean))
            .collect()
    }

    #[test]
    fn a_rate_is_a_difference_over_time() {
        assert_eq!(rates_of(&[(0, 0.0), (1, 600.0), (2, 600.0)], 9), [(1, 10.0), (2, 0.0)]);
        assert_eq!(rates_of(&[(0, 0.0), (2, 1_200.0)], 9), [(2, 10.0)], "a bucket without a heartbeat");
    }

    #[test]
    fn heartbeats_that_grow_frequent_make_no_rate() {
        // A minute each, with one heartbeat at its begin, then with one every ten seconds.
        let mut points = vec![point(0, 0.0), point(1, 600.0), point(2, 1_700.0)];
        points[2].n = 6;
        let found = rates(&points, MINUTE, Timestamp::from_millis(9 * MINUTE), |gauges| gauges.net_rx_bytes);
        assert_eq!(found.iter().map(|point| point.mean).collect::<Vec<_>>(), [10.0, 10.0]);
    }

    #[test]
    fn a_counter_that_falls_was_reset() {
        assert_eq!(rates_of(&[(0, 900.0), (1, 60.0), (2, 120.0)], 9), [(2, 1.0)]);
    }

    #[test]
    fn there_is_no_rate_across_a_gap_nor_of_what_is_not_over() {
        assert_eq!(rates_of(&[(0, 0.0), (8, 600.0)], 99), []);
        assert_eq!(rates_of(&[(0, 0.0), (1, 600.0)], 1), []);
        assert_eq!(rates_of(&[], 1), []);
    }

    #[test]
    fn a_disk_that_grows_is_full_one_day() {
        let line = |slope: f64| {
            (0..48)
                .map(|hour| {
                    let mean = 50.0 + slope * hour as f64;
                    Point { start: Timestamp::from_millis(hour * HOUR), min: mean, mean, max: mean }
                })
                .collect::<Vec<_>>()
        };
        // 97 at the end, one more each hour.
        let full = full_in(&line(1.0)).unwrap();
        assert!((full - 3 * HOUR).abs() < 1_000, "{full}");
        assert_eq!(full_in(&line(0.0)), None);
        assert_eq!(full_in(&line(-1.0)), None);
        assert_eq!(full_in(&line(0.001)), None, "not within 90 days");
        assert_eq!(full_in(&line(1.0)[..5]), None, "too few to tell");
    }
}
