//! The bodies of `/snapshot` and `/state`, written once a position and shared by all who ask (W-P4).
//!
//! What writes a body keeps the text of what did not change since the last one ([`patze_core::fleet::snapshot`]); that, and
//! the rows that it is of, are held for [`KEPT`] after somebody asked. Where nobody asks, nothing is held.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use patze_actors::log::Log;
use patze_core::fleet::snapshot::SnapshotWriter;
use patze_core::fleet::state::StateWriter;
use patze_core::fleet::{Fleet, Text};
use patze_supervise::clock::Clock;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::Error;

/// Above so many sessions and runs a body is written off the worker thread: the first one would hold it up.
const LARGE: usize = 500;
/// How long the texts of what did not change are held after the last body. Pages that poll do so within seconds.
const KEPT: Duration = Duration::from_secs(60);

/// What writes a view of the fleet, again and again.
pub trait Writer: Default + Send + 'static {
    /// The view's text. After an error a new writer is needed.
    fn write(&mut self, fleet: &Fleet) -> serde_json::Result<Text>;
}

/// A view of the fleet as JSON, kept for as long as nothing happens.
#[derive(Debug)]
pub struct Body<W> {
    kept: Arc<Mutex<Kept<W>>>,
    clock: Clock,
}

/// A view at a position.
#[derive(Clone, Debug)]
pub struct Written {
    /// The position of the fleet that it shows.
    pub position: u64,
    /// The JSON text.
    pub text: Arc<Text>,
}

#[derive(Debug, Default)]
struct Kept<W> {
    writer: W,
    newest: Option<Written>,
    /// When it was last asked for; none while nothing is held.
    asked: Option<Duration>,
}

impl Writer for SnapshotWriter {
    fn write(&mut self, fleet: &Fleet) -> serde_json::Result<Text> {
        self.write(fleet)
    }
}

impl Writer for StateWriter {
    fn write(&mut self, fleet: &Fleet) -> serde_json::Result<Text> {
        self.write(fleet)
    }
}

impl<W: Writer> Body<W> {
    /// A view that nobody has asked for.
    pub fn new(clock: Clock) -> Self {
        Self { kept: Arc::default(), clock }
    }

    /// The view of a fleet that is no older than this call. Whoever asks while it is being written waits for that.
    pub async fn newest(&self, log: &Log) -> Result<Written, Error> {
        let wanted = log.fleet().position();
        let mut kept = Arc::clone(&self.kept).lock_owned().await;
        if kept.asked.replace(self.clock.elapsed()).is_none() {
            self.let_go_later();
        }
        if let Some(written) = kept.newest.as_ref().filter(|written| written.position >= wanted) {
            return Ok(written.clone());
        }
        let fleet = log.fleet();
        if fleet.facts().sessions.len() + fleet.facts().runs.len() <= LARGE {
            return kept.write(&fleet);
        }
        // It is written to its end and kept, also where the one who asked has gone.
        let write = move |mut kept: OwnedMutexGuard<Kept<W>>| kept.write(&fleet);
        web::block(move || write(kept)).await.map_err(Error::internal)?
    }

    /// Lets go of everything once nobody has asked for [`KEPT`].
    fn let_go_later(&self) {
        let (kept, clock) = (Arc::clone(&self.kept), self.clock.clone());
        actix_rt::spawn(async move {
            let mut due = clock.elapsed() + KEPT;
            loop {
                clock.sleep_until_elapsed(due).await;
                let mut kept = kept.lock().await;
                due = kept.asked.unwrap_or_default() + KEPT;
                if due <= clock.elapsed() {
                    *kept = Kept::default();
                    return;
                }
            }
        });
    }
}

impl<W: Writer> Kept<W> {
    fn write(&mut self, fleet: &Fleet) -> Result<Written, Error> {
        let text = self.writer.write(fleet).map_err(|error| {
            (self.writer, self.newest) = Default::default();
            Error::internal(error)
        })?;
        let written = Written { position: fleet.position(), text: Arc::new(text) };
        self.newest = Some(written.clone());
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use patze_actors::log::LogConfig;
    use patze_core::time::Timestamp;

    use super::*;

    #[actix_rt::test]
    async fn what_is_kept_is_let_go_when_nobody_asks_for_a_minute() {
        let (clock, time) = Clock::virtual_at(Timestamp::EPOCH);
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(LogConfig::new(folder.path(), clock.clone())).unwrap();
        let body = Body::<SnapshotWriter>::new(clock);
        let is_held = async || body.kept.lock().await.newest.is_some();
        assert!(!is_held().await);
        for _ in 0..2 {
            let first = body.newest(&log).await.unwrap();
            assert!(Arc::ptr_eq(&body.newest(&log).await.unwrap().text, &first.text), "written once");
            time.wait_for_sleepers(1).await;
            // Somebody asks in time, so it stays for another minute.
            time.advance(KEPT / 2).await;
            body.newest(&log).await.unwrap();
            time.advance(KEPT / 2).await;
            time.wait_for_sleepers(1).await;
            assert!(is_held().await);
            time.advance(KEPT / 2).await;
            time.wait_for_sleepers(0).await;
            assert!(!is_held().await);
        }
    }
}
