//! One agent in full: what it does and where, what it cost by day and by model, its latest runs.

use std::rc::Rc;

use patze_core::fleet::rows::RunKey;
use patze_core::time::Timestamp;
use yew::prelude::*;

use super::by_model::ByModel;
use super::cost::Cost;
use super::doing::DoingWord;
use super::latest::Latest;
use super::lines::{Line, Summary};
use super::range::Range;
use super::spend::Days;
use crate::client::ask::Problem;
use crate::fleet::Reading;
use crate::parts::link::Link;
use crate::parts::same::Same;
use crate::route::{Route, View};
use crate::say::number;

/// Machines that are named; more are counted.
const NAMED: usize = 4;

/// Where it is: a machine's id and name.
pub type Where = (AttrValue, AttrValue);

/// The properties.
#[derive(Properties, PartialEq)]
pub struct DetailProps {
    /// The state.
    pub reading: Rc<Reading>,
    /// What the table says of it.
    pub line: Rc<Line>,
    /// How far back costs go.
    pub range: Range,
    /// The moment.
    pub to: Timestamp,
    /// Its machines, and what it did there since ever.
    pub machines: (Vec<Where>, u64, u64),
    /// Its newest runs.
    pub latest: Vec<RunKey>,
    /// What it cost.
    pub days: Days,
    /// Where those days begin.
    pub begins: Same<Vec<Timestamp>>,
    /// Why costs are not there.
    pub usage: Option<Problem>,
    /// Asks for them again.
    pub retry: Callback<()>,
}

/// Its machines by name, and its runs since ever: all and failed.
pub fn machines(reading: &Reading, summary: &Summary<'_>) -> (Vec<Where>, u64, u64) {
    let mut machines: Vec<Where> = summary
        .agents
        .iter()
        .map(|agent| {
            (AttrValue::from(agent.machine_id.to_string()), reading.machine_name(&agent.machine_id).into())
        })
        .collect();
    machines.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
    machines.dedup();
    let runs = summary.agents.iter().map(|agent| agent.runs).sum();
    (machines, runs, summary.agents.iter().map(|agent| agent.failed_runs).sum())
}

/// The agent.
#[component]
pub fn Detail(props: &DetailProps) -> Html {
    let DetailProps {
        reading,
        line,
        range,
        to,
        machines: (machines, runs, failed),
        latest,
        days,
        begins,
        usage,
        retry,
    } = props;
    let rest = machines.len().saturating_sub(NAMED);
    let before = |i: usize| match i {
        0 => "On ",
        _ if i + 1 == machines.len() => " and ",
        _ => ", ",
    };
    html! { <>
        <section class="agent-title">
            <div><h2><bdi>{ line.name.to_string() }</bdi></h2><DoingWord doing={line.doing} />
                <Link to={Route::to(View::Sessions).filter("agent", line.name.as_str())}>{ "Sessions" }</Link></div>
            <p>
                { for machines.iter().take(NAMED).enumerate().map(|(i, (id, name))| html! { <>
                    { before(i) }<Link class="plain" to={Route::to(View::Machines).select([&**id])}><bdi>{ name }</bdi></Link>
                </> }) }
                if rest > 0 { { format!(" and {rest} more") } }
                { format!(". {} so far, {} failed.", number::of(usize::try_from(*runs).unwrap_or(usize::MAX), "run", "runs"),
                    if *failed == 0 { "none".to_owned() } else { number::count(*failed) }) }
            </p>
        </section>
        <Cost name={line.name.clone()} range={*range} to={*to} days={days.clone()} begins={begins.clone()} known={line.cost.is_some()} problem={usage.clone()} retry={retry.clone()} />
        <ByModel reading={Rc::clone(reading)} name={line.name.clone()} range={*range} />
        <Latest reading={Rc::clone(reading)} runs={latest.clone()} name={line.name.clone()} />
    </> }
}
