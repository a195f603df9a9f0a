//! How long a run took, or takes until now.

use std::rc::Rc;

use patze_core::time::{SECOND, Timestamp};
use yew::prelude::*;

use super::entry::Entry;
use crate::say::span;
use crate::world::use_now_by;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct LastsProps {
    /// The run.
    pub entry: Rc<Entry>,
    /// Whether it still runs is not known: it is told until when it was heard of.
    #[prop_or_default]
    pub unsure: bool,
}

/// A duration; one that grows is drawn anew every second.
#[component]
pub fn Lasts(props: &LastsProps) -> Html {
    let entry = &props.entry;
    if !entry.is_active() {
        return html! { { span::duration(entry.lasted(entry.touched)) } };
    }
    if props.unsure {
        let tip = "How long it took when it was last heard of";
        return html! { <span class="stale" data-tip={tip}>{ span::duration(entry.lasted(entry.touched)) }</span> };
    }
    html! { <Since at={entry.began} /> }
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct SinceProps {
    /// Since when.
    pub at: Timestamp,
}

/// How long ago something began, in whole seconds.
#[component]
pub fn Since(props: &SinceProps) -> Html {
    let now = use_now_by(SECOND);
    let ms = now.since(props.at).max(0);
    html! { { span::duration(ms - ms % SECOND) } }
}
