//! Recorded OpenClaw homes for the tests: unpacking them, reading them to their end, and what is expected of them.
//!
//! `fixtures/<name>/openclaw-home.tar.zst` is a state directory of OpenClaw 2026.9.6 as it was found, with dummy tokens;
//! `expected.json` is what an independent reader counts in it; `state.audit_events.jsonl` a dump of its audit ledger.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]
// Each test program uses a part of it.
#![allow(dead_code, reason = "shared by several test programs")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use patze_bridge::openclaw::{Budget, Cursor, HomeInfo, Now, OpenclawHome, ReadError, discover};
use patze_core::event::{Event, envelope};
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use serde_json::Value;

/// One agent; plain runs, tools, a tool error.
pub const TOOLS: &str = "03-sessions-tools";
/// Two agents; 500, 401, time-out, drop, length, refusals, a sub-agent, scheduled jobs.
pub const FAILURES: &str = "04-sessions-failures-cron";
/// 04 and channels, an abort, a crash and its recovery.
pub const CHANNELS: &str = "05-channels-telegram-slack-discord";
/// The home of 05 right after the `kill -9`, with a hot WAL.
pub const CRASHED: &str = "06-crashed-mid-run-hot-wal";

/// Long after everything in the fixtures: nothing is waited for.
pub const LATER: Now = at(1_900_000_000_000);

/// The moment when the wall clock shows `millis`, and no time has passed.
pub const fn at(millis: i64) -> Now {
    Now { wall: Timestamp::from_millis(millis), elapsed: Duration::ZERO }
}

/// An unpacked home; gone when dropped.
pub struct Unpacked {
    dir: tempfile::TempDir,
}

impl Unpacked {
    /// Unpacks the home of a fixture.
    pub fn new(fixture: &str) -> Self {
        let unpacked = Self { dir: tempfile::tempdir().unwrap() };
        unpacked.replace_by(fixture);
        unpacked
    }

    /// Puts the home of another fixture in this one's place.
    pub fn replace_by(&self, fixture: &str) {
        let _ = std::fs::remove_dir_all(self.path());
        let packed = std::fs::File::open(fixture_file(fixture, "openclaw-home.tar.zst")).unwrap();
        let tar = zstd::stream::read::Decoder::new(packed).unwrap();
        tar::Archive::new(tar).unpack(self.dir.path()).unwrap();
    }

    /// The state directory.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join(".openclaw")
    }

    /// The state database.
    pub fn state_db(&self) -> PathBuf {
        self.path().join("state/openclaw.sqlite")
    }

    /// The database of an agent.
    pub fn agent_db(&self, agent: &str) -> PathBuf {
        self.path().join(format!("agents/{agent}/agent/openclaw-agent.sqlite"))
    }

    /// What discovery says of it.
    pub fn info(&self) -> HomeInfo {
        discover::look(&self.path(), Path::new("/home/oclaw1"))
    }

    /// A reader of it.
    pub fn open(&self) -> OpenclawHome {
        OpenclawHome::open(&self.info(), MachineId::new("m1"), false).unwrap()
    }
}

pub fn fixture_file(fixture: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture).join(name)
}

/// Reads from the start to the end.
pub fn read_all(home: &mut OpenclawHome) -> Vec<Event> {
    read_on(home, &mut Cursor::default(), Budget::default()).unwrap()
}

/// Reads from `cursor` to the end, and moves it there.
pub fn read_on(
    home: &mut OpenclawHome,
    cursor: &mut Cursor,
    budget: Budget,
) -> Result<Vec<Event>, ReadError> {
    let mut events = Vec::new();
    loop {
        let page = home.read(cursor, budget, LATER)?;
        assert!(page.moved || !page.more, "a page that has more must move the cursor");
        assert_eq!(page.odd_rows, 0);
        events.extend(page.events);
        *cursor = page.cursor;
        if !page.more {
            return Ok(events);
        }
    }
}

/// The event's text; it must be one that a control plane takes and stores unchanged.
pub fn text(event: &Event) -> String {
    let mut json = String::new();
    event.push_json(&mut json);
    assert_eq!(envelope::validate(&json).as_ref(), Ok(event), "{json}");
    json
}

/// The events as a set of texts.
pub fn texts(events: &[Event]) -> BTreeSet<String> {
    events.iter().map(text).collect()
}

pub fn payload(event: &Event) -> Value {
    serde_json::from_str(event.payload()).unwrap()
}

/// The payloads of one type, with their times.
pub fn of_type(events: &[Event], type_name: &str) -> Vec<(i64, Value)> {
    let of_type = events.iter().filter(|event| event.type_name() == type_name);
    of_type.map(|event| (event.occurred_at.millis(), payload(event))).collect()
}

/// One text field of a payload; empty if it is absent.
pub fn field<'a>(payload: &'a Value, name: &str) -> &'a str {
    payload[name].as_str().unwrap_or_default()
}

/// The newest state of each run, by OpenClaw's run id.
pub fn runs(events: &[Event]) -> BTreeMap<String, Value> {
    let states = of_type(events, "run.state.changed");
    states.into_iter().map(|(_, run)| (field(&run, "openclawRunId").to_owned(), run)).collect()
}
