//! Outages and gaps of thirty days: what is known of them, and no more.

use std::rc::Rc;

use patze_core::fleet::rows::Machine;
use patze_core::history::Series;
use patze_core::time::{MINUTE, Timestamp};
use yew::prelude::*;

use super::edges::Silence;
use super::known::{Now, between};
use super::series::until;
use crate::client::ask::Problem;
use crate::parts::mark::StateMark;
use crate::parts::panel::PanelError;
use crate::parts::same::Same;
use crate::parts::skeleton::Skeleton;
use crate::say::word::State;
use crate::say::{clock, span};

/// Rows that are shown.
const MOST: usize = 8;
/// From here on a disk is too full, as attention has it.
const DISK_HIGH: f64 = 90.0;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct OutagesProps {
    /// The machine.
    pub machine: Rc<Machine>,
    /// Its present state.
    pub now: Now,
    /// The moment.
    pub to: Timestamp,
    /// Gaps of the last day, in short buckets.
    pub day: Rc<Vec<Silence>>,
    /// Gaps of thirty days, in long ones.
    pub long: Rc<Vec<Silence>>,
    /// The gauges of thirty days.
    pub series: Option<Same<Series>>,
    /// They are awaited.
    pub waiting: bool,
    /// Why they are not there.
    pub problem: Option<Problem>,
    /// Asks again.
    pub retry: Callback<()>,
}

/// A row.
#[derive(Clone, PartialEq, Debug)]
struct Outage {
    state: State,
    what: String,
    from: Timestamp,
    /// When it ended; none while it goes on.
    to: Option<Timestamp>,
    why: String,
}

/// The list.
#[component]
pub fn Outages(props: &OutagesProps) -> Html {
    let OutagesProps { machine, now, to, day, long, series, waiting, problem, retry } = props;
    let full = use_memo(series.clone(), |series| {
        series.as_ref().map_or_else(Vec::new, |Same(series)| full_disk(series))
    });
    let mut rows = present(machine, *now, *to);
    let full = full.iter().filter(|(from, _)| from < to);
    rows.extend(full.map(|&(from, end)| Outage {
        state: State::Degraded,
        what: format!("Disk above {DISK_HIGH:.0}\u{a0}%"),
        from,
        to: end.filter(|end| end < to),
        why: String::new(),
    }));
    rows.extend(
        merged(day, long).iter().filter(|silence| !(silence.ongoing && now.state == State::Down)).map(
            |silence| Outage {
                state: State::Unknown,
                what: "No data".to_owned(),
                from: silence.from,
                to: (!silence.ongoing).then_some(silence.to),
                why: why(silence),
            },
        ),
    );
    rows.sort_by_key(|row| std::cmp::Reverse(row.from));
    let n = rows.len();
    let rest = n.saturating_sub(MOST);
    html! {
        <section class="machine-outages">
            <h3>{ "Outages and gaps" }<i>{ "30\u{a0}d" }</i></h3>
            if let Some(problem) = problem {
                <PanelError what="The gauges of 30 days" problem={problem.clone()} retry={retry.clone()} />
            } else if series.is_none() && *waiting {
                <Skeleton rows={3} />
            } else {
                if n == 0 { <p class="quiet-line">{ "None is known." }</p> }
                <ul>{ for rows.iter().take(MOST).map(|row| draw(row, *to)) }</ul>
                <p class="note">
                    if rest > 0 { { format!("And {rest} more. ") } }
                    { "Before the last day only gaps of an hour or more are sure to show. Whether the machine, its bridge or the line was down then is not known." }
                </p>
            }
        </section>
    }
}

fn draw(row: &Outage, now: Timestamp) -> Html {
    let end = row.to.unwrap_or(now);
    let long = span::duration(end.since(row.from).max(0) / MINUTE * MINUTE);
    let when = match row.to {
        Some(to) => between(row.from, to, now),
        None => format!("since {}", clock::near(row.from, now)),
    };
    let tip = format!("{} – {}", clock::full(row.from), row.to.map_or_else(|| "now".to_owned(), clock::full));
    html! {
        <li data-tip={tip} data-tip-more={(!row.why.is_empty()).then(|| row.why.clone())}>
            <StateMark state={row.state} />
            <span class="what">{ &row.what }<i>{ when }</i></span>
            <span class="long">{ long }</span>
            if !row.why.is_empty() { <span class="why">{ &row.why }</span> }
        </li>
    }
}

/// What is known of why there is no data: whether the control plane itself was off.
fn why(silence: &Silence) -> String {
    let all = silence.to.since(silence.from);
    match silence.server_off {
        0 => String::new(),
        off if off * 10 >= all * 9 => "the control plane was off".to_owned(),
        off => format!("the control plane was off for {} of it", span::duration(off / MINUTE * MINUTE)),
    }
}

/// What is so now.
fn present(machine: &Machine, now: Now, to: Timestamp) -> Vec<Outage> {
    let mut rows = Vec::new();
    let mut add =
        |state, what: String, from| rows.push(Outage { state, what, from, to: None, why: String::new() });
    match now.state {
        State::Down => add(State::Down, "Down".to_owned(), now.since.min(to)),
        State::Degraded => add(State::Degraded, "Degraded".to_owned(), now.since.min(to)),
        State::Ok | State::Unknown | State::Paused => {}
    }
    if let Some((seconds, since)) = machine.clock_skew {
        let direction = if seconds > 0 { "ahead" } else { "behind" };
        let off = span::duration(seconds.unsigned_abs().min(i64::MAX as u64 / 1_000) as i64 * 1_000);
        add(State::Degraded, format!("Clock {off} {direction}"), since);
    }
    rows
}

/// When a disk was too full, the oldest first; the last one has no end if it still is.
fn full_disk(series: &Series) -> Vec<(Timestamp, Option<Timestamp>)> {
    let mut found: Vec<(Timestamp, Option<Timestamp>)> = Vec::new();
    for point in until(&series.points, series.to) {
        let is_full = point.mean.disk_pct.is_some_and(|disk| disk > DISK_HIGH);
        match found.last_mut() {
            Some((_, end @ None)) if !is_full => *end = Some(point.start),
            Some((_, None)) => {}
            _ if is_full => found.push((point.start, None)),
            _ => {}
        }
    }
    found
}

/// The gaps of both lists: those of the day as they are known there, the others from the long one.
pub fn merged(day: &[Silence], long: &[Silence]) -> Vec<Silence> {
    let touches = |a: &Silence, b: &Silence| a.from < b.to && b.from < a.to;
    let others = long.iter().filter(|silence| !day.iter().any(|known| touches(known, silence)));
    others.chain(day).copied().collect()
}

#[cfg(test)]
mod tests {
    use patze_core::event::payload::Gauges;
    use patze_core::history::SeriesPoint;
    use patze_core::ids::MachineId;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * MINUTE)
    }

    fn silence(from: i64, to: i64) -> Silence {
        Silence { from: at(from), to: at(to), ongoing: false, server_off: 0 }
    }

    #[test]
    fn a_gap_that_both_lists_have_is_told_once() {
        let merged = merged(&[silence(95, 131)], &[silence(10, 40), silence(90, 120)]);
        assert_eq!(merged, [silence(10, 40), silence(95, 131)]);
    }

    #[test]
    fn a_control_plane_that_was_off_heard_nothing() {
        let off = |minutes: i64| why(&Silence { server_off: minutes * MINUTE, ..silence(0, 50) });
        assert_eq!(off(0), "");
        assert_eq!(off(44), "the control plane was off for 44\u{a0}min of it");
        assert_eq!(off(46), "the control plane was off");
    }

    #[test]
    fn a_disk_is_too_full_from_when_to_when() {
        let disks = [80.0, 91.0, 95.0, 89.0, 92.0];
        let points = disks.iter().enumerate().map(|(i, disk)| {
            let gauges = Gauges { disk_pct: Some(*disk), ..Gauges::default() };
            SeriesPoint { start: at(i as i64), n: 1, min: gauges, mean: gauges, max: gauges }
        });
        let series = Series {
            machine_id: MachineId::new("m"),
            from: at(0),
            to: at(9),
            bucket_ms: MINUTE,
            points: points.collect(),
        };
        assert_eq!(full_disk(&series), [(at(1), Some(at(3))), (at(4), None)]);
    }

    #[test]
    fn what_is_so_now_has_no_end() {
        let machine = Machine { clock_skew: Some((-75, at(3))), ..Machine::new(MachineId::new("m"), at(0)) };
        let rows = present(&machine, Now { state: State::Down, since: at(5) }, at(9));
        let told: Vec<_> = rows.iter().map(|row| (row.what.as_str(), row.from, row.to)).collect();
        assert_eq!(told, [("Down", at(5), None), ("Clock 1\u{a0}min 15\u{a0}s behind", at(3), None)]);
    }
}
