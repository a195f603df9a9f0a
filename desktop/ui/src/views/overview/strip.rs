//! The fleet: a cell a machine, with what it does and how busy it has been for an hour.

use std::rc::Rc;

use patze_core::fleet::rows::{Machine, Status};
use patze_core::history::{Answer, Series};
use patze_core::time::{HOUR, MINUTE, Timestamp};
use yew::prelude::*;

use super::OverviewProps;
use crate::client::history::use_fetched;
use crate::fleet::Reading;
use crate::parts::age::Age;
use crate::parts::mark::StateMark;
use crate::parts::sparkline::Sparkline;
use crate::route::{Route, View, encoded};
use crate::say::word::State;
use crate::say::{NONE, number, span};
use crate::world::{use_now, use_now_by, use_place, use_shown};

/// Points of the line.
const POINTS: i64 = 30;

/// The fleet.
#[component]
pub fn Fleet(props: &OverviewProps) -> Html {
    let reading = &props.reading;
    html! {
        <section class="fleet" aria-label="Machines">
            { for reading.machines().into_iter().map(|machine| html! {
                <Cell key={machine.machine_id.to_string()} machine={Rc::new(machine.clone())} doing={doing(reading, machine)} />
            }) }
        </section>
    }
}

/// "2 active, 2 agents".
fn doing(reading: &Reading, machine: &Machine) -> AttrValue {
    let load = reading.fleet.index().machine_load(&machine.machine_id);
    let agents =
        reading.fleet.facts().agents.iter().filter(|agent| agent.machine_id == machine.machine_id).count();
    let active = match load.active_runs {
        0 => "none active".to_owned(),
        n => format!("{n} active"),
    };
    format!("{active}, {}", number::of(agents, "agent", "agents")).into()
}

#[derive(Properties, PartialEq)]
struct CellProps {
    machine: Rc<Machine>,
    doing: AttrValue,
}

#[component]
fn Cell(props: &CellProps) -> Html {
    let (place, shown) = (use_place(), use_shown());
    let machine = &props.machine;
    let minute = use_now_by(MINUTE);
    let to = minute.plus(MINUTE);
    let path = format!(
        "/history/machines/{}/series?from={}&to={}&points={POINTS}",
        encoded(machine.machine_id.as_str()),
        encoded(&to.plus(-HOUR).to_string()),
        encoded(&to.to_string())
    );
    let series = use_fetched::<Answer<Series>>(Some(path));
    let state = State::of_machine(machine);
    let stale = shown.is_stale() || matches!(state, State::Down | State::Unknown);
    let pulse = machine.pulse.as_ref();
    let name = machine.name().map_or_else(|| machine.machine_id.to_string(), ToString::to_string);
    let cpu = machine.gauges.map_or_else(|| NONE.to_owned(), |gauges| number::percent(gauges.cpu_pct));
    let values = series.value.as_ref().map_or_else(Vec::new, |series| values(&series.answer, to));
    html! {
        <a class="cell" href={place.href(Route::to(View::Machines).select([machine.machine_id.as_str()]))}>
            <span class="cell-head">
                <StateMark {state} /><b class="name"><bdi>{ name }</bdi></b>
                <Age at={pulse.map(|pulse| pulse.last_seen_at)} what="Heard" />
            </span>
            <span class="cell-body">
                <span class={classes!("cell-figure", stale.then_some("stale"))}>{ cpu }<i>{ " CPU" }</i></span>
                <Sparkline {values} top={Some(100.0)} width={66.0} label="CPU, last hour" />
            </span>
            <Last {state} machine={Rc::clone(machine)} doing={props.doing.clone()} />
        </a>
    }
}

#[derive(Properties, PartialEq)]
struct LastProps {
    state: State,
    machine: Rc<Machine>,
    doing: AttrValue,
}

/// The last words of a cell: what it does, or what is wrong.
#[component]
fn Last(props: &LastProps) -> Html {
    let now = use_now();
    let since = props.machine.pulse.as_ref().map_or(now, |pulse| pulse.since);
    let text = match props.machine.pulse.as_ref().map(|pulse| pulse.status) {
        _ if props.state == State::Paused => "Paused".to_owned(),
        Some(Status::Offline) => {
            format!("Down {}", span::duration(now.since(since).max(0) / 60_000 * 60_000))
        }
        Some(Status::Degraded) => "Degraded".to_owned(),
        _ => match props.machine.gauges.and_then(|gauges| gauges.disk_pct) {
            Some(disk) if disk >= 90.0 => format!("Disk {}", number::percent(disk)),
            _ => return html! { <span class="cell-last">{ &props.doing }</span> },
        },
    };
    let class = if props.state == State::Ok { State::Degraded.class() } else { props.state.class() };
    html! { <span class={classes!("cell-last", class)}>{ text }</span> }
}

/// The mean load of each bucket up to `to`, none where there was no heartbeat.
fn values(series: &Series, to: Timestamp) -> Vec<Option<f64>> {
    let bucket = series.bucket_ms.max(1);
    let n = (to.since(series.from) / bucket).clamp(0, 200);
    let mut points = series.points.iter().peekable();
    (0..n)
        .map(|i| {
            let start = series.from.plus(i * bucket);
            points.next_if(|point| point.start < start.plus(bucket)).map(|point| point.mean.cpu_pct)
        })
        .collect()
}
