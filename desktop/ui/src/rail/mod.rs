//! The moment rail: the whole log as one line, on every view. One stands on it, and travels along it.
//!
//! | to find out | open |
//! |---|---|
//! | what is drawn | [`line`] |
//! | how far it reaches, and where its buckets are | [`range`] |

mod line;
mod range;

use gloo_timers::callback::Timeout;
use patze_core::history::{Answer, Density};
use patze_core::time::{MINUTE, Timestamp};
use yew::prelude::*;

use crate::client::history::use_fetched;
use crate::client::live::Link;
use crate::parts::mark::{FlagMark, PlayMark, RunMark, StateMark};
use crate::parts::width::use_width;
use crate::route::encoded;
use crate::say::typed::At;
use crate::say::word::State;
use crate::say::{clock, number, span};
use crate::world::{Shown, use_now, use_place, use_server_now, use_shown};
use line::Line;
pub use range::Range;

/// A head that rests for so long while it is dragged loads its moment.
const REST_MS: u32 = 150;

/// The rail.
#[component]
pub fn Rail() -> Html {
    let (shown, place) = (use_shown(), use_place());
    let range = Range::of(place.route.get("range"));
    let (node, width) = use_width();
    // The line reaches up to now, whichever moment is shown.
    let minute = Timestamp::from_millis(use_server_now().millis().div_euclid(MINUTE) * MINUTE);
    let density = use_fetched::<Answer<Density>>(density_path(&shown, range, minute));
    let pointed = use_state(|| None::<f64>);
    let dragging = use_state(|| false);
    let rest = use_mut_ref(|| None::<Timeout>);
    let line = Line::of(&shown, density.value.as_deref().map(|answer| &answer.answer), range, width, minute);
    let travel = {
        let place = place.clone();
        Callback::from(move |at: Option<At>| place.go.emit((*place.route).clone().at(at)))
    };
    let at_x = {
        let (node, line) = (node.clone(), line.clone());
        move |event: &PointerEvent| {
            let left = node
                .cast::<web_sys::Element>()
                .map_or(0.0, |element| element.get_bounding_client_rect().left());
            (f64::from(event.client_x()) - left).clamp(0.0, line.width)
        }
    };
    let onpointermove = {
        let (pointed, dragging, at_x, line, travel, rest) =
            (pointed.clone(), dragging.clone(), at_x.clone(), line.clone(), travel.clone(), rest.clone());
        Callback::from(move |event: PointerEvent| {
            let x = at_x(&event);
            pointed.set(Some(x));
            if *dragging {
                let (travel, at) = (travel.clone(), line.at(x));
                *rest.borrow_mut() = Some(Timeout::new(REST_MS, move || travel.emit(at)));
            }
        })
    };
    let onpointerdown = {
        let (dragging, node) = (dragging.clone(), node.clone());
        Callback::from(move |event: PointerEvent| {
            if event.button() == 0 {
                if let Some(element) = node.cast::<web_sys::Element>() {
                    let _ = element.set_pointer_capture(event.pointer_id());
                }
                dragging.set(true);
            }
        })
    };
    let onpointerup = {
        let (dragging, at_x, line, travel, rest) =
            (dragging.clone(), at_x, line.clone(), travel.clone(), rest.clone());
        Callback::from(move |event: PointerEvent| {
            if *dragging {
                rest.borrow_mut().take();
                dragging.set(false);
                travel.emit(line.at(at_x(&event)));
            }
        })
    };
    let onpointerleave = {
        let pointed = pointed.clone();
        Callback::from(move |_: PointerEvent| pointed.set(None))
    };
    let onkeydown = {
        let (shown, travel) = (shown.clone(), travel.clone());
        Callback::from(move |event: KeyboardEvent| {
            let step = match event.key().as_str() {
                "ArrowLeft" | "ArrowDown" => -MINUTE,
                "ArrowRight" | "ArrowUp" => MINUTE,
                "PageDown" => -60 * MINUTE,
                "PageUp" => 60 * MINUTE,
                "End" => return travel.emit(None),
                _ => return,
            };
            event.prevent_default();
            event.stop_propagation();
            travel.emit(stepped(&shown, step));
        })
    };
    let text = line.value_text(&shown);
    let head = shown.live.as_ref().map_or(0, |live| live.fleet.position());
    let position = shown.reading.as_ref().map_or(0, |reading| reading.fleet.position());
    html! {
        <footer class={classes!("rail", "on-band")} aria-label="Moment">
            <RailMode />
            <div ref={node} id="moment" class={classes!("rail-line", dragging.then_some("dragging"))} role="slider" tabindex="0"
                aria-label="Moment" aria-valuemin="0" aria-valuemax={head.to_string()} aria-valuenow={position.to_string()} aria-valuetext={text}
                {onpointermove} {onpointerdown} {onpointerup} {onpointerleave} {onkeydown}>
                { line.draw(&shown, *pointed) }
            </div>
            <div class="rail-position">
                <p class="mono rail-number">{ number::position(position) }</p>
                <p class="rail-under">
                    <RailUnder rate={line.rate()} />
                    <RangeChoice {range} />
                </p>
            </div>
        </footer>
    }
}

/// Where one is `step` ms from the moment that is shown; nothing is live.
pub fn stepped(shown: &Shown, step: i64) -> Option<At> {
    let live = shown.live.as_ref()?.fleet.log_time();
    let now = shown.moment().unwrap_or(live);
    let then = now.plus(step);
    (then < live).then_some(At::Time(then))
}

/// Density is asked anew every minute, and whenever the range changes; a past moment changes nothing.
fn density_path(shown: &Shown, range: Range, minute: Timestamp) -> Option<String> {
    let live = shown.live.as_ref()?;
    if live.fleet.position() == 0 {
        return None;
    }
    let to = minute.plus(MINUTE);
    let mut path = format!("/history/density?buckets=144&to={}", encoded(&to.to_string()));
    if let Some(span) = range.span() {
        path.push_str(&format!("&from={}", encoded(&to.plus(-span).to_string())));
    }
    Some(path)
}

/// The left part: where one is.
#[component]
fn RailMode() -> Html {
    let (shown, now, server_now) = (use_shown(), use_now(), use_server_now());
    let (mark, word, under) = if let Some(moment) = shown.moment() {
        let ago = format!("{} ago", span::duration(server_now.since(moment).max(0) / 1_000 * 1_000));
        match shown.replay {
            Some(speed) => (html! { <PlayMark /> }, format!("Replay, {speed}\u{a0}×"), ago),
            None => (html! { <FlagMark /> }, "Past".to_owned(), ago),
        }
    } else if shown.is_past() {
        (html! { <FlagMark /> }, "Past".to_owned(), "looking it up".to_owned())
    } else {
        let nothing = shown.live.as_ref().is_some_and(|live| live.fleet.position() == 0);
        let state = |state| html! { <StateMark {state} quiet=true /> };
        match &shown.link {
            Link::Live | Link::Asleep if nothing => {
                (state(State::Unknown), "Waiting".to_owned(), clock::date_and_time(now))
            }
            Link::Live | Link::Asleep => (state(State::Ok), "Live".to_owned(), clock::date_and_time(now)),
            Link::Starting => {
                (html! { <RunMark state={None} /> }, "Connecting".to_owned(), clock::date_and_time(now))
            }
            Link::CatchingUp { .. } => (
                html! { <RunMark state={Some(patze_core::fleet::lifecycle::LifeState::Running)} /> },
                "Catching up".to_owned(),
                shown.live.as_ref().map_or_else(String::new, |live| {
                    format!("now at {}", clock::time(live.fleet.log_time()))
                }),
            ),
            Link::Offline { since, .. } => (
                state(State::Unknown),
                "Offline".to_owned(),
                format!("since {}", clock::near_to_the_second(*since, now)),
            ),
            Link::Locked { .. } => {
                (state(State::Unknown), "Locked".to_owned(), "a token is needed".to_owned())
            }
        }
    };
    html! {
        <div class="rail-mode" role="status">
            <p class="rail-word">{ mark }{ word }</p>
            <p class="rail-under">{ under }</p>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct RailUnderProps {
    rate: Option<u64>,
}

/// What stands under the position.
#[component]
fn RailUnder(props: &RailUnderProps) -> Html {
    let (shown, now) = (use_shown(), use_now());
    let head = shown.live.as_ref().map_or(0, |live| live.fleet.position());
    if shown.is_past() {
        return html! { { format!("now {}", number::position(head)) } };
    }
    html! { { match &shown.link {
        Link::Offline { next_try, .. } => {
            format!("next try in {}", span::countdown(next_try.plus(shown.ahead).since(now)))
        }
        Link::CatchingUp { to, .. } => format!("of {}", number::position(*to)),
        _ if head == 0 => "no events yet".to_owned(),
        _ => props.rate.map_or_else(String::new, |rate| format!("{} / min", number::count(rate))),
    } } }
}

#[derive(Properties, PartialEq)]
struct RangeChoiceProps {
    range: Range,
}

/// How far the line reaches.
#[component]
fn RangeChoice(props: &RangeChoiceProps) -> Html {
    let place = use_place();
    let onchange = Callback::from(move |event: Event| {
        let chosen = event
            .target_dyn_into::<web_sys::HtmlSelectElement>()
            .map(|select| select.value())
            .unwrap_or_default();
        let value = if chosen == Range::default().word() { "" } else { chosen.as_str() };
        place.go.emit(place.with_filter("range", value));
    });
    html! {
        <select class="rail-range" aria-label="Range" {onchange}>
            { for Range::ALL.into_iter().map(|range| html! {
                <option value={range.word()} selected={range == props.range}>{ range.label() }</option>
            }) }
        </select>
    }
}
