//! A row of the list.

use std::rc::Rc;

use yew::prelude::*;

use super::entry::Entry;
use crate::parts::age::Age;
use crate::parts::badge::Badge;
use crate::parts::mark::RunMark;
use crate::parts::reveal::use_reveal;
use crate::route::{Route, View};
use crate::say::number;
use crate::world::{Place, use_place};

/// The properties.
#[derive(Properties, PartialEq)]
pub struct RowProps {
    /// The session.
    pub entry: Rc<Entry>,
    /// Its machine's name.
    pub machine: AttrValue,
    /// Whether it is still as it is shown is not known.
    pub unsure: bool,
    /// It is the chosen one.
    pub selected: bool,
    /// Tab stops here.
    pub tab: bool,
}

/// The place where a session is chosen.
pub fn to(place: &Place, entry: &Entry) -> Route {
    Route { view: View::Sessions, ..(*place.route).clone() }.select(entry.address())
}

/// A row.
#[component]
pub fn Row(props: &RowProps) -> Html {
    let place = use_place();
    let RowProps { entry, machine, unsure, selected, tab } = props;
    let node = use_node_ref();
    use_reveal(&node, *selected, ".session-list");
    let to = to(&place, entry);
    let href = place.href(to.clone());
    let onclick = {
        let (go, to) = (place.go.clone(), to.clone());
        Callback::from(move |event: MouseEvent| {
            // A new tab is the browser's own affair.
            if event.ctrl_key() || event.meta_key() || event.shift_key() {
                return;
            }
            event.prevent_default();
            go.emit(to.clone());
        })
    };
    let onkeydown = {
        let go = place.go.clone();
        Callback::from(move |event: KeyboardEvent| {
            let plain = !event.ctrl_key() && !event.meta_key() && !event.alt_key() && !event.shift_key();
            if plain && matches!(event.key().as_str(), "Enter" | " ") {
                event.prevent_default();
                go.emit(to.clone());
            }
        })
    };
    let failed = (entry.failed_runs > 0).then(|| format!("{} failed", number::count(entry.failed_runs)));
    let under: Vec<String> = [machine.to_string(), entry.channel_name(), runs(entry)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    html! {
        <tr ref={node} class={classes!("session", selected.then_some("selected"))} data-row="true" tabindex={if *tab { "0" } else { "-1" }}
            aria-selected={selected.to_string()} {onclick} {onkeydown}>
            <td class="session-who">
                <span class="lead">
                    <RunMark state={Some(entry.state)} unsure={*unsure} />
                    <a class="run-link" {href} tabindex="-1">
                        <b><bdi>{ entry.agent_id.to_string() }</bdi></b><bdi class="what">{ &entry.title }</bdi>
                    </a>
                </span>
                <span class="run-under"><bdi>{ under.join(", ") }</bdi></span>
            </td>
            <td class="session-channel"><Badge text={entry.channel_name()} /></td>
            <td class="session-machine"><bdi>{ machine }</bdi></td>
            <td class="number session-runs" data-tip={failed}>{ number::count(entry.runs) }</td>
            <td class="number session-cost">{ number::cost(entry.calls, entry.cost) }</td>
            <td class="number session-updated"><Age at={Some(entry.ended.unwrap_or(entry.touched))} stale={*unsure} what={if entry.is_open() { "Heard" } else { "Ended" }} /></td>
        </tr>
    }
}

fn runs(entry: &Entry) -> String {
    number::of(usize::try_from(entry.runs).unwrap_or(usize::MAX), "run", "runs")
}
