//! The row over the lines: what is newer than they are. It is always there, so that its news pushes nothing.

use patze_core::time::Timestamp;
use yew::prelude::*;

use super::newer::Newer;
use crate::parts::badge::Key;
use crate::say::{clock, number};

/// Where the list begins.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Top {
    /// At the newest line, after which these have come.
    Newest(Newer),
    /// The newest line is kept in view.
    Follows,
    /// What has come since is not known: there is no connection.
    Offline,
    /// At a time, after which there is more.
    Until(Timestamp),
    /// At the moment that is shown.
    Moment(Timestamp),
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct TopRowProps {
    /// Where the list begins.
    pub top: Top,
    /// Events that history has not taken yet, if they are many.
    pub behind: u64,
    /// Goes to the newest line.
    pub onnewest: Callback<()>,
}

/// The row.
#[component]
pub fn TopRow(props: &TopRowProps) -> Html {
    let go = |words: String| {
        let onclick = props.onnewest.reform(|_: MouseEvent| ());
        html! { <button type="button" class="link" {onclick}>{ words }<Key text="Home" /></button> }
    };
    let said = match props.top {
        Top::Newest(newer) if newer.count > 0 => go(newer.words()),
        Top::Newest(_) => html! { <span class="quiet">{ "No newer line" }</span> },
        Top::Offline => html! { <span class="quiet">{ "Offline: newer lines are not known" }</span> },
        Top::Follows => html! { <span class="quiet">{ "Newer lines appear here" }</span> },
        Top::Until(at) => go(format!("Lines after {}", clock::date_and_time(at))),
        Top::Moment(at) => {
            html! { <span class="quiet">{ format!("The log as it was at {}", clock::full(at)) }</span> }
        }
    };
    html! {
        <p class="logs-top">
            { said }
            if props.behind > 0 {
                <span class="quiet">{ format!("History is {} behind", number::of(props.behind as usize, "event", "events")) }</span>
            }
        </p>
    }
}
