//! What chooses the sessions: state with counts, channel. Where the page is narrow they stand over the list.

use std::collections::BTreeSet;

use yew::prelude::*;

use super::filter::{Filter, Which};
use crate::fleet::Reading;
use crate::parts::same::Same;
use crate::parts::segmented::{Choice, Segmented};
use crate::parts::select::Select;
use crate::say::{number, word};
use crate::shell::header::HeaderEnd;
use crate::world::use_place;

/// Sessions whose channels are looked at, the newest first.
const LOOKED_AT: usize = 2_000;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct FiltersProps {
    /// The channels that can be chosen.
    pub channels: Same<Vec<String>>,
    /// What is chosen.
    pub filter: Filter,
    /// How many there are, in the order of [`Which::ALL`].
    pub counts: [usize; 4],
}

/// The filters.
#[component]
pub fn Filters(props: &FiltersProps) -> Html {
    let place = use_place();
    let FiltersProps { channels, filter, counts } = props;
    let known = &channels.0;
    let mut choices = vec![(AttrValue::Static(""), AttrValue::Static("any"))];
    choices.extend(known.iter().map(|name| (name.clone().into(), word::channel(name).into())));
    if !filter.channel.is_empty() && !known.contains(&filter.channel) {
        choices.push((filter.channel.clone().into(), word::channel(&filter.channel).into()));
    }
    let set = |name: &'static str| {
        let place = place.clone();
        move |value: &str| place.go.emit(place.with_filter(name, value))
    };
    let (set_state, set_channel) = (set("state"), set("channel"));
    let states: Vec<Choice> = Which::ALL
        .into_iter()
        .zip(counts)
        .map(|(which, n)| Choice {
            count: Some(number::count(*n as u64).into()),
            ..Choice::new(which.word(), which.label())
        })
        .collect();
    let onstate = Callback::from(move |value: &'static str| set_state(value));
    let onchannel = Callback::from(move |value: String| set_channel(&value));
    let draw = |class: &'static str| {
        html! { <div {class}><Segmented label="State" choices={states.clone()} value={filter.which.word()} onchange={onstate.clone()} /></div> }
    };
    let channel =
        html! { <Select label="Channel" {choices} value={filter.channel.clone()} onchange={onchannel} /> };
    html! { <>
        <HeaderEnd>{ draw("in-header") }<div class="selects in-header-wide">{ channel.clone() }</div></HeaderEnd>
        { draw("in-sheet") }
        <div class="selects in-sheet-narrow">{ channel }</div>
    </> }
}

/// The channels that sessions talk through, each once.
pub fn channels(reading: &Reading) -> Vec<String> {
    let keys = reading.open_sessions.iter().chain(reading.ended_sessions.iter()).take(LOOKED_AT);
    let names: BTreeSet<&str> = keys
        .filter_map(|(_, key)| reading.session(key)?.channel.as_deref())
        .filter(|name| !name.is_empty())
        .collect();
    names.into_iter().map(str::to_owned).collect()
}
