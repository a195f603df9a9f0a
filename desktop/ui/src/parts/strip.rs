//! Availability: a thin strip of states over time.

use yew::prelude::*;

use crate::say::word::State;

/// A stretch of the strip, as shares of its length from 0 to 1.
#[derive(Clone, PartialEq)]
pub struct Stretch {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// The state; none where there is no data.
    pub state: Option<State>,
    /// Its tip.
    pub tip: AttrValue,
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct StripProps {
    /// By begin.
    pub stretches: Vec<Stretch>,
    /// What it shows, in a sentence.
    pub label: AttrValue,
}

/// A strip.
#[component]
pub fn Strip(props: &StripProps) -> Html {
    html! {
        <svg class="strip" height="6" role="img" aria-label={props.label.clone()}>
            { for props.stretches.iter().map(|stretch| {
                let class = match stretch.state {
                    None => "nothing",
                    Some(State::Ok) => "fine",
                    Some(state) => state.class(),
                };
                let percent = |share: f64| format!("{:.3}%", share * 100.0);
                html! {
                    <rect class={class} x={percent(stretch.from)} width={percent((stretch.to - stretch.from).max(0.0))} height="6" data-tip={stretch.tip.clone()} />
                }
            }) }
        </svg>
    }
}
