//! What an agent used of each model.

use std::rc::Rc;

use patze_core::ids::AgentId;
use patze_core::time::{HOUR, MINUTE};
use yew::prelude::*;

use super::range::Range;
use super::tokens::{ModelUse, by_model};
use crate::fleet::Reading;
use crate::say::number;
use crate::world::{use_now_by, use_shown};

/// Rows that are shown.
const MOST: usize = 8;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct ByModelProps {
    /// The state.
    pub reading: Rc<Reading>,
    /// Whose.
    pub name: AgentId,
    /// How far back.
    pub range: Range,
}

/// The models.
#[component]
pub fn ByModel(props: &ByModelProps) -> Html {
    let ByModelProps { reading, name, range } = props;
    let (past, minute) = (use_shown().is_past(), use_now_by(MINUTE));
    let facts = reading.fleet.facts();
    let models = {
        let stamp = if past { facts.position } else { facts.spent.lifetime.calls };
        let reading = Rc::clone(reading);
        use_memo(
            (stamp, past, minute.millis().div_euclid(HOUR), name.clone(), *range),
            move |(_, _, _, name, range)| {
                by_model(reading.fleet.facts().usage.iter(), name.as_str(), *range, minute)
            },
        )
    };
    let most = models.iter().map(|used| used.totals.total_tokens).max().unwrap_or(0).max(1);
    let rest = models.len().saturating_sub(MOST);
    html! {
        <section class="agent-models">
            <h3>{ "By model" }<i data-tip={(*range != Range::Today).then_some("Days of UTC; costs as they were reported")}>{ range.label() }</i></h3>
            if models.is_empty() { <p class="quiet-line">{ "No model call." }</p> }
            <ul>{ for models.iter().take(MOST).map(|used| draw(used, most)) }</ul>
            if rest > 0 { <p class="note">{ format!("and {rest} more") }</p> }
        </section>
    }
}

fn draw(used: &ModelUse, most: u64) -> Html {
    let ModelUse { provider, model, totals } = used;
    let share = totals.total_tokens as f64 / most as f64 * 100.0;
    let cost = number::cost(totals.calls, totals.cost);
    let is_priced = totals.cost.0 > 0;
    html! {
        <li key={format!("{provider} {model}")}>
            <bdi class="mono" data-tip={format!("{provider}/{model}")}>{ model.to_string() }</bdi>
            <span class="number" data-tip={(!is_priced).then_some("No cost was reported")}>{ cost }</span>
            <svg height="4" aria-hidden="true"><rect class="track" width="100%" height="4" /><rect class="fill" width={format!("{share:.1}%")} height="4" /></svg>
            <span class="note" data-tip={format!("{} in, {} out, {} in all", number::count(totals.input_tokens), number::count(totals.output_tokens), number::count(totals.total_tokens))}>
                { format!("{} in, {} out", number::tokens(totals.input_tokens), number::tokens(totals.output_tokens)) }
            </span>
        </li>
    }
}
