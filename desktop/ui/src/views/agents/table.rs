//! The table of agents: heads that order it, a row each, and the sums.

use std::rc::Rc;

use patze_core::ids::AgentId;
use yew::prelude::*;

use super::lines::{Line, Totals};
use super::range::Range;
use super::row::{Cost, Row, Runs};
use super::sort::{By, Sort};
use crate::parts::rows::use_row_keys;
use crate::say::number;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct AgentTableProps {
    /// What it says, in order.
    pub lines: Vec<Rc<Line>>,
    /// The sums of all.
    pub totals: Totals,
    /// Agents that are not in it yet.
    pub rest: usize,
    /// Who is shown in full.
    pub selected: AgentId,
    /// The order.
    pub sort: Sort,
    /// How far back costs go.
    pub range: Range,
    /// Costs could not be had.
    pub failed: bool,
    /// Tells who is to be shown.
    pub onselect: Callback<AgentId>,
    /// Tells another order.
    pub onsort: Callback<Sort>,
    /// Asks for more rows.
    pub onmore: Callback<MouseEvent>,
    /// Tells whether the pointer is in it.
    pub onpointer: Callback<bool>,
}

/// The table.
#[component]
pub fn AgentTable(props: &AgentTableProps) -> Html {
    let AgentTableProps { lines, totals, rest, selected, sort, range, failed, .. } = props;
    let node = use_node_ref();
    use_row_keys(&node);
    let head = |by: By, class: &'static str, label: &'static str| {
        let is = sort.by == by;
        let direction = if sort.is_descending() { "descending" } else { "ascending" };
        let arrow = if sort.is_descending() { "↓" } else { "↑" };
        let (onsort, next) = (props.onsort.clone(), sort.pressed(by));
        html! {
            <th scope="col" {class} aria-sort={is.then_some(direction)}>
                <button type="button" class={classes!("sort", is.then_some("by"))} onclick={move |_| onsort.emit(next)}>{ label }if is { <span aria-hidden="true">{ arrow }</span> }</button>
            </th>
        }
    };
    let is_first = |place: usize, line: &Line| {
        line.name == *selected || (place == 0 && !lines.iter().any(|line| line.name == *selected))
    };
    html! {
        <table ref={node} class="table agent-table" onpointerenter={props.onpointer.reform(|_| true)} onpointerleave={props.onpointer.reform(|_| false)}>
            <thead>
                <tr>
                    { head(By::Name, "agent-name", "Agent") }
                    { head(By::Doing, "agent-state", "State") }
                    <th scope="col" class="agent-machines">{ "Machines" }</th>
                    { head(By::Runs, "agent-runs number", "Runs 24\u{a0}h") }
                    { head(By::Tokens, "agent-tokens", "Tokens, 24\u{a0}h") }
                    { head(By::Today, "agent-today number", "Today") }
                    { head(By::Cost, "agent-cost number", range.column().label()) }
                    { head(By::Active, "agent-last number", "Last active") }
                </tr>
            </thead>
            <tbody>
                { for lines.iter().enumerate().map(|(place, line)| html! {
                    <Row key={line.name.to_string()} line={Rc::clone(line)} selected={line.name == *selected} first={is_first(place, line)}
                        today={*range == Range::Today} failed={*failed} onselect={props.onselect.clone()} />
                }) }
                if *rest > 0 {
                    <tr class="more"><td colspan="8"><button type="button" class="link" onclick={props.onmore.clone()}>{ format!("Show more: {} are not shown", number::count(*rest as u64)) }</button></td></tr>
                }
            </tbody>
            <tfoot>
                <tr>
                    <td class="agent-name">{ number::of(totals.agents, "agent", "agents") }</td>
                    <td class="agent-state"></td>
                    <td class="agent-machines"></td>
                    <td class="agent-runs number"><Runs runs={totals.runs} failed={totals.failed} /></td>
                    <td class="agent-tokens">{ number::tokens(totals.tokens) }</td>
                    <td class="agent-today number"><Cost spend={totals.today} failed={*failed} strong={*range == Range::Today} /></td>
                    <td class="agent-cost number"><Cost spend={totals.cost} failed={*failed} strong={*range != Range::Today} /></td>
                    <td class="agent-last"></td>
                </tr>
            </tfoot>
        </table>
    }
}
