//! What is known of one actor across its instances, and the seat from which an instance writes to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::{Actor, ActorContext, Context};
use patze_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::Ending;
use crate::clock::Clock;
use crate::observe::State;

/// The longest reason that is kept, in bytes.
const LONGEST_REASON: usize = 2_048;

/// What an instance says to its supervisor: given to it by its factory's caller, and to be kept in the actor.
///
/// ```no_run
/// # use patze_supervise::supervisor::Seat;
/// # use actix::prelude::*;
/// # struct Machine { seat: Seat }
/// # impl Actor for Machine { type Context = Context<Self>; }
/// # impl Machine {
/// fn forgotten(&mut self, ctx: &mut Context<Self>) {
///     self.seat.done(ctx);
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Seat {
    record: Arc<Record>,
    clock: Clock,
}

/// Written by the actor's keeper, its seat and those who start and stop it; read by everybody. Locked for moments
/// only.
#[derive(Debug)]
pub(super) struct Record {
    facts: Mutex<Facts>,
    stop: watch::Sender<bool>,
}

#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub state: State,
    pub since: Timestamp,
    pub detail: Value,
    /// Says what the actor shows in place of `detail`.
    pub live: Option<Live>,
    pub restarts: u64,
    pub last_error: Option<String>,
    /// What the present instance said about its end.
    ending: Option<Ending>,
    /// It was started again after it had said that it is done, or had been asked to stop.
    again: bool,
}

/// Says what an actor shows of itself, whenever somebody reads it.
#[derive(Clone)]
pub(super) struct Live(pub(super) Arc<dyn Fn() -> Value + Send + Sync>);

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Live(…)")
    }
}

// === impl Seat ===

impl Seat {
    pub(super) fn new(record: Arc<Record>, clock: Clock) -> Self {
        Self { record, clock }
    }

    /// Shows `detail` as this actor's state in `GET /actors`, in place of what it showed before.
    pub fn publish(&self, detail: &impl Serialize) {
        let detail = serde_json::to_value(detail).unwrap_or_else(|error| {
            Value::String(format!("the state of this actor cannot be written as JSON: {error}"))
        });
        let mut facts = self.record.facts();
        let old = (std::mem::replace(&mut facts.detail, detail), facts.live.take());
        // The old value is dropped after the lock.
        drop(facts);
        drop(old);
    }

    /// Shows what `detail` says at the moment of reading, for an actor whose state is counters that others keep. It must
    /// not block; it is called by whoever reads.
    pub fn publish_live(&self, detail: impl Fn() -> Value + Send + Sync + 'static) {
        self.record.facts().live = Some(Live(Arc::new(detail)));
    }

    /// Ends the actor on purpose: what it stood for is gone, and its key with it. It is not restarted, unless it is
    /// told something that it no longer handled, or is started again before it is gone.
    pub fn done<A: Actor<Context = Context<A>>>(&self, ctx: &mut Context<A>) {
        self.end(ctx, Ending::Done);
    }

    /// Ends this instance because it cannot go on, for `reason`. Another one takes its place after a backoff.
    pub fn fail<A: Actor<Context = Context<A>>>(&self, ctx: &mut Context<A>, reason: impl Into<String>) {
        self.end(ctx, Ending::Failed(reason.into()));
    }

    fn end<A: Actor<Context = Context<A>>>(&self, ctx: &mut Context<A>, ending: Ending) {
        let mut facts = self.record.facts();
        facts.enter(State::Stopping, self.clock.now());
        facts.ending = Some(ending);
        ctx.stop();
    }
}

// === impl Record ===

impl Record {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            facts: Mutex::new(Facts {
                state: State::Starting,
                since: now,
                detail: Value::Null,
                live: None,
                restarts: 0,
                last_error: None,
                ending: None,
                again: false,
            }),
            stop: watch::Sender::new(false),
        }
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ask_to_stop(&self, now: Timestamp) {
        self.facts().enter(State::Stopping, now);
        self.stop.send_replace(true);
    }

    pub(super) fn is_asked_to_stop(&self) -> bool {
        *self.stop.borrow()
    }

    pub(super) async fn asked_to_stop(&self) {
        // It fails only if the sender is gone, which `self` holds.
        let _ = self.stop.subscribe().wait_for(|asked| *asked).await;
    }

    /// Its key was started while it is there: one that is on its way out has to come back.
    pub(super) fn start_again(&self) {
        let asked = self.is_asked_to_stop();
        let mut facts = self.facts();
        facts.again |= asked || facts.ending == Some(Ending::Done);
    }

    /// Whether it was started again since; forgets that, and the wish to stop.
    pub(super) fn take_again(&self) -> bool {
        let again = std::mem::take(&mut self.facts().again);
        if again {
            self.stop.send_replace(false);
        }
        again
    }

    pub(super) fn begins(&self, now: Timestamp) {
        let mut facts = self.facts();
        facts.enter(State::Starting, now);
        facts.detail = Value::Null;
        facts.live = None;
        facts.ending = None;
        // This instance is what was asked for, unless it is asked to stop already.
        facts.again &= self.is_asked_to_stop();
    }

    pub(super) fn runs(&self, now: Timestamp) {
        let mut facts = self.facts();
        if facts.state == State::Starting {
            facts.enter(State::Running, now);
        }
    }

    /// How the instance ended that was not seen to panic. One that was asked to stop need not say why it did.
    pub(super) fn declared_ending(&self) -> Ending {
        if self.is_asked_to_stop() {
            return self.facts().ending.clone().unwrap_or(Ending::Done);
        }
        self.facts().ending.clone().unwrap_or_else(|| {
            Ending::Failed("it stopped without saying why: an actor ends through its seat".to_owned())
        })
    }

    /// Notes why it failed, cut to what is kept.
    pub(super) fn failed(&self, reason: &str) -> String {
        let reason = reason[..reason.floor_char_boundary(LONGEST_REASON)].to_owned();
        self.facts().last_error = Some(reason.clone());
        reason
    }

    pub(super) fn backs_off(&self, now: Timestamp) {
        self.facts().enter(State::Backoff, now);
    }

    /// Counts a restart and returns how many there were.
    pub(super) fn restarts(&self) -> u64 {
        let mut facts = self.facts();
        facts.restarts += 1;
        facts.restarts
    }
}

// === impl Facts ===

impl Facts {
    fn enter(&mut self, state: State, now: Timestamp) {
        if self.state != state {
            (self.state, self.since) = (state, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(ending: Option<Ending>) -> Record {
        let record = Record::new(Timestamp::EPOCH);
        record.facts().ending = ending;
        record
    }

    #[test]
    fn a_start_counts_for_one_that_is_on_its_way_out_and_for_no_other() {
        for (ending, again) in [
            (None, false),
            (Some(Ending::Failed(String::new())), false),
            (Some(Ending::Panicked(String::new())), false),
            (Some(Ending::Done), true),
        ] {
            let record = record(ending.clone());
            record.start_again();
            assert_eq!((record.take_again(), record.take_again()), (again, false), "{ending:?}");
            record.ask_to_stop(Timestamp::EPOCH);
            record.start_again();
            assert_eq!(
                (record.take_again(), record.is_asked_to_stop()),
                (true, false),
                "{ending:?}, stopped"
            );
        }
    }

    #[test]
    fn a_start_is_answered_by_the_next_instance_unless_that_is_to_stop_as_well() {
        let record = record(Some(Ending::Done));
        record.start_again();
        record.begins(Timestamp::EPOCH);
        assert!(!record.take_again());

        record.ask_to_stop(Timestamp::EPOCH);
        record.start_again();
        record.begins(Timestamp::EPOCH);
        assert!(record.take_again());
    }
}
