//! What stands where nothing is yet: a sentence, why, and what fills it.

use yew::prelude::*;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct EmptyProps {
    /// The sentence.
    pub title: AttrValue,
    /// Why, in one line.
    #[prop_or_default]
    pub why: AttrValue,
    /// The command or the one button.
    #[prop_or_default]
    pub children: Html,
}

/// Nothing yet.
#[component]
pub fn Empty(props: &EmptyProps) -> Html {
    html! {
        <div class="empty">
            <p class="empty-title">{ &props.title }</p>
            if !props.why.is_empty() { <p class="empty-why">{ &props.why }</p> }
            { props.children.clone() }
        </div>
    }
}
