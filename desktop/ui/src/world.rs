//! What every part of the page can ask for: where somebody is, which state is shown, and what time it is there.
//!
//! Three contexts, so that what changes often does not draw what does not: [`Place`] (the route), [`Shown`] (the state),
//! [`Tick`] (the second). They are provided by `app`.

use std::rc::Rc;

use patze_core::time::Timestamp;
use yew::prelude::*;

use crate::client::live::Link;
use crate::fleet::Reading;
use crate::route::{Route, View};
use crate::say::typed::At;

/// Where somebody is, and how to go elsewhere.
#[derive(Clone, PartialEq)]
pub struct Place {
    /// The route.
    pub route: Rc<Route>,
    /// Goes to a route; the moment goes with it unless it is told.
    pub go: Callback<Route>,
}

impl Place {
    /// A link's address: the route at the moment that is shown.
    pub fn href(&self, route: Route) -> String {
        let at = route.at.or(self.route.at);
        route.at(at).hash()
    }

    /// The same view with another filter.
    pub fn with_filter(&self, name: &str, value: &str) -> Route {
        (*self.route).clone().filter(name, value)
    }
}

/// Which state is shown.
#[derive(Clone, PartialEq)]
pub struct Shown {
    /// The state; none before the first answer.
    pub reading: Option<Rc<Reading>>,
    /// The newest one that is known, also while a past one is shown.
    pub live: Option<Rc<Reading>>,
    /// How the page is connected.
    pub link: Link,
    /// The moment, if it is not now.
    pub at: Option<At>,
    /// It is being looked up.
    pub travelling: bool,
    /// How many times as fast as life a replay goes.
    pub replay: Option<u32>,
    /// What the server's clock is ahead of the browser's, ms.
    pub ahead: i64,
    /// The server's version.
    pub build: Rc<str>,
    /// Whether a made-up fleet is shown.
    pub demo: bool,
}

impl Shown {
    /// Whether a past moment is shown.
    pub fn is_past(&self) -> bool {
        self.at.is_some()
    }

    /// Whether what is shown may be old without a past moment having been asked for.
    pub fn is_stale(&self) -> bool {
        self.at.is_none() && matches!(self.link, Link::Offline { .. })
    }

    /// Whether something may be changed now.
    pub fn may_change(&self) -> bool {
        self.at.is_none() && !matches!(self.link, Link::Offline { .. } | Link::Locked { .. } | Link::Starting)
    }

    /// Why nothing may be changed now.
    pub fn why_not(&self) -> Option<&'static str> {
        if self.at.is_some() {
            return Some("Back to live to do this");
        }
        (!self.may_change()).then_some("The server cannot be reached")
    }

    /// The end of what charts show: the moment.
    pub fn moment(&self) -> Option<Timestamp> {
        match self.at? {
            At::Time(time) => Some(time),
            At::Position(_) => self.reading.as_ref().map(|reading| reading.fleet.log_time()),
        }
    }
}

/// What time it is.
#[derive(Clone, Copy, PartialEq)]
pub struct Tick {
    /// The second that ages are counted to: the server's clock, or the moment that is shown.
    pub now: Timestamp,
    /// The server's clock.
    pub server: Timestamp,
}

/// Where somebody is.
#[hook]
pub fn use_place() -> Place {
    use_context().unwrap_or_else(|| Place { route: Rc::new(Route::to(View::Overview)), go: Callback::noop() })
}

/// Which state is shown.
#[hook]
pub fn use_shown() -> Shown {
    use_context().unwrap_or_else(|| Shown {
        reading: None,
        live: None,
        link: Link::Starting,
        at: None,
        travelling: false,
        replay: None,
        ahead: 0,
        build: Rc::from(""),
        demo: false,
    })
}

/// What time it is there. Who uses it is drawn every second.
#[hook]
pub fn use_now() -> Timestamp {
    use_context::<Tick>().map_or(Timestamp::EPOCH, |tick| tick.now)
}

/// What time it is at the server, whichever moment is shown.
#[hook]
pub fn use_server_now() -> Timestamp {
    use_context::<Tick>().map_or(Timestamp::EPOCH, |tick| tick.server)
}

/// The same as [`use_now`], in steps of `step` ms: who draws a chart need not do so every second.
#[hook]
pub fn use_now_by(step: i64) -> Timestamp {
    let now = use_now();
    Timestamp::from_millis(now.millis().div_euclid(step) * step)
}
