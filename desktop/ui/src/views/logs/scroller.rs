//! What scrolls the list: its element, and what stands for the rows that are not in the document.

use wasm_bindgen::JsCast as _;
use yew::prelude::*;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct SpacerProps {
    /// Their height, px.
    pub height: f64,
}

/// Stands for the rows that are not in the document.
#[component]
pub fn Spacer(props: &SpacerProps) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(props.height, move |height| {
            if let Some(spacer) = node.cast::<web_sys::HtmlElement>() {
                let _ = spacer.style().set_property("height", &format!("{height:.0}px"));
            }
        });
    }
    html! { <div ref={node} class="spacer"></div> }
}

/// How far it is scrolled, px.
pub fn scroll_top(node: &NodeRef) -> f64 {
    node.cast::<web_sys::Element>().map_or(0.0, |element| f64::from(element.scroll_top()))
}

/// Scrolls, if there is anywhere to.
pub fn move_to(node: &NodeRef, scroll: &UseStateHandle<f64>, top: Option<f64>) {
    let (Some(top), Some(element)) = (top, node.cast::<web_sys::Element>()) else { return };
    element.set_scroll_top(top.max(0.0) as i32);
    scroll.set(f64::from(element.scroll_top()));
}

/// Gives a row the focus, if it is in the document.
pub fn focus(node: &NodeRef, position: u64) -> bool {
    let row = node
        .cast::<web_sys::Element>()
        .and_then(|list| list.query_selector(&format!("[data-line='{position}']")).ok().flatten())
        .and_then(|row| row.dyn_into::<web_sys::HtmlElement>().ok());
    row.is_some_and(|row| {
        let gently = web_sys::FocusOptions::new();
        gently.set_prevent_scroll(true);
        row.focus_with_options(&gently).is_ok()
    })
}

/// Whether rows have two lines.
pub fn is_phone() -> bool {
    web_sys::window()
        .and_then(|window| window.match_media("(max-width: 599px)").ok().flatten())
        .is_some_and(|query| query.matches())
}
