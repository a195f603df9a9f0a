//! A choice of many: the browser's own list.

use wasm_bindgen::JsCast as _;
use yew::prelude::*;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct SelectProps {
    /// What is chosen; stands before the choice.
    pub label: &'static str,
    /// Value and text of each; an empty value is "any".
    pub choices: Vec<(AttrValue, AttrValue)>,
    /// The chosen value.
    pub value: AttrValue,
    /// Tells another choice.
    pub onchange: Callback<String>,
    /// The choices say by themselves what is chosen: nothing stands before them.
    #[prop_or_default]
    pub bare: bool,
}

/// A select.
#[component]
pub fn Select(props: &SelectProps) -> Html {
    let onchange = props.onchange.reform(|event: Event| {
        event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::HtmlSelectElement>().ok())
            .map_or_else(String::new, |select| select.value())
    });
    html! {
        <select class="select" aria-label={props.label} {onchange}>
            { for props.choices.iter().map(|(value, text)| html! {
                <option value={value.clone()} selected={*value == props.value}>
                    { if props.bare { text.clone() } else { format!("{}: {text}", props.label).into() } }
                </option>
            }) }
        </select>
    }
}
