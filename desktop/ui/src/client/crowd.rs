//! How many tabs of this browser hold a stream. A browser opens six connections to a host and no more (HTTP/1.1), so that a
//! seventh tab would not even load. Tabs tell each other; those that find [`MOST`] before them read what is new from
//! time to time instead, and take a place that becomes free.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use patze_core::time::Timestamp;
use wasm_bindgen::{JsCast as _, JsValue};

use super::live::now;

/// Streams of one browser; the other connections are for questions.
const MOST: usize = 3;
/// How often a tab that holds a stream says so, and after how long without a word it is thought gone, ms.
const SAID_EVERY: u32 = 1_500;
const GONE_AFTER: i64 = 5_000;
const CHANNEL: &str = "patze-streams";
const ASKS: &str = "?";
const LEAVES: char = '-';

/// This tab among the others.
pub struct Crowd(Option<Inner>);

struct Inner {
    name: String,
    channel: web_sys::BroadcastChannel,
    others: Rc<RefCell<BTreeMap<String, Timestamp>>>,
    holds: Rc<RefCell<Option<Interval>>>,
    _heard: EventListener,
}

impl Crowd {
    /// Listens to the others. Where a browser has no channel between tabs, nobody knows of anybody.
    pub fn join() -> Self {
        let Ok(channel) = web_sys::BroadcastChannel::new(CHANNEL) else { return Self(None) };
        let name = format!("{:x}", (js_sys::Math::random() * 1e15) as u64);
        let others = Rc::new(RefCell::new(BTreeMap::new()));
        let holds: Rc<RefCell<Option<Interval>>> = Rc::default();
        let heard = {
            let (others, holds, channel, name) =
                (Rc::clone(&others), Rc::clone(&holds), channel.clone(), name.clone());
            EventListener::new(&channel.clone(), "message", move |event| {
                let message =
                    event.dyn_ref::<web_sys::MessageEvent>().and_then(|event| event.data().as_string());
                match message.as_deref() {
                    Some(ASKS) if holds.borrow().is_some() => say(&channel, &name),
                    Some(ASKS) | None => {}
                    Some(other) => match other.strip_prefix(LEAVES) {
                        Some(other) => drop(others.borrow_mut().remove(other)),
                        None => drop(others.borrow_mut().insert(other.to_owned(), now())),
                    },
                }
            })
        };
        say(&channel, ASKS);
        Self(Some(Inner { name, channel, others, holds, _heard: heard }))
    }

    /// Takes a place, if one is free or this tab has one.
    pub fn take(&self) -> bool {
        let Some(inner) = &self.0 else { return true };
        if inner.holds.borrow().is_some() {
            return true;
        }
        let gone = now().plus(-GONE_AFTER);
        let mut others = inner.others.borrow_mut();
        others.retain(|_, said| *said > gone);
        if others.len() >= MOST {
            return false;
        }
        say(&inner.channel, &inner.name);
        let (channel, name) = (inner.channel.clone(), inner.name.clone());
        *inner.holds.borrow_mut() = Some(Interval::new(SAID_EVERY, move || say(&channel, &name)));
        true
    }

    /// Gives the place back.
    pub fn leave(&self) {
        if let Some(inner) = &self.0
            && inner.holds.borrow_mut().take().is_some()
        {
            say(&inner.channel, &format!("{LEAVES}{}", inner.name));
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.leave();
    }
}

fn say(channel: &web_sys::BroadcastChannel, what: &str) {
    // A channel that is closed says nothing, and needs not to.
    let _ = channel.post_message(&JsValue::from_str(what));
}
