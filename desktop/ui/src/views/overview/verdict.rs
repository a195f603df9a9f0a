//! The verdict: one sentence built from the fleet, and the figures that it rests on.

use std::rc::Rc;

use patze_core::time::{DAY, MINUTE};
use yew::prelude::*;

use super::OverviewProps;
use crate::fleet::Reading;
use crate::say::word::State;
use crate::say::{clock, number};
use crate::world::{use_now_by, use_shown};

/// The verdict.
#[component]
pub fn Verdict(props: &OverviewProps) -> Html {
    let (shown, now) = (use_shown(), use_now_by(MINUTE));
    let reading = &props.reading;
    let facts = reading.fleet.facts();
    let machines = reading.fleet.shown_machines().len();
    let since = now.plus(-DAY);
    // By begin, the newest first.
    let runs = reading.ended_runs.iter().take_while(|(begin, _)| begin.0 >= since).count()
        + reading.active_runs.len();
    let failed = reading.failed_runs.iter().take_while(|(begin, _)| begin.0 >= since).count();
    let tail = if shown.is_past() {
        format!("Ages on this page count from {}.", shown.moment().map_or_else(String::new, clock::time))
    } else {
        format!("{} in 24\u{a0}h, {} failed.", number::of(runs, "run", "runs"), number::count(failed as u64))
    };
    html! {
        <section class="verdict">
            <h2>{ sentence(reading, shown.is_stale()) }</h2>
            <p>{ format!("{}, {}, {} open. {tail}",
                number::of(machines, "machine", "machines"),
                number::of(facts.agents.len(), "agent", "agents"),
                number::of(reading.open_sessions.len(), "session", "sessions"),
            ) }</p>
        </section>
    }
}

/// "One machine is down, one degraded. 4 runs active."
fn sentence(reading: &Rc<Reading>, stale: bool) -> Html {
    let machines = reading.fleet.shown_machines();
    let of = |state| machines.iter().filter(|(machine, _)| State::of_machine(machine) == state).count();
    let (all, down, degraded) = (machines.len(), of(State::Down), of(State::Degraded));
    let (is, are) = if stale { ("was", "were") } else { ("is", "are") };
    let verb = |n: usize| if n == 1 { is } else { are };
    let noun = |n: usize| if n == 1 { "machine" } else { "machines" };
    let down_word = html! { <span class="is-down">{ "down" }</span> };
    let degraded_word = html! { <span class="is-degraded">{ "degraded" }</span> };
    let state = match (down, degraded) {
        (0, 0) if all == 1 => html! { { format!("The machine {is} ok. ") } },
        (0, 0) => html! { { format!("All {all} machines {are} ok. ") } },
        (0, n) => {
            html! { <>{ format!("{} {} {} ", number::word(n), noun(n), verb(n)) }{ degraded_word }{ ". " }</> }
        }
        (n, 0) => {
            html! { <>{ format!("{} {} {} ", number::word(n), noun(n), verb(n)) }{ down_word }{ ". " }</> }
        }
        (n, m) => html! { <>
            { format!("{} {} {} ", number::word(n), noun(n), verb(n)) }{ down_word }
            { format!(", {} ", number::word(m).to_lowercase()) }{ degraded_word }{ ". " }
        </> },
    };
    let active = reading.active_runs.len();
    html! { <>{ state }{ if active == 0 { "No run active.".to_owned() } else { format!("{} active.", number::of(active, "run", "runs")) } }</> }
}
