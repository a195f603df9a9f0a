//! The views, one a folder. Each is drawn from the state that is shown ([`crate::world::Shown`]) and from history.

mod agents;
mod later;
mod logs;
mod machines;
mod overview;
mod runs;
mod sessions;
mod settings;

use yew::prelude::*;

use crate::parts::skeleton::Skeleton;
use crate::route::View;
use crate::world::{use_place, use_shown};

/// The view where one is.
#[component]
pub fn Current() -> Html {
    let (place, shown) = (use_place(), use_shown());
    let view = place.route.view;
    let Some(reading) = shown.reading else {
        return html! { <div class="waiting"><Skeleton rows={8} /></div> };
    };
    match view {
        View::Overview => html! { <overview::Overview {reading} /> },
        View::Machines => html! { <machines::Machines {reading} /> },
        View::Agents => html! { <agents::Agents {reading} /> },
        View::Sessions => html! { <sessions::Sessions {reading} /> },
        View::Runs => html! { <runs::Runs {reading} /> },
        View::Logs => html! { <logs::Logs {reading} /> },
        View::Settings => html! { <settings::Settings {reading} /> },
        View::Tasks | View::Channels | View::Connections => html! { <later::Later {view} /> },
        #[cfg(feature = "gallery")]
        View::Gallery => html! { <crate::gallery::Gallery /> },
    }
}
