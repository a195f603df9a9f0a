//! A choice of few: radio buttons side by side.

use yew::prelude::*;

use super::mark::{RunMark, StateMark};
use crate::say::word::State;
use patze_core::fleet::lifecycle::LifeState;

/// One of the choices.
#[derive(Clone, PartialEq)]
pub struct Choice {
    /// What stands in the address.
    pub value: &'static str,
    /// Its word.
    pub label: AttrValue,
    /// How many there are.
    pub count: Option<AttrValue>,
    /// The mark before it.
    pub mark: Option<State>,
}

impl Choice {
    /// A choice that is a word.
    pub const fn new(value: &'static str, label: &'static str) -> Self {
        Self { value, label: AttrValue::Static(label), count: None, mark: None }
    }
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct SegmentedProps {
    /// What is chosen, in a word or two.
    pub label: &'static str,
    /// The choices.
    pub choices: Vec<Choice>,
    /// The chosen one's value.
    pub value: AttrValue,
    /// Tells another choice.
    pub onchange: Callback<&'static str>,
    /// The choice of this value is marked as a run in this state is.
    #[prop_or_default]
    pub run_mark: Option<(&'static str, LifeState)>,
}

/// A segmented control. Arrow keys choose, as in every group of radio buttons.
#[component]
pub fn Segmented(props: &SegmentedProps) -> Html {
    let chosen = props.choices.iter().position(|choice| choice.value == &*props.value).unwrap_or(0);
    let node = use_node_ref();
    let onkeydown = {
        let (values, onchange, node) = (
            props.choices.iter().map(|choice| choice.value).collect::<Vec<_>>(),
            props.onchange.clone(),
            node.clone(),
        );
        Callback::from(move |event: KeyboardEvent| {
            let n = values.len();
            let next = match event.key().as_str() {
                "ArrowRight" => (chosen + 1) % n,
                "ArrowLeft" => (chosen + n - 1) % n,
                _ => return,
            };
            event.prevent_default();
            event.stop_propagation();
            onchange.emit(values[next]);
            let button = node
                .cast::<web_sys::Element>()
                .and_then(|group| group.children().item(u32::try_from(next).unwrap_or(0)));
            if let Some(button) =
                button.and_then(|button| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(button).ok())
            {
                let _ = button.focus();
            }
        })
    };
    html! {
        <div ref={node} class="segmented" role="radiogroup" aria-label={props.label} {onkeydown}>
            { for props.choices.iter().enumerate().map(|(i, choice)| {
                let (value, onchange) = (choice.value, props.onchange.clone());
                let is = i == chosen;
                html! {
                    <button type="button" role="radio" aria-checked={is.to_string()} tabindex={if is { "0" } else { "-1" }}
                        class={classes!("segment", is.then_some("chosen"))} onclick={move |_| onchange.emit(value)}>
                        if let Some((_, state)) = props.run_mark.filter(|(of, _)| *of == value) { <RunMark {state} size={10} quiet=true /> }
                        if let Some(state) = choice.mark { <StateMark state={state} size={10} quiet=true /> }
                        { &choice.label }
                        if let Some(count) = &choice.count { <span class="count">{ count }</span> }
                    </button>
                }
            }) }
        </div>
    }
}
