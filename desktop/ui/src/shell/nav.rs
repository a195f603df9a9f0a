//! The navigation: ten views, each with the counts that ask for a look. What is ok shows nothing.

use std::rc::Rc;

use patze_core::fleet::lifecycle::LifeState;
use yew::prelude::*;

use crate::fleet::Reading;
use crate::parts::mark::{Brand, RunMark, StateMark};
use crate::route::{Route, View};
use crate::say::number;
use crate::say::word::State;
use crate::world::{use_place, use_shown};

/// The properties.
#[derive(Properties, PartialEq)]
pub struct NavProps {
    /// Opens the help sheet.
    pub onhelp: Callback<()>,
}

/// The navigation.
#[component]
pub fn Nav(props: &NavProps) -> Html {
    let (place, shown) = (use_place(), use_shown());
    let item = |view: View| {
        let here = place.route.view == view;
        html! {
            <a class={classes!("nav-item", here.then_some("here"))} href={place.href(Route::to(view))} aria-current={here.then_some("page")}
                data-tip={view.title()}>
                <span class="letter" aria-hidden="true">{ view.letter() }</span>
                <span class="nav-label">{ view.title() }</span>
                if let Some(reading) = &shown.reading { <Counts {view} reading={Rc::clone(reading)} /> }
            </a>
        }
    };
    html! {
        <nav class="nav" aria-label="Views">
            <p class="brand on-band"><Brand /><span class="nav-label">{ "Patze Control" }</span></p>
            { item(View::Overview) }
            <p class="nav-group">{ "Watch" }</p>
            { for [View::Machines, View::Agents, View::Sessions, View::Runs, View::Logs].map(item) }
            <p class="nav-group">{ "Run" }</p>
            { for [View::Tasks, View::Channels, View::Connections].map(item) }
            <span class="nav-spring"></span>
            if shown.demo { <p class="demo-note">{ "Demo: this fleet is made up" }</p> }
            { item(View::Settings) }
            <button type="button" class="nav-item" onclick={props.onhelp.reform(|_| ())} data-tip="Keys and help">
                <span class="letter" aria-hidden="true">{ "?" }</span><span class="nav-label">{ "Keys and help" }</span>
            </button>
        </nav>
    }
}

#[derive(Properties, PartialEq)]
struct CountsProps {
    view: View,
    reading: Rc<Reading>,
}

/// The counts of a view.
#[component]
fn Counts(props: &CountsProps) -> Html {
    let reading = &props.reading;
    let count = |n: usize| number::count(n as u64);
    match props.view {
        View::Machines => {
            let machines = reading.fleet.shown_machines();
            let of =
                |state| machines.iter().filter(|(machine, _)| State::of_machine(machine) == state).count();
            html! {
                <span class="counts">
                    { for [State::Down, State::Degraded, State::Paused].into_iter().filter(|state| of(*state) > 0).map(|state| html! {
                        <span class={state.class()} aria-label={format!("{} {}", of(state), state.name())}><StateMark {state} size={10} quiet=true /><i>{ count(of(state)) }</i></span>
                    }) }
                </span>
            }
        }
        View::Runs if !reading.active_runs.is_empty() => html! {
            <span class="counts" aria-label={format!("{} active", reading.active_runs.len())}>
                <span><RunMark state={Some(LifeState::Running)} size={10} /><i>{ count(reading.active_runs.len()) }</i></span>
            </span>
        },
        View::Sessions if !reading.open_sessions.is_empty() => html! {
            <span class="counts" aria-label={format!("{} open", reading.open_sessions.len())}><i>{ count(reading.open_sessions.len()) }</i></span>
        },
        View::Agents if !reading.fleet.facts().agents.is_empty() => {
            html! { <span class="counts"><i>{ count(reading.fleet.facts().agents.len()) }</i></span> }
        }
        _ => Html::default(),
    }
}
