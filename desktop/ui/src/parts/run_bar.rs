//! The last two minutes of a run that goes on: a bar that grows.

use patze_core::time::{SECOND, Timestamp};
use yew::prelude::*;

use crate::world::use_now_by;

/// What the bar spans, ms.
const SPAN: i64 = 120 * SECOND;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct RunBarProps {
    /// When the run began.
    pub begin: Timestamp,
    /// It waits for a tool.
    pub waits: bool,
    /// Whether it still runs is not known.
    #[prop_or_default]
    pub unsure: bool,
}

/// The bar.
#[component]
pub fn RunBar(props: &RunBarProps) -> Html {
    let now = use_now_by(SECOND);
    let share = (now.since(props.begin).max(0) as f64 / SPAN as f64).clamp(0.02, 1.0) * 100.0;
    let class = if props.unsure { Some("unsure") } else { props.waits.then_some("waits") };
    html! {
        <svg class={classes!("run-bar", class)} height="10" aria-hidden="true">
            <rect class="rest" y="4.5" width={format!("{:.1}%", 100.0 - share)} height="1" />
            <rect class="bar" x={format!("{:.1}%", 100.0 - share)} width={format!("{share:.1}%")} height="10" />
        </svg>
    }
}
