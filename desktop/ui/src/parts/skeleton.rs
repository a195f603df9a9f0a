//! What stands where a value is awaited that was never known: still bars, after 200 ms.

use yew::prelude::*;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct SkeletonProps {
    /// How many rows.
    #[prop_or(4)]
    pub rows: usize,
}

/// Rows that are awaited.
#[component]
pub fn Skeleton(props: &SkeletonProps) -> Html {
    const WIDTHS: [&str; 4] = ["46%", "63%", "38%", "52%"];
    html! {
        <div class="skeleton" aria-hidden="true">
            { for (0..props.rows).map(|i| html! {
                <svg height="20"><rect y="6" width={WIDTHS[i % WIDTHS.len()]} height="8" rx="2" /><rect x="88%" y="6" width="12%" height="8" rx="2" /></svg>
            }) }
        </div>
    }
}
