//! Small facts in a frame: channels, models, versions.

use yew::prelude::*;

/// What a badge says.
#[derive(Properties, PartialEq)]
pub struct BadgeProps {
    /// The text.
    pub text: AttrValue,
    /// A machine wrote it.
    #[prop_or_default]
    pub mono: bool,
}

/// A fact.
#[component]
pub fn Badge(props: &BadgeProps) -> Html {
    if props.text.is_empty() {
        return Html::default();
    }
    html! { <span class={classes!("badge", props.mono.then_some("mono"))}><bdi>{ &props.text }</bdi></span> }
}

/// A key.
#[component]
pub fn Key(props: &BadgeProps) -> Html {
    html! { <kbd class="key">{ &props.text }</kbd> }
}
