//! An agent's latest runs.

use std::rc::Rc;

use patze_core::fleet::rows::{Run, RunKey};
use patze_core::ids::AgentId;
use yew::prelude::*;

use crate::fleet::Reading;
use crate::parts::age::Time;
use crate::parts::link::Link;
use crate::parts::mark::RunMark;
use crate::route::{Route, View};
use crate::say::number;
use crate::say::word::{self, State, state_of};

/// Rows that are shown.
pub const MOST: usize = 10;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct LatestProps {
    /// The state.
    pub reading: Rc<Reading>,
    /// The newest first.
    pub runs: Vec<RunKey>,
    /// Whose.
    pub name: AgentId,
}

/// The runs.
#[component]
pub fn Latest(props: &LatestProps) -> Html {
    let LatestProps { reading, runs, name } = props;
    html! {
        <section class="agent-latest">
            <h3>{ "Latest runs" }<span class="aside"><Link to={Route::to(View::Runs).filter("agent", name.as_str())}>{ "All runs" }</Link></span></h3>
            if runs.is_empty() { <p class="quiet-line">{ "None is kept." }</p> }
            <ul>
                { for runs.iter().filter_map(|key| reading.run(key)).map(|run| {
                    let session = reading.session_of(run);
                    let title = word::lane(session.and_then(|session| session.session_key.as_deref()), run.session_id.as_str());
                    html! {
                        <RunRow key={format!("{} {}", run.machine_id, run.run_id)} run={Rc::new(run.clone())} {title}
                            unsure={reading.machine_state(&run.machine_id) == State::Down} />
                    }
                }) }
            </ul>
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct RunRowProps {
    run: Rc<Run>,
    title: AttrValue,
    unsure: bool,
}

#[component]
fn RunRow(props: &RunRowProps) -> Html {
    let RunRowProps { run, title, unsure } = props;
    html! {
        <li>
            <RunMark state={state_of(&run.life)} unsure={*unsure} />
            <Link class="name" to={Route::to(View::Runs).select([run.machine_id.as_str(), run.run_id.as_str()])}><bdi>{ title }</bdi></Link>
            if run.life.is_active() { <span class="age">{ "now" }</span> } else { <Time at={run.created_at} /> }
            <span class="number">{ number::cost(run.usage.calls, run.usage.cost) }</span>
        </li>
    }
}
