//! A choice of several out of a few: buttons side by side, each on or off.

use yew::prelude::*;

use super::mark::StateMark;
use crate::say::word::State;

/// One of the choices.
#[derive(Clone, PartialEq)]
pub struct Toggle {
    /// What is told when it is pressed.
    pub value: &'static str,
    /// Its word.
    pub label: AttrValue,
    /// How many there are, where that is known.
    pub count: Option<AttrValue>,
    /// The mark before it.
    pub mark: Option<State>,
    /// Whether it is chosen.
    pub on: bool,
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct TogglesProps {
    /// What is chosen, in a word or two.
    pub label: &'static str,
    /// The choices.
    pub toggles: Vec<Toggle>,
    /// Tells which was pressed.
    pub ontoggle: Callback<&'static str>,
}

/// Toggles.
#[component]
pub fn Toggles(props: &TogglesProps) -> Html {
    html! {
        <div class="segmented" role="group" aria-label={props.label}>
            { for props.toggles.iter().map(|toggle| {
                let (value, ontoggle) = (toggle.value, props.ontoggle.clone());
                html! {
                    <button type="button" aria-pressed={toggle.on.to_string()} class={classes!("segment", toggle.on.then_some("chosen"))}
                        onclick={move |_| ontoggle.emit(value)}>
                        if let Some(state) = toggle.mark { <StateMark {state} size={10} quiet=true /> }
                        { &toggle.label }
                        if let Some(count) = &toggle.count { <span class="count">{ count }</span> }
                    </button>
                }
            }) }
        </div>
    }
}
