//! What is told when something is pointed at or has the focus, after 400 ms: `data-tip` is the fact, `data-tip-more` the rest.
//!
//! One layer for the whole page, so that nothing clips it, and every drawing can have tips by an attribute alone.

use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use wasm_bindgen::JsCast as _;
use yew::prelude::*;

const AFTER_MS: u32 = 400;

#[derive(Clone, PartialEq)]
struct Tip {
    fact: String,
    more: Option<String>,
    left: f64,
    top: f64,
}

/// The layer.
#[component]
pub fn Tips() -> Html {
    let tip = use_state(|| None::<Tip>);
    let node = use_node_ref();
    {
        let tip = tip.clone();
        use_effect_with((), move |()| {
            let timer = std::rc::Rc::new(std::cell::RefCell::new(None::<Timeout>));
            let document = web_sys::window().and_then(|window| window.document());
            let listen = |name: &'static str| {
                let (tip, timer) = (tip.clone(), std::rc::Rc::clone(&timer));
                document.as_ref().map(|document| {
                    EventListener::new(document, name, move |event| {
                        let target =
                            event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
                        let found = target.and_then(|target| target.closest("[data-tip]").ok().flatten());
                        timer.borrow_mut().take();
                        tip.set(None);
                        if let Some(element) = found {
                            let tip = tip.clone();
                            *timer.borrow_mut() =
                                Some(Timeout::new(AFTER_MS, move || tip.set(read(&element))));
                        }
                    })
                })
            };
            let heard = ["pointerover", "focusin", "pointerdown", "keydown", "scroll"].map(listen);
            move || drop(heard)
        });
    }
    {
        let node = node.clone();
        use_effect_with((*tip).clone(), move |tip| {
            let (Some(tip), Some(plate)) = (tip, node.cast::<web_sys::HtmlElement>()) else { return };
            let room = web_sys::window()
                .and_then(|window| window.inner_width().ok())
                .and_then(|width| width.as_f64());
            let most = room.unwrap_or(1_000.0) - f64::from(plate.offset_width()) - 8.0;
            let high = f64::from(plate.offset_height());
            let top = if tip.top < high + 12.0 { tip.top + 26.0 } else { tip.top - high - 6.0 };
            let _ = plate.style().set_property("left", &format!("{:.0}px", tip.left.min(most).max(8.0)));
            let _ = plate.style().set_property("top", &format!("{top:.0}px"));
        });
    }
    match &*tip {
        Some(tip) => html! {
            <div ref={node} class="tip" role="tooltip">
                <p><bdi>{ &tip.fact }</bdi></p>
                if let Some(more) = &tip.more { <p class="tip-more">{ more }</p> }
            </div>
        },
        None => Html::default(),
    }
}

fn read(element: &web_sys::Element) -> Option<Tip> {
    let place = element.get_bounding_client_rect();
    Some(Tip {
        fact: element.get_attribute("data-tip").filter(|fact| !fact.is_empty())?,
        more: element.get_attribute("data-tip-more").filter(|more| !more.is_empty()),
        left: place.left(),
        top: place.top(),
    })
}
