//! What chooses the runs: state with counts, agent, machine, range. Where the page is narrow they stand over the list.

use patze_core::fleet::lifecycle::LifeState;
use yew::prelude::*;

use super::filter::{Filter, Range, Which};
use crate::fleet::Reading;
use crate::parts::same::Same;
use crate::parts::segmented::{Choice, Segmented};
use crate::parts::select::Select;
use crate::say::number;
use crate::say::word::State;
use crate::shell::header::HeaderEnd;
use crate::world::use_place;

/// Values and their texts.
pub type Choices = Vec<(AttrValue, AttrValue)>;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct FiltersProps {
    /// The agents that can be chosen.
    pub agents: Same<Choices>,
    /// The machines that can be chosen.
    pub machines: Same<Choices>,
    /// What is chosen.
    pub filter: Filter,
    /// How many there are: all, active, failed.
    pub counts: [usize; 3],
}

/// The filters.
#[component]
pub fn Filters(props: &FiltersProps) -> Html {
    let place = use_place();
    let FiltersProps { agents, machines, filter, counts } = props;
    let set = |name: &'static str| {
        let place = place.clone();
        move |value: &str| place.go.emit(place.with_filter(name, value))
    };
    let agents = with_any(&agents.0, &filter.agent);
    let machines = with_any(&machines.0, &filter.machine);
    let ranges = Range::ALL.map(|range| (range.word().into(), range.label().into())).to_vec();
    let states = |class: &'static str| {
        let set = set("state");
        html! { <div class={class}><States which={filter.which} counts={*counts} onchange={Callback::from(move |value: &'static str| set(value))} /></div> }
    };
    let select = |name| {
        let set = set(name);
        Callback::from(move |value: String| set(&value))
    };
    let selects = html! { <>
        <Select label="Agent" choices={agents} value={filter.agent.clone()} onchange={select("agent")} />
        <Select label="Machine" choices={machines} value={filter.machine.clone()} onchange={select("machine")} />
        <Select label="Begun within" bare=true choices={ranges} value={filter.range.word()} onchange={select(Filter::RANGE)} />
    </> };
    html! { <>
        <HeaderEnd>{ states("in-header") }<div class="selects in-header-wide">{ selects.clone() }</div></HeaderEnd>
        { states("in-sheet") }
        <div class="selects in-sheet-narrow">{ selects }</div>
    </> }
}

#[derive(Properties, PartialEq)]
struct StatesProps {
    which: Which,
    counts: [usize; 3],
    onchange: Callback<&'static str>,
}

#[component]
fn States(props: &StatesProps) -> Html {
    let count = |n: usize| Some(AttrValue::from(number::count(n as u64)));
    let [all, active, failed] = props.counts;
    let choices = vec![
        Choice { count: count(all), ..Choice::new(Which::All.word(), "All") },
        Choice { count: count(active), ..Choice::new(Which::Active.word(), "Active") },
        Choice {
            count: count(failed),
            mark: Some(State::Down),
            ..Choice::new(Which::Failed.word(), "Failed")
        },
    ];
    html! {
        <Segmented label="State" {choices} value={props.which.word()} onchange={props.onchange.clone()}
            run_mark={Some((Which::Active.word(), LifeState::Running))} />
    }
}

/// "any" before them, and what is chosen after them if it is none of them: an old link.
pub fn with_any(known: &Choices, chosen: &str) -> Choices {
    let is_unknown = !chosen.is_empty() && !known.iter().any(|(value, _)| value.as_str() == chosen);
    let unknown = is_unknown.then(|| (chosen.to_owned().into(), chosen.to_owned().into()));
    let any = (AttrValue::Static(""), AttrValue::Static("any"));
    std::iter::once(any).chain(known.iter().cloned()).chain(unknown).collect()
}

/// The agents' names, each once.
pub fn agents(reading: &Reading) -> Choices {
    let agents = reading.fleet.facts().agents.iter();
    let mut names: Vec<&str> = agents.map(|agent| agent.agent_id.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| (name.to_owned().into(), name.to_owned().into())).collect()
}

/// The machines by name.
pub fn machines(reading: &Reading) -> Choices {
    let machines = reading.machines().into_iter();
    let named = machines.map(|machine| {
        (machine.machine_id.to_string().into(), reading.machine_name(&machine.machine_id).into())
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_old_link_chooses_can_still_be_seen() {
        let known = vec![("a".into(), "A".into())];
        let texts = |chosen| {
            let choices = with_any(&known, chosen).into_iter();
            choices.map(|(_, text)| text.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(texts(""), ["any", "A"]);
        assert_eq!(texts("a"), ["any", "A"]);
        assert_eq!(texts("gone"), ["any", "A", "gone"]);
    }
}
