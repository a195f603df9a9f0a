//! The Source actor, one for each OpenClaw home: it reads what is new there into the spool.
//!
//! **Owns** the open home and the watch on it. **Woken by** the watch (a change, or the slow poll). **Appends** pages of
//! events to the spool, one after the other; between two pages everybody else gets a turn. The cursor is a long text in a
//! large home (a row for each conversation window), so it goes with the events at most once a second.
//! **Fails** only by a bug: a home that cannot be read is a [`Condition`], with the reason, tried again with backoff.
//! Nothing ends, and nothing is made up, because of it.
//!
//! Reading blocks on somebody else's disk, so it is done on a blocking thread ([`crate::blocking`]): a home on a dead
//! network mount holds up nobody but itself, and is said to be unreadable until it answers.

pub mod homes;
mod page;

use std::path::PathBuf;
use std::time::Duration;

use actix::prelude::*;
use patze_core::causes::with_causes;
use patze_core::ids::MachineId;
use patze_supervise::backoff::Backoff;
use patze_supervise::clock::Clock;
use patze_supervise::supervisor::{Plan, Seat, Supervisor, World};
use serde::Serialize;
use tracing::{debug, info, warn};

use crate::blocking::{PATIENCE, silence};
use crate::config::Settings;
use crate::openclaw::watch::Watch;
use crate::spool::SpoolHandle;
use page::{Reading, Step, step};

pub use page::PAGE;

/// The kind of the actors; their key is the home's canonical path.
const SOURCE: &str = "source";
/// How long to wait for room in the spool, or for the spool itself.
const SPOOL_WAIT: Duration = Duration::from_secs(5);
/// How long a database of the home may be locked until the home is called unreadable: another program has it for moments
/// while it recovers it, for longer if something is wrong.
const LOCKED_FOR: Duration = Duration::from_secs(30);

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
    /// The stores of the home that cannot be read, while the others are.
    passed_over: Vec<String>,
    /// Looks that have come to an end since the actor started.
    looks: u64,
    /// Since when (monotonic) a database of the home is locked.
    locked_since: Option<Duration>,
    backoff: Backoff,
    /// Away while a page is read.
    reading: Option<Reading>,
    /// Changes when the home is to be read from the start.
    anew: tokio::sync::watch::Receiver<u64>,
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
        passed_over: Vec::new(),
        looks: 0,
        locked_since: None,
        backoff: retry.clone(),
        reading: Some(Reading::default()),
        anew: ports.spool.anew(),
    })
}

// === impl Source ===

impl Actor for Source {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.look(ctx);
    }

    /// Gives the spool the cursor that it has not got yet; without it a few rows would be read again.
    fn stopped(&mut self, _: &mut Context<Self>) {
        let Some(Reading { at: Some((epoch, cursor)), ahead: true, .. }) = self.reading.take() else {
            return;
        };
        let Ok(text) = serde_json::to_string(&cursor) else { return };
        let (spool, source) = (self.ports.spool.clone(), self.path.to_string_lossy().into_owned());
        actix_rt::spawn(async move {
            if let Err(error) = spool.append(source, epoch, Some(text), Vec::new()).await {
                debug!(error = with_causes(&error), "the spool did not take the last place in a home");
            }
        });
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
        self.looks += 1;
        if !matches!(&step, Step::Unreadable(error) if error.passes()) {
            self.locked_since = None;
        }
        match step {
            Step::Read { events, odd_rows, more, again_in, cursor_in, passed_over } => {
                self.backoff.reset();
                self.events += events;
                self.odd_rows += odd_rows;
                self.passes_over(passed_over);
                // One that has been read stays so while a few new rows wait for their cursor.
                match &self.condition {
                    _ if more => self.is(Condition::Reading),
                    _ if cursor_in.is_none() => self.is(Condition::Read),
                    Some(Condition::Read) => self.show(),
                    _ => self.is(Condition::Reading),
                }
                if more {
                    return self.look(ctx);
                }
                self.rest(again_in.into_iter().chain(cursor_in).min(), ctx);
            }
            Step::Empty(what) => {
                self.is(Condition::Empty { what: what.to_string() });
                self.rest(None, ctx);
            }
            Step::Unreadable(error) => {
                let mut delay = self.backoff.next_delay();
                let left = if error.passes() { self.locked_on() } else { Duration::ZERO };
                if left.is_zero() {
                    self.is(Condition::Unreadable { why: with_causes(&error) });
                } else {
                    delay = delay.min(left);
                    self.show();
                }
                self.pause(delay, ctx);
            }
            Step::Silent => {
                self.is(Condition::Unreadable { why: silence(&self.path, PATIENCE) });
                self.look(ctx);
            }
            Step::Stale => self.look(ctx),
            Step::Full => {
                self.is(Condition::Full);
                self.pause(SPOOL_WAIT, ctx);
            }
            Step::Spool(error) => {
                self.is(Condition::SpoolAway { why: with_causes(&error) });
                self.pause(SPOOL_WAIT, ctx);
            }
        }
    }

    /// Notes which stores of the home cannot be read, and tells of changes.
    fn passes_over(&mut self, passed_over: Vec<String>) {
        let home = self.path.display();
        for why in passed_over.iter().filter(|why| !self.passed_over.contains(why)) {
            warn!(%home, why, "an agent's store cannot be read; the rest of the home is read without it");
        }
        if passed_over.len() < self.passed_over.len() {
            info!(%home, left = passed_over.len(), "an agent's store can be read again, or is gone");
        }
        self.passed_over = passed_over;
    }

    /// Notes that a database is locked; how much longer that is no reason to call the home unreadable.
    fn locked_on(&mut self) -> Duration {
        let now = self.clock.elapsed();
        let since = *self.locked_since.get_or_insert(now);
        LOCKED_FOR.saturating_sub(now.saturating_sub(since))
    }

    /// Waits for a change in the home, or until it is to be read from the start, or for `limit` if that is sooner.
    fn rest(&mut self, limit: Option<Duration>, ctx: &mut Context<Self>) {
        let watch = self.reading.as_mut().and_then(|reading| reading.watch.take());
        let mut watch = watch.unwrap_or_else(|| Watch::new(&self.path, self.clock.clone()));
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
            source.anew = anew;
            let reading = source.reading.get_or_insert_default();
            reading.watch = Some(watch);
            if again {
                reading.at = None;
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
        self.condition = Some(condition);
        self.show();
    }

    fn show(&self) {
        let watch = self.reading.as_ref().and_then(|reading| reading.watch.as_ref());
        self.seat.publish(&serde_json::json!({
            "condition": self.condition,
            "events": self.events,
            "oddRows": self.odd_rows,
            "passedOver": self.passed_over,
            "looks": self.looks,
            "slowWaking": watch.and_then(Watch::problem).map(ToString::to_string),
        }));
    }
}
