//! What follows the last line that is loaded: more of them, the end of the day that is shown, or why there are none.

use patze_core::fleet::lifecycle::LifeState;
use yew::prelude::*;

use crate::client::ask::Problem;
use crate::parts::mark::{RunMark, StateMark};
use crate::say::word::State;

/// What follows the last line.
#[derive(Clone, PartialEq, Debug)]
pub enum End {
    /// Older lines, which are asked for when their place comes near.
    More,
    /// They are awaited.
    Waiting,
    /// They did not come.
    Failed(Problem),
    /// None: these are all.
    Whole {
        /// Of the whole log, not of a day.
        all: bool,
    },
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct FootProps {
    /// What follows.
    pub end: End,
    /// Shows the whole log.
    pub onwiden: Callback<()>,
    /// Asks again.
    pub onolder: Callback<()>,
}

/// The foot of the list.
#[component]
pub fn Foot(props: &FootProps) -> Html {
    let text = match &props.end {
        End::More => Html::default(),
        End::Waiting => html! { <><RunMark state={Some(LifeState::Running)} />{ "Older lines" }</> },
        End::Failed(problem) => html! { <>
            <StateMark state={State::Down} quiet=true />{ problem.to_string() }
            <button type="button" class="link" onclick={props.onolder.reform(|_| ())}>{ "Try again" }</button>
        </> },
        End::Whole { all: true } => html! { { "No older line." } },
        End::Whole { all: false } => html! { <>
            { "The last 24\u{a0}h end here." }
            <button type="button" class="link" onclick={props.onwiden.reform(|_| ())}>{ "Show the whole log" }</button>
        </> },
    };
    html! { <p class="logs-foot">{ text }</p> }
}
