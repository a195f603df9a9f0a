//! What the bars of a waterfall stand for.

use yew::prelude::*;

/// The legend.
#[component]
pub fn Legend() -> Html {
    let entry = |shape: Html, what: &'static str| {
        html! { <span><svg width="18" height="10" aria-hidden="true">{ shape }</svg>{ what }</span> }
    };
    html! {
        <p class="wf-legend">
            { entry(html! { <rect class="wf-solid" width="18" height="10" /> }, "model call") }
            { entry(html! { <><rect class="wf-tool" width="18" height="10" /><rect class="wf-cap" width="2" height="10" /></> }, "tool call") }
            { entry(html! { <rect width="18" height="10" fill="url(#hatch-ink)" /> }, "wait") }
            { entry(html! { <rect class="wf-outline" x="0.6" y="0.6" width="16.8" height="8.8" /> }, "sub-agent") }
            { entry(html! { <rect class="wf-failed" width="18" height="10" /> }, "error") }
        </p>
    }
}
