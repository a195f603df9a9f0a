//! Machines: a cell for each, and one of them in full: how much of it was heard, its gauges over time, what was missed.
//!
//! | to find out | open |
//! |---|---|
//! | the strip of cells | [`strip`], [`cell`] |
//! | the one that is selected | [`detail`], [`charts`] |
//! | what is asked of history, and how rates come from counters | [`series`], [`range`] |
//! | what counts as a gap | [`known`], [`edges`] |
//! | the column at the right | [`outages`], [`bridge`], [`here`], [`actions`] |

mod actions;
mod bridge;
mod cell;
mod charts;
mod detail;
mod dialogs;
mod edges;
mod here;
mod known;
mod outages;
mod range;
mod series;
mod strip;

use std::rc::Rc;

use patze_core::fleet::rows::Machine;
use yew::prelude::*;

use crate::fleet::Reading;
use crate::parts::code::Code;
use crate::parts::empty::Empty;
use crate::parts::link::Link;
use crate::parts::mark::StateMark;
use crate::route::{Route, View};
use crate::say::word::State;
use crate::shell::header::HeaderEnd;
use crate::world::{use_place, use_shown};

/// The properties.
#[derive(Properties, PartialEq)]
pub struct MachinesProps {
    /// The state.
    pub reading: Rc<Reading>,
}

/// The view.
#[component]
pub fn Machines(props: &MachinesProps) -> Html {
    let (place, shown) = (use_place(), use_shown());
    let reading = &props.reading;
    let machines = reading.machines();
    if machines.is_empty() {
        return html! { <><Head machines={Vec::new()} /><NoMachine /></> };
    }
    let chosen = place.route.selected.first();
    let found = chosen.and_then(|id| machines.iter().find(|machine| machine.machine_id.as_str() == id));
    let machine = Rc::new((*found.unwrap_or(&machines[0])).clone());
    let states = machines.iter().map(|machine| State::of_machine(machine)).collect::<Vec<_>>();
    html! {
        <div class={classes!("machines", chosen.is_some().then_some("chosen"))}>
            <Head machines={states} />
            <strip::Cells reading={Rc::clone(reading)} selected={(found.is_some() || chosen.is_none()).then(|| machine.machine_id.clone())} />
            if let Some(id) = chosen.filter(|_| found.is_none()) {
                <section class="machine-missing">
                    <Empty title="This machine is not here." why="It was forgotten, or it is not known at this moment."><bdi class="mono">{ id }</bdi></Empty>
                </section>
            } else {
                <p class="phone-back"><Link to={Route::to(View::Machines)}>{ "← All machines" }</Link></p>
                <detail::Detail key={machine.machine_id.to_string()} machine={Rc::clone(&machine)} moment={shown.moment()}
                    past={shown.is_past()} offline={shown.is_stale()} />
                <aside class="machine-side" aria-label="About this machine">
                    <bridge::Bridge reading={Rc::clone(reading)} machine={Rc::clone(&machine)} />
                    <here::Here reading={Rc::clone(reading)} machine={Rc::clone(&machine)} />
                    <actions::Actions machine={machine} />
                </aside>
            }
            <p class="phone-connect"><Connect /></p>
        </div>
    }
}

/// How a machine is called.
fn name_of(machine: &Machine) -> String {
    machine.name().map_or_else(|| machine.machine_id.to_string(), ToString::to_string)
}

#[derive(Properties, PartialEq)]
struct HeadProps {
    machines: Vec<State>,
}

/// What this view puts into the header: how many are how, and the way to one more.
#[component]
fn Head(props: &HeadProps) -> Html {
    const ORDER: [(State, &str); 5] = [
        (State::Ok, "ok"),
        (State::Degraded, "degraded"),
        (State::Down, "down"),
        (State::Unknown, "unknown"),
        (State::Paused, "paused"),
    ];
    let of = |state: State| props.machines.iter().filter(|other| **other == state).count();
    html! {
        <HeaderEnd>
            <ul class="machine-counts">
                { for ORDER.into_iter().filter(|(state, _)| of(*state) > 0).map(|(state, word)| html! {
                    <li><StateMark {state} size={10} quiet=true />{ format!("{} {word}", of(state)) }</li>
                }) }
            </ul>
            <Connect />
        </HeaderEnd>
    }
}

/// The way to one more machine: a token for it.
#[component]
fn Connect() -> Html {
    let place = use_place();
    html! { <a class="button connect" href={place.href(Route::to(View::Settings).select(["tokens"]))}>{ "Connect a machine" }</a> }
}

/// No machine yet.
#[component]
fn NoMachine() -> Html {
    let origin = web_sys::window().and_then(|window| window.location().origin().ok()).unwrap_or_default();
    html! {
        <Empty title="No machine yet" why="A machine appears with its first heartbeat, seconds after a bridge was started on it.">
            <Code text={format!("CONTROL_PLANE_BASE_URL={origin} patze-bridge")} />
        </Empty>
    }
}
