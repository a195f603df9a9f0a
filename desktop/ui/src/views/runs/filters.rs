//! What chooses the runs: state with counts, agent, machine, range.

use std::rc::Rc;

use patze_core::fleet::lifecycle::LifeState;
use yew::prelude::*;

use super::filter::{Filter, Range, Which};
use crate::fleet::Reading;
use crate::parts::segmented::{Choice, Segmented};
use crate::parts::select::Select;
use crate::say::number;
use crate::say::word::State;
use crate::shell::header::HeaderEnd;
use crate::world::use_place;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct FiltersProps {
    /// The state.
    pub reading: Rc<Reading>,
    /// What is chosen.
    pub filter: Filter,
    /// How many there are: all, active, failed.
    pub counts: [usize; 3],
}

/// The filters: in the header, and where that is narrow the states over the list.
#[component]
pub fn Filters(props: &FiltersProps) -> Html {
    let place = use_place();
    let FiltersProps { reading, filter, counts } = props;
    let set = |name: &'static str| {
        let place = place.clone();
        move |value: &str| place.go.emit(place.with_filter(name, value))
    };
    let choices = |any: &'static str, chosen: &str, known: Vec<(AttrValue, AttrValue)>| {
        let is_unknown = !chosen.is_empty() && !known.iter().any(|(value, _)| value.as_str() == chosen);
        let unknown =
            is_unknown.then(|| (AttrValue::from(chosen.to_owned()), AttrValue::from(chosen.to_owned())));
        std::iter::once((AttrValue::Static(""), AttrValue::Static(any))).chain(known).chain(unknown).collect()
    };
    let agents = use_memo((reading.log_id.clone(), reading.fleet.facts().agents.len()), |_| agents(reading));
    let machines =
        use_memo((reading.log_id.clone(), reading.fleet.facts().machines.len()), |_| machines(reading));
    let agents: Vec<_> = choices("any", &filter.agent, (*agents).clone());
    let machines: Vec<_> = choices("any", &filter.machine, (*machines).clone());
    let ranges = Range::ALL.map(|range| (range.word().into(), range.label().into())).to_vec();
    let states = |class: &'static str| {
        let set = set("state");
        html! { <div class={class}><States which={filter.which} counts={*counts} onchange={Callback::from(move |value: &'static str| set(value))} /></div> }
    };
    let select = |name| {
        let set = set(name);
        Callback::from(move |value: String| set(&value))
    };
    html! { <>
        <HeaderEnd>
            { states("in-header") }
            <Select label="Agent" choices={agents} value={filter.agent.clone()} onchange={select("agent")} />
            <Select label="Machine" choices={machines} value={filter.machine.clone()} onchange={select("machine")} />
            <Select label="Begun within" bare=true choices={ranges} value={filter.range.word()} onchange={select(Filter::RANGE)} />
        </HeaderEnd>
        { states("in-sheet") }
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

/// The agents' names, each once.
fn agents(reading: &Reading) -> Vec<(AttrValue, AttrValue)> {
    let mut names: Vec<&str> =
        reading.fleet.facts().agents.iter().map(|agent| agent.agent_id.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| (name.to_owned().into(), name.to_owned().into())).collect()
}

fn machines(reading: &Reading) -> Vec<(AttrValue, AttrValue)> {
    let machines = reading.machines().into_iter();
    let named = machines.map(|machine| {
        (machine.machine_id.to_string().into(), reading.machine_name(&machine.machine_id).into())
    });
    named.collect()
}
