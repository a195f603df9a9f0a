//! The marks that stand beside every state: shape and colour together, never colour alone.

use patze_core::fleet::lifecycle::LifeState;
use yew::prelude::*;

use crate::say::word::{self, State};

/// What a mark shows.
#[derive(Properties, PartialEq)]
pub struct StateMarkProps {
    /// The state.
    pub state: State,
    /// Its edge, px.
    #[prop_or(12)]
    pub size: u32,
    /// It stands beside its word, so that readers need not say it twice.
    #[prop_or_default]
    pub quiet: bool,
}

/// The mark of a state.
#[component]
pub fn StateMark(props: &StateMarkProps) -> Html {
    let shape = match props.state {
        State::Ok => html! { <circle cx="6" cy="6" r="4.5" fill="currentColor" /> },
        State::Degraded => html! { <path d="M6 1.2 11.2 10.6H.8Z" fill="currentColor" /> },
        State::Down => crossed(),
        State::Unknown => html! {
            <circle cx="6" cy="6" r="4.3" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="2.2 2.3" />
        },
        State::Paused => html! { <path d="M2.2 1.5h2.6v9H2.2zM7.2 1.5h2.6v9H7.2z" fill="currentColor" /> },
    };
    frame(props.size, props.state.class(), props.state.name(), props.quiet, shape)
}

/// What a mark shows.
#[derive(Properties, PartialEq)]
pub struct RunMarkProps {
    /// Where the run or session stands.
    pub state: Option<LifeState>,
    /// Its machine is down: whether it still runs is not known.
    #[prop_or_default]
    pub unsure: bool,
    /// Its edge, px.
    #[prop_or(12)]
    pub size: u32,
    /// It stands beside its word, so that readers need not say it twice.
    #[prop_or_default]
    pub quiet: bool,
}

/// The mark of a run or session. Finished well is quiet on purpose.
#[component]
pub fn RunMark(props: &RunMarkProps) -> Html {
    let Some(state) = props.state.filter(|state| !props.unsure || state.is_terminal()) else {
        return html! { <StateMark state={State::Unknown} size={props.size} quiet={props.quiet} /> };
    };
    let (class, shape) = match state {
        LifeState::Created | LifeState::Queued => (
            "is-edge",
            html! { <circle cx="6" cy="6" r="4.3" fill="none" stroke="currentColor" stroke-width="1.2" /> },
        ),
        LifeState::Running | LifeState::Streaming => (
            "is-ok",
            html! { <>
                <circle class="ring" cx="6" cy="6" r="4.3" fill="none" stroke-width="1.6" />
                <path class="arc" d="M6 1.7A4.3 4.3 0 0 1 10.3 6" fill="none" stroke="currentColor" stroke-width="1.6" />
            </> },
        ),
        LifeState::WaitingTool => (
            "is-ok",
            html! { <circle cx="6" cy="6" r="4.3" fill="none" stroke="currentColor" stroke-width="1.6" /> },
        ),
        LifeState::Completed => (
            "is-quiet",
            html! { <path d="M2 6.4 4.8 9.2 10.2 3.4" fill="none" stroke="currentColor" stroke-width="1.5" /> },
        ),
        LifeState::Failed => ("is-down", crossed()),
        LifeState::Cancelled => (
            "is-edge",
            html! { <>
                <circle cx="6" cy="6" r="4.3" fill="none" stroke="currentColor" stroke-width="1.5" />
                <path d="M3 9 9 3" fill="none" stroke="currentColor" stroke-width="1.5" />
            </> },
        ),
    };
    frame(props.size, class, word::life(state), props.quiet, shape)
}

/// A state with its word.
#[component]
pub fn StateWord(props: &StateMarkProps) -> Html {
    html! {
        <span class={classes!("state", props.state.class())}>
            <StateMark state={props.state} size={props.size} quiet=true />{ props.state.name() }
        </span>
    }
}

/// The flag of the past.
#[component]
pub fn FlagMark() -> Html {
    frame(12, "", "", true, html! { <path d="M1.5 1h9v6.2L6 11 1.5 7.2z" fill="currentColor" /> })
}

/// The mark of a replay.
#[component]
pub fn PlayMark() -> Html {
    frame(12, "", "", true, html! { <path d="M2 1.2 11 6 2 10.8z" fill="currentColor" /> })
}

/// A looking glass.
#[component]
pub fn SearchMark() -> Html {
    let shape = html! {
        <path d="M5 1.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6M7.8 7.8l3 3" fill="none" stroke="currentColor" stroke-width="1.4" />
    };
    frame(14, "", "", true, shape)
}

/// The product's own: a P made of log lines.
#[component]
pub fn Brand() -> Html {
    html! {
        <svg class="brand-mark" width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
            <path fill="currentColor" d="M3 1.5h9.2v2.4H3zM3 5h3v2.4H3zM11.2 5h3.4v2.4h-3.4zM3 8.5h9.2v2.4H3zM3 12h3v2.4H3z" />
            <path fill="currentColor" opacity=".45" d="M3 15.5h3v1.6H3z" />
        </svg>
    }
}

/// A square with a cross in it: down, and failed.
fn crossed() -> Html {
    html! {
        <path fill="currentColor" fill-rule="evenodd"
            d="M1.2 1.2h9.6v9.6H1.2zM3.4 4.5 4.9 6 3.4 7.5 4.5 8.6 6 7.1 7.5 8.6 8.6 7.5 7.1 6 8.6 4.5 7.5 3.4 6 4.9 4.5 3.4z" />
    }
}

fn frame(size: u32, class: &'static str, label: &'static str, quiet: bool, shape: Html) -> Html {
    let size = size.to_string();
    let hidden = quiet || label.is_empty();
    html! {
        <svg class={classes!("mark", class)} width={size.clone()} height={size} viewBox="0 0 12 12"
            role={(!hidden).then_some("img")} aria-label={(!hidden).then_some(label)} aria-hidden={hidden.then_some("true")}>
            { shape }
        </svg>
    }
}
