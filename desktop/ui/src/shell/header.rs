//! The head of a view: its title, how the page is connected, and what a view puts there itself ([`HeaderEnd`]).

use patze_core::fleet::lifecycle::LifeState;
use yew::prelude::*;

use crate::client::live::Link;
use crate::parts::button::{Button, Kind};
use crate::parts::mark::{Brand, RunMark, SearchMark, StateMark};
use crate::say::word::State;
use crate::say::{clock, number, span};
use crate::world::{use_now, use_place, use_shown};

/// The properties.
#[derive(Properties, PartialEq)]
pub struct HeaderProps {
    /// Opens the palette.
    pub open: Callback<()>,
    /// Starts a replay at a speed, or stops it.
    pub replay: Callback<Option<u32>>,
    /// Connects at once.
    pub try_now: Callback<()>,
}

/// The head.
#[component]
pub fn Header(props: &HeaderProps) -> Html {
    let (place, shown) = (use_place(), use_shown());
    let title = place.route.view.title();
    {
        use_effect_with(title, move |title| {
            if let Some(document) = web_sys::window().and_then(|window| window.document()) {
                document.set_title(&format!("{title} · Patze Control"));
            }
        });
    }
    let live = {
        let place = place.clone();
        Callback::from(move |_: MouseEvent| place.go.emit((*place.route).clone().at(None)))
    };
    html! {
        <header class={classes!("header", "on-band")}>
            <Brand />
            <h1 id="title" tabindex="-1">{ title }</h1>
            if shown.is_past() {
                if let Some(moment) = shown.moment() { <p class="header-sub">{ clock::full(moment) }</p> }
                if shown.reading.as_ref().is_some_and(|reading| reading.thinned) {
                    <p class="header-sub" data-tip="Heartbeats and log lines of then have been deleted by age" data-tip-more="All else is as it was">{ "thinned" }</p>
                }
            } else {
                <Connection try_now={props.try_now.clone()} />
            }
            <span class="spring"></span>
            if shown.is_past() {
                <p class="header-past"><b>{ "Past" }</b>{ " read-only" }</p>
                <ReplayChoice replay={props.replay.clone()} speed={shown.replay} />
                <Button kind={Kind::Primary} onclick={live}>{ "Back to live" }<kbd class="key">{ "." }</kbd></Button>
            } else {
                <div id="header-end" class="header-end"></div>
            }
            <button type="button" class="search" onclick={props.open.reform(|_| ())}>
                <SearchMark /><span class="search-words">{ "Search or jump" }</span>
                <span class="search-keys"><kbd class="key">{ "/" }</kbd><kbd class="key">{ palette_key() }</kbd></span>
            </button>
        </header>
    }
}

#[derive(Properties, PartialEq)]
struct ReplayChoiceProps {
    replay: Callback<Option<u32>>,
    speed: Option<u32>,
}

/// Starts and stops a replay.
#[component]
fn ReplayChoice(props: &ReplayChoiceProps) -> Html {
    const SPEEDS: [u32; 4] = [1, 10, 60, 600];
    let onchange = props.replay.reform(|event: Event| {
        event.target_dyn_into::<web_sys::HtmlSelectElement>().and_then(|select| select.value().parse().ok())
    });
    html! {
        <select class="select" aria-label="Replay" {onchange}>
            <option value="" selected={props.speed.is_none()}>{ "Replay: off" }</option>
            { for SPEEDS.into_iter().map(|speed| html! {
                <option value={speed.to_string()} selected={props.speed == Some(speed)}>{ format!("Replay, {speed}\u{a0}×") }</option>
            }) }
        </select>
    }
}

#[derive(Properties, PartialEq)]
struct ConnectionProps {
    try_now: Callback<()>,
}

/// The connection message: nothing while all is well.
#[component]
fn Connection(props: &ConnectionProps) -> Html {
    let (shown, now) = (use_shown(), use_now());
    match &shown.link {
        Link::Live | Link::Asleep | Link::Locked { .. } => Html::default(),
        Link::Starting => html! {
            <p class="connection" role="status"><RunMark state={Some(LifeState::Running)} /><b>{ "Connecting" }</b></p>
        },
        Link::CatchingUp { from, at, to } => {
            let (done, all) = (at.saturating_sub(*from), to.saturating_sub(*from).max(1));
            html! {
                <p class="connection" role="status">
                    <RunMark state={Some(LifeState::Running)} /><b>{ "Catching up" }</b>
                    <span class="connection-text">{ format!("{} of {} events. Figures may still move.", number::count(done), number::count(all)) }</span>
                    <svg class="gauge-track" width="120" height="4" aria-hidden="true">
                        <rect class="track" width="120" height="4" />
                        <rect class="fill" width={format!("{:.0}", 120.0 * done as f64 / all as f64)} height="4" />
                    </svg>
                </p>
            }
        }
        Link::Offline { since, next_try, problem } => {
            // Both are the browser's own times.
            let wait = next_try.plus(shown.ahead).since(now);
            let known = shown.reading.is_some();
            html! {
                <p class="connection" role="status" data-tip={problem.to_string()}>
                    <StateMark state={State::Unknown} quiet=true />
                    <b>{ format!("Offline since {}", clock::near_to_the_second(*since, now)) }</b>
                    <span class="connection-text">
                        { if known { "Values are as they were then. Nothing is lost: the log waits." } else { "The server cannot be reached." } }
                    </span>
                    <span class="connection-next">{ format!("next try in {}", span::countdown(wait)) }</span>
                    <button type="button" class="link" onclick={props.try_now.reform(|_| ())}>{ "Try now" }</button>
                </p>
            }
        }
    }
}

/// What a view puts at the end of the header: filters and one action.
#[derive(Properties, PartialEq)]
pub struct HeaderEndProps {
    /// What is put there.
    pub children: Html,
}

/// Puts something at the end of the header. While a past moment is shown there is no such place.
#[component]
pub fn HeaderEnd(props: &HeaderEndProps) -> Html {
    let past = use_shown().is_past();
    let host = use_state(|| None::<web_sys::Element>);
    {
        let host = host.clone();
        use_effect_with(past, move |_| {
            host.set(
                web_sys::window()
                    .and_then(|window| window.document())
                    .and_then(|document| document.get_element_by_id("header-end")),
            );
        });
    }
    match (&*host, past) {
        (Some(host), false) => create_portal(props.children.clone(), host.clone()),
        _ => Html::default(),
    }
}

/// The key of the palette, as this computer calls it.
fn palette_key() -> &'static str {
    let platform =
        web_sys::window().and_then(|window| window.navigator().platform().ok()).unwrap_or_default();
    if platform.starts_with("Mac") { "⌘K" } else { "Ctrl K" }
}
