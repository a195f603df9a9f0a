//! The keys of the list: they work wherever the focus is in the view, and move it to a row.

use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast as _;
use web_sys::KeyboardEvent;
use yew::prelude::*;

use crate::shell::keys;

/// What a key asks of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Press {
    /// The next row.
    Down,
    /// The one before.
    Up,
    /// The newest line.
    First,
    /// The last one that is loaded.
    Last,
    /// Opens the row.
    Open,
    /// Closes it.
    Close,
}

/// Hears keys.
#[hook]
pub fn use_keys(press: impl Fn(Press) + 'static) {
    use_effect(move || {
        let document = web_sys::window().and_then(|window| window.document());
        let listener = document.map(|document| {
            EventListener::new_with_options(
                &document,
                "keydown",
                EventListenerOptions::enable_prevent_default(),
                move |event| {
                    let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
                    if let Some(asked) = asked(event) {
                        event.prevent_default();
                        press(asked);
                    }
                },
            )
        });
        move || drop(listener)
    });
}

fn asked(event: &KeyboardEvent) -> Option<Press> {
    let plain = !(event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key());
    if !plain || event.default_prevented() || keys::is_typing(event) {
        return None;
    }
    let target = event.target()?.dyn_into::<web_sys::Element>().ok()?;
    let inside = |selector: &str| target.closest(selector).ok().flatten().is_some();
    if inside("nav, .rail, .tabs, [role=dialog], .palette, [role=radiogroup]") {
        return None;
    }
    match of(&event.key(), keys::are_on())? {
        press @ (Press::Open | Press::Close) => inside("[data-line]").then_some(press),
        press => Some(press),
    }
}

/// What a key asks for; letters only where single keys are on.
fn of(key: &str, letters: bool) -> Option<Press> {
    Some(match key {
        "ArrowDown" => Press::Down,
        "j" if letters => Press::Down,
        "ArrowUp" => Press::Up,
        "k" if letters => Press::Up,
        "Home" => Press::First,
        "End" => Press::Last,
        "Enter" | "ArrowRight" => Press::Open,
        "ArrowLeft" | "Escape" => Press::Close,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_can_be_switched_off() {
        assert_eq!(of("j", true), Some(Press::Down));
        assert_eq!(of("j", false), None);
        assert_eq!(of("ArrowDown", false), Some(Press::Down));
        assert_eq!(of("x", true), None);
    }
}
