//! Puts the page together: holds the live connection, the route, the moment and the clock, and provides them as contexts.

use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use patze_core::time::Timestamp;
use serde::Deserialize;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::client::ask::{self, Problem};
use crate::client::live::{self, Link, Live, News};
use crate::fleet::Reading;
use crate::parts::hatch::Hatches;
use crate::rail::Rail;
use crate::route::Route;
use crate::say::typed::At;
use crate::shell::{Shell, appearance};
use crate::views;
use crate::world::{Place, Shown, Tick};

/// How many past states are kept at hand.
const PASTS_KEPT: usize = 6;

/// The page.
pub struct App {
    live: Live,
    link: Link,
    reading: Option<Rc<Reading>>,
    ahead: i64,
    build: Rc<str>,
    demo: bool,
    route: Rc<Route>,
    /// The same as long as the page lives, so that nobody is drawn anew because of it.
    go: Callback<Route>,
    past: Past,
    replay: Option<(u32, Interval)>,
    tick: Timestamp,
    _clock: Interval,
    _hash: Option<EventListener>,
}

/// What is known of the past.
#[derive(Default)]
struct Past {
    /// What is shown of it.
    reading: Option<Rc<Reading>>,
    travelling: bool,
    problem: Option<(At, Problem)>,
    kept: Vec<(At, Rc<Reading>)>,
}

/// What happens to the page.
pub enum Msg {
    /// The connection tells something.
    News(News),
    /// The address changed.
    Moved,
    /// Goes to a place.
    Go(Route),
    /// A past state arrived, or did not.
    Travelled(At, Result<Rc<Reading>, Problem>),
    /// A second has passed.
    Second,
    /// The next step of a replay.
    Replayed,
    /// Starts a replay at a speed, or stops it.
    Replay(Option<u32>),
    /// Connects at once, perhaps with a new token.
    TryNow,
    /// What `/health` says.
    Demo(bool),
}

#[derive(Deserialize)]
struct Health {
    #[serde(default)]
    demo: bool,
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        appearance::apply();
        let link = ctx.link();
        let live = Live::start(link.callback(Msg::News));
        let clock = {
            let link = link.clone();
            Interval::new(1_000, move || link.send_message(Msg::Second))
        };
        let hash = web_sys::window().map(|window| {
            let link = link.clone();
            EventListener::new(&window, "hashchange", move |_| link.send_message(Msg::Moved))
        });
        link.send_future(async {
            let health = ask::get::<Health>("/health").await;
            Msg::Demo(health.is_ok_and(|health| health.demo))
        });
        let mut app = Self {
            live,
            link: Link::Starting,
            reading: None,
            ahead: 0,
            build: Rc::from(""),
            demo: false,
            route: Rc::new(Route::of_hash(&hash_now())),
            go: link.callback(Msg::Go),
            past: Past::default(),
            replay: None,
            tick: live::now(),
            _clock: clock,
            _hash: hash,
        };
        app.travel(ctx);
        app.dress();
        app
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::News(News::Link(link)) => self.link = link,
            Msg::News(News::Reading(reading)) => {
                self.reading = Some(reading);
                // A past moment stands still.
                return self.route.at.is_none();
            }
            Msg::News(News::Ahead(ahead)) => self.ahead = ahead,
            Msg::News(News::Build(build)) => self.build = Rc::from(build),
            Msg::Moved => {
                let route = Route::of_hash(&hash_now());
                if route == *self.route {
                    return false;
                }
                self.arrive(ctx, route);
            }
            Msg::Go(route) => {
                if route == *self.route {
                    return false;
                }
                let same_view = route.view == self.route.view && route.selected == self.route.selected;
                write_hash(&route.hash(), same_view);
                self.arrive(ctx, route);
            }
            Msg::Travelled(at, result) => {
                if self.route.at != Some(at) {
                    return false;
                }
                self.past.travelling = false;
                match result {
                    Ok(reading) => {
                        self.past.keep(at, &reading);
                        self.past.reading = Some(reading);
                        self.past.problem = None;
                    }
                    Err(problem) => self.past.problem = Some((at, problem)),
                }
                self.dress();
            }
            Msg::Second => self.tick = live::now(),
            Msg::Replay(None) => self.replay = None,
            Msg::Replay(Some(speed)) => {
                let link = ctx.link().clone();
                self.replay = Some((speed, Interval::new(1_000, move || link.send_message(Msg::Replayed))));
            }
            Msg::Replayed => return self.replay_on(ctx),
            Msg::TryNow => self.live.try_now(),
            Msg::Demo(demo) => self.demo = demo,
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let shown = self.shown();
        let server = self.tick.plus(self.ahead);
        let tick = Tick { now: shown.moment().unwrap_or(server), server };
        let place = Place { route: Rc::clone(&self.route), go: self.go.clone() };
        let problem = self.past.problem.clone().filter(|(at, _)| self.route.at == Some(*at));
        html! {
            <ContextProvider<Place> context={place}>
            <ContextProvider<Shown> context={shown}>
            <ContextProvider<Tick> context={tick}>
                <Hatches />
                <Shell replay={ctx.link().callback(Msg::Replay)} try_now={ctx.link().callback(|()| Msg::TryNow)} problem={problem.map(|(_, problem)| problem)}>
                    <views::Current />
                </Shell>
                <Rail />
            </ContextProvider<Tick>>
            </ContextProvider<Shown>>
            </ContextProvider<Place>>
        }
    }
}

impl App {
    fn shown(&self) -> Shown {
        let at = self.route.at;
        Shown {
            reading: if at.is_some() { self.past.reading.clone() } else { self.reading.clone() },
            live: self.reading.clone(),
            link: self.link.clone(),
            at,
            travelling: self.past.travelling,
            replay: self.replay.as_ref().map(|(speed, _)| *speed),
            ahead: self.ahead,
            build: Rc::clone(&self.build),
            demo: self.demo,
        }
    }

    fn arrive(&mut self, ctx: &Context<Self>, route: Route) {
        let moved = route.at != self.route.at;
        self.route = Rc::new(route);
        if moved {
            self.travel(ctx);
        }
        self.dress();
    }

    /// Looks the moment up, unless it is at hand. The old one stays until then.
    fn travel(&mut self, ctx: &Context<Self>) {
        self.past.problem = None;
        let Some(at) = self.route.at else {
            (self.past.reading, self.past.travelling, self.replay) = (None, false, None);
            return;
        };
        if let Some(reading) = self.past.kept(at) {
            (self.past.reading, self.past.travelling) = (Some(reading), false);
            return;
        }
        if self.past.reading.is_none() {
            self.past.reading.clone_from(&self.reading);
        }
        self.past.travelling = true;
        let link = ctx.link().clone();
        spawn_local(async move {
            let result = live::past(at).await.map(Rc::new);
            link.send_message(Msg::Travelled(at, result));
        });
    }

    fn replay_on(&mut self, ctx: &Context<Self>) -> bool {
        let (Some((speed, _)), Some(end)) =
            (&self.replay, self.reading.as_ref().map(|live| live.fleet.log_time()))
        else {
            return false;
        };
        // The next step waits for the last one, so that a slow server slows the replay and skips nothing.
        if self.past.travelling {
            return false;
        }
        let Some(now) = self.shown().moment() else { return false };
        let next = now.plus(i64::from(*speed) * 1_000);
        let at = (next < end).then_some(At::Time(next));
        let route = (*self.route).clone().at(at);
        write_hash(&route.hash(), true);
        self.arrive(ctx, route);
        true
    }

    /// The past turns the whole frame to archive paper, as soon as one is there.
    fn dress(&self) {
        appearance::set_time(self.route.at.is_some());
    }
}

impl Past {
    fn kept(&self, at: At) -> Option<Rc<Reading>> {
        self.kept.iter().find(|(kept, _)| *kept == at).map(|(_, reading)| Rc::clone(reading))
    }

    fn keep(&mut self, at: At, reading: &Rc<Reading>) {
        if self.kept.len() >= PASTS_KEPT {
            self.kept.remove(0);
        }
        self.kept.push((at, Rc::clone(reading)));
    }
}

fn hash_now() -> String {
    web_sys::window().and_then(|window| window.location().hash().ok()).unwrap_or_default()
}

/// Writes the address; a change of filters or of the moment makes no new step for the browser's back.
fn write_hash(hash: &str, replace: bool) {
    let Some(window) = web_sys::window() else { return };
    let Ok(history) = window.history() else { return };
    let nothing = wasm_bindgen::JsValue::NULL;
    let _ = if replace {
        history.replace_state_with_url(&nothing, "", Some(hash))
    } else {
        history.push_state_with_url(&nothing, "", Some(hash))
    };
}
