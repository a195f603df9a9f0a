//! The agents of a machine.

use patze_core::fleet::rows::Agent;
use patze_core::fleet::table::Row as _;
use yew::prelude::*;

use super::bridge::BridgeProps;
use super::detail::is_down;
use crate::parts::age::Age;
use crate::parts::link::Link;
use crate::route::{Route, View};

/// Rows that are shown.
const MOST: usize = 12;

/// The agents.
#[component]
pub fn Here(props: &BridgeProps) -> Html {
    let BridgeProps { reading, machine } = props;
    let first = (machine.machine_id.clone(), Default::default(), Default::default());
    let agents = reading.fleet.facts().agents.from(first);
    let agents: Vec<&Agent> = agents.take_while(|agent| agent.machine_id == machine.machine_id).collect();
    let silent = is_down(machine);
    html! {
        <section class="machine-agents">
            <h3>{ "Agents here" }</h3>
            if agents.is_empty() { <p class="quiet-line">{ "None was seen here yet." }</p> }
            <ul>
                { for agents.iter().take(MOST).map(|agent| {
                    let active = reading.fleet.index().agent_load(&agent.key()).active_runs;
                    let word = match active {
                        _ if silent => "unknown".to_owned(),
                        0 => "idle".to_owned(),
                        1 => "active".to_owned(),
                        n => format!("{n} active"),
                    };
                    html! {
                        <li key={format!("{} {}", agent.home, agent.agent_id)}>
                            <Link class="name" to={Route::to(View::Agents).select([agent.agent_id.as_str()])}><bdi>{ agent.agent_id.to_string() }</bdi></Link>
                            <span class="quiet">{ word }</span>
                            <Age at={Some(agent.last_seen_at)} stale={silent} what="Active" />
                        </li>
                    }
                }) }
            </ul>
            if agents.len() > MOST { <p class="note">{ format!("and {} more", agents.len() - MOST) }</p> }
        </section>
    }
}
