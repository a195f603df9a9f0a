//! The size that an element has, for drawings that need it in pixels.

use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::Closure;
use yew::prelude::*;

/// The width of an element, kept up to date; 0 before it is known.
#[hook]
pub fn use_width() -> (NodeRef, f64) {
    let (node, width, _) = use_size();
    (node, width)
}

/// The width and height of an element, kept up to date; 0 before they are known.
#[hook]
pub fn use_size() -> (NodeRef, f64, f64) {
    let node = use_node_ref();
    let size = use_state_eq(|| (0.0_f64, 0.0_f64));
    {
        let (node, size) = (node.clone(), size.clone());
        use_effect_with((), move |()| {
            let element = node.cast::<web_sys::Element>();
            let measure = {
                let element = element.clone();
                move || {
                    if let Some(element) = &element {
                        let now = element.get_bounding_client_rect();
                        size.set((now.width().round(), now.height().round()));
                    }
                }
            };
            measure();
            let changed = Closure::<dyn FnMut()>::new(measure);
            let observer = web_sys::ResizeObserver::new(changed.as_ref().unchecked_ref()).ok();
            if let (Some(observer), Some(element)) = (&observer, &element) {
                observer.observe(element);
            }
            move || {
                if let Some(observer) = observer {
                    observer.disconnect();
                }
                drop(changed);
            }
        });
    }
    (node, size.0, size.1)
}
