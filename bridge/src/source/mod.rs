//! The Source actor, one for each OpenClaw home: it reads what is new there into the spool.
//!
//! **Owns** the open home and the watch on it. **Woken by** the watch (a change, or the slow poll). **Appends** pages of
//! events, each with its cursor, to the spool, one after the other; between two pages everybody else gets a turn.
//! **Fails** only by a bug: a home that cannot be read is a [`Condition`], with the reason, tried again with backoff.
//! Nothing ends, and nothing is made up, because of it.
//!
//! Reading blocks on somebody else's disk, so it is done on a blocking thread: a home on a dead network mount holds up
//! nobody but itself.

pub mod homes;

use std::path::PathBuf;
use std::time::Duration;

use actix::prelude::*;
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use patze_supervise::backoff::Backoff;
use patze_supervise::clock::Clock;
use patze_supervise::supervisor::{Plan, Seat, Supervisor, World};
use serde::Serialize;
use tracing::{debug, info, warn};

use crate::config::Settings;
use crate::failure::{chain, returned};
use crate::openclaw::watch::Watch;
use crate::openclaw::{Budget, Cursor, Generation, OpenclawHome, Page, ReadError, discover};
use crate::spool::{Appended, SpoolHandle, Unspooled};

/// The kind of the actors; their key is the home's canonical path.
const SOURCE: &str = "source";
/// What one page may hold: small, because it is in memory.
const PAGE: Budget = Budget { rows: 100, bytes: 96 << 10 };
/// How long to wait for room in the spool, or for the spool itself.
const SPOOL_WAIT: Duration = Duration::from_secs(5);

/// What the actors are built from.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The settings.
    pub settings: Settings,
    /// The machine.
    pub machine: MachineId,
    /// Where events go.
    pub spool: SpoolHandle,
}

/// The door to the sources.
pub type Sources = Supervisor<String, Source>;

/// How a home is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Condition {
    /// Everything there was has been read.
    Read,
    /// There is more to read.
    Reading,
    /// There is nothing that this bridge reads; looked at again when something changes.
    Empty {
        /// What is there instead.
        what: String,
    },
    /// It cannot be read; tried again.
    Unreadable {
        /// Why.
        why: String,
    },
    /// The spool is full: the home keeps what is new until there is room.
    Full,
    /// The spool does not answer.
    SpoolAway {
        /// Why.
        why: String,
    },
}

/// See the module.
pub struct Source {
    path: PathBuf,
    ports: Ports,
    clock: Clock,
    seat: Seat,
    condition: Option<Condition>,
    /// Events that were appended since the actor started.
    events: u64,
    /// Rows that were passed over since the actor started.
    odd_rows: u64,
    backoff: Backoff,
    /// Away while a page is read.
    reading: Option<Reading>,
    /// Away while it waits.
    watch: Option<Watch>,
    /// Changes when the home is to be read from the start.
    anew: tokio::sync::watch::Receiver<u64>,
}

/// What is carried from one page to the next.
#[derive(Default)]
struct Reading {
    /// The open home, and whether it was opened to capture content.
    home: Option<(OpenclawHome, bool)>,
    /// The epoch and the cursor that the spool has, as far as is known.
    at: Option<(u64, Cursor)>,
}

/// What came of one page.
enum Step {
    Read { events: u64, odd_rows: u64, more: bool, again_at: Option<Timestamp> },
    Empty(Generation),
    Unreadable(ReadError),
    Full,
    Stale,
    Spool(Unspooled),
}

/// A supervisor of sources on this arbiter; each is started with its home's canonical path as key.
///
/// # Panics
/// When called outside an actix arbiter.
pub fn supervise(world: &World, backoff: Backoff, ports: Ports) -> Sources {
    let clock = world.clock.clone();
    let retry = backoff.clone();
    Supervisor::here(world, Plan::new(SOURCE, backoff), move |path: &String, seat| Source {
        path: PathBuf::from(path),
        ports: ports.clone(),
        clock: clock.clone(),
        seat,
        condition: None,
        events: 0,
        odd_rows: 0,
        backoff: retry.clone(),
        reading: Some(Reading::default()),
        watch: None,
        anew: ports.spool.anew(),
    })
}

// === impl Source ===

impl Actor for Source {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        // Before the first look, so that no change after it is missed.
        self.watch = Some(Watch::new(&self.path, self.clock.clone()));
        self.look(ctx);
    }
}

impl Source {
    /// Its one code path: reads the next page.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let reading = self.reading.take().unwrap_or_default();
        let step = step(reading, self.path.clone(), self.ports.clone(), self.clock.clone());
        ctx.spawn(step.into_actor(self).map(|(reading, step), source, ctx| {
            source.reading = Some(reading);
            source.stepped(step, ctx);
        }));
    }

    fn stepped(&mut self, step: Step, ctx: &mut Context<Self>) {
        match step {
            Step::Read { events, odd_rows, more, again_at } => {
                self.backoff.reset();
                self.events += events;
                self.odd_rows += odd_rows;
                self.is(if more { Condition::Reading } else { Condition::Read });
                if more {
                    return self.look(ctx);
                }
                let again = again_at.map(|at| {
                    let millis = at.since(self.clock.now());
                    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
                });
                self.rest(again, ctx);
            }
            Step::Empty(what) => {
                self.is(Condition::Empty { what: what.to_string() });
                self.rest(None, ctx);
            }
            Step::Unreadable(error) => {
                // Opened anew, a file that was replaced or repaired is found.
                self.reading = self.reading.take().map(|reading| Reading { home: None, ..reading });
                if !error.passes() {
                    self.is(Condition::Unreadable { why: chain(&error) });
                }
                let delay = self.backoff.next_delay();
                self.pause(delay, ctx);
            }
            Step::Stale => self.look(ctx),
            Step::Full => {
                self.is(Condition::Full);
                self.pause(SPOOL_WAIT, ctx);
            }
            Step::Spool(error) => {
                self.is(Condition::SpoolAway { why: chain(&error) });
                self.pause(SPOOL_WAIT, ctx);
            }
        }
    }

    /// Waits for a change in the home, or until it is to be read from the start, or for `limit` if that is sooner.
    fn rest(&mut self, limit: Option<Duration>, ctx: &mut Context<Self>) {
        let mut watch = self.watch.take().unwrap_or_else(|| Watch::new(&self.path, self.clock.clone()));
        let (clock, mut anew) = (self.clock.clone(), self.anew.clone());
        let woken = async move {
            let until = async {
                match limit {
                    Some(limit) => clock.sleep(limit).await,
                    None => std::future::pending().await,
                }
            };
            // What is dropped in the middle loses no change.
            let again = tokio::select! {
                _ = watch.next() => false,
                changed = anew.changed() => changed.is_ok(),
                () = until => false,
            };
            (watch, anew, again)
        };
        ctx.spawn(woken.into_actor(self).map(|(watch, anew, again), source, ctx| {
            (source.watch, source.anew) = (Some(watch), anew);
            if again {
                source.reading = source.reading.take().map(|reading| Reading { at: None, ..reading });
            }
            source.look(ctx);
        }));
    }

    fn pause(&mut self, delay: Duration, ctx: &mut Context<Self>) {
        patze_supervise::timer::run_later(ctx, &self.clock, delay, Self::look);
    }

    /// Shows the home's condition, and writes changes that matter to the process's log.
    fn is(&mut self, condition: Condition) {
        if self.condition.as_ref() != Some(&condition) {
            let home = self.path.display();
            match &condition {
                Condition::Read => info!(%home, events = self.events, "the home is read"),
                Condition::Reading => debug!(%home, "there is more to read in the home"),
                Condition::Empty { what } => info!(%home, what, "there is nothing to read in the home yet"),
                Condition::Unreadable { why } => warn!(%home, why, "the home cannot be read; trying again"),
                Condition::Full => {
                    warn!(%home, "the spool is full; the home keeps what is new until there is room");
                }
                Condition::SpoolAway { why } => warn!(%home, why, "the spool does not answer; trying again"),
            }
        }
        self.seat.publish(&serde_json::json!({
            "condition": condition,
            "events": self.events,
            "oddRows": self.odd_rows,
            "slowWaking": self.watch.as_ref().and_then(Watch::problem).map(ToString::to_string),
        }));
        self.condition = Some(condition);
    }
}

/// Reads one page and appends it. What is not handed back in the reading is found out anew by the next step.
async fn step(mut reading: Reading, path: PathBuf, ports: Ports, clock: Clock) -> (Reading, Step) {
    let source = path.to_string_lossy().into_owned();
    let (epoch, cursor) = match reading.at.take() {
        Some(at) => at,
        None => match ports.spool.begin(source.clone()).await {
            Ok(beginning) => (beginning.epoch, read_cursor(&source, beginning.cursor.as_deref())),
            Err(error) => return (reading, Step::Spool(error)),
        },
    };
    let config = ports.settings.now();
    let (home, user_home, capture) =
        (reading.home.take(), config.homes.user_home.clone(), config.capture_content);
    let (machine, now) = (ports.machine.clone(), clock.now());
    let read = tokio::task::spawn_blocking(move || {
        let read = read_page(home, &path, &user_home, machine, capture, &cursor, now);
        (read, cursor)
    });
    let (read, cursor) = returned(read.await);
    let (home, page) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(generation)) => {
            return (Reading { home: None, at: Some((epoch, cursor)) }, Step::Empty(generation));
        }
        Err(error) => return (Reading { home: None, at: Some((epoch, cursor)) }, Step::Unreadable(error)),
    };
    reading.home = Some((home, capture));
    let (count, odd_rows, more, again_at) =
        (page.events.len() as u64, page.odd_rows, page.more, page.again_at);
    if page.moved || count > 0 {
        let text = match serde_json::to_string(&page.cursor) {
            Ok(text) => text,
            Err(error) => return (reading, Step::Spool(Unspooled::Cursor(error))),
        };
        match ports.spool.append(source, epoch, text, page.events).await {
            Ok(Appended::Kept) => {}
            Ok(Appended::Full) => {
                reading.at = Some((epoch, cursor));
                return (reading, Step::Full);
            }
            Ok(Appended::Stale) => return (reading, Step::Stale),
            Err(error) => return (reading, Step::Spool(error)),
        }
    }
    reading.at = Some((epoch, page.cursor));
    (reading, Step::Read { events: count, odd_rows, more, again_at })
}

/// The next page of a home, which is opened if it is not open; or what it is, if there is nothing to open.
type Opened = Result<(OpenclawHome, Page), Generation>;

fn read_page(
    open: Option<(OpenclawHome, bool)>,
    path: &std::path::Path,
    user_home: &std::path::Path,
    machine: MachineId,
    capture: bool,
    cursor: &Cursor,
    now: Timestamp,
) -> Result<Opened, ReadError> {
    let mut home = match open {
        Some((home, as_now)) if as_now == capture => home,
        _ => {
            let info = discover::look(path, user_home);
            match info.generation {
                Generation::Store { .. } => OpenclawHome::open(&info, machine, capture)?,
                Generation::Unreadable(error) => return Err(error),
                other => return Ok(Err(other)),
            }
        }
    };
    let page = home.read(cursor, PAGE, now)?;
    Ok(Ok((home, page)))
}

/// The cursor in the spool; one that cannot be understood is the start, for then EL-3 drops what is known.
fn read_cursor(source: &str, text: Option<&str>) -> Cursor {
    let Some(text) = text else { return Cursor::default() };
    serde_json::from_str(text).unwrap_or_else(|error| {
        warn!(home = source, %error, "the place in the home is not understood; it is read from the start");
        Cursor::default()
    })
}
