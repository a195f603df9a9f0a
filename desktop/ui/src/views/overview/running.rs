//! What runs now, with bars that grow: the last two minutes of each.

use std::rc::Rc;

use patze_core::fleet::lifecycle::LifeState;
use patze_core::fleet::rows::Run;
use yew::prelude::*;

use super::OverviewProps;
use crate::parts::link::Link;
use crate::parts::mark::RunMark;
use crate::parts::run_bar::RunBar;
use crate::route::{Route, View};
use crate::say::number;
use crate::say::word::{self, State, state_of};

/// Rows that are shown.
const MOST: usize = 6;

/// What runs now.
#[component]
pub fn RunningNow(props: &OverviewProps) -> Html {
    let reading = &props.reading;
    let n = reading.active_runs.len();
    if n == 0 {
        let last = reading
            .ended_runs
            .iter()
            .next()
            .and_then(|(_, key)| reading.run(key))
            .and_then(|run| run.life.ended_at());
        return html! {
            <section class="running">
                <h3>{ "Running now" }<i>{ "0" }</i></h3>
                <p class="quiet-line">{ "No run is active." }
                    if let Some(last) = last { { " The last one ended " }<crate::parts::age::Age at={Some(last)} what="Ended" />{ " ago." } }
                </p>
            </section>
        };
    }
    html! {
        <section class="running">
            <h3>{ "Running now" }<i>{ n }</i><span class="running-axis">{ "last 2\u{a0}min" }</span></h3>
            <ul>
                { for reading.active_runs.iter().take(MOST).filter_map(|(_, key)| reading.run(key)).map(|run| html! {
                    <Row key={format!("{} {}", run.machine_id, run.run_id)} run={Rc::new(run.clone())} title={title(reading, run)}
                        machine={reading.machine_name(&run.machine_id)} unsure={reading.machine_state(&run.machine_id) == State::Down} />
                }) }
                if n > MOST { <li><Link to={Route::to(View::Runs).filter("state", "active")}>{ format!("{} more", n - MOST) }</Link></li> }
            </ul>
        </section>
    }
}

/// What a run is about: without captured content, the tail of its session's key.
pub fn title(reading: &crate::fleet::Reading, run: &Run) -> String {
    let session = reading.session_of(run);
    word::lane(session.and_then(|session| session.session_key.as_deref()), run.session_id.as_str())
}

#[derive(Properties, PartialEq)]
struct RowProps {
    run: Rc<Run>,
    title: AttrValue,
    machine: AttrValue,
    unsure: bool,
}

#[component]
fn Row(props: &RowProps) -> Html {
    let run = &props.run;
    html! {
        <li class="running-row">
            <RunMark state={state_of(&run.life)} unsure={props.unsure} />
            <Link class="name" to={Route::to(View::Runs).select([run.machine_id.as_str(), run.run_id.as_str()])}><bdi>{ run.agent_id.to_string() }</bdi></Link>
            <bdi class="running-title">{ &props.title }</bdi>
            <RunBar begin={run.created_at} waits={state_of(&run.life) == Some(LifeState::WaitingTool)} />
            <span class="number quiet">{ number::tokens(run.usage.total_tokens) }</span>
            <span class="number">{ number::cost(run.usage.calls, run.usage.cost) }</span>
            <bdi class="running-machine">{ &props.machine }</bdi>
        </li>
    }
}
