//! A log with its writer, and history with its projector, each on a thread.

use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use patze_actors::history::{History, ProjectError};
use patze_actors::log::{Batch, Lane, Log, LogConfig, WriterError};
use patze_core::event::{Event, Parts, Severity};
use patze_core::history::{Answer, Page};
use patze_core::ids::{EventId, MachineId};
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use serde_json::Value;

/// When virtual clocks begin: 2026-02-21T00:00:00Z.
pub const START: Timestamp = Timestamp::from_millis(1_771_632_000_000);
/// How long something real may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Running {
    pub log: Log,
    pub history: History,
    writer: JoinHandle<Result<(), WriterError>>,
    projector: JoinHandle<Result<(), ProjectError>>,
}

impl Running {
    pub fn open(dir: &Path, clock: &Clock) -> Self {
        let log = Log::open(LogConfig::new(dir, clock.clone())).unwrap();
        let history = History::new(&log, clock).unwrap();
        let mut writer = log.writer(Box::new(())).unwrap();
        let projector = history.projector();
        Self {
            writer: std::thread::spawn(move || writer.run()),
            projector: std::thread::spawn(move || projector.run()),
            log,
            history,
        }
    }

    pub fn append(&self, events: Vec<Event>) {
        self.log.append(Lane::Ingest, Batch::ingest(events)).unwrap().wait().unwrap();
    }

    /// Waits until history has all.
    pub fn catch_up(&self) {
        let clock = Clock::system();
        let deadline = clock.elapsed() + PATIENCE;
        while self.history.status().progress.behind > 0 {
            assert!(clock.elapsed() < deadline, "history does not catch up: {:?}", self.history.status());
            std::thread::yield_now();
        }
    }

    /// Stops all in good order.
    pub fn close(self) {
        self.log.close().unwrap();
        self.history.close();
        self.projector.join().unwrap().unwrap();
        self.writer.join().unwrap().unwrap();
    }
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Every page of a list; `ask` gets the cursor.
pub fn all<T, F>(mut ask: impl FnMut(Option<String>) -> F) -> Vec<T>
where
    F: Future<Output = Answer<Page<T>>>,
{
    block_on(async {
        let (mut items, mut cursor) = (Vec::new(), None);
        loop {
            let Page { items: more, next } = ask(cursor).await.answer;
            items.extend(more);
            if next.is_none() {
                return items;
            }
            cursor = next;
        }
    })
}

pub fn event(id: &str, machine: &str, type_name: &str, at: Timestamp, payload: &Value) -> Event {
    Event::new(Parts {
        id: EventId::new(id),
        machine: MachineId::new(machine),
        type_name,
        severity: Severity::Info,
        occurred_at: at,
        trace: r#"{"traceId":"t"}"#,
        payload: &payload.to_string(),
    })
}
