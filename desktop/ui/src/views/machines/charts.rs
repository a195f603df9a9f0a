//! The four charts of a machine: CPU, memory, disk, and what comes in over the network.

use std::rc::Rc;

use patze_core::event::payload::Gauges;
use patze_core::fleet::rows::Machine;
use patze_core::history::Series;
use patze_core::time::{DAY, MINUTE, Timestamp};
use yew::prelude::*;

use super::cell::use_net;
use super::detail::is_down;
use super::range::{Range, Window};
use super::series::{full_in, gauge, rates, until};
use crate::parts::chart::{Chart, Point, Unit, greatest, mean};
use crate::parts::same::Same;
use crate::say::word::State;
use crate::say::{NONE, THIN, number, span};

/// From here on a disk is too full, as attention has it.
const DISK_HIGH: f64 = 90.0;
/// A gauge is high, and full, from here on.
const HIGH: f64 = 90.0;
const FULL: f64 = 98.0;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct ChartsProps {
    /// The machine.
    pub machine: Rc<Machine>,
    /// What is drawn; none while it is awaited.
    pub series: Option<Same<Series>>,
    /// Of when.
    pub window: Window,
    /// When it was silent.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// The newest values are old.
    pub stale: bool,
    /// The window ends now.
    pub live: bool,
    /// The moment, if it is past.
    pub moment: Option<Timestamp>,
    /// How long the window is.
    pub range: Range,
}

/// What charts draw of a series.
#[derive(PartialEq, Default)]
struct Drawn {
    cpu: Vec<Point>,
    memory: Vec<Point>,
    disk: Vec<Point>,
    network: Vec<Point>,
}

/// The charts.
#[component]
pub fn Charts(props: &ChartsProps) -> Html {
    let ChartsProps { machine, series, window, gaps, stale, live, moment, range } = props;
    // What is being filled now has no rate yet.
    let whole = if *live { window.to.plus(-MINUTE) } else { window.to };
    let drawn = use_memo((series.clone(), window.to, whole, gaps.clone()), |(series, to, whole, gaps)| {
        let Some(Same(answer)) = series else { return Drawn::default() };
        let (points, bucket) = (until(&answer.points, *to), answer.bucket_ms);
        Drawn {
            cpu: gauge(points, |gauges| Some(gauges.cpu_pct)),
            memory: gauge(points, |gauges| Some(gauges.memory_pct)),
            disk: gauge(points, |gauges| gauges.disk_pct),
            network: without(rates(points, bucket, *whole, |gauges| gauges.net_rx_bytes), bucket, gaps),
        }
    });
    let gaps = use_memo(gaps.clone(), Clone::clone);
    let is_silent = is_down(machine);
    let last_seen = machine.pulse.as_ref().map(|pulse| pulse.last_seen_at);
    let (received, _) = use_net(&machine.machine_id, if is_silent { last_seen } else { *moment }, false);
    let gauges = machine.gauges;
    let loading = series.is_none();
    let chart = |title: &'static str,
                 unit: Unit,
                 top: Option<f64>,
                 points: &Vec<Point>,
                 value: Option<f64>,
                 more: String,
                 threshold: Option<(f64, State)>| {
        let value_state = value.filter(|_| unit == Unit::Percent && !stale).and_then(|value| match value {
            FULL.. => Some(State::Down),
            HIGH.. => Some(State::Degraded),
            _ => None,
        });
        html! {
            <Chart {title} {unit} {top} {threshold} {loading} {value_state} stale={*stale && value.is_some()} points={points.clone()} bucket_ms={window.bucket}
                from={window.from} to={window.to} live={*live} gaps={Some(Rc::clone(&gaps))} {more}
                value={value.map_or_else(|| NONE.to_owned(), |value| unit.value(value))} />
        }
    };
    let percent = Some(100.0);
    html! {
        <div class="machine-charts">
            { chart("CPU", Unit::Percent, percent, &drawn.cpu, gauges.map(|gauges| gauges.cpu_pct), mean_and_max(&drawn.cpu), None) }
            { chart("Memory", Unit::Percent, percent, &drawn.memory, gauges.map(|gauges| gauges.memory_pct), gauges.map_or_else(String::new, memory), None) }
            { chart("Disk", Unit::Percent, percent, &drawn.disk, gauges.and_then(|gauges| gauges.disk_pct),
                disk(gauges, full_in(&drawn.disk).filter(|_| range.span() >= DAY)), Some((DISK_HIGH, State::Degraded))) }
            { chart("Network in", Unit::Rate, None, &drawn.network, received, max_rate(&drawn.network), None) }
        </div>
    }
}

/// The rates of buckets that touch no gap: when the heartbeats of the others came is not known well enough.
fn without(mut rates: Vec<Point>, bucket: i64, gaps: &[(Timestamp, Timestamp)]) -> Vec<Point> {
    let touches = |point: &Point, &(from, to): &(Timestamp, Timestamp)| {
        from < point.start.plus(bucket) && to > point.start.plus(-bucket)
    };
    rates.retain(|point| !gaps.iter().any(|gap| touches(point, gap)));
    rates
}

/// `mean 22, max 91`
fn mean_and_max(points: &[Point]) -> String {
    if points.is_empty() {
        return String::new();
    }
    format!("mean {:.0}, max {:.0}", mean(points), greatest(points))
}

/// `max 31 MB/s`
fn max_rate(points: &[Point]) -> String {
    if points.is_empty() { String::new() } else { format!("max {}", number::rate(greatest(points))) }
}

/// `5.7 of 8.0 GiB`
fn memory(gauges: Gauges) -> String {
    of(gauges.memory_bytes, gauges.memory_total_bytes)
}

/// `7.0 of 7.4 TiB, full in ≈ 3 d`
fn disk(gauges: Option<Gauges>, full_in: Option<i64>) -> String {
    let used =
        gauges.and_then(|gauges| gauges.disk_usage_bytes.map(|used| of(used, gauges.disk_total_bytes)));
    let full = full_in.map(|ms| format!("full in ≈{THIN}{}", span::age(ms.max(60_000))));
    [used, full].into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A part of a whole, with the unit once if both have the same.
fn of(part: f64, whole: Option<f64>) -> String {
    let part = number::bytes(part);
    let Some(whole) = whole.filter(|whole| *whole > 0.0).map(number::bytes) else { return part };
    match (part.split_once(THIN), whole.split_once(THIN)) {
        (Some((figure, unit)), Some((_, same))) if unit == same => format!("{figure} of {whole}"),
        _ => format!("{part} of {whole}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: f64 = 1_073_741_824.0;

    #[test]
    fn a_unit_is_said_once() {
        assert_eq!(of(5.7 * GIB, Some(8.0 * GIB)), "5.7 of 8.0\u{a0}GiB");
        assert_eq!(of(900.0 * GIB, Some(2_048.0 * GIB)), "900\u{a0}GiB of 2.0\u{a0}TiB");
        assert_eq!(of(GIB, None), "1.0\u{a0}GiB");
    }

    #[test]
    fn rates_beside_a_gap_are_left_out() {
        let at = Timestamp::from_millis;
        let rates = (0..6).map(|i| Point { start: at(i * 10), min: 1.0, mean: 1.0, max: 1.0 }).collect();
        let left: Vec<_> =
            without(rates, 10, &[(at(22), at(28))]).iter().map(|point| point.start.millis()).collect();
        assert_eq!(left, [0, 10, 40, 50]);
    }

    #[test]
    fn what_is_not_told_is_not_said() {
        assert_eq!(disk(None, None), "");
        let gauges = Gauges { disk_usage_bytes: Some(GIB), ..Gauges::default() };
        assert_eq!(disk(Some(gauges), Some(3 * DAY)), "1.0\u{a0}GiB, full in ≈\u{a0}3\u{a0}d");
        assert_eq!(mean_and_max(&[]), "");
    }
}
