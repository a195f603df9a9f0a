//! The bar over the lines: search, levels, machine, what a link narrowed the list to, and Follow.

use yew::prelude::*;

use super::levels::{LEVELS, Levels};
use super::query::Query;
use super::search::Search;
use crate::parts::badge::Key;
use crate::parts::mark::StateMark;
use crate::parts::select::Select;
use crate::parts::toggles::{Toggle, Toggles};
use crate::say::number;
use crate::say::sentence::sentence;
use crate::say::word::{self, State};
use crate::world::use_place;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct BarProps {
    /// What is asked.
    pub query: Query,
    /// How much was found, in words.
    pub found: AttrValue,
    /// Something was found.
    pub some: bool,
    /// Why what was typed cannot be searched for.
    pub fault: Option<AttrValue>,
    /// Lines of each level, where that is known.
    pub counts: [Option<u64>; LEVELS.len()],
    /// The machines that can be chosen: id and name.
    pub machines: Vec<(AttrValue, AttrValue)>,
    /// The newest line is kept in view.
    pub follow: bool,
    /// Why that cannot be now.
    pub why_not: Option<AttrValue>,
    /// Goes from hit to hit.
    pub onstep: Callback<i32>,
}

/// The bar.
#[component]
pub fn Bar(props: &BarProps) -> Html {
    let (place, query) = (use_place(), &props.query);
    let set = |name: &'static str| {
        let place = place.clone();
        Callback::from(move |value: String| place.go.emit(place.with_filter(name, &value)))
    };
    let onsearch = {
        let place = place.clone();
        // Another search begins with nothing open, and with the newest.
        Callback::from(move |text: String| {
            place.go.emit(place.with_filter("q", &text).filter("until", "").select([]));
        })
    };
    let ontoggle = {
        let (set, levels) = (set("level"), query.levels);
        Callback::from(move |level: &'static str| set.emit(levels.toggled(level).word()))
    };
    let onfollow = {
        let (place, follow) = (place.clone(), props.follow);
        Callback::from(move |_: MouseEvent| {
            let route = place.with_filter("follow", if follow { "" } else { "on" });
            place.go.emit(if follow { route } else { route.filter("until", "").select([]) });
        })
    };
    let off = props.why_not.is_some();
    html! {
        <div class="logs-bar">
            <Search text={query.text.clone()} found={props.found.clone()} some={props.some} wrong={props.fault.is_some()} {onsearch} onstep={props.onstep.clone()} />
            <Toggles label="Levels" toggles={toggles(query.levels, props.counts)} {ontoggle} />
            <Select label="Machine" choices={props.machines.clone()} value={query.machine.clone()} onchange={set("machine")} />
            { for [("run", &query.run), ("session", &query.session), ("agent", &query.agent)].into_iter().filter(|(_, id)| !id.is_empty()).map(|(name, id)| {
                let drop = set(name).reform(|_: MouseEvent| String::new());
                html! { <Chip {name} id={id.clone()} {drop} /> }
            }) }
            <span class="spring"></span>
            <button type="button" class={classes!("button", props.follow.then_some("chosen"))} data-key="f" aria-pressed={props.follow.to_string()}
                aria-disabled={off.then_some("true")} data-tip={props.why_not.clone()} onclick={if off { Callback::noop() } else { onfollow }}>
                { "Follow" }<Key text="f" />
            </button>
            if let Some(fault) = &props.fault {
                <p id="search-fault" class="fault"><StateMark state={State::Down} size={10} quiet=true />{ sentence(fault) }</p>
            }
        </div>
    }
}

fn toggles(levels: Levels, counts: [Option<u64>; LEVELS.len()]) -> Vec<Toggle> {
    let on = levels.names();
    let marks = [None, None, Some(State::Degraded), Some(State::Down)];
    let each = LEVELS.into_iter().zip(counts).zip(marks);
    each.map(|((level, count), mark)| Toggle {
        value: level,
        label: AttrValue::Static(level),
        count: count.map(|count| number::count(count).into()),
        mark,
        on: on.contains(&level),
    })
    .collect()
}

#[derive(Properties, PartialEq)]
struct ChipProps {
    name: &'static str,
    id: AttrValue,
    drop: Callback<MouseEvent>,
}

/// What a link narrowed the list to, with a way out of it.
#[component]
fn Chip(props: &ChipProps) -> Html {
    html! {
        <button type="button" class="button chip" data-tip={props.id.clone()} onclick={props.drop.clone()}>
            { format!("{}: ", props.name) }<bdi>{ word::middle(&props.id, 20) }</bdi><span aria-label="Remove">{ "×" }</span>
        </button>
    }
}
