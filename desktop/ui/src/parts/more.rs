//! How many rows of a long list are drawn: the first ones, and more when the end comes near.

use gloo_events::{EventListener, EventListenerOptions, EventListenerPhase};
use wasm_bindgen::JsCast as _;
use web_sys::Element;
use yew::prelude::*;

/// Rows that are drawn at first, and as many more each time.
const STEP: usize = 100;
/// So near to the end, px.
const NEAR: i32 = 600;

/// The number of rows to draw of `all`, and what draws more of them. Another question begins with the first ones again.
#[hook]
pub fn use_more<Q: PartialEq + 'static>(node: &NodeRef, question: Q, all: usize) -> (usize, Callback<()>) {
    let shown = use_state_eq(|| STEP);
    {
        let shown = shown.clone();
        use_effect_with(question, move |_| shown.set(STEP));
    }
    let more = {
        let shown = shown.clone();
        Callback::from(move |()| shown.set(*shown + STEP))
    };
    {
        let (node, more) = (node.clone(), more.clone());
        use_effect_with((all > *shown, *shown), move |(has_more, _)| {
            let document = web_sys::window().filter(|_| *has_more).and_then(|window| window.document());
            // What scrolls is some element around the list; its events do not bubble.
            let listener = document.map(|document| {
                let options = EventListenerOptions {
                    phase: EventListenerPhase::Capture,
                    ..EventListenerOptions::default()
                };
                EventListener::new_with_options(&document, "scroll", options, move |event| {
                    let scroller = event.target().and_then(|target| target.dyn_into::<Element>().ok());
                    if scroller.is_some_and(|scroller| is_near_end(&scroller, &node)) {
                        more.emit(());
                    }
                })
            });
            move || drop(listener)
        });
    }
    (*shown, more)
}

fn is_near_end(scroller: &Element, node: &NodeRef) -> bool {
    let list = node.cast::<Element>();
    let left = scroller.scroll_height() - scroller.scroll_top() - scroller.client_height();
    list.is_some_and(|list| scroller.contains(Some(&list))) && left < NEAR
}
