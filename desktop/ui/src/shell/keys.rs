//! What each key does. Single keys are off while something is typed, and can be switched off altogether (WCAG 2.1.4).

use patze_core::time::{HOUR, MINUTE};
use wasm_bindgen::JsCast as _;
use web_sys::KeyboardEvent;

use crate::route::View;

const KEY: &str = "patze-single-keys";

/// What a key asks for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Act {
    /// Goes to a view.
    Go(View),
    /// Opens the palette.
    Palette,
    /// Asks for a time.
    Time,
    /// Opens the help sheet.
    Help,
    /// Closes what lies over the view.
    Close,
    /// Back to live.
    Live,
    /// Moves the moment, ms.
    Step(i64),
    /// Starts or stops a replay.
    Replay,
    /// Copies a link to this moment.
    CopyLink,
    /// Light or dark.
    Theme,
}

/// Remembers that `g` was pressed.
#[derive(Default)]
pub struct Keys {
    jump: bool,
}

impl Keys {
    /// What a key asks for, if anything. What a view does with its own keys, it has done by then.
    pub fn press(&mut self, event: &KeyboardEvent, layer: bool) -> Option<Act> {
        let jump = std::mem::take(&mut self.jump);
        let key = event.key();
        if event.ctrl_key() || event.meta_key() {
            return key.eq_ignore_ascii_case("k").then_some(Act::Palette);
        }
        if event.alt_key() || event.default_prevented() {
            return None;
        }
        if key == "Escape" {
            return layer.then_some(Act::Close);
        }
        if layer || is_typing(event) || !are_on() {
            return None;
        }
        if event.shift_key() {
            return match key.as_str() {
                "ArrowLeft" => Some(Act::Step(-MINUTE)),
                "ArrowRight" => Some(Act::Step(MINUTE)),
                "PageUp" => Some(Act::Step(-HOUR)),
                "PageDown" => Some(Act::Step(HOUR)),
                "D" | "d" => Some(Act::Theme),
                "?" => Some(Act::Help),
                "@" => Some(Act::Time),
                "/" => Some(Act::Palette),
                _ => None,
            };
        }
        if jump {
            return View::ALL.into_iter().find(|view| key.chars().eq([view.letter()])).map(Act::Go);
        }
        match key.as_str() {
            "g" => self.jump = true,
            "/" => return if focus_view_search() { None } else { Some(Act::Palette) },
            "?" => return Some(Act::Help),
            "@" => return Some(Act::Time),
            "." => return Some(Act::Live),
            "p" => return Some(Act::Replay),
            "y" => return Some(Act::CopyLink),
            "u" => {
                retry_panel();
            }
            "f" => {
                click("[data-key='f']");
            }
            _ => {}
        }
        None
    }
}

/// Whether single keys do something.
pub fn are_on() -> bool {
    storage().and_then(|storage| storage.get_item(KEY).ok().flatten()).as_deref() != Some("off")
}

/// Switches single keys on or off.
pub fn switch(on: bool) {
    if let Some(storage) = storage() {
        let _ = if on { storage.remove_item(KEY) } else { storage.set_item(KEY, "off") };
    }
}

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

/// Whether something is being typed.
pub fn is_typing(event: &KeyboardEvent) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"))
}

/// `/` is the view's own search where it has one. The key itself must not be typed into it.
fn focus_view_search() -> bool {
    let field = element("[data-view-search]");
    let Some(field) = field else { return false };
    gloo_timers::callback::Timeout::new(0, move || {
        let _ = field.focus();
    })
    .forget();
    true
}

fn retry_panel() -> bool {
    click("[data-failed-panel] .button")
}

fn click(selector: &str) -> bool {
    element(selector).map(|element| element.click()).is_some()
}

fn element(selector: &str) -> Option<web_sys::HtmlElement> {
    web_sys::window()?.document()?.query_selector(selector).ok().flatten()?.dyn_into().ok()
}
