//! A share of something, with its track.

use yew::prelude::*;

use crate::say::{NONE, number};

/// From here on a share is drawn as degraded, and as down.
const HIGH: f64 = 90.0;
const FULL: f64 = 98.0;

/// A gauge's properties.
#[derive(Properties, PartialEq)]
pub struct GaugeProps {
    /// What it is of.
    pub label: &'static str,
    /// 0 to 100; none if it was never told.
    pub value: Option<f64>,
    /// It is old.
    #[prop_or_default]
    pub stale: bool,
}

/// A gauge.
#[component]
pub fn Gauge(props: &GaugeProps) -> Html {
    let value = props.value.filter(|value| value.is_finite()).map(|value| value.clamp(0.0, 100.0));
    let class = match value {
        Some(FULL..) if !props.stale => "is-down",
        Some(HIGH..) if !props.stale => "is-degraded",
        _ => "",
    };
    html! {
        <div class="gauge">
            <span class="gauge-label">{ props.label }</span>
            <span class={classes!("gauge-value", props.stale.then_some("stale"))}>
                { value.map_or_else(|| NONE.to_owned(), number::percent) }
            </span>
            <svg class={classes!("gauge-track", class)} height="4" aria-hidden="true">
                <rect class="track" width="100%" height="4" />
                <rect class="fill" width={format!("{:.1}%", value.unwrap_or_default())} height="4" />
            </svg>
        </div>
    }
}
