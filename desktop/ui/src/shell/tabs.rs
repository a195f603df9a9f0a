//! The phone's way from view to view: five tabs, the last of which lists the others.

use yew::prelude::*;

use crate::route::{Route, View};
use crate::world::use_place;

/// The tabs; shown on narrow windows alone.
#[component]
pub fn Tabs() -> Html {
    let place = use_place();
    let more = use_state(|| false);
    {
        let more = more.clone();
        use_effect_with(place.route.view, move |_| more.set(false));
    }
    let tab = |view: View| {
        let here = place.route.view == view;
        html! {
            <a class={classes!("tab", here.then_some("here"))} href={place.href(Route::to(view))} aria-current={here.then_some("page")}>
                <span class="letter" aria-hidden="true">{ view.letter() }</span>{ view.title() }
            </a>
        }
    };
    const FIRST: [View; 4] = [View::Overview, View::Machines, View::Runs, View::Tasks];
    let others = View::ALL.into_iter().filter(|view| !FIRST.contains(view));
    let is_other = !FIRST.contains(&place.route.view);
    let onclick = {
        let more = more.clone();
        Callback::from(move |_: MouseEvent| more.set(!*more))
    };
    html! {
        <div class="tabs" role="navigation" aria-label="Tabs">
            { for FIRST.map(tab) }
            <button type="button" class={classes!("tab", is_other.then_some("here"))} aria-expanded={more.to_string()} {onclick}>
                <span class="letter" aria-hidden="true">{ "…" }</span>{ "More" }
            </button>
            if *more { <div class="tabs-more">{ for others.map(tab) }</div> }
        </div>
    }
}
