//! Actors that come back: built from a factory, restarted after every failure, panic included, and reached by key.
//!
//! # Constraints
//! 1. A panic ends an instance and nothing else (AC-1). `actix::Supervisor` does not survive one: its mailbox closes
//!    for good and `restarting` is never called (0.13.5).
//! 2. Every queue has a bound that holds (AC-2). Actix's own mailbox holds its capacity plus one for each sender,
//!    lets `do_send` past it, and tells nobody its depth; so the mailbox here is a bounded tokio channel that is
//!    read within the actor's context. Actors are plain actix actors with plain handlers and do not notice.
//! 3. A key survives its instances, and nobody holds an `Addr`.
//! 4. Telling never waits, and holds no lock while it does its work. It may be done on any thread.
//! 5. *A message that was taken is handled, or a new instance is built after it was told.* The exception is an
//!    actor that is asked to stop. So an actor that reads the fleet in its factory misses nothing, though a failure
//!    loses its mail.
//! 6. An actor that is done is forgotten; one that is started again in the same moment is not.
//!
//! # Operation
//! [`Supervisor::start`] gives the key a place with an open mailbox and sends it to the supervisor's task, which
//! spawns a keeper: one task that builds the instance, polls it, sees its [`Ending`], and either gives the place up
//! (`Done`) or waits out the backoff and builds anew. The mailbox is closed before the end is judged and opened
//! before the factory is called, which is why constraint 5 holds.
//!
//! # Recovery
//! Callers are told [`Refused::Full`] (try later, or mark the actor behind) or [`Refused::Away`] (it reads the
//! fleet when it is back). The restart is reported through [`World::on_restart`]. If the arbiter ends, all keys of
//! its supervisors vanish and everything is refused as away.

mod keeper;
mod panics;
mod record;
mod refusal;
mod roster;

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::dev::Envelope;
use actix::{Actor, ArbiterHandle, Context, Handler, Message};
use tokio::sync::mpsc;
use tokio::sync::oneshot;

pub use record::Seat;
pub use refusal::{Refused, Unanswered};

use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::observe::{ActorState, Directory, Observed};
use keeper::Terms;
use roster::{Roster, Start};

/// What tells the actors of one kind apart. Shown by its `Display`.
pub trait Key: Ord + Clone + fmt::Display + Send + Sync + 'static {}

impl<T: Ord + Clone + fmt::Display + Send + Sync + 'static> Key for T {}

/// What all supervisors of a process share.
#[derive(Clone)]
pub struct World {
    /// Measures backoffs and stamps states.
    pub clock: Clock,
    /// Where the supervisors show their actors.
    pub directory: Directory,
    /// Called for each restart, just before the factory, on the actor's arbiter. It must not block.
    pub on_restart: Arc<dyn Fn(&Restart) + Send + Sync>,
}

/// How one kind of actor is kept.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name of the kind, as `GET /actors` shows it.
    pub kind: &'static str,
    /// The most messages that wait for one actor; at least one.
    pub mailbox: usize,
    /// The most keys that are started and not yet seen by the supervisor's task; at least one.
    pub starts: usize,
    /// The delays before restarts. Each actor forks its own.
    pub backoff: Backoff,
    /// An instance that ran this long starts its backoff anew when it fails.
    pub steady_after: Duration,
}

/// How an instance ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// On purpose: what it stood for is gone. It is not restarted.
    Done,
    /// It could not go on, and said why.
    Failed(String),
    /// It panicked; the message, and where.
    Panicked(String),
}

/// One restart, as it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The kind of the actor.
    pub kind: &'static str,
    /// Its key.
    pub key: String,
    /// How often it was restarted since its key was started, this time included.
    pub restarts: u64,
    /// Why the instance before failed.
    pub error: String,
    /// How long it was away.
    pub delay: Duration,
}

/// The door to all actors of one kind. Clones are the same supervisor and may be used on any thread; when the last
/// one is dropped, its actors are stopped.
pub struct Supervisor<K: Ord, A: Actor> {
    roster: Arc<Roster<K, A>>,
    starts: mpsc::Sender<Start<K, A>>,
}

// === impl World ===

impl World {
    /// A world with an empty directory, in which restarts are reported to nobody but the process's own log.
    pub fn new(clock: Clock) -> Self {
        Self { clock, directory: Directory::default(), on_restart: Arc::new(|_| ()) }
    }

    /// The same, with restarts reported to `report`.
    pub fn reporting(mut self, report: impl Fn(&Restart) + Send + Sync + 'static) -> Self {
        self.on_restart = Arc::new(report);
        self
    }
}

// === impl Plan ===

impl Plan {
    /// A mailbox of 64, and a minute to be steady. 8,192 starts are more than a fleet has live actors of a kind
    /// (design §7), so that all may be started in one go.
    pub fn new(kind: &'static str, backoff: Backoff) -> Self {
        Self { kind, mailbox: 64, starts: 8_192, backoff, steady_after: Duration::from_secs(60) }
    }

    /// The same with a mailbox of `capacity`.
    pub fn mailbox(mut self, capacity: usize) -> Self {
        self.mailbox = capacity;
        self
    }
}

// === impl Supervisor ===

impl<K: Key, A: Actor<Context = Context<A>>> Supervisor<K, A> {
    /// A supervisor whose actors run on the current arbiter. `factory` builds an instance for a key; it runs on the
    /// arbiter too, so it must not block. A panic in it counts as the instance's.
    ///
    /// # Panics
    /// When called outside an actix arbiter.
    pub fn here<F>(world: &World, plan: Plan, factory: F) -> Self
    where
        F: Fn(&K, Seat) -> A + 'static,
    {
        let (supervisor, starts) = Self::new(world, &plan);
        actix::spawn(supervise(supervisor.roster.clone(), starts, plan, world.on_restart.clone(), factory));
        supervisor
    }

    /// The same on another arbiter. If that has ended, everything is refused as away.
    pub fn on<F>(arbiter: &ArbiterHandle, world: &World, plan: Plan, factory: F) -> Self
    where
        F: Fn(&K, Seat) -> A + Send + 'static,
    {
        let (supervisor, starts) = Self::new(world, &plan);
        let (roster, on_restart) = (supervisor.roster.clone(), world.on_restart.clone());
        arbiter.spawn_fn(move || {
            actix::spawn(supervise(roster, starts, plan, on_restart, factory));
        });
        supervisor
    }

    fn new(world: &World, plan: &Plan) -> (Self, mpsc::Receiver<Start<K, A>>) {
        let roster = Arc::new(Roster::new(plan.kind, plan.mailbox.max(1), world.clock.clone()));
        let observed: Arc<dyn Observed> = roster.clone();
        world.directory.add(Arc::downgrade(&observed));
        let (starts, receiver) = mpsc::channel(plan.starts.max(1));
        (Self { roster, starts }, receiver)
    }

    /// Makes sure that `key` has an actor. It may be told at once. Where it has one already nothing happens, except
    /// that one that is just ending comes back.
    ///
    /// # Errors
    /// [`Refused::Full`] if too many starts wait, [`Refused::Away`] if the supervisor is closed or its arbiter has
    /// ended.
    pub fn start(&self, key: K) -> Result<(), Refused<K>> {
        self.roster.start(&key, &self.starts).map_err(|error| Refused::because(&error, key))
    }

    /// Puts `message` into the mailbox of `key`'s actor. Never waits.
    ///
    /// # Errors
    /// [`Refused::Full`] if the mailbox is full, [`Refused::Away`] if there is no instance to read it now: its key
    /// was not started, or it waits out a backoff, or it is ending. The message comes back with it.
    pub fn tell<M>(&self, key: &K, message: M) -> Result<(), Refused<M>>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.post(key, message, None)
    }

    /// Asks `key`'s actor and waits up to `limit` for the answer. Not for the ingest path.
    ///
    /// # Errors
    /// [`Unanswered`]: refused like a message that is told, ended before it answered, or too late.
    pub async fn ask<M>(&self, key: &K, question: M, limit: Duration) -> Result<M::Result, Unanswered>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let (kind, name) = (self.roster.kind, || key.to_string());
        let (answer, answered) = oneshot::channel();
        match self.post(key, question, Some(answer)) {
            Ok(()) => {}
            Err(Refused::Full(_)) => return Err(Unanswered::Full { kind, key: name() }),
            Err(Refused::Away(_)) => return Err(Unanswered::Away { kind, key: name() }),
        }
        match self.roster.clock.timeout(limit, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Unanswered::Away { kind, key: name() }),
            Err(source) => Err(Unanswered::Late { kind, key: name(), source }),
        }
    }

    fn post<M>(
        &self,
        key: &K,
        message: M,
        answer: Option<oneshot::Sender<M::Result>>,
    ) -> Result<(), Refused<M>>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let Some(inbox) = self.roster.inbox(key) else { return Err(Refused::Away(message)) };
        match inbox.try_reserve() {
            Ok(permit) => {
                permit.send(Envelope::new(message, answer));
                Ok(())
            }
            Err(error) => Err(Refused::because(&error, message)),
        }
    }

    /// Asks `key`'s actor to stop, wherever it is in its life: what waits in its mailbox is dropped, its `stopping`
    /// and `stopped` are called, its key is forgotten.
    pub fn stop(&self, key: &K) {
        self.roster.stop(key);
    }

    /// Stops all actors, lets none start any more, and waits until the last one is gone. Set a deadline to it: an
    /// actor may refuse to stop.
    pub async fn close(&self) {
        self.roster.close();
        self.roster.empty().await;
    }

    /// The keys that have an actor now, in order.
    pub fn keys(&self) -> Vec<K> {
        self.roster.keys()
    }

    /// What `GET /actors` shows of `key`'s actor, if there is one.
    pub fn state(&self, key: &K) -> Option<ActorState> {
        self.roster.state(key)
    }
}

impl<K: Ord, A: Actor> Clone for Supervisor<K, A> {
    fn clone(&self) -> Self {
        Self { roster: self.roster.clone(), starts: self.starts.clone() }
    }
}

impl<K: Ord, A: Actor> fmt::Debug for Supervisor<K, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("kind", &self.roster.kind).finish_non_exhaustive()
    }
}

/// The supervisor's task: gives each key that is started its keeper, until all handles are gone.
async fn supervise<K, A, F>(
    roster: Arc<Roster<K, A>>,
    mut starts: mpsc::Receiver<Start<K, A>>,
    mut plan: Plan,
    on_restart: Arc<dyn Fn(&Restart) + Send + Sync>,
    factory: F,
) where
    K: Key,
    A: Actor<Context = Context<A>>,
    F: Fn(&K, Seat) -> A + 'static,
{
    let factory = Rc::new(factory);
    while let Some((place, mail)) = starts.recv().await {
        let terms = Terms {
            backoff: plan.backoff.fork(),
            steady_after: plan.steady_after,
            on_restart: on_restart.clone(),
        };
        actix::spawn(keeper::keep(place, mail, terms, factory.clone()));
    }
    roster.close();
}

#[cfg(test)]
mod tests;
