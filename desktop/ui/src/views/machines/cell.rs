//! A cell of the strip: a machine's mark, name and age, its gauges, and its last words.

use std::rc::Rc;

use patze_core::fleet::rows::Machine;
use patze_core::history::Series;
use patze_core::ids::MachineId;
use patze_core::time::{MINUTE, Timestamp};
use yew::prelude::*;

use super::detail::is_down;
use super::{name_of, series};
use crate::client::history::use_fetched;
use crate::parts::age::Age;
use crate::parts::gauge::Gauge;
use crate::parts::mark::StateMark;
use crate::route::{Route, View};
use crate::say::word::{self, State};
use crate::say::{NONE, clock, number};
use crate::world::{use_now_by, use_place};

/// A gauge is high from here on, as its track shows.
const HIGH: f64 = 90.0;
/// Rates are of the last of so many buckets, each so long, ms: even with a heartbeat every five minutes there are two.
const BUCKETS: i64 = 3;
const BUCKET: i64 = 5 * MINUTE;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct CellProps {
    /// The machine.
    pub machine: Rc<Machine>,
    /// "2 active, 2 agents".
    pub doing: AttrValue,
    /// It is the one that is shown in full.
    pub selected: bool,
    /// The keys begin here.
    pub first: bool,
    /// Without gauges, for there are many.
    pub short: bool,
    /// The page is offline: values are old.
    pub offline: bool,
    /// The moment, if it is past.
    pub moment: Option<Timestamp>,
}

/// A cell.
#[component]
pub fn Cell(props: &CellProps) -> Html {
    let CellProps { machine, doing, selected, first, short, offline, moment } = props;
    let place = use_place();
    let state = State::of_machine(machine);
    let is_silent = is_down(machine);
    let stale = *offline || is_silent;
    let last_seen = machine.pulse.as_ref().map(|pulse| pulse.last_seen_at);
    let until = if is_silent { last_seen } else { *moment };
    let net = use_net(&machine.machine_id, until, *short);
    let gauges = machine.gauges;
    let route = Route::to(View::Machines).select([machine.machine_id.as_str()]);
    let route = place.route.filters.iter().fold(route, |route, (name, value)| route.filter(name, value));
    html! {
        <a class={classes!("machine-cell", selected.then_some("selected"))} href={place.href(route)} data-row="true"
            tabindex={if *first { "0" } else { "-1" }} aria-current={selected.then_some("true")}>
            <span class="machine-head">
                <StateMark {state} /><b><bdi>{ name_of(machine) }</bdi></b>
                <i class="machine-kind">{ word::kind(machine.kind.as_deref()) }</i>
                <Age at={last_seen} what="Heard" />
            </span>
            if !*short {
                <span class="machine-gauges">
                    <Gauge label="CPU" value={gauges.map(|gauges| gauges.cpu_pct)} {stale} />
                    <Gauge label="Memory" value={gauges.map(|gauges| gauges.memory_pct)} {stale} />
                    <Gauge label="Disk" value={gauges.and_then(|gauges| gauges.disk_pct)} {stale} />
                </span>
                <span class="machine-net">
                    <span class="gauge-label">{ "Net" }</span>
                    <span class={classes!(stale.then_some("stale"))} data-tip="Mean of 5 min">{ net_text(net) }</span>
                </span>
            }
            <Last machine={Rc::clone(machine)} {state} doing={doing.clone()} />
        </a>
    }
}

/// Bytes a second, received and sent.
pub type Net = (Option<f64>, Option<f64>);

/// What a machine's network does: the rates of the five minutes before `until`, or before now.
#[hook]
pub fn use_net(machine: &MachineId, until: Option<Timestamp>, not: bool) -> Net {
    let minute = use_now_by(MINUTE);
    let to = until.map_or(minute, |until| until.plus(1));
    let path = series::path(machine, to.plus(-BUCKETS * BUCKET), to, BUCKETS);
    let fetched = use_fetched::<Series>((!not).then_some(path));
    let Some(answer) = fetched.value.filter(|answer| answer.machine_id == *machine) else {
        return (None, None);
    };
    let Series { points, bucket_ms, .. } = &*answer;
    let newest = |of| series::rates(points, *bucket_ms, to, of).last().map(|point| point.mean);
    (newest(|gauges| gauges.net_rx_bytes), newest(|gauges| gauges.net_tx_bytes))
}

/// `↓ 1.2 MB/s ↑ 180 kB/s`
fn net_text((received, sent): Net) -> String {
    if received.is_none() && sent.is_none() {
        return NONE.to_owned();
    }
    let rate = |rate: Option<f64>| rate.map_or_else(|| NONE.to_owned(), number::rate);
    format!("↓\u{a0}{} ↑\u{a0}{}", rate(received), rate(sent))
}

#[derive(Properties, PartialEq)]
struct LastProps {
    machine: Rc<Machine>,
    state: State,
    doing: AttrValue,
}

/// The last words of a cell: what the machine does, or what is wrong.
#[component]
fn Last(props: &LastProps) -> Html {
    let LastProps { machine, state, doing } = props;
    let minute = use_now_by(MINUTE);
    let since = machine.pulse.as_ref().map(|pulse| pulse.since);
    let disk = machine.gauges.and_then(|gauges| gauges.disk_pct).filter(|disk| *disk >= HIGH);
    let disk = disk.map(number::percent);
    let (class, text) = match (state, disk) {
        (State::Down, _) => {
            let since =
                since.map_or_else(String::new, |since| format!(" since {}", clock::near(since, minute)));
            (State::Down.class(), format!("Down{since}"))
        }
        (State::Degraded, None) => (State::Degraded.class(), "Degraded, says its bridge".to_owned()),
        (State::Degraded, Some(disk)) => (State::Degraded.class(), format!("Degraded: disk {disk}")),
        (State::Paused, _) => (State::Paused.class(), "Paused, its data is still taken".to_owned()),
        (State::Ok, Some(disk)) => (State::Degraded.class(), format!("Disk {disk}")),
        (State::Ok | State::Unknown, _) => ("", doing.to_string()),
    };
    html! { <span class={classes!("machine-last", class)}>{ text }</span> }
}
