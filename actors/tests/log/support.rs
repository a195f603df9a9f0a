//! Events, a running log, and ways to look at what is on disk.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use patze_actors::log::{Batch, Lane, Log, LogConfig, News, Pending, Publish, StoredEvent, WriterError};
use patze_core::event::{Event, Parts, Severity};
use patze_core::ids::{EventId, MachineId};
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;

/// When virtual clocks begin: 2026-02-21T00:00:00Z.
pub const START: Timestamp = Timestamp::from_millis(1_771_632_000_000);

/// Checkpoints in tests are this many positions apart.
pub const EVERY: u64 = 7;

/// A log with its writer on a thread.
pub struct Running {
    pub log: Log,
    pub published: Published,
    writer: Option<JoinHandle<Result<(), WriterError>>>,
}

/// What a publisher was told: positions, and the fleet's position each time.
#[derive(Clone, Default)]
pub struct Published(pub Arc<Mutex<Vec<Told>>>);

/// The position of the fleet that was published, and those of the events with it.
pub type Told = (u64, Vec<u64>);

impl Publish for Published {
    fn publish(&mut self, news: &News<'_>) {
        let positions = news.events.iter().map(|event| event.position).collect();
        self.0.lock().unwrap().push((news.fleet.position(), positions));
    }
}

impl Running {
    /// Opens the log in `dir` and starts its writer.
    pub fn open(dir: &Path, clock: &Clock) -> Self {
        Self::start(open(dir, clock))
    }

    pub fn start(log: Log) -> Self {
        let published = Published::default();
        let mut writer = log.writer(Box::new(published.clone())).unwrap();
        Self { log, published, writer: Some(std::thread::spawn(move || writer.run())) }
    }

    pub fn append(&self, batch: Batch) -> Pending {
        self.log.append(Lane::Ingest, batch).unwrap()
    }

    /// Closes a log whose writer may have ended with an error.
    pub fn close_failed(mut self) {
        self.log.close().unwrap();
        let _ = self.writer.take().unwrap().join().unwrap();
    }

    /// Closes in good order; the writer must end without an error.
    pub fn close(mut self) {
        self.log.close().unwrap();
        self.writer.take().unwrap().join().unwrap().unwrap();
    }
}

pub fn open(dir: &Path, clock: &Clock) -> Log {
    try_open(dir, clock).unwrap()
}

pub fn try_open(dir: &Path, clock: &Clock) -> Result<Log, patze_actors::log::OpenError> {
    let mut config = LogConfig::new(dir, clock.clone());
    config.checkpoint_every = EVERY;
    Log::open(config)
}

pub fn clock() -> Clock {
    Clock::virtual_at(START).0
}

/// A run's state change, with a payload that the fold takes. `n` makes the content differ.
pub fn event(machine: &str, id: &str, n: u32) -> Event {
    let state = ["active", "completed", "failed", "idle"][n as usize % 4];
    Event::new(Parts {
        id: EventId::new(id),
        machine: MachineId::new(machine),
        type_name: "run.state.changed",
        severity: if n.is_multiple_of(5) { Severity::Error } else { Severity::Info },
        occurred_at: START.plus(i64::from(n)),
        trace: r#"{"traceId":"t"}"#,
        payload: &format!(
            r#"{{"runId":"r{}","sessionId":"s{}","agentId":"main","from":"idle","to":"{state}","n":{n}}}"#,
            n % 11,
            n % 3
        ),
    })
}

/// An event that the database refuses, whatever validation says: its id is empty.
pub fn refused_event() -> Event {
    event("m0", "", 0)
}

pub fn batch(events: impl IntoIterator<Item = Event>) -> Batch {
    Batch::ingest(events.into_iter().collect::<Vec<_>>())
}

/// The whole log, read in pages of `page` events.
pub fn read_all(log: &Log, page: usize) -> Vec<StoredEvent> {
    block_on(async {
        let mut events = Vec::<StoredEvent>::new();
        loop {
            let after = events.last().map_or(0, |event| event.position);
            let more = log.read_after(after, page, usize::MAX).await.unwrap();
            if more.is_empty() {
                return events;
            }
            events.extend(more);
        }
    })
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What a kill -9 would leave now: a copy of the database and its write-ahead log.
pub fn crash_image(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in ["patze.db", "patze.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

/// All files of a folder with their bytes, but for the lock and SQLite's shared memory.
pub fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap()))
        .filter(|(name, _)| name != "patze.lock" && !name.ends_with("-shm"))
        .collect();
    files.sort();
    files
}
