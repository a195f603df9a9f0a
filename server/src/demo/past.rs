//! The demo's past: the control plane itself, run from days ago until now under a virtual clock.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use patze_actors::control_plane::{Config, ControlPlane};
use patze_actors::log::{AppendError, Batch, Lane};
use patze_core::event::Event;
use patze_core::retention::Retention;
use patze_core::time::{DAY, HOUR, MINUTE, Timestamp};
use patze_supervise::clock::{Clock, VirtualTime};

use super::incidents::Incidents;
use super::story::Story;
use super::{DemoError, MARK, Mark, mark, refuse_running, set_mark};
use crate::edge::BUILD;

/// Heartbeats of the past are five minutes apart, so silence begins later than it usually does.
const SILENCE: Duration = Duration::from_secs(12 * 60);
/// The most events of a batch, as bridges have it.
pub(super) const BATCH: usize = 500;

/// Makes the past of a demo in `dir`, unless it is there. `told` hears of each day that is done.
///
/// # Errors
/// If the folder is not a demo's or cannot be used, or the control plane does not work there.
pub async fn make(
    dir: &Path,
    clock: &Clock,
    days: u16,
    mut told: impl FnMut(u16),
) -> Result<Mark, DemoError> {
    let fault = |source| DemoError::File { path: dir.to_owned(), source };
    match mark(dir)? {
        Some(mark) if mark.complete => return Ok(mark),
        // Half a past, for instance of one that was killed.
        Some(_) => {
            refuse_running(dir)?;
            empty(dir).map_err(fault)?;
        }
        None => {}
    }
    std::fs::create_dir_all(dir).map_err(fault)?;
    let created = clock.now();
    set_mark(dir, Mark { created_at: created, complete: false })?;
    std::fs::write(dir.join(crate::prices::FILE), super::cast::PRICES).map_err(fault)?;
    let begin = created.plus(-i64::from(days) * DAY);
    let (clock, time) = Clock::virtual_at(begin);
    // What is too old goes when the demo is served, as it does everywhere.
    let retention = Retention { heartbeats_ms: None, logs_ms: None, max_bytes: None };
    let config = Config {
        dir: dir.to_owned(),
        version: BUILD.to_owned(),
        heartbeat_timeout: SILENCE,
        retention,
        clock,
    };
    Past { created, begin, config, time }.play(&mut told).await?;
    let mark = Mark { created_at: created, complete: true };
    set_mark(dir, mark)?;
    Ok(mark)
}

/// Removes all but the mark.
fn empty(dir: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name() == MARK {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

struct Past {
    created: Timestamp,
    begin: Timestamp,
    config: Config,
    time: VirtualTime,
}

impl Past {
    async fn play(self, told: &mut impl FnMut(u16)) -> Result<(), DemoError> {
        let mut story = Story::from(self.created, self.begin);
        let mut plane = ControlPlane::start(self.config.clone())?;
        append(&plane, story.registrations(self.begin)).await?;
        let [off, on] = Incidents(self.created).off();
        let (mut at, mut day) = (self.begin, 0);
        while at < self.created {
            if at >= off && at < on {
                plane.stop().await;
                self.advance(on.since(at)).await;
                at = on;
                plane = ControlPlane::start(self.config.clone())?;
                append(&plane, story.registrations(at)).await?;
            }
            let step = step(self.created.since(at));
            self.advance(step).await;
            at = at.plus(step);
            let mut events = story.until(at);
            events.extend(story.heartbeats(at));
            append(&plane, events).await?;
            let gone = at.since(self.begin) / DAY;
            if gone > i64::from(day) {
                day += 1;
                told(day);
            }
        }
        plane.stop().await;
        Ok(())
    }

    async fn advance(&self, millis: i64) {
        self.time.advance(Duration::from_millis(millis.unsigned_abs())).await;
    }
}

/// How far to the next heartbeats: the nearer to now, the finer, and never beyond it.
fn step(left: i64) -> i64 {
    let step = match left {
        ..HOUR => MINUTE / 3,
        left if left < 6 * HOUR => MINUTE,
        _ => 5 * MINUTE,
    };
    step.min(left)
}

/// Appends these as a bridge's batches would be.
pub(super) async fn append(plane: &ControlPlane, events: Vec<Event>) -> Result<(), AppendError> {
    for batch in events.chunks(BATCH) {
        let batch: Arc<[Event]> = batch.into();
        loop {
            match plane.log.append(Lane::Ingest, Batch::ingest(Arc::clone(&batch))) {
                Ok(pending) => {
                    pending.await?;
                    break;
                }
                // What waits there is being written: the next turn finds room.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }
    Ok(())
}
