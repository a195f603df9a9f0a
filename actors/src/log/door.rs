//! The log's handle: what everything outside this folder uses.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use patze_core::event::Recorded;
use patze_core::fleet::Fleet;
use patze_core::ids::LogId;
use patze_core::retention::Retention;
use patze_supervise::clock::Clock;
use rusqlite::{InterruptHandle, OptionalExtension as _};
use tokio::sync::oneshot;

use super::base::{self, Horizon};
use super::batch::{AppendError, Batch, Lane, Overloaded, Pending};
use super::care::reached::Reached;
use super::care::redact::wipe;
use super::care::swap;
use super::checkpoint;
use super::connect;
use super::digest::Digest;
use super::follow::Follower;
use super::health::{Check, Health, Metrics, Status};
use super::open::{self, OpenError};
use super::past::{self, Moment, Past, PastError, Then};
use super::place::{self, ServerLock};
use super::proof::{self, Proof, ProofError, Proofs, Proven};
use super::publish::Publish;
use super::queue::{Queue, Refusal, Work};
use super::reader::{self, ReadError, Readers, StartError, StoredEvent};
use super::retention::{self, Due, Report, RetentionError, Run};
use super::row::RowError;
use super::scan;
use super::transaction::Tail;
use super::wal::WalCopier;
use super::writer::{self, Writer, WriterError};
use crate::sqlite;

/// How long retention rests after a step: longer than most steps take, so that it has less than half of a processor.
const REST: Duration = Duration::from_millis(20);

/// How the log is opened.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The folder that holds `patze.db` (`PATZE_SETTINGS_DIR`).
    pub dir: PathBuf,
    /// The clock that `recorded_at` is taken from.
    pub clock: Clock,
    /// Positions between two checkpoints: [`checkpoint::EVERY`] but in tests.
    pub checkpoint_every: u64,
}

/// The event log. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Log(pub(super) Arc<Shared>);

/// The end of the log, for `/readyz`: an outside copy of it proves the past (design §6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Which history this is.
    pub log_id: LogId,
    /// The last position.
    pub position: u64,
    /// The digest chain up to there.
    pub digest: Digest,
}

/// The log could not be closed in good order. The next start checks the file.
#[derive(Debug, thiserror::Error)]
#[error("{file} could not be marked as closed; the next start checks it")]
pub struct CloseError {
    file: String,
    source: rusqlite::Error,
}

/// What the handle, the writer, the prover and the checker share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) file: PathBuf,
    pub(super) clock: Clock,
    pub(super) every: u64,
    pub(super) queue: Queue,
    pub(super) proofs: Proofs,
    pub(super) metrics: Metrics,
    pub(super) health: Health,
    pub(super) wal: WalCopier,
    pub(super) readers: Readers,
    /// Held by whoever looks after what was stored before: one at a time.
    care: Mutex<()>,
    /// States before this position are not those that were live then, for some of their rows went.
    settled: AtomicU64,
    horizon: Mutex<Option<Horizon>>,
    /// The last redaction's position, 0 without one. None happens while the log is open.
    redacted: u64,
    /// Retention is due.
    pub(super) due: Due,
    pub(super) past: Past,
    log_id: LogId,
    /// What readers see.
    current: ArcSwap<Fleet>,
    /// What a new writer starts from: folded and published.
    published: Mutex<Arc<Fleet>>,
    head: Mutex<Tail>,
    /// Told when the head moves on, and when the log is closed.
    moved: Condvar,
    closing: AtomicBool,
    writing: Mutex<bool>,
    stopped_writing: Condvar,
    checker: Mutex<Option<Checker>>,
    /// Given up when the log is closed, so that another may open it whatever handles are still around.
    lock: Mutex<Option<ServerLock>>,
}

/// The `quick_check` that runs beside everything else after an unclean stop.
struct Checker {
    interrupt: InterruptHandle,
    thread: JoinHandle<()>,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker").field("thread", &self.thread).finish_non_exhaustive()
    }
}

// === impl LogConfig ===

impl LogConfig {
    /// The log in `dir`, with the design's numbers.
    pub fn new(dir: impl Into<PathBuf>, clock: Clock) -> Self {
        Self { dir: dir.into(), clock, checkpoint_every: checkpoint::EVERY }
    }
}

// === impl Log ===

impl Log {
    /// Opens or makes the log and folds it up to its end. Blocks: reading a checkpoint and the tail behind it.
    ///
    /// # Errors
    /// Each names the file and the remedy, and has written nothing to it.
    pub fn open(config: LogConfig) -> Result<Self, OpenError> {
        let LogConfig { dir, clock, checkpoint_every } = config;
        let every = checkpoint_every.max(1);
        let lock = place::take(&dir)?;
        swap::finish(&dir).map_err(OpenError::Restoring)?;
        let file = dir.join(place::DATABASE);
        let mut conn = open::database(&file, clock.now())?;
        let corrupt = |source| OpenError::fault(&file, source);
        let tail = writer::read_tail(&conn).map_err(corrupt)?;
        let checkpoint = checkpoint::newest(&conn, tail.position).map_err(|e| corrupt(e.into()))?;
        let horizon = base::horizon(&conn).map_err(|e| corrupt(e.into()))?;
        let settled = retention::settled(&conn).map_err(|e| corrupt(e.into()))?;
        let (proofs, metrics) = (Proofs::default(), Metrics::default());
        let (mut fleet, mut unproven) = (checkpoint.clone(), None);
        checkpoint::replay(&conn, &mut fleet, tail.position, every, |at| unproven = Some(at.clone()))
            .map_err(corrupt)?;
        if let Some(fleet) = unproven {
            proofs.offer(&fleet, &metrics);
        }
        let start = |error| match error {
            StartError::Sqlite(source) => OpenError::sqlite(&file, "read", source),
            StartError::Thread(source) => OpenError::Thread { path: file.clone(), source },
        };
        // All that is there could be read. Now it may be written to.
        let reached = Reached::read(&file);
        let stands = |conn: &rusqlite::Connection, log_id: &str| match &reached {
            // Nobody has read anything of it.
            _ if tail.position == 0 => Ok(true),
            None => Ok(false),
            Some(reached) => reached.agrees(conn, log_id, &tail),
        };
        let (log_id, clean) =
            open::mark_in_use(&mut conn, stands).map_err(|e| OpenError::sqlite(&file, "write", e))?;
        wipe::resume(&dir, &conn);
        let redacted = wipe::redacted(&conn).map_err(|e| OpenError::sqlite(&file, "read", e))?;
        let readers = Readers::start(&file, &clock).map_err(start)?;
        let wal = WalCopier::start(&file).map_err(start)?;
        let health = Health::default();
        health.update(|status| status.checkpoint = checkpoint.position());
        let fleet = Arc::new(fleet);
        let shared = Arc::new(Shared {
            file,
            clock,
            every,
            queue: Queue::default(),
            proofs,
            metrics,
            health,
            wal,
            readers,
            care: Mutex::new(()),
            settled: AtomicU64::new(settled),
            horizon: Mutex::new(horizon),
            redacted,
            due: Due::default(),
            past: Past::default(),
            log_id,
            current: ArcSwap::new(fleet.clone()),
            published: Mutex::new(fleet),
            head: Mutex::new(tail),
            moved: Condvar::new(),
            closing: AtomicBool::new(false),
            writing: Mutex::new(false),
            stopped_writing: Condvar::new(),
            checker: Mutex::new(None),
            lock: Mutex::new(Some(lock)),
        });
        if !clean {
            Checker::start(&shared)?;
        }
        Ok(Self(shared))
    }

    /// The writer, ready to run on a thread of the caller's. There is one at a time; when it fails, ask for another.
    ///
    /// # Errors
    /// [`WriterError::Running`] while there is one.
    pub fn writer(&self, publish: Box<dyn Publish>) -> Result<Writer, WriterError> {
        Writer::new(&self.0, publish)
    }

    /// Queues a batch. Never waits; the answer comes once the batch is durable, folded and published.
    ///
    /// # Errors
    /// [`Overloaded`] if the lane is full; nothing was taken then.
    pub fn append(&self, lane: Lane, batch: Batch) -> Result<Pending, Overloaded> {
        if let Some(fault) = self.0.health.fault() {
            let file = self.0.file.display().to_string();
            return Ok(Pending::ready(Err(AppendError::Damaged { file, fault })));
        }
        let (reply, answer) = oneshot::channel();
        match self.0.queue.push(lane, Work::Append { batch, reply }) {
            Ok(()) => Ok(Pending::new(answer)),
            Err(Refusal::Closed) => Ok(Pending::ready(Err(AppendError::Closed))),
            Err(Refusal::Overloaded(overloaded)) => {
                self.0.metrics.overloaded.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Err(overloaded)
            }
        }
    }

    /// The events after position `after`, or after the horizon if that is later, oldest first: at most `max_events`, and
    /// no more than `max_bytes` hold (but one at least). An empty page is the end.
    ///
    /// # Errors
    /// If the log is overloaded, closed or cannot be read.
    pub async fn read_after(
        &self,
        after: u64,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<StoredEvent>, ReadError> {
        let after = after.max(self.horizon().map_or(0, |horizon| horizon.position));
        self.0.readers.ask(move |conn| reader::page(conn, after, max_events, max_bytes)).await
    }

    /// How far the source of this name was read; none if nothing of it was stored yet.
    ///
    /// # Errors
    /// If the log is overloaded, closed or cannot be read.
    pub async fn cursor(&self, name: String) -> Result<Option<String>, ReadError> {
        self.0
            .readers
            .ask(move |conn| {
                let mut statement = conn.prepare_cached("SELECT value FROM cursors WHERE name = ?1")?;
                Ok(statement.query_row([name], |row| row.get(0)).optional()?)
            })
            .await
    }

    /// Shows every event after `after`, or after the horizon if that is later, to `each`, without copying it, until it
    /// breaks or the log ends. Blocks, on a connection of its own.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn scan(
        &self,
        after: u64,
        each: impl FnMut(&Recorded<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let read = |source| self.0.unreadable(source);
        let conn = sqlite::for_reading(&self.0.file).map_err(|e| read(e.into()))?;
        let head = scan::head(&conn).map_err(|e| read(e.into()))?;
        let after = after.max(self.horizon().map_or(0, |horizon| horizon.position));
        scan::scan(&conn, after, head, each).map_err(read)
    }

    /// A reader that follows the log.
    ///
    /// # Errors
    /// If no connection can be opened.
    pub fn follower(&self) -> Result<Follower, ReadError> {
        Follower::new(&self.0)
    }

    /// The fleet, folded up to the last transaction.
    pub fn fleet(&self) -> Arc<Fleet> {
        self.0.current()
    }

    /// The fleet after the last event at `moment` or before.
    ///
    /// # Errors
    /// If the moment has not come or lies before the horizon, too many are being looked up, or the log cannot be read.
    pub async fn fleet_at(&self, moment: Moment) -> Result<Then, PastError> {
        past::fleet_at(&self.0, moment).await
    }

    /// Where the log begins; none while nothing was cut.
    pub fn horizon(&self) -> Option<Horizon> {
        self.0.horizon()
    }

    /// Where the last redaction is told; 0 if there was none. Whoever read the log before that has read other events.
    pub fn redacted(&self) -> u64 {
        self.0.redacted
    }

    /// One run of retention: thins, rolls up and cuts as `rules` say (see `retention/mod.rs`). `pause` is called after
    /// each step and says whether to go on. Blocks, for as long as there is something to do.
    ///
    /// # Errors
    /// If the log cannot be read or written, is damaged, or a rule of this program is wrong. What was done until then is
    /// sound.
    pub fn retain(&self, rules: &Retention, pause: &mut dyn FnMut() -> bool) -> Result<Run, RetentionError> {
        retention::run(&self.0, rules, pause)
    }

    /// Says that retention is due, now or as soon as the run that goes on has ended.
    pub fn retention_is_due(&self) {
        self.0.due.call();
    }

    /// Waits until retention is due. Blocks. False once the log is closed.
    pub fn next_retention(&self) -> bool {
        self.0.due.wait()
    }

    /// Rests between two steps of retention, so that others get the processor. Blocks. False once the log is closed.
    pub fn rest(&self) -> bool {
        self.0.due.rest(REST)
    }

    /// How much is stored, what retention deleted lately, and what `rules` will come to.
    ///
    /// # Errors
    /// If the log is overloaded, closed or cannot be read.
    pub async fn retention_report(&self, rules: Retention) -> Result<Report, ReadError> {
        let (file, machines) = (self.0.file.clone(), self.fleet().facts().machines.len());
        self.0.readers.ask(move |conn| retention::report(conn, &file, &rules, machines)).await
    }

    /// The end of the log.
    pub fn head(&self) -> Head {
        self.0.head()
    }

    /// How the log fares.
    pub fn status(&self) -> Status {
        Status { writing: *locked(&self.0.writing), ..self.0.health.status() }
    }

    /// What the log counts.
    pub fn metrics(&self) -> &Metrics {
        self.0.metrics.queue_bytes.store(self.0.queue.bytes() as u64, std::sync::atomic::Ordering::Relaxed);
        &self.0.metrics
    }

    /// The database file.
    pub fn file(&self) -> &Path {
        &self.0.file
    }

    /// Waits until the live fleet is to be compared with a rebuilt one (for the Janitor). Blocks. None once the log is
    /// closed.
    pub fn next_proof(&self) -> Option<Proof> {
        self.0.proofs.next()
    }

    /// Compares, and stores the checkpoint if all is well. Blocks, for seconds where no checkpoint is near.
    ///
    /// # Errors
    /// If the log cannot be read or the checkpoint not be stored. A difference is no error but [`Proven::Differs`].
    pub fn prove(&self, proof: &Proof) -> Result<Proven, ProofError> {
        proof::prove(&self.0, proof)
    }

    /// Takes nothing more, writes what waits, and marks the log as closed in good order. Blocks until the writer has
    /// ended. A second call does no harm.
    ///
    /// # Errors
    /// If the mark cannot be written.
    pub fn close(&self) -> Result<(), CloseError> {
        let shared = &self.0;
        shared.queue.close();
        shared.proofs.close();
        shared.due.close();
        shared.end_following();
        let mut writing = locked(&shared.writing);
        while *writing {
            writing = shared.stopped_writing.wait(writing).unwrap_or_else(PoisonError::into_inner);
        }
        // Should the writer have failed, then what waits is lost, and whoever waits must know.
        shared.queue.clear();
        let checker = locked(&shared.checker).take();
        if let Some(checker) = checker {
            checker.interrupt.interrupt();
            let _ = checker.thread.join();
        }
        shared.readers.close();
        shared.wal.close();
        if shared.health.fault().is_some() {
            return Ok(());
        }
        let failed = |source| CloseError { file: shared.file.display().to_string(), source };
        let conn = connect::for_writing(&shared.file).map_err(failed)?;
        // The last connection to close copies the write-ahead log into the file and removes it.
        open::mark_clean(&conn).map_err(failed)?;
        drop(conn);
        *locked(&shared.lock) = None;
        Ok(())
    }
}

// === impl Shared ===

impl Shared {
    pub(super) fn begin_writing(&self) -> bool {
        !std::mem::replace(&mut *locked(&self.writing), true)
    }

    pub(super) fn end_writing(&self) {
        *locked(&self.writing) = false;
        self.stopped_writing.notify_all();
    }

    pub(super) fn set_head(&self, tail: &Tail) {
        *locked(&self.head) = *tail;
        self.moved.notify_all();
    }

    /// Waits until the head is beyond `after`, and gives it. None once the log is closed.
    pub(super) fn wait_past(&self, after: u64) -> Option<u64> {
        let mut head = locked(&self.head);
        loop {
            if self.closing.load(Ordering::Acquire) {
                return None;
            }
            if head.position > after {
                return Some(head.position);
            }
            head = self.moved.wait(head).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end_following(&self) {
        // Under the lock, so that nobody is between looking and waiting.
        let _head = locked(&self.head);
        self.closing.store(true, Ordering::Release);
        self.moved.notify_all();
    }

    pub(super) fn unreadable(&self, source: RowError) -> ReadError {
        ReadError::Read { file: self.file.display().to_string(), source }
    }

    pub(super) fn head(&self) -> Head {
        let tail = *locked(&self.head);
        Head { log_id: self.log_id.clone(), position: tail.position, digest: tail.digest }
    }

    pub(super) fn current(&self) -> Arc<Fleet> {
        self.current.load_full()
    }

    pub(super) fn take_care(&self) -> MutexGuard<'_, ()> {
        locked(&self.care)
    }

    /// Notes that rows go without which states before `position` are other ones.
    pub(super) fn settle(&self, position: u64) {
        self.settled.fetch_max(position, Ordering::SeqCst);
    }

    pub(super) fn settled(&self) -> u64 {
        self.settled.load(Ordering::SeqCst)
    }

    pub(super) fn horizon(&self) -> Option<Horizon> {
        *locked(&self.horizon)
    }

    pub(super) fn set_horizon(&self, horizon: Horizon) {
        *locked(&self.horizon) = Some(horizon);
    }

    pub(super) fn set_current(&self, fleet: &Arc<Fleet>) {
        self.current.store(fleet.clone());
    }

    pub(super) fn published(&self) -> Arc<Fleet> {
        locked(&self.published).clone()
    }

    pub(super) fn set_published(&self, fleet: Arc<Fleet>) {
        *locked(&self.published) = fleet;
    }
}

// === impl Checker ===

impl Checker {
    fn start(shared: &Arc<Shared>) -> Result<(), OpenError> {
        let file = &shared.file;
        let conn = sqlite::for_reading(file).map_err(|e| OpenError::sqlite(file, "check", e))?;
        let interrupt = conn.get_interrupt_handle();
        shared.health.update(|status| status.check = Check::Running);
        // Weak, so that a log that is dropped without being closed is not kept open by its check.
        let weak = Arc::downgrade(shared);
        let thread = std::thread::Builder::new().name("patze-check".to_owned()).spawn(move || {
            let found: rusqlite::Result<String> =
                conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
            let Some(shared) = weak.upgrade() else { return };
            match found {
                Ok(verdict) if verdict == "ok" => {
                    shared.health.update(|status| status.check = Check::Passed);
                }
                Ok(verdict) => shared.health.damaged(verdict),
                Err(error) if super::transaction::is_damage(&error) => {
                    shared.health.damaged(error.to_string());
                }
                Err(error) => {
                    tracing::warn!(%error, "the check after an unclean stop did not end");
                    shared.health.update(|status| status.check = Check::Interrupted);
                }
            }
        });
        let thread = thread.map_err(|source| OpenError::Thread { path: file.clone(), source })?;
        *locked(&shared.checker) = Some(Self { interrupt, thread });
        Ok(())
    }
}

/// What these mutexes guard is replaced as a whole, so that a panic elsewhere leaves it sound.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
