//! The actors of one kind, by key: what all handles of a supervisor share.
//!
//! Two locks, each held for moments and never across an await: the map's, and each record's. A message is told
//! without either, on a clone of the mailbox's sender.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use actix::Actor;
use actix::dev::Envelope;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::record::{Record, Seat};
use crate::clock::Clock;
use crate::observe::{ActorState, Mailbox, Observed};

/// See the module.
pub(super) struct Roster<K, A: Actor> {
    pub(super) kind: &'static str,
    pub(super) clock: Clock,
    capacity: usize,
    slots: RwLock<Slots<K, A>>,
    /// How many keys there are.
    count: watch::Sender<usize>,
}

struct Slots<K, A: Actor> {
    by_key: BTreeMap<K, Arc<Slot<A>>>,
    closed: bool,
}

/// One actor's place. It outlives the instances.
pub(super) struct Slot<A: Actor> {
    pub(super) record: Arc<Record>,
    /// The newest instance's mailbox, closed once that has ended; none when it is asked to stop.
    inbox: Mutex<Option<mpsc::Sender<Envelope<A>>>>,
}

/// The reading end of a mailbox.
pub(super) type Mail<A> = mpsc::Receiver<Envelope<A>>;

/// The right to run one key's actor. However it ends, panic and the end of the arbiter included, the key leaves the
/// roster with it.
pub(super) struct Place<K: Ord, A: Actor> {
    pub(super) key: K,
    pub(super) slot: Arc<Slot<A>>,
    pub(super) roster: Arc<Roster<K, A>>,
}

/// A place that waits for its keeper, with its mailbox.
pub(super) type Start<K, A> = (Place<K, A>, Mail<A>);

// === impl Roster ===

impl<K: Ord + Clone, A: Actor> Roster<K, A> {
    pub(super) fn new(kind: &'static str, capacity: usize, clock: Clock) -> Self {
        Self {
            kind,
            clock,
            capacity,
            slots: RwLock::new(Slots { by_key: BTreeMap::new(), closed: false }),
            count: watch::Sender::new(0),
        }
    }

    /// Sends a place for `key`, with its mailbox open, to whoever spawns keepers; if it has one already, its actor
    /// is sure to be there afterwards.
    pub(super) fn start(
        self: &Arc<Self>,
        key: &K,
        starts: &mpsc::Sender<Start<K, A>>,
    ) -> Result<(), TrySendError<()>> {
        let mut slots = self.write();
        if slots.closed {
            return Err(TrySendError::Closed(()));
        }
        if let Some(slot) = slots.by_key.get(key) {
            slot.record.start_again();
            return Ok(());
        }
        let permit = starts.try_reserve()?;
        let slot =
            Arc::new(Slot { record: Arc::new(Record::new(self.clock.now())), inbox: Mutex::new(None) });
        let mail = slot.open(self.capacity);
        slots.by_key.insert(key.clone(), slot.clone());
        self.count.send_replace(slots.by_key.len());
        drop(slots);
        permit.send((Place { key: key.clone(), slot, roster: self.clone() }, mail));
        Ok(())
    }

    /// The mailbox of the newest instance of `key`, unless it is asked to stop.
    pub(super) fn inbox(&self, key: &K) -> Option<mpsc::Sender<Envelope<A>>> {
        self.read().by_key.get(key).and_then(|slot| slot.inbox())
    }

    pub(super) fn keys(&self) -> Vec<K> {
        self.read().by_key.keys().cloned().collect()
    }

    pub(super) fn stop(&self, key: &K) {
        if let Some(slot) = self.slot(key) {
            slot.stop(&self.clock);
        }
    }

    /// Asks all to stop and lets none start any more.
    pub(super) fn close(&self) {
        self.write().closed = true;
        for (_, slot) in self.all() {
            slot.stop(&self.clock);
        }
    }

    /// Waits until there is no actor left.
    pub(super) async fn empty(&self) {
        // It fails only if the sender is gone, which `self` holds.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    pub(super) fn state(&self, key: &K) -> Option<ActorState>
    where
        K: fmt::Display,
    {
        self.slot(key).map(|slot| self.shown(key, &slot))
    }

    fn slot(&self, key: &K) -> Option<Arc<Slot<A>>> {
        self.read().by_key.get(key).cloned()
    }

    /// A copy, so that nobody waits on the map while the slots are gone through.
    fn all(&self) -> Vec<(K, Arc<Slot<A>>)> {
        self.read().by_key.iter().map(|(key, slot)| (key.clone(), slot.clone())).collect()
    }

    fn shown(&self, key: &K, slot: &Slot<A>) -> ActorState
    where
        K: fmt::Display,
    {
        let depth = slot.inbox().map_or(0, |inbox| inbox.max_capacity() - inbox.capacity());
        let facts = slot.record.facts().clone();
        ActorState {
            kind: self.kind,
            key: key.to_string(),
            state: facts.state,
            since: facts.since,
            detail: facts.live.map_or(facts.detail, |live| (live.0)()),
            mailbox: Mailbox { depth, capacity: self.capacity },
            restarts: facts.restarts,
            last_error: facts.last_error,
        }
    }
}

impl<K: Ord, A: Actor> Roster<K, A> {
    fn read(&self) -> RwLockReadGuard<'_, Slots<K, A>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Slots<K, A>> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `slot` out, unless it `stays`, which is asked while nobody can be given a place; in a closed roster none
    /// does. Whether it is out.
    fn remove(&self, key: &K, slot: &Arc<Slot<A>>, stays: impl FnOnce() -> bool) -> bool {
        let mut slots = self.write();
        if !slots.closed && stays() {
            return false;
        }
        // Kept until the lock is free: what drops with it is not ours.
        let _removed = slots
            .by_key
            .get(key)
            .is_some_and(|found| Arc::ptr_eq(found, slot))
            .then(|| slots.by_key.remove_entry(key));
        self.count.send_replace(slots.by_key.len());
        drop(slots);
        true
    }
}

impl<K, A> Observed for Roster<K, A>
where
    K: Ord + Clone + fmt::Display + Send + Sync,
    A: Actor,
{
    fn states(&self) -> Vec<ActorState> {
        self.all().iter().map(|(key, slot)| self.shown(key, slot)).collect()
    }
}

// === impl Slot ===

impl<A: Actor> Slot<A> {
    fn inbox(&self) -> Option<mpsc::Sender<Envelope<A>>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens an empty mailbox for the next instance.
    fn open(&self, capacity: usize) -> Mail<A> {
        let (sender, mail) = mpsc::channel(capacity);
        *self.inbox.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        mail
    }

    /// Refuses messages from now on, and asks the instance to stop.
    fn stop(&self, clock: &Clock) {
        drop(self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.record.ask_to_stop(clock.now());
    }
}

// === impl Place ===

impl<K: Ord + Clone, A: Actor> Place<K, A> {
    pub(super) fn seat(&self) -> Seat {
        Seat::new(self.slot.record.clone(), self.roster.clock.clone())
    }

    /// Opens the mailbox of the next instance.
    pub(super) fn reopen(&self) -> Mail<A> {
        self.slot.record.begins(self.roster.clock.now());
        self.slot.open(self.roster.capacity)
    }

    /// Gives the place up, unless the actor is wanted: because it was started again since it began to end, or because
    /// `unread` mail says so and nobody asked it to stop. Whether it is given up.
    pub(super) fn leave(&self, unread: bool) -> bool {
        let record = &self.slot.record;
        self.roster
            .remove(&self.key, &self.slot, || record.take_again() || (unread && !record.is_asked_to_stop()))
    }
}

impl<K: Ord, A: Actor> Drop for Place<K, A> {
    fn drop(&mut self) {
        self.roster.remove(&self.key, &self.slot, || false);
    }
}
