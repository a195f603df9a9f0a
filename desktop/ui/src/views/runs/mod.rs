//! Runs: those that go on first, with bars that grow, then by begin; each opens in place, step by step.
//!
//! | to find out | open |
//! |---|---|
//! | what is shown of a run | [`entry`], [`row`] |
//! | which runs are shown, and how that stays cheap | [`filter`], [`lists`], [`older`] |
//! | what is there when a run is opened | [`opened`], [`panel`] |
//! | how a waterfall is laid out and drawn | [`waterfall`] |

mod empty;
pub(super) mod entry;
mod filter;
mod filters;
pub(super) mod lasts;
mod lists;
mod log;
mod older;
mod opened;
mod panel;
mod row;
mod table;
mod waterfall;

use std::rc::Rc;

use patze_core::fleet::rows::RunKey;
use patze_core::ids::{MachineId, RunId};
use patze_core::time::MINUTE;
use yew::prelude::*;

use crate::fleet::Reading;
use crate::parts::held::use_held;
use crate::parts::more::use_more;
use crate::parts::rows::use_row_keys;
use crate::parts::same::Same;
use crate::route::Route;
use crate::world::{use_now_by, use_place, use_shown};
use empty::NoRun;
use filter::{Filter, Which};
use filters::Filters;
use lists::use_lists;
use older::use_older;
use table::Table;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct RunsProps {
    /// The state.
    pub reading: Rc<Reading>,
}

/// The view.
#[component]
pub fn Runs(props: &RunsProps) -> Html {
    let (place, shown, minute) = (use_place(), use_shown(), use_now_by(MINUTE));
    let reading = &props.reading;
    let filter = Filter::of(&place.route);
    let older = use_older(&filter, shown.moment());
    let since = older.since.unwrap_or_else(|| minute.plus(-filter.range.span()));
    let lists = use_lists(reading, &filter, since);
    let all = lists.count(filter.which);
    let node = use_node_ref();
    use_row_keys(&node);
    let question = (filter.clone(), place.route.at);
    let (drawn, more) = use_more(&node, question.clone(), all);
    let held = use_held((question, drawn), all, || lists.keys(filter.which).take(drawn).cloned().collect());
    let table = Table {
        reading,
        selected: selected(&place.route),
        stale: shown.is_stale(),
        minute,
        held: &held,
        older: &older,
        end: table::End {
            more: (drawn < all).then_some(more),
            before: lists.oldest(filter.which).unwrap_or(since),
            since,
            // Where there is nothing, a longer range is the next step.
            has_older: filter.which != Which::Active && (all > 0 || filter.range.longer().is_none()),
        },
    };
    let facts = reading.fleet.facts();
    let agents = use_memo((reading.log_id.clone(), facts.agents.len()), |_| filters::agents(reading));
    let machines =
        use_memo((reading.log_id.clone(), facts.machines.len(), minute), |_| filters::machines(reading));
    let counts = [Which::All, Which::Active, Which::Failed].map(|which| lists.count(which));
    html! {
        <div class="runs" ref={node}>
            <Filters agents={Same(agents)} machines={Same(machines)} filter={filter.clone()} {counts} />
            { table.draw() }
            if all == 0 && older.rows.is_empty() { <NoRun reading={Rc::clone(reading)} {filter} /> }
            { table.end() }
        </div>
    }
}

/// The run that the address names.
fn selected(route: &Route) -> Option<RunKey> {
    match route.selected.as_slice() {
        [machine, run] => Some((MachineId::new(machine), RunId::new(run))),
        _ => None,
    }
}
