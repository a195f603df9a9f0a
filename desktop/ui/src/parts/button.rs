//! A button: what it does, whether it may, and why not.

use yew::prelude::*;

use super::mark::RunMark;
use patze_core::fleet::lifecycle::LifeState;

/// What kind of button it is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// One of several.
    #[default]
    Plain,
    /// The one of this view.
    Primary,
    /// Without an outline.
    Quiet,
    /// It destroys something.
    Danger,
}

/// A button's properties.
#[derive(Properties, PartialEq)]
pub struct ButtonProps {
    /// Its label.
    pub children: Html,
    /// What it does.
    pub onclick: Callback<MouseEvent>,
    /// What kind it is.
    #[prop_or_default]
    pub kind: Kind,
    /// It is being done.
    #[prop_or_default]
    pub busy: bool,
    /// Why it may not be pressed now.
    #[prop_or_default]
    pub why_not: Option<AttrValue>,
    /// Takes the focus when it appears.
    #[prop_or_default]
    pub focus: bool,
    /// For tests and labels.
    #[prop_or_default]
    pub id: Option<AttrValue>,
}

/// A button. One that may not be pressed can still be reached, so that it can say why.
#[component]
pub fn Button(props: &ButtonProps) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(props.focus, move |focus| {
            if *focus && let Some(button) = node.cast::<web_sys::HtmlElement>() {
                let _ = button.focus();
            }
        });
    }
    let kind = match props.kind {
        Kind::Plain => "",
        Kind::Primary => "primary",
        Kind::Quiet => "quiet",
        Kind::Danger => "danger",
    };
    let off = props.why_not.is_some() || props.busy;
    let onclick = if off { Callback::noop() } else { props.onclick.clone() };
    html! {
        <button ref={node} id={props.id.clone()} type="button" class={classes!("button", kind)}
            aria-disabled={off.then_some("true")} data-tip={props.why_not.clone()} {onclick}>
            if props.busy { <RunMark state={LifeState::Running} /> }
            { props.children.clone() }
        </button>
    }
}
