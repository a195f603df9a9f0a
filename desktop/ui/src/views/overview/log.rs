//! What happened: the newest events of the fleet, in one line each.

use patze_core::event::EventType;
use patze_core::fleet::Activity;
use patze_core::fleet::lifecycle::LifeState;
use patze_core::ids::{RunId, SessionId};
use yew::prelude::*;

use super::OverviewProps;
use crate::fleet::Reading;
use crate::parts::age::Time;
use crate::parts::link::Link;
use crate::route::{Route, View};
use crate::say::number;

/// Rows that are shown.
const MOST: usize = 24;

/// The log.
#[component]
pub fn Log(props: &OverviewProps) -> Html {
    let reading = &props.reading;
    let recent = &reading.fleet.facts().recent;
    html! {
        <section class="log">
            <h3>{ "Log" }
                if recent.is_empty() {
                    <span class="aside">{ number::of(reading.fleet.position() as usize, "event", "events") }</span>
                } else {
                    <span class="aside"><Link to={Route::to(View::Logs)}>{ "Open log" }</Link></span>
                }
            </h3>
            if recent.is_empty() { <p class="quiet-line">{ "Waiting for a first event of a machine." }</p> }
            <ol>
                { for recent.iter().rev().take(MOST).map(|activity| row(reading, activity)) }
            </ol>
        </section>
    }
}

fn row(reading: &Reading, activity: &Activity) -> Html {
    let Told { who, what, failed } = told(reading, activity);
    html! {
        <li key={format!("{} {}", activity.machine_id, activity.id)} class="log-row" data-tip={activity.summary.clone()} data-tip-more={activity.type_name.to_string()}>
            <Time at={activity.ts} seconds=true />
            <span class="log-line"><bdi class="log-who">{ who }</bdi><bdi class={classes!("log-what", failed.then_some("is-down"))}>{ what }</bdi></span>
            <bdi class="log-machine">{ reading.machine_name(&activity.machine_id) }</bdi>
        </li>
    }
}

/// An event for people: who, and what happened.
struct Told {
    who: String,
    what: String,
    failed: bool,
}

/// The fleet's own line, with names instead of ids where it knows them.
fn told(reading: &Reading, activity: &Activity) -> Told {
    let machine = &activity.machine_id;
    let changed = |noun: &str| {
        let (id, states) = activity.summary.strip_prefix(noun)?.rsplit_once(": ")?;
        let (_, to) = states.split_once(" → ")?;
        Some((id, LifeState::of(to)?))
    };
    let line =
        |who: Option<String>, what: String, failed| Told { who: who.unwrap_or_default(), what, failed };
    match EventType::of(&activity.type_name) {
        Some(EventType::RunState) => {
            let Some((id, state)) = changed("run ") else {
                return line(None, activity.summary.clone(), false);
            };
            let agent = reading.run(&(machine.clone(), RunId::new(id))).map(|run| run.agent_id.to_string());
            line(agent, format!("run {}", verb(state)), state == LifeState::Failed)
        }
        Some(EventType::SessionState) => {
            let Some((id, state)) = changed("session ") else {
                return line(None, activity.summary.clone(), false);
            };
            let agent = reading
                .session(&(machine.clone(), SessionId::new(id)))
                .map(|session| session.agent_id.to_string());
            line(agent, format!("session {}", verb(state)), state == LifeState::Failed)
        }
        Some(EventType::MachineRegistered) => {
            line(Some(reading.machine_name(machine)), "registered".to_owned(), false)
        }
        _ => line(None, activity.summary.clone(), activity.summary.contains("failed")),
    }
}

const fn verb(state: LifeState) -> &'static str {
    match state {
        LifeState::Created | LifeState::Queued => "queued",
        LifeState::Running => "started",
        LifeState::WaitingTool => "waits for a tool",
        LifeState::Streaming => "streams an answer",
        LifeState::Completed => "completed",
        LifeState::Failed => "failed",
        LifeState::Cancelled => "cancelled",
    }
}
