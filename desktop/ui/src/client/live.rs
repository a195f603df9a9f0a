//! Keeps the state up to date: see [the module](super) for the protocol.
//!
//! What is told to the page is a [`Link`] and, at most once a frame of the browser, a [`Reading`]; so a burst of events is
//! folded at once and drawn once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::EventListener;
use patze_core::event::Placed;
use patze_core::fleet::{FOLD_VERSION, Fleet};
use patze_core::ids::LogId;
use patze_core::time::Timestamp;
use serde::Deserialize;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, ReadableStreamDefaultReader};
use yew::Callback;

use super::ask::{self, Asking, Problem};
use super::crowd::Crowd;
use super::frames::{Frame, Frames};
use super::wake::Wake;
use crate::fleet::{Reader, Reading};
use crate::say::typed::At;

/// The server sends a comment every 15 s; a stream that says nothing for this long is dead.
const SILENCE_MS: u32 = 40_000;
/// A hidden tab gives its connection back after this.
const HIDDEN_MS: u32 = 30_000;
/// Between two tries: the shortest and the longest wait, of which up to a third is left to chance.
const RETRY_MS: (f64, f64) = (500.0, 15_000.0);
/// Between two looks of a tab that found no place for a stream, and how long a new one listens for the others first.
const LOOK_MS: u32 = 2_000;
const LISTEN_MS: u32 = 120;
/// Behind by more than this is said to be catching up.
const MUCH: u64 = 500;

/// How the page is connected.
#[derive(Clone, PartialEq, Debug)]
pub enum Link {
    /// The first answer is awaited.
    Starting,
    /// What happened meanwhile is being read.
    CatchingUp {
        /// The position from which on.
        from: u64,
        /// What was folded last.
        at: u64,
        /// The log's end when the stream was opened.
        to: u64,
    },
    /// All that happens is here at once.
    Live,
    /// No connection.
    Offline {
        /// The browser's time since when.
        since: Timestamp,
        /// The browser's time of the next try.
        next_try: Timestamp,
        /// Why.
        problem: Problem,
    },
    /// A token is needed, or the one that was given is not taken.
    Locked {
        /// Whether one was given.
        tried: bool,
    },
    /// The tab is hidden.
    Asleep,
}

/// What is told.
#[derive(Clone, PartialEq)]
pub enum News {
    /// How the page is connected.
    Link(Link),
    /// The state.
    Reading(Rc<Reading>),
    /// What the server's clock is ahead of the browser's, ms.
    Ahead(i64),
    /// The server's version.
    Build(String),
}

/// `GET /state`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    log_id: LogId,
    fold_version: u32,
    now: Timestamp,
    #[serde(default)]
    thinned: bool,
    state: Fleet,
}

/// `event: hello`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hello {
    log_id: LogId,
    position: u64,
    fold_version: u32,
    build: String,
    now: Timestamp,
}

/// How a stream ended.
enum End {
    /// It must be opened again.
    Dropped(Problem),
    /// The state must be read anew.
    Anew,
    /// The tab is hidden.
    Hidden,
    /// All that there was has been read, and the connection is for others.
    Read,
}

/// The live connection. Dropping it closes it.
pub struct Live {
    inner: Rc<Inner>,
    _visibility: Option<EventListener>,
}

struct Inner {
    tell: Callback<News>,
    reader: RefCell<Option<Reader>>,
    drawing: Cell<bool>,
    stopped: Cell<bool>,
    /// The stream that is open; dropping it ends it.
    stream: RefCell<Option<Asking>>,
    wake: Wake,
    crowd: Crowd,
    hidden_since: Cell<Option<Timestamp>>,
    /// When the connection was lost, and how often it was tried since.
    lost: Cell<Option<(Timestamp, i32)>>,
}

impl Live {
    /// Connects, and stays connected until it is dropped.
    pub fn start(tell: Callback<News>) -> Self {
        let inner = Rc::new(Inner {
            tell,
            reader: RefCell::default(),
            drawing: Cell::new(false),
            stopped: Cell::new(false),
            stream: RefCell::default(),
            wake: Wake::default(),
            crowd: Crowd::join(),
            hidden_since: Cell::new(is_hidden().then(now)),
            lost: Cell::new(None),
        });
        let watched = Rc::clone(&inner);
        let visibility = web_sys::window().and_then(|window| window.document()).map(|document| {
            EventListener::new(&document, "visibilitychange", move |_| watched.visibility_changed())
        });
        spawn_local(Rc::clone(&inner).run());
        Self { inner, _visibility: visibility }
    }

    /// Tries at once, if it waits.
    pub fn try_now(&self) {
        self.inner.wake.now();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.inner.stopped.set(true);
        self.inner.stream.take();
        self.inner.wake.now();
    }
}

impl Inner {
    async fn run(self: Rc<Self>) {
        self.link(Link::Starting);
        self.wake.wait(Some(LISTEN_MS)).await;
        while !self.stopped.get() {
            let end = match self.begin().await {
                Ok(()) => self.stream().await,
                Err(problem) => End::Dropped(problem),
            };
            self.stream.take();
            if self.stopped.get() {
                break;
            }
            match end {
                End::Anew => *self.reader.borrow_mut() = None,
                End::Read => self.wake.wait(Some(LOOK_MS)).await,
                End::Hidden => {
                    self.crowd.leave();
                    self.link(Link::Asleep);
                    self.wake.wait(None).await;
                }
                End::Dropped(Problem::Unauthorized) => {
                    self.link(Link::Locked { tried: super::token::get().is_some() });
                    self.wake.wait(None).await;
                }
                End::Dropped(problem) => {
                    let (since, tries) = self.lost.get().unwrap_or_else(|| (now(), 0));
                    self.lost.set(Some((since, (tries + 1).min(10))));
                    let delay = (RETRY_MS.0 * 2_f64.powi(tries)).min(RETRY_MS.1);
                    let delay = delay * (1.0 - js_sys::Math::random() / 3.0);
                    let next_try = now().plus(delay as i64);
                    self.link(Link::Offline { since, next_try, problem });
                    self.wake.wait(Some(delay as u32)).await;
                }
            }
        }
    }

    /// Reads the state, if there is none to go on from.
    async fn begin(&self) -> Result<(), Problem> {
        if self.reader.borrow().is_some() {
            return Ok(());
        }
        let answer: Answer = ask::get("/state").await?;
        check(answer.fold_version)?;
        self.tell.emit(News::Ahead(answer.now.since(now())));
        *self.reader.borrow_mut() = Some(Reader::new(answer.log_id, answer.state, answer.thinned));
        self.tell_reading();
        Ok(())
    }

    async fn stream(self: &Rc<Self>) -> End {
        let Some((position, log_id)) =
            self.reader.borrow().as_ref().map(|reader| (reader.position(), reader.log_id().clone()))
        else {
            return End::Anew;
        };
        let stays = self.crowd.take();
        let asking = Asking::new();
        let controller = asking.controller().cloned();
        *self.stream.borrow_mut() = Some(asking);
        let path = format!("/events?after={position}&log={log_id}");
        let response = match ask::open("GET", &path, None, controller.as_ref()).await {
            Ok(response) if response.ok() => response,
            Ok(response) => return End::Dropped(ask::problem(&response).await),
            Err(problem) => return End::Dropped(problem),
        };
        let Some(body) = response.body() else { return End::Dropped(Problem::Unreachable) };
        let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
        let (mut frames, mut target, mut head) = (Frames::default(), None, None);
        loop {
            if !stays && head.is_some_and(|head| self.position() >= head) {
                return End::Read;
            }
            if self.is_long_hidden() {
                return End::Hidden;
            }
            let Some(bytes) = read(&reader, controller.as_ref()).await else {
                return if self.is_long_hidden() { End::Hidden } else { End::Dropped(Problem::Unreachable) };
            };
            frames.push(&bytes);
            while let Some(frame) = frames.next_frame() {
                if let Err(end) = self.take(&frame, position, &log_id, &mut target, &mut head) {
                    return end;
                }
            }
            self.report(position, &mut target);
            self.draw_soon();
        }
    }

    /// Takes one frame. `target` is the position up to which this is catching up, `head` the log's end at the begin.
    fn take(
        &self,
        frame: &Frame<'_>,
        begin: u64,
        log_id: &LogId,
        target: &mut Option<u64>,
        head: &mut Option<u64>,
    ) -> Result<(), End> {
        let unreadable = |error: serde_json::Error| End::Dropped(Problem::Unreadable(error.to_string()));
        match frame.event {
            "hello" => {
                let hello: Hello = serde_json::from_str(frame.data).map_err(unreadable)?;
                check(hello.fold_version).map_err(End::Dropped)?;
                if hello.log_id != *log_id {
                    return Err(End::Anew);
                }
                self.lost.set(None);
                *head = Some(hello.position);
                self.tell.emit(News::Ahead(hello.now.since(now())));
                self.tell.emit(News::Build(hello.build));
                *target = Some(hello.position).filter(|head| *head > begin + MUCH);
                if target.is_none() {
                    self.link(Link::Live);
                }
            }
            "reset" => return Err(End::Anew),
            "telemetry" | "patze" => {
                let placed: Placed<'_> = serde_json::from_str(frame.data).map_err(unreadable)?;
                if let Some(reader) = self.reader.borrow_mut().as_mut() {
                    reader.apply(&placed.recorded());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn report(&self, from: u64, target: &mut Option<u64>) {
        let Some(to) = *target else { return };
        let at = self.position();
        if at >= to {
            *target = None;
            self.link(Link::Live);
        } else {
            self.link(Link::CatchingUp { from, at, to });
        }
    }

    fn position(&self) -> u64 {
        self.reader.borrow().as_ref().map_or(0, Reader::position)
    }

    fn visibility_changed(&self) {
        if is_hidden() {
            self.hidden_since.set(Some(now()));
        } else {
            self.hidden_since.set(None);
            self.wake.now();
        }
    }

    fn is_long_hidden(&self) -> bool {
        self.hidden_since.get().is_some_and(|since| now().since(since) >= i64::from(HIDDEN_MS))
    }

    fn link(&self, link: Link) {
        self.tell.emit(News::Link(link));
    }

    /// Tells the state with the browser's next frame.
    fn draw_soon(self: &Rc<Self>) {
        if self.drawing.replace(true) {
            return;
        }
        let this = Rc::clone(self);
        let draw = Closure::once_into_js(move || {
            this.drawing.set(false);
            if !this.stopped.get() {
                this.tell_reading();
            }
        });
        let asked = web_sys::window().map(|window| window.request_animation_frame(draw.unchecked_ref()));
        if !matches!(asked, Some(Ok(_))) {
            self.drawing.set(false);
        }
    }

    fn tell_reading(&self) {
        let reading = self.reader.borrow_mut().as_mut().map(Reader::reading);
        if let Some(reading) = reading {
            self.tell.emit(News::Reading(Rc::new(reading)));
        }
    }
}

/// A past state.
///
/// # Errors
/// Whatever went wrong.
pub async fn past(at: At) -> Result<Reading, Problem> {
    let answer: Answer = ask::get(&format!("/state?at={}", crate::route::encoded(&at.query()))).await?;
    check(answer.fold_version)?;
    Ok(Reader::new(answer.log_id, answer.state, answer.thinned).reading())
}

/// The browser's time.
pub fn now() -> Timestamp {
    Timestamp::from_millis(js_sys::Date::now() as i64)
}

/// A page of another fold loads itself anew, once; a server that still differs then is told of.
fn check(fold_version: u32) -> Result<(), Problem> {
    const KEY: &str = "patze-reloaded-for";
    if fold_version == FOLD_VERSION {
        return Ok(());
    }
    if let Some(window) = web_sys::window()
        && let Ok(Some(storage)) = window.session_storage()
        && storage.get_item(KEY).ok().flatten() != Some(fold_version.to_string())
        && storage.set_item(KEY, &fold_version.to_string()).is_ok()
    {
        let _ = window.location().reload();
    }
    Err(Problem::Unreadable(format!(
        "the server folds by version {fold_version}, this page by {FOLD_VERSION}; load the page anew"
    )))
}

/// The next bytes; none at the end, and none after a long silence.
async fn read(reader: &ReadableStreamDefaultReader, controller: Option<&AbortController>) -> Option<Vec<u8>> {
    let controller = controller.cloned();
    let ms = if is_hidden() { HIDDEN_MS } else { SILENCE_MS };
    let timer = gloo_timers::callback::Timeout::new(ms, move || {
        if let Some(controller) = controller {
            controller.abort();
        }
    });
    let chunk = JsFuture::from(reader.read()).await;
    timer.cancel();
    let value = js_sys::Reflect::get(&chunk.ok()?, &JsValue::from_str("value")).ok()?;
    Some(value.dyn_into::<js_sys::Uint8Array>().ok()?.to_vec())
}

fn is_hidden() -> bool {
    web_sys::window().and_then(|window| window.document()).is_some_and(|document| document.hidden())
}
