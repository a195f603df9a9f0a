//! The log of `night.jsonl`, written by our writer under a virtual clock.

use std::path::PathBuf;
use std::thread::JoinHandle;

use patze_actors::log::{Batch, DATABASE, Lane, Log, LogConfig, News, Placed, Publish, WriterError};
use patze_core::event::control::Control;
use patze_core::event::{Event, EventType, Family, Parts, Severity};
use patze_core::ids::{EventId, MachineId};
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A log, and what only it knows.
pub struct Night {
    pub log: Log,
    pub database: PathBuf,
    pub log_id: String,
    /// The end of the chain, in hexadecimal digits.
    pub digest: String,
    writer: Option<JoinHandle<Result<(), WriterError>>>,
    _dir: tempfile::TempDir,
}

#[derive(Deserialize)]
struct Line {
    recorded: Timestamp,
    origin: String,
    id: String,
    machine: String,
    #[serde(rename = "type")]
    type_name: String,
    severity: Severity,
    at: Timestamp,
    trace: String,
    payload: Box<RawValue>,
}

struct Silent;

impl Publish for Silent {
    fn publish(&mut self, _: &News<'_>) {}
}

// === impl Night ===

impl Night {
    /// A log without events.
    pub fn empty() -> Self {
        Self::of("")
    }

    /// The log of `night.jsonl`.
    pub fn written() -> Self {
        Self::of(include_str!("night.jsonl"))
    }

    /// The log of such lines as `night.jsonl` has.
    pub fn of(lines: &str) -> Self {
        let lines: Vec<Line> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let start = lines.first().map_or(Timestamp::EPOCH, |line| line.recorded);
        let (clock, time) = Clock::virtual_at(start);
        let dir = tempfile::tempdir().unwrap();
        let log = Log::open(LogConfig::new(dir.path(), clock.clone())).unwrap();
        let mut writer = log.writer(Box::new(Silent)).unwrap();
        let writer = Some(std::thread::spawn(move || writer.run()));
        for line in lines {
            time.jump_wall(line.recorded.since(clock.now()));
            let event = line.event();
            let batch =
                if line.origin == "control" { Batch::control([event]) } else { Batch::ingest([event]) };
            let placed = log.append(Lane::Ingest, batch).unwrap().wait().unwrap().placed;
            assert!(matches!(placed[0], Placed::Stored { .. }), "{}: {placed:?}", line.id);
        }
        let mut night = Self {
            database: dir.path().join(DATABASE),
            log_id: log.head().log_id.to_string(),
            digest: String::new(),
            log,
            writer,
            _dir: dir,
        };
        night.look_at_the_head();
        night
    }

    /// One more event of the control plane's own.
    pub fn append_tick(&mut self) {
        let event = Control::Tick {}.to_event(EventId::new("last"), Timestamp::EPOCH, "test");
        self.log.append(Lane::Control, Batch::control([event])).unwrap().wait().unwrap();
        self.look_at_the_head();
    }

    /// The size of the database, with what is in the write-ahead log still.
    pub fn bytes(&self) -> i64 {
        let conn = rusqlite::Connection::open(&self.database).unwrap();
        let pragma = |name: &str| -> i64 { conn.pragma_query_value(None, name, |row| row.get(0)).unwrap() };
        pragma("page_count") * pragma("page_size")
    }

    /// Closes in good order.
    pub fn close(&mut self) {
        self.log.close().unwrap();
        self.writer.take().unwrap().join().unwrap().unwrap();
    }

    fn look_at_the_head(&mut self) {
        self.digest = self.log.head().digest.iter().map(|byte| format!("{byte:02x}")).collect();
    }
}

impl Drop for Night {
    fn drop(&mut self) {
        if self.writer.is_some() && !std::thread::panicking() {
            self.close();
        }
    }
}

// === impl Line ===

impl Line {
    fn event(&self) -> Event {
        let known = EventType::of(&self.type_name).expect("a registered type");
        if known.family() == Family::Control {
            assert!(Control::read(known, self.payload.get()).is_some(), "{} has an odd payload", self.id);
        }
        Event::new(Parts {
            id: EventId::new(&self.id),
            machine: MachineId::new(&self.machine),
            type_name: &self.type_name,
            severity: self.severity,
            occurred_at: self.at,
            trace: &serde_json::json!({ "traceId": self.trace }).to_string(),
            payload: self.payload.get(),
        })
    }
}
