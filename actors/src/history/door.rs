//! History's handle: what everything outside this folder uses.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use patze_core::history::{Answer, Progress};
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use rusqlite::{Connection, ErrorCode};

use super::file;
use super::projector::Projector;
use crate::log::{HISTORY, Log, ReadError};
use crate::pool::{NoAnswer, Plan, Pool};

/// Connections, and so threads.
const READERS: usize = 2;
/// How long SQLite may work on one question.
const WORK: Duration = Duration::from_secs(2);
/// How long a question may take in all, its wait for a connection included.
const DEADLINE: Duration = Duration::from_secs(5);
/// Steps of SQLite's virtual machine between two looks at the clock: some tenths of a millisecond.
const STEPS: i32 = 4_000;

/// History. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct History(Arc<Shared>);

/// How history fares, for `/readyz` and `/metrics`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryStatus {
    /// How far it is.
    pub progress: Progress,
    /// How long the oldest event that is not in it has been waiting, at most.
    pub lag: Duration,
    /// Why the projector does not run, if it failed; gone once it projects again.
    pub fault: Option<String>,
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Too many questions wait; come back in a second.
    #[error("too many questions to history wait")]
    Overloaded,
    /// It was too much work.
    #[error(
        "the question takes longer than {} s; narrow it: a shorter time, one machine, more words",
        WORK.as_secs()
    )]
    Deadline,
    /// The control plane stops.
    #[error("history is closed")]
    Closed,
    /// There is no file to read just now.
    #[error("history is being made anew; ask again in a moment")]
    NotReady,
    /// What was asked for is not allowed. The text says what is.
    #[error("{message}")]
    Invalid {
        /// The parameter.
        parameter: &'static str,
        /// What is allowed.
        message: String,
    },
    /// There is no such thing.
    #[error("history knows no {kind} {id:?}")]
    NoSuch {
        /// What was asked for.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// The log, which was asked too, did not answer.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The file cannot be read.
    #[error("history cannot be read")]
    Read(#[source] rusqlite::Error),
}

/// What the handle and the projector share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) log: Log,
    pub(super) file: PathBuf,
    clock: Clock,
    readers: Pool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    position: u64,
    recorded_at: Option<Timestamp>,
    /// [`Clock::elapsed`] when it last had all that there was.
    whole_at: Duration,
    /// Up to where it is being made anew.
    rebuilding_to: Option<u64>,
    condemned: Option<&'static str>,
    fault: Option<String>,
}

impl History {
    /// History of `log`, in the folder of the log. The file is opened, or made, by the projector.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn new(log: &Log, clock: &Clock) -> std::io::Result<Self> {
        let file = log.file().with_file_name(HISTORY);
        let path = file.clone();
        let plan = Plan {
            name: "patze-history",
            threads: READERS,
            deadline: DEADLINE,
            connect: Box::new(move || file::for_reading(&path)),
        };
        let readers = Pool::start(plan, clock)?;
        let state = State { whole_at: clock.elapsed(), ..State::default() };
        let (log, clock) = (log.clone(), clock.clone());
        Ok(Self(Arc::new(Shared { log, file, clock, readers, state: Mutex::new(state) })))
    }

    /// The projector, ready to run on a thread of the caller's. There is to be one at a time; when it fails, ask for another.
    pub fn projector(&self) -> Projector {
        Projector::new(self.0.clone())
    }

    /// Notes why the projector ended, until the next one projects.
    pub fn failed(&self, fault: String) {
        self.0.locked().fault = Some(fault);
    }

    /// How it fares.
    pub fn status(&self) -> HistoryStatus {
        let shared = &self.0;
        let progress = shared.progress();
        let state = shared.locked();
        let lag = if progress.behind == 0 {
            Duration::ZERO
        } else {
            let waiting = shared.clock.elapsed().saturating_sub(state.whole_at);
            // Under a steady load it never has all: then what counts is how old the newest event in it is.
            let head = shared.log.fleet().log_time();
            let apart = state.recorded_at.map_or(i64::MAX, |at| head.since(at).max(0));
            waiting.min(Duration::from_millis(apart.unsigned_abs()))
        };
        HistoryStatus { progress, lag, fault: state.fault.clone() }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.0.file
    }

    /// The log that it is of.
    pub(super) fn log(&self) -> &Log {
        &self.0.log
    }

    /// Answers what was asked, then takes no more questions.
    pub fn close(&self) {
        self.0.readers.close();
    }

    /// Puts a question to a reader, with the deadline.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<Answer<T>, QueryError> {
        let shared = &self.0;
        let clock = shared.clock.clone();
        let asked = shared.readers.ask(move |conn| {
            let until = clock.elapsed() + WORK;
            limit(conn, Some(Box::new(move || clock.elapsed() > until)))?;
            let answer = question(conn);
            limit(conn, None)?;
            answer
        });
        let answer = match asked.await {
            Ok(answer) => answer,
            Err(NoAnswer::Overloaded) => Err(QueryError::Overloaded),
            Err(NoAnswer::Deadline) => Err(QueryError::Deadline),
            Err(NoAnswer::Closed) => Err(QueryError::Closed),
            Err(NoAnswer::Connect(error)) => {
                tracing::debug!(%error, "history.db cannot be opened for reading");
                Err(QueryError::NotReady)
            }
        };
        if let Err(QueryError::Read(error)) = &answer
            && file::is_damage(error)
        {
            tracing::error!(%error, "history.db is damaged and is made anew with the next event");
            shared.condemn("it was damaged");
            return Err(QueryError::NotReady);
        }
        Ok(Answer { answer: answer?, progress: shared.progress() })
    }
}

/// Has SQLite ask from time to time whether it is to stop.
fn limit(conn: &mut Connection, stop: Option<Box<dyn FnMut() -> bool + Send>>) -> Result<(), QueryError> {
    conn.progress_handler(STEPS, stop).map_err(QueryError::from)
}

impl From<rusqlite::Error> for QueryError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::Deadline,
            _ => Self::Read(error),
        }
    }
}

impl Shared {
    /// The projector has the file open.
    pub(super) fn opened(&self, position: u64, recorded_at: Timestamp) {
        let head = self.log.head().position;
        {
            let mut state = self.locked();
            let made = position == 0 && head > 0;
            *state = State {
                position,
                recorded_at: Some(recorded_at),
                whole_at: if position >= head { self.clock.elapsed() } else { state.whole_at },
                rebuilding_to: made.then_some(head).or(state.rebuilding_to.filter(|to| *to > position)),
                condemned: None,
                fault: None,
            };
        }
        // The file may be another one than before.
        self.readers.renew();
    }

    /// A page more is stored.
    pub(super) fn projected(&self, position: u64, recorded_at: Option<Timestamp>) {
        let head = self.log.head().position;
        let mut state = self.locked();
        state.position = position;
        state.recorded_at = recorded_at.or(state.recorded_at);
        state.rebuilding_to = state.rebuilding_to.filter(|to| *to > position);
        if position >= head {
            state.whole_at = self.clock.elapsed();
        }
    }

    /// The file is to be made anew, and why.
    pub(super) fn condemn(&self, reason: &'static str) {
        self.locked().condemned = Some(reason);
    }

    pub(super) fn condemned(&self) -> Option<&'static str> {
        self.locked().condemned
    }

    fn progress(&self) -> Progress {
        let head = self.log.head().position;
        let state = self.locked();
        Progress {
            position: state.position,
            behind: head.saturating_sub(state.position),
            rebuilding: state.rebuilding_to.is_some() || state.condemned.is_some(),
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
