//! Retention: what leaves, that the newest state never changes, and that whatever else is changed is found.

mod cutting;
mod property;
mod thinning;

use std::ops::ControlFlow;
use std::path::Path;

use patze_actors::log::{Batch, Log, LogConfig, Moment, Run, Then};
use patze_core::event::{Event, Parts, Severity};
use patze_core::fleet::Fleet;
use patze_core::ids::{EventId, MachineId};
use patze_core::retention::Retention;
use patze_core::time::MINUTE;
use patze_supervise::clock::{Clock, VirtualTime};

use super::support::{Running, START, block_on};

/// An event of `machine` that occurred `at` ms after [`START`].
pub fn happened(machine: &str, id: &str, at: i64, type_name: &str, payload: &str) -> Event {
    Event::new(Parts {
        id: EventId::new(id),
        machine: MachineId::new(machine),
        type_name,
        severity: Severity::Info,
        occurred_at: START.plus(at),
        trace: r#"{"traceId":"t"}"#,
        payload,
    })
}

pub fn heartbeat(machine: &str, id: &str, at: i64, status: &str, cpu: u32) -> Event {
    let payload = format!(
        r#"{{"machineId":"{machine}","status":"{status}","resource":{{"cpuPct":{cpu},"memoryBytes":1,"memoryPct":2}}}}"#
    );
    happened(machine, id, at, "machine.heartbeat", &payload)
}

pub fn line(machine: &str, id: &str, at: i64, (session, run): (&str, &str), message: &str) -> Event {
    let payload = format!(
        r#"{{"logEntryId":"{id}","runId":"{run}","sessionId":"{session}","level":"info","message":"{message}","ts":"{}"}}"#,
        START.plus(at)
    );
    happened(machine, id, at, "run.log.emitted", &payload)
}

pub fn session(machine: &str, id: &str, at: i64, session: &str, to: &str) -> Event {
    let payload = format!(
        r#"{{"sessionId":"{session}","agentId":"a","machineId":"{machine}","from":"x","to":"{to}"}}"#
    );
    happened(machine, id, at, "session.state.changed", &payload)
}

pub fn append(running: &Running, events: Vec<Event>) {
    running.append(Batch::ingest(events)).wait().unwrap();
}

/// Commits a minute apart, each with a heartbeat, a run and what `lines` says.
pub fn live(
    running: &Running,
    time: &VirtualTime,
    clock: &Clock,
    (name, commits): (&str, u32),
    lines: impl Fn(u32) -> Vec<String>,
) {
    for n in 0..commits {
        let now = clock.now().since(START);
        let run =
            format!(r#"{{"runId":"{name}{n}","sessionId":"s","agentId":"a","from":"x","to":"completed"}}"#);
        let mut events = vec![
            heartbeat("m", &format!("h{name}{n}"), now, "online", n),
            happened("m", &format!("r{name}{n}"), now, "run.state.changed", &run),
        ];
        let lines = lines(n);
        events.extend(
            (0..).zip(&lines).map(|(i, text)| line("m", &format!("l{name}{n}.{i}"), now, ("s", "r"), text)),
        );
        append(running, events);
        time.jump_wall(MINUTE);
    }
}

/// With few checkpoints, which else would be most of the file.
pub fn opened(dir: &Path, clock: &Clock, checkpoint_every: u64) -> Running {
    let mut config = LogConfig::new(dir, clock.clone());
    config.checkpoint_every = checkpoint_every;
    Running::start(Log::open(config).unwrap())
}

/// Bytes of all files, but for free room.
pub fn used(log: &Log) -> u64 {
    let report = block_on(log.retention_report(Retention::default())).unwrap();
    report.files_bytes - report.free_bytes
}

pub fn keep(heartbeats: i64, logs: i64) -> Retention {
    Retention {
        heartbeats_ms: Some(heartbeats.unsigned_abs()),
        logs_ms: Some(logs.unsigned_abs()),
        max_bytes: None,
    }
}

pub fn retain(log: &Log, rules: &Retention) -> Run {
    log.retain(rules, &mut || true).unwrap()
}

/// The fleet, folded from `start` over all that the log has.
pub fn rebuilt(log: &Log, mut fleet: Fleet) -> Fleet {
    log.scan(fleet.position(), |event| {
        fleet.apply(event, &mut Vec::new());
        ControlFlow::Continue(())
    })
    .unwrap();
    fleet
}

/// The log in `dir` is sound, and gives the live state.
pub fn is_sound(dir: &Path, log: &Log) {
    let report = patze_actors::log::verify::verify(&dir.join("patze.db")).unwrap();
    assert!(report.is_sound(), "{report:#?}");
    assert_eq!(report.state, log.fleet().hash(), "FO-4");
    assert_eq!((report.position, report.digest), (log.head().position, log.head().digest));
}

pub fn positions(log: &Log) -> Vec<u64> {
    super::support::read_all(log, 1_000).iter().map(|event| event.position).collect()
}

pub fn types(log: &Log) -> std::collections::BTreeMap<String, usize> {
    let mut types = std::collections::BTreeMap::new();
    for stored in super::support::read_all(log, 1_000) {
        *types.entry(stored.event.type_name().to_owned()).or_default() += 1;
    }
    types
}

pub fn sql<T: rusqlite::types::FromSql>(dir: &Path, query: &str) -> T {
    let conn = rusqlite::Connection::open(dir.join("patze.db")).unwrap();
    conn.query_row(query, [], |row| row.get(0)).unwrap()
}

/// The fleet at a position, if that stays.
pub fn past(log: &Log, position: u64) -> Option<Then> {
    let then = block_on(log.fleet_at(Moment::Position(position))).unwrap();
    (then.fleet.position() == position).then_some(then)
}

/// What thinning leaves as it was at each position that stays: all but gauges, last-seen times and log lines (design §6).
pub fn lasting(fleet: &Fleet) -> serde_json::Value {
    let mut state = serde_json::to_value(fleet).unwrap();
    let mut drop_all = |list: &str, names: &[&str]| {
        for row in state[list].as_array_mut().unwrap() {
            let row = row.as_object_mut().unwrap();
            for name in names {
                match name.split_once('.') {
                    Some((inner, name)) => {
                        row.get_mut(inner).and_then(|inner| inner.as_object_mut()?.remove(name));
                    }
                    None => drop(row.remove(*name)),
                }
            }
        }
    };
    drop_all(
        "machines",
        &[
            "touched",
            "gauges",
            "pulse.lastSeenAt",
            "pulse.lastEventId",
            "pulse.heardAt",
            "pulse.heardPosition",
        ],
    );
    drop_all("sessions", &["touched"]);
    drop_all("runs", &["touched"]);
    let state_of = state.as_object_mut().unwrap();
    state_of.remove("logs");
    state_of.remove("recent");
    state
}
