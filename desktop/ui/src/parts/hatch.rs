//! Hatching: "we do not know", everywhere.

use yew::prelude::*;

/// What other drawings refer to: `url(#hatch)`, `url(#hatch-ink)`, and `url(#fade)` as a mask; once a page.
#[component]
pub fn Hatches() -> Html {
    html! {
        <svg class="hatches" width="0" height="0" aria-hidden="true">
            <defs>
                <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                    <rect class="hatch-line" width="1.4" height="6" />
                </pattern>
                <pattern id="hatch-ink" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                    <rect class="hatch-ink" width="1.4" height="5" />
                </pattern>
                <linearGradient id="fade-out">
                    <stop offset="0" stop-color="white" />
                    <stop offset="1" stop-color="black" />
                </linearGradient>
                <mask id="fade" maskContentUnits="objectBoundingBox"><rect width="1" height="1" fill="url(#fade-out)" /></mask>
            </defs>
        </svg>
    }
}
