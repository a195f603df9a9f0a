//! A few read-only SQLite connections, each on a thread of its own, behind a bounded queue with a deadline.
//!
//! Two things are read like this: the log (`log/reader.rs`) and history (`history/door.rs`).

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use patze_supervise::clock::Clock;
use rusqlite::Connection;
use tokio::sync::oneshot;

/// Questions that may wait.
const WAITING: usize = 64;

/// How a pool is made.
pub(crate) struct Plan {
    /// The threads' names, with a number each.
    pub(crate) name: &'static str,
    /// Connections, and so threads.
    pub(crate) threads: usize,
    /// How long a question may take in all.
    pub(crate) deadline: Duration,
    /// Opens a connection; asked when a thread needs its first one, and again after [`Pool::renew`].
    pub(crate) connect: Box<dyn Fn() -> rusqlite::Result<Connection> + Send + Sync>,
}

/// Why a question was not put, or its answer not waited for.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// Too many questions wait.
    Overloaded,
    /// It took longer than the deadline.
    Deadline,
    /// The pool is closed.
    Closed,
    /// No connection could be opened.
    Connect(rusqlite::Error),
}

type Question = Box<dyn FnOnce(rusqlite::Result<&mut Connection>) + Send>;

/// The pool.
#[derive(Debug)]
pub(crate) struct Pool {
    clock: Clock,
    deadline: Duration,
    /// None once the pool is closed.
    questions: Mutex<Option<SyncSender<Question>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

struct Shared {
    connect: Box<dyn Fn() -> rusqlite::Result<Connection> + Send + Sync>,
    waiting: Mutex<Receiver<Question>>,
    /// Goes up when the connections are to be opened anew.
    generation: AtomicU64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("generation", &self.generation).finish_non_exhaustive()
    }
}

// === impl Pool ===

impl Pool {
    /// Starts the threads.
    pub(crate) fn start(plan: Plan, clock: &Clock) -> std::io::Result<Self> {
        let Plan { name, threads, deadline, connect } = plan;
        let (questions, waiting) = sync_channel(WAITING);
        let shared =
            Arc::new(Shared { connect, waiting: Mutex::new(waiting), generation: AtomicU64::new(0) });
        let start = |number: usize| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name(format!("{name}-{number}")).spawn(move || answer(&shared))
        };
        let threads = (0..threads).map(start).collect::<Result<_, _>>()?;
        Ok(Self {
            clock: clock.clone(),
            deadline,
            questions: Mutex::new(Some(questions)),
            threads: Mutex::new(threads),
            shared,
        })
    }

    /// Asks one question on a connection of the pool.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let (reply, answer) = oneshot::channel();
        let asked = self.send(Box::new(move |conn| {
            // Nobody waits any more: do not read for nothing.
            if !reply.is_closed() {
                let _ = reply.send(conn.map(question));
            }
        }));
        asked?;
        match self.clock.timeout(self.deadline, answer).await {
            Err(_) => Err(NoAnswer::Deadline),
            Ok(Err(_)) => Err(NoAnswer::Closed),
            Ok(Ok(answer)) => answer.map_err(NoAnswer::Connect),
        }
    }

    /// Has every thread open its connection anew before its next question: the file is another one now.
    pub(crate) fn renew(&self) {
        self.shared.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Answers what was asked, then ends the threads and their connections.
    pub(crate) fn close(&self) {
        drop(self.questions.lock().unwrap_or_else(PoisonError::into_inner).take());
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // A reader that panicked has said so; its connection is closed all the same.
            let _ = thread.join();
        }
    }

    fn send(&self, question: Question) -> Result<(), NoAnswer> {
        let questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        match questions.as_ref().map(|questions| questions.try_send(question)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(NoAnswer::Overloaded),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(NoAnswer::Closed),
        }
    }
}

/// A thread of the pool.
fn answer(shared: &Shared) {
    let mut open: Option<(u64, Connection)> = None;
    loop {
        // The lock is held while it waits, so that one idle thread waits and the others queue up behind it.
        let next = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(question) = next else { return };
        let generation = shared.generation.load(Ordering::Acquire);
        open = open.filter(|(opened, _)| *opened == generation);
        let conn = match &mut open {
            Some((_, conn)) => Ok(conn),
            empty => (shared.connect)().map(|conn| &mut empty.insert((generation, conn)).1),
        };
        // A panic is the question's own: whoever asked is told by the dropped reply, and the thread lives on.
        if std::panic::catch_unwind(AssertUnwindSafe(|| question(conn))).is_err() {
            tracing::error!("a question to a database panicked");
        }
    }
}
