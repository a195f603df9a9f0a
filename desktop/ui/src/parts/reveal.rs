//! Brings a row into view that is out of it, as after a link to it was opened.

use web_sys::{Element, ScrollIntoViewOptions, ScrollLogicalPosition};
use yew::prelude::*;

/// Brings an element to the top of what scrolls around it (`scroller`), once it `is` what was asked for. One that is in view
/// already, as after a click, stays where it is.
#[hook]
pub fn use_reveal(node: &NodeRef, is: bool, scroller: &'static str) {
    let node = node.clone();
    use_effect_with(is, move |is| {
        let Some(element) = node.cast::<Element>().filter(|_| *is) else { return };
        let Some(around) = element.closest(scroller).ok().flatten() else { return };
        let (row, view) = (element.get_bounding_client_rect(), around.get_bounding_client_rect());
        if row.top() >= view.top() && row.bottom() <= view.bottom() {
            return;
        }
        let options = ScrollIntoViewOptions::new();
        options.set_block(ScrollLogicalPosition::Start);
        element.scroll_into_view_with_scroll_into_view_options(&options);
    });
}
