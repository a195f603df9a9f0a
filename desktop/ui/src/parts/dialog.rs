//! A dialog: what would happen, in a sentence or two, and the safe way out first.

use wasm_bindgen::JsCast as _;
use yew::prelude::*;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct DialogProps {
    /// The question.
    pub title: AttrValue,
    /// The consequence and whatever is to be typed.
    pub children: Html,
    /// The buttons, the safe one first.
    pub buttons: Html,
    /// Closes it.
    pub onclose: Callback<()>,
}

/// A dialog over a scrim. Focus stays in it, and returns to where it was.
#[component]
pub fn Dialog(props: &DialogProps) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with((), move |()| {
            let document = web_sys::window().and_then(|window| window.document());
            let before = document.as_ref().and_then(web_sys::Document::active_element);
            if let Some(first) = focusable(&node).first() {
                let _ = first.focus();
            }
            move || {
                if let Some(before) = before.and_then(|before| before.dyn_into::<web_sys::HtmlElement>().ok())
                {
                    let _ = before.focus();
                }
            }
        });
    }
    let onkeydown = {
        let (node, onclose) = (node.clone(), props.onclose.clone());
        Callback::from(move |event: KeyboardEvent| {
            event.stop_propagation();
            match event.key().as_str() {
                "Escape" => onclose.emit(()),
                "Tab" => keep_inside(&node, &event),
                _ => {}
            }
        })
    };
    html! {
        <div class="scrim">
            <div ref={node} class="dialog" role="dialog" aria-modal="true" aria-label={props.title.clone()} {onkeydown}>
                <h2>{ &props.title }</h2>
                <div class="dialog-text">{ props.children.clone() }</div>
                <div class="dialog-buttons">{ props.buttons.clone() }</div>
            </div>
        </div>
    }
}

/// What can take the focus inside of an element, in order; what is marked to come first, first.
pub fn focusable(node: &NodeRef) -> Vec<web_sys::HtmlElement> {
    let Some(element) = node.cast::<web_sys::Element>() else { return Vec::new() };
    let Ok(found) = element.query_selector_all("input, select, button, a[href], [tabindex='0']") else {
        return Vec::new();
    };
    (0..found.length()).filter_map(|i| found.item(i)?.dyn_into().ok()).collect()
}

/// Tab goes round inside of an element.
pub fn keep_inside(node: &NodeRef, event: &KeyboardEvent) {
    let all = focusable(node);
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return };
    let active =
        web_sys::window().and_then(|window| window.document()).and_then(|document| document.active_element());
    let is = |element: &web_sys::HtmlElement| active.as_ref() == Some(element.unchecked_ref());
    let next = if event.shift_key() && is(first) {
        last
    } else if !event.shift_key() && is(last) {
        first
    } else {
        return;
    };
    event.prevent_default();
    let _ = next.focus();
}
