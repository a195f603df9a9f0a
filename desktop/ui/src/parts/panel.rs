//! A part of a view that may fail by itself: its area stays, and says what did not arrive and how to try again.

use yew::prelude::*;

use super::button::Button;
use super::code::Copy;
use super::mark::StateMark;
use super::skeleton::Skeleton;
use crate::client::ask::Problem;
use crate::client::history::Fetched;
use crate::say::word::State;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct PanelErrorProps {
    /// What did not arrive.
    pub what: AttrValue,
    /// Why.
    pub problem: Problem,
    /// Tries again.
    pub retry: Callback<()>,
}

/// A panel that could not be drawn.
#[component]
pub fn PanelError(props: &PanelErrorProps) -> Html {
    let details = format!("{}: {} ({})", props.what, props.problem, props.problem.code());
    html! {
        <div class="panel-error" role="group" aria-label="This panel could not be drawn" data-failed-panel="true">
            <div class="plate">
                <StateMark state={State::Down} quiet=true />
                <div class="plate-text">
                    <p class="plate-title">{ "This panel could not be drawn" }</p>
                    <p>{ format!("{} did not arrive. {}", props.what, props.problem) }</p>
                    <p class="mono">{ props.problem.code() }</p>
                </div>
                <Button onclick={props.retry.reform(|_| ())}>{ "Try again" }<kbd class="key">{ "u" }</kbd></Button>
                <Copy text={details} label="Copy details" />
            </div>
        </div>
    }
}

/// Draws what was fetched: the value if there is one, even if a newer one failed; else why there is none; else bars.
pub fn fetched<T>(
    what: &'static str,
    rows: usize,
    fetched: &Fetched<T>,
    draw: impl FnOnce(&T) -> Html,
) -> Html {
    match (&fetched.value, &fetched.problem) {
        (Some(value), None) => draw(value),
        (_, Some(problem)) => {
            html! { <PanelError {what} problem={problem.clone()} retry={fetched.retry.clone()} /> }
        }
        (None, None) => html! { <Skeleton {rows} /> },
    }
}
