//! Time that stands still until a test moves it.
//!
//! # Constraints
//! 1. No real time passes: nothing here waits on the machine's clock.
//! 2. Sleepers wake in the order of their deadlines, those with equal deadlines in the order in which they began to
//!    wait; while one runs, the clock shows its deadline and not where the advance will end.
//! 3. It may be used from any thread, but only tasks on the thread that advances get constraint 2 in full: there
//!    the woken tasks run, and begin their next sleep, before the clock moves on. A task on another thread is given
//!    a bounded chance to, no more; a test that needs more awaits [`VirtualTime::wait_for_sleepers`] or its own
//!    condition.
//! 4. A sleeper that is woken and not polled (its actor is waiting for something else) holds nothing up.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use patze_core::time::Timestamp;
use tokio::sync::watch;

/// Turns of the scheduler that woken sleepers get to be polled in before the clock moves on without them.
const MOST_TURNS: usize = 1_000;
/// Turns after that for what they set in motion: messages to other actors, answers, the next sleep.
const QUIET_TURNS: usize = 16;

/// Moves a virtual clock. Clones move the same clock.
#[derive(Clone, Debug)]
pub struct VirtualTime(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    sleepers: watch::Sender<usize>,
}

#[derive(Debug)]
struct Inner {
    /// What the wall clock would have shown at `elapsed` zero, jumps included.
    base: Timestamp,
    elapsed: Duration,
    next_ticket: u64,
    waiting: BTreeMap<(Duration, u64), Waker>,
    /// Woken and not polled since.
    woken: BTreeSet<u64>,
    /// The thread whose next reading panics.
    trap: Option<String>,
}

/// A sleep on the virtual clock. It waits from its first poll on, until it is ready or dropped.
#[derive(Debug)]
pub(super) struct VirtualSleep {
    time: VirtualTime,
    deadline: Duration,
    ticket: Option<u64>,
}

// === impl VirtualTime ===

impl VirtualTime {
    pub(super) fn starting_at(base: Timestamp) -> Self {
        Self(Arc::new(Shared {
            inner: Mutex::new(Inner {
                base,
                elapsed: Duration::ZERO,
                next_ticket: 0,
                waiting: BTreeMap::new(),
                woken: BTreeSet::new(),
                trap: None,
            }),
            sleepers: watch::Sender::new(0),
        }))
    }

    /// Moves both faces of the clock by `by`, stopping at each deadline on the way to let the woken tasks run.
    /// Tasks on this thread that are about to wait get to do so before the clock moves.
    pub async fn advance(&self, by: Duration) {
        self.settle().await;
        let target = self.lock().elapsed.saturating_add(by);
        while self.step(target) {
            self.settle().await;
        }
    }

    /// Moves the wall clock alone by `millis`: forward as after a machine's sleep, backward as when it is set.
    pub fn jump_wall(&self, millis: i64) {
        let mut inner = self.lock();
        inner.base = inner.base.plus(millis);
    }

    /// Makes the next reading of the clock on the thread of this name panic, once: what an actor or a thread of its own does
    /// when it fails somewhere in its work.
    pub fn fail_next_reading_on(&self, thread: &str) {
        self.lock().trap = Some(thread.to_owned());
    }

    /// How many sleeps wait for a later time.
    pub fn sleepers(&self) -> usize {
        *self.0.sleepers.borrow()
    }

    /// Waits, without moving the clock, until at least `count` sleeps wait.
    pub async fn wait_for_sleepers(&self, count: usize) {
        // It fails only if the sender is gone, which `self` holds.
        let _ = self.0.sleepers.subscribe().wait_for(|sleepers| *sleepers >= count).await;
    }

    pub(super) fn now(&self) -> Timestamp {
        let inner = self.read();
        inner.base.plus(i64::try_from(inner.elapsed.as_millis()).unwrap_or(i64::MAX))
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.read().elapsed
    }

    #[allow(clippy::panic, reason = "only a test sets the trap")]
    fn read(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        if inner.trap.is_some() && inner.trap.as_deref() == std::thread::current().name() {
            inner.trap = None;
            drop(inner);
            panic!("the clock was told to fail here");
        }
        inner
    }

    pub(super) fn sleep_until(&self, deadline: Duration) -> VirtualSleep {
        VirtualSleep { time: self.clone(), deadline, ticket: None }
    }

    /// Moves to the next deadline up to `target` and wakes its sleepers, or, if there is none, to `target`.
    fn step(&self, target: Duration) -> bool {
        let mut due = Vec::new();
        {
            let mut inner = self.lock();
            let next = inner.waiting.first_key_value().map(|((deadline, _), _)| *deadline);
            let Some(deadline) = next.filter(|deadline| *deadline <= target) else {
                inner.elapsed = inner.elapsed.max(target);
                return false;
            };
            inner.elapsed = inner.elapsed.max(deadline);
            while let Some(first) = inner.waiting.first_entry().filter(|first| first.key().0 == deadline) {
                let ((_, ticket), waker) = first.remove_entry();
                inner.woken.insert(ticket);
                due.push(waker);
            }
            self.count(&inner);
        }
        due.into_iter().for_each(Waker::wake);
        true
    }

    async fn settle(&self) {
        for _ in 0..MOST_TURNS {
            if self.lock().woken.is_empty() {
                break;
            }
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
        for _ in 0..QUIET_TURNS {
            tokio::task::yield_now().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait for sleepers. Under the lock, so that counts are published in order.
    fn count(&self, inner: &Inner) {
        self.0.sleepers.send_if_modified(|count| std::mem::replace(count, inner.waiting.len()) != *count);
    }
}

// === impl VirtualSleep ===

impl Future for VirtualSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let time = self.time.clone();
        let mut inner = time.lock();
        if inner.elapsed >= self.deadline {
            drop(inner);
            self.forget();
            return Poll::Ready(());
        }
        let ticket = self.ticket.unwrap_or_else(|| {
            inner.next_ticket += 1;
            inner.next_ticket
        });
        let former = inner.waiting.insert((self.deadline, ticket), cx.waker().clone());
        time.count(&inner);
        // Outside the lock: dropping a waker may drop a task, and with it another sleep.
        drop(inner);
        drop(former);
        self.ticket = Some(ticket);
        Poll::Pending
    }
}

impl VirtualSleep {
    fn forget(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut inner = self.time.lock();
        let waker = inner.waiting.remove(&(self.deadline, ticket));
        inner.woken.remove(&ticket);
        self.time.count(&inner);
        drop(inner);
        drop(waker);
    }
}

impl Drop for VirtualSleep {
    fn drop(&mut self) {
        self.forget();
    }
}
