//! Something that is on or off, at once.

use yew::prelude::*;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct SwitchProps {
    /// What it switches.
    pub label: AttrValue,
    /// Whether it is on.
    pub on: bool,
    /// Tells the other one.
    pub onswitch: Callback<bool>,
}

/// A switch.
#[component]
pub fn Switch(props: &SwitchProps) -> Html {
    let (on, onswitch) = (props.on, props.onswitch.clone());
    html! {
        <button type="button" role="switch" class="switch" aria-checked={on.to_string()} onclick={move |_| onswitch.emit(!on)}>
            <span class="switch-track" aria-hidden="true"></span>{ &props.label }
        </button>
    }
}
