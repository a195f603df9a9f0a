//! The janitor: what must be done now and then, whatever happens.
//!
//! - **Owns** three timers: log time must move on, the disk under the log must have room, and what is old must go.
//! - **Is woken** by its timers alone.
//! - **Appends** `control.tick` after 60 s without events, so that what is measured against log time ages (design §5);
//!   `control.disk.low` below 1 GiB, `control.disk.ok` when there is a quarter more than that again.
//! - **When it fails** the next instance reads the fleet and goes on.
//!
//! Checkpoints with their proof, and retention, are blocking work: the duties `prover` and `retention` do them (see
//! [`crate::control_plane`]). The janitor says when retention is due: an hour after the last time, and soon after a start.

use std::time::Duration;

use actix::prelude::*;
use patze_core::event::control::Control;
use patze_core::time::{MINUTE, Timestamp};
use patze_supervise::clock::Clock;
use patze_supervise::supervisor::Seat;
use patze_supervise::timer::run_later;
use serde_json::json;

use crate::log::Log;
use crate::recorder::Recorder;

/// How often the disk is looked at.
const DISK_EVERY: Duration = Duration::from_secs(60);
/// Less than this is low.
pub const DISK_LOW_BYTES: u64 = 1 << 30;
/// At least this is enough again.
const DISK_OK_BYTES: u64 = DISK_LOW_BYTES + DISK_LOW_BYTES / 4;
/// How often retention is due.
const RETENTION_EVERY: Duration = Duration::from_secs(3600);
/// How long after a start it is due: a server that just starts has other things to do.
const RETENTION_FIRST: Duration = Duration::from_secs(60);
/// How long to wait when a tick was refused.
const RETRY: Duration = Duration::from_secs(1);

/// The actor.
pub struct Janitor {
    log: Log,
    recorder: Recorder,
    clock: Clock,
    seat: Seat,
    /// When this instance began: nothing is known to be quiet from before.
    since: Timestamp,
    free_bytes: Option<u64>,
}

impl Janitor {
    /// A janitor of `log`.
    pub fn new(log: Log, recorder: Recorder, clock: Clock, seat: Seat) -> Self {
        let since = clock.now();
        Self { log, recorder, clock, seat, since, free_bytes: None }
    }

    /// Appends a tick if nothing has happened for a minute, and comes back when the next may be due.
    fn tick(&mut self, ctx: &mut Context<Self>) {
        let quiet = self.clock.now().since(self.log.fleet().log_time().max(self.since));
        let wait = match MINUTE - quiet {
            // No longer than a minute, though the wall clock be hours behind the log: it may be set right at any time.
            left if left > 0 => Duration::from_millis(left.min(MINUTE).unsigned_abs()),
            _ => match self.recorder.record(&Control::Tick {}, "janitor") {
                // Its answer is of no matter: if it was not stored, the next look finds the log as quiet as now.
                Ok(_) => Duration::from_millis(MINUTE.unsigned_abs()),
                Err(_) => RETRY,
            },
        };
        run_later(ctx, &self.clock, wait, Self::tick);
    }

    /// Tells when the disk becomes low, and when there is room again.
    fn disk(&mut self, ctx: &mut Context<Self>) {
        match free_bytes(self.log.file()) {
            Ok(free_bytes) => {
                self.free_bytes = Some(free_bytes);
                let known_low = self.log.fleet().facts().server.disk_low.is_some();
                let fact = match known_low {
                    false if free_bytes < DISK_LOW_BYTES => Some(Control::DiskLow { free_bytes }),
                    true if free_bytes >= DISK_OK_BYTES => Some(Control::DiskOk { free_bytes }),
                    _ => None,
                };
                // What is refused is found again at the next look.
                let _ = fact.map(|fact| self.recorder.record(&fact, "janitor"));
            }
            Err(error) => tracing::warn!(%error, "the free space under the log cannot be told"),
        }
        self.seat.publish(&json!({ "freeBytes": self.free_bytes }));
        run_later(ctx, &self.clock, DISK_EVERY, Self::disk);
    }

    /// Says that retention is due.
    fn retention(&mut self, ctx: &mut Context<Self>) {
        self.log.retention_is_due();
        run_later(ctx, &self.clock, RETENTION_EVERY, Self::retention);
    }
}

/// Free bytes on the file system that holds `file`, for ordinary users.
fn free_bytes(file: &std::path::Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(file)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

impl Actor for Janitor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.tick(ctx);
        self.disk(ctx);
        run_later(ctx, &self.clock, RETENTION_FIRST, Self::retention);
    }
}
