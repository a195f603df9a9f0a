//! The keys of a list: `j` `k` and the arrows go from row to row, Home and End to its ends. What Enter does is the row's own.
//!
//! A row is whatever has `data-row` inside of the list; one of them has `tabindex="0"` (the chosen one), the others `-1`.

use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement, KeyboardEvent};
use yew::prelude::*;

use crate::shell::keys;

/// Lets keys go from row to row of `list`. Letters do so from anywhere in the page, the others while a row has the focus.
#[hook]
pub fn use_row_keys(list: &NodeRef) {
    let list = list.clone();
    use_effect_with((), move |()| {
        let document = web_sys::window().and_then(|window| window.document());
        let listener = document.map(|document| {
            EventListener::new_with_options(
                &document,
                "keydown",
                EventListenerOptions::enable_prevent_default(),
                move |event| {
                    let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
                    if let Some(row) = row_to_focus(&list, event) {
                        event.prevent_default();
                        let _ = row.focus();
                    }
                },
            )
        });
        move || drop(listener)
    });
}

fn row_to_focus(list: &NodeRef, event: &KeyboardEvent) -> Option<HtmlElement> {
    if event.ctrl_key()
        || event.meta_key()
        || event.alt_key()
        || event.shift_key()
        || event.default_prevented()
    {
        return None;
    }
    let document = web_sys::window()?.document()?;
    let list = list.cast::<Element>()?;
    let active = document.active_element();
    if active.as_ref().is_some_and(|element| matches!(&*element.tag_name(), "INPUT" | "TEXTAREA" | "SELECT"))
        || document.query_selector(".scrim, .palette").ok().flatten().is_some()
    {
        return None;
    }
    let found = list.query_selector_all("[data-row]").ok()?;
    let rows: Vec<HtmlElement> = (0..found.length()).filter_map(|i| found.item(i)?.dyn_into().ok()).collect();
    let focused = rows.iter().position(|row| row.contains(active.as_deref()));
    let chosen = rows.iter().position(|row| row.tab_index() == 0);
    let key = event.key();
    if matches!(&*key, "j" | "k") && !keys::are_on() {
        return None;
    }
    next(&key, focused, chosen, rows.len()).and_then(|i| rows.get(i).cloned())
}

/// The row that a key leads to: from the focused one, or to the chosen one if none is.
fn next(key: &str, focused: Option<usize>, chosen: Option<usize>, n: usize) -> Option<usize> {
    let last = n.checked_sub(1)?;
    let Some(at) = focused else {
        return matches!(key, "j" | "k").then(|| chosen.unwrap_or(0).min(last));
    };
    match key {
        "j" | "ArrowDown" | "ArrowRight" => Some((at + 1).min(last)),
        "k" | "ArrowUp" | "ArrowLeft" => Some(at.saturating_sub(1)),
        "Home" => Some(0),
        "End" => Some(last),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn keys_go_from_row_to_row_and_stop_at_the_ends() {
        assert_eq!(next("j", Some(0), None, 3), Some(1));
        assert_eq!(next("ArrowDown", Some(2), None, 3), Some(2));
        assert_eq!(next("k", Some(0), None, 3), Some(0));
        assert_eq!(next("End", Some(0), None, 3), Some(2));
        assert_eq!(next("x", Some(0), None, 3), None);
    }

    #[test]
    fn letters_alone_reach_the_list_from_elsewhere() {
        assert_eq!(next("j", None, Some(1), 3), Some(1));
        assert_eq!(next("k", None, None, 3), Some(0));
        assert_eq!(next("ArrowDown", None, Some(1), 3), None);
        assert_eq!(next("j", None, None, 0), None);
    }
}
