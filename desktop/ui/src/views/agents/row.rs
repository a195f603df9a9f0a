//! A row of the table.

use std::rc::Rc;

use patze_core::ids::AgentId;
use yew::prelude::*;

use super::doing::DoingWord;
use super::lines::Line;
use super::spend::Spend;
use crate::parts::age::Age;
use crate::parts::mark::StateMark;
use crate::parts::sparkline::Sparkline;
use crate::say::word::State;
use crate::say::{NONE, number};

/// Machines that are named; more are counted.
const NAMED: usize = 2;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct RowProps {
    /// What it says.
    pub line: Rc<Line>,
    /// It is shown in full.
    pub selected: bool,
    /// The keys begin here.
    pub first: bool,
    /// Today's cost is what matters.
    pub today: bool,
    /// Costs could not be had.
    pub failed: bool,
    /// Shows it in full.
    pub onselect: Callback<AgentId>,
}

/// A row.
#[component]
pub fn Row(props: &RowProps) -> Html {
    let RowProps { line, selected, first, today, failed, onselect } = props;
    let select = {
        let (onselect, name) = (onselect.clone(), line.name.clone());
        move || onselect.emit(name.clone())
    };
    let onkeydown = {
        let select = select.clone();
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Enter" {
                event.prevent_default();
                select();
            }
        })
    };
    let machines = line.machines.join(", ");
    let more = line.machines.len().saturating_sub(NAMED);
    html! {
        <tr class={selected.then_some("selected")} data-row="true" tabindex={if *first { "0" } else { "-1" }} aria-current={selected.then_some("true")}
            onclick={move |_| select()} {onkeydown}>
            <td class="agent-name">
                <b><bdi>{ line.name.to_string() }</bdi></b>
                <bdi class="mono model">{ line.model.as_ref().map_or(NONE, |model| model.as_str()) }</bdi>
                <span class="phone-line"><DoingWord doing={line.doing} /><bdi>{ &machines }</bdi></span>
            </td>
            <td class="agent-state"><DoingWord doing={line.doing} /></td>
            <td class="agent-machines" data-tip={machines.clone()}>
                { for line.machines.iter().take(NAMED).map(|name| html! { <bdi>{ name }</bdi> }) }
                if more > 0 { <span class="quiet">{ format!("and {more} more") }</span> }
            </td>
            <td class="agent-runs number"><Runs runs={line.runs} failed={line.failed} /></td>
            <td class="agent-tokens"><Sparkline values={line.hours.clone()} width={100.0} height={22.0} label={format!("{} tokens in 24 h", number::tokens(line.tokens))} /></td>
            <td class="agent-today number"><Cost spend={line.today} failed={*failed} strong={*today} /></td>
            <td class="agent-cost number"><Cost spend={line.cost} failed={*failed} strong={!*today} /><span class="phone-line"><Age at={Some(line.last)} stale={line.silent} what="Active" /></span></td>
            <td class="agent-last number"><Age at={Some(line.last)} stale={line.silent} what="Active" /></td>
        </tr>
    }
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct RunsProps {
    /// Runs of a day.
    pub runs: usize,
    /// Of those, the ones that failed.
    pub failed: usize,
}

/// How many runs, and how many failed.
#[component]
pub fn Runs(props: &RunsProps) -> Html {
    let RunsProps { runs, failed } = props;
    html! {
        <span class="runs-count">
            if *failed > 0 {
                <span class="is-down" aria-label={format!("{failed} failed")}><StateMark state={State::Down} size={9} quiet=true />{ number::count(*failed as u64) }</span>
            }
            <span>{ number::count(*runs as u64) }</span>
        </span>
    }
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct CostProps {
    /// What it cost; none while that is awaited.
    pub spend: Option<Spend>,
    /// It could not be had.
    pub failed: bool,
    /// It is what the table is about.
    pub strong: bool,
}

/// A cost, or the bar that stands for it.
#[component]
pub fn Cost(props: &CostProps) -> Html {
    match props.spend {
        Some(spend) => {
            let text = spend.text();
            let class = match props.strong {
                _ if text == NONE => "quiet",
                true => "strong",
                false => "",
            };
            html! { <span {class} data-tip={spend.tip()}>{ text }</span> }
        }
        None if props.failed => html! { <span data-tip="Costs did not arrive">{ NONE }</span> },
        None => {
            html! { <svg class="cell-bar" width="40" height="8" aria-hidden="true"><rect width="40" height="8" rx="2" /></svg> }
        }
    }
}
