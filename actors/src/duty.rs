//! An actor that owns a thread: the log's writer, the prover of checkpoints, and the projector of history.
//!
//! - **Owns** one thread that does one blocking job until the log is closed.
//! - **Is woken** by the thread's end, and by nothing else.
//! - **Appends** nothing.
//! - **When it fails**: the job's error or panic ends the instance, and its supervisor builds the next one, with a new
//!   thread, after a backoff (AC-1). The job is told by the log's closing when to end in good order.

use std::panic::AssertUnwindSafe;

use actix::prelude::*;
use patze_supervise::supervisor::Seat;
use tokio::sync::oneshot;

/// What a duty's thread does. An error is for people.
pub type Job = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// The actor.
pub struct Duty {
    name: &'static str,
    job: Option<Job>,
    seat: Seat,
}

/// How much a duty in the background gives way, of 19 (nice(2)).
#[cfg(target_os = "linux")]
const GIVES_WAY: i32 = 10;

impl Duty {
    /// A duty whose thread will be called `name`.
    pub fn new(name: &'static str, job: Job, seat: Seat) -> Self {
        Self { name, job: Some(job), seat }
    }

    /// A duty that gives way: its thread runs when nobody who is waited for wants the processor.
    pub fn in_background(name: &'static str, job: Job, seat: Seat) -> Self {
        let job: Job = Box::new(move || {
            // On Linux it is of this thread alone; elsewhere it would be of the whole process.
            #[cfg(target_os = "linux")]
            if let Err(error) = rustix::process::nice(GIVES_WAY) {
                tracing::debug!(%error, "a thread in the background runs like any other");
            }
            job()
        });
        Self::new(name, job, seat)
    }
}

impl Actor for Duty {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(job) = self.job.take() else { return };
        let (tell, ended) = oneshot::channel();
        let run = move || {
            // The panic's text was kept by the hook that reported it; here it only must not pass for a good end.
            let result = std::panic::catch_unwind(AssertUnwindSafe(job))
                .unwrap_or_else(|_| Err("its thread panicked; the log of the process says where".to_owned()));
            // Nobody listens once the actor was stopped.
            let _ = tell.send(result);
        };
        if let Err(error) = std::thread::Builder::new().name(self.name.to_owned()).spawn(run) {
            self.seat.fail(ctx, format!("no thread could be started: {error}"));
            return;
        }
        let watch =
            actix::fut::wrap_future::<_, Self>(ended).map(
                |result, duty, ctx: &mut Context<Self>| match result {
                    Ok(Ok(())) => duty.seat.done(ctx),
                    Ok(Err(reason)) => duty.seat.fail(ctx, reason),
                    Err(_) => duty.seat.fail(ctx, "its thread ended without a word"),
                },
            );
        ctx.spawn(watch);
    }
}
