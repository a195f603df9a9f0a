//! The Spool actor: the one that has the file open.
//!
//! **Owns** the [`Spool`]. **Woken by** questions alone; it answers them one after the other, each on a blocking thread,
//! because a disk may be slow. **Tells** whoever waits for [`SpoolHandle::more`] that there is something to send.
//! **Fails** when the file cannot be opened (then it tries again with backoff, and everybody else waits with what they
//! have) or is damaged (then it is put aside first). A question that got no answer may have been carried out: askers
//! begin again from what the spool says next.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use patze_core::causes::with_causes;
use patze_core::event::Event;
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use patze_supervise::backoff::Backoff;
use patze_supervise::supervisor::{Plan, Seat, Supervisor, Unanswered, World};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tracing::{error, info};

use super::{Appended, Batch, Beginning, Limits, LogSeen, Most, Reason, Seq, Shape, Spool, SpoolError};
use crate::failure::returned;

/// The kind, and the key of the one spool of a bridge.
const SPOOL: &str = "spool";
/// How long an asker waits for the disk.
const ANSWER: Duration = Duration::from_secs(30);

/// What the spool's actor is built from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The state folder.
    pub dir: PathBuf,
    /// How large it may grow.
    pub limits: Limits,
    /// The machine whose events are kept.
    pub machine: MachineId,
    /// The mapper's version.
    pub mapper: u32,
}

/// See the module.
pub struct SpoolActor {
    settings: Arc<Settings>,
    more: Arc<Notify>,
    seat: Seat,
    /// Away while a question is worked on.
    spool: Option<Spool>,
}

/// The door to the spool for the bridge's other actors.
#[derive(Clone, Debug)]
pub struct SpoolHandle {
    supervisor: Supervisor<&'static str, SpoolActor>,
    more: Arc<Notify>,
    /// Counts how often cursors were forgotten while the bridge ran.
    anew: watch::Sender<u64>,
}

/// Why a question to the spool has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unspooled {
    /// The actor did not answer.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    /// The spool could not do it.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A source's cursor cannot be written.
    #[error("a cursor cannot be written")]
    Cursor(#[source] serde_json::Error),
}

/// One question: what is to be done with the spool. Made by [`SpoolHandle`] alone.
struct Work<T>(Job<T>);

type Job<T> = Box<dyn FnOnce(&mut Spool) -> Result<T, SpoolError> + Send>;

impl<T: Send + 'static> Message for Work<T> {
    type Result = Result<T, SpoolError>;
}

// === impl SpoolHandle ===

impl SpoolHandle {
    /// Starts the spool's actor on this arbiter.
    ///
    /// # Panics
    /// When called outside an actix arbiter.
    pub fn start(world: &World, backoff: Backoff, settings: Settings) -> Self {
        let (settings, more) = (Arc::new(settings), Arc::new(Notify::new()));
        let told = more.clone();
        let supervisor = Supervisor::here(world, Plan::new(SPOOL, backoff), move |_: &&str, seat| {
            SpoolActor { settings: settings.clone(), more: told.clone(), seat, spool: None }
        });
        if let Err(refused) = supervisor.start(SPOOL) {
            error!(%refused, "the spool was not started");
        }
        Self { supervisor, more, anew: watch::Sender::new(0) }
    }

    /// [`Spool::begin`].
    ///
    /// # Errors
    /// [`Unspooled`].
    pub async fn begin(&self, source: String) -> Result<Beginning, Unspooled> {
        self.ask(move |spool| spool.begin(&source)).await
    }

    /// [`Spool::append`]. Without an answer it may have been done or not: go on from [`SpoolHandle::begin`].
    ///
    /// # Errors
    /// [`Unspooled`].
    pub async fn append(
        &self,
        source: String,
        epoch: u64,
        cursor: Option<String>,
        events: Vec<Event>,
    ) -> Result<Appended, Unspooled> {
        let appended = self.ask(move |spool| spool.append(&source, epoch, cursor.as_deref(), &events)).await;
        self.tell_if_more(&appended);
        appended
    }

    /// [`Spool::keep`].
    ///
    /// # Errors
    /// [`Unspooled`].
    pub async fn keep(&self, event: Event, heartbeat: bool) -> Result<Appended, Unspooled> {
        let kept = self.ask(move |spool| spool.keep(&event, heartbeat)).await;
        self.tell_if_more(&kept);
        kept
    }

    /// [`Spool::next_batch`].
    ///
    /// # Errors
    /// [`Unspooled`].
    pub async fn next_batch(&self, shape: Shape, most: Most) -> Result<Option<Batch>, Unspooled> {
        self.ask(move |spool| spool.next_batch(shape, most)).await
    }

    /// [`Spool::settle`].
    ///
    /// # Errors
    /// [`Unspooled`].
    pub async fn settle(
        &self,
        through: Seq,
        rejected: Vec<(Seq, Reason)>,
        at: Timestamp,
    ) -> Result<(), Unspooled> {
        self.ask(move |spool| spool.settle(through, &rejected, at)).await
    }

    /// [`Spool::begin_log`].
    ///
    /// # Errors
    /// [`Unspooled`].
    pub async fn begin_log(&self, id: Option<String>) -> Result<LogSeen, Unspooled> {
        let seen = self.ask(move |spool| spool.begin_log(id.as_deref())).await?;
        if seen == LogSeen::Another {
            self.anew.send_modify(|times| *times += 1);
        }
        Ok(seen)
    }

    /// Changes when cursors were forgotten: a source that rests must begin again, or it would find out only at its next
    /// append.
    pub fn anew(&self) -> watch::Receiver<u64> {
        self.anew.subscribe()
    }

    /// Waits until something was appended since it was last waited for.
    pub async fn more(&self) {
        self.more.notified().await;
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.supervisor.close().await;
    }

    /// Without an answer there may be more too.
    fn tell_if_more(&self, appended: &Result<Appended, Unspooled>) {
        if !matches!(appended, Ok(Appended::Full | Appended::Stale)) {
            self.more.notify_one();
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Spool) -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<T, Unspooled> {
        Ok(self.supervisor.ask(&SPOOL, Work(Box::new(work)), ANSWER).await??)
    }
}

// === impl SpoolActor ===

impl Actor for SpoolActor {
    type Context = Context<Self>;

    /// Opens the file; questions wait meanwhile.
    fn started(&mut self, ctx: &mut Context<Self>) {
        let settings = self.settings.clone();
        let opened = spawn_blocking(move || open(&settings)).into_actor(self).map(|opened, actor, ctx| {
            match returned(opened) {
                Ok(spool) => {
                    info!(waiting = spool.waiting(), "the spool is open");
                    actor.put_back(spool);
                    // What waits from before is to be sent.
                    actor.more.notify_one();
                }
                Err(error) => actor.seat.fail(ctx, with_causes(&error)),
            }
        });
        ctx.wait(opened);
    }
}

impl<T: Send + 'static> Handler<Work<T>> for SpoolActor {
    type Result = AtomicResponse<Self, Result<T, SpoolError>>;

    fn handle(&mut self, Work(work): Work<T>, _: &mut Context<Self>) -> Self::Result {
        let spool = self.spool.take();
        let done = async move {
            // It is away only after a failure, and then there is no next question.
            let mut spool = spool.ok_or(SpoolError::Closed)?;
            Ok(returned(
                spawn_blocking(move || {
                    let result = work(&mut spool);
                    (spool, result)
                })
                .await,
            ))
        };
        AtomicResponse::new(Box::pin(done.into_actor(self).map(|done, actor, ctx| {
            let (spool, result) = done?;
            if result.as_ref().is_err_and(SpoolError::is_damage) {
                // Opened anew, it is found damaged once more and put aside then.
                drop(spool);
                actor.seat.fail(ctx, "the spool's file is damaged");
            } else {
                actor.put_back(spool);
            }
            result
        })))
    }
}

impl SpoolActor {
    fn put_back(&mut self, spool: Spool) {
        self.seat.publish(&serde_json::json!({ "waiting": spool.waiting() }));
        self.spool = Some(spool);
    }
}

/// Opens the spool; a damaged one is put aside first.
fn open(settings: &Settings) -> Result<Spool, SpoolError> {
    let Settings { dir, limits, machine, mapper, .. } = settings;
    match Spool::open(dir, *limits, machine, *mapper) {
        Err(error) if error.is_damage() => {
            let aside = Spool::set_aside(dir)?;
            error!(
                error = with_causes(&error),
                kept = %aside.display(),
                "the spool was damaged and is put aside; all homes are read from the start, only heartbeats are lost"
            );
            Spool::open(dir, *limits, machine, *mapper)
        }
        other => other,
    }
}
