//! The event log by itself, against raw rusqlite and against plain reading: ratios of one run.
//!
//! `cargo run --release -p patze-actors --example log_bench -- [EVENTS] [time|random] [FOLDER]`

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops where it cannot go on")]

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use patze_actors::log::{Batch, Lane, Log, LogConfig};
use patze_core::event::{Event, Parts, Severity};
use patze_core::fleet::Fleet;
use patze_core::ids::{EventId, MachineId, ulid};
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use rusqlite::{Connection, TransactionBehavior, params};

const BATCH: usize = 500;
/// Batches that wait at a time, as from four connections.
const CONNECTIONS: usize = 4;
const MACHINES: usize = 50;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let events: usize = arguments.next().map_or(400_000, |n| n.parse().expect("EVENTS is a number"));
    let random = arguments.next().is_some_and(|ids| ids == "random");
    let folder = arguments.next().unwrap_or_else(|| "target/log-bench".into());
    let folder = Path::new(&folder);
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let clock = Clock::system();
    let batches: Vec<Arc<[Event]>> =
        (0..events / BATCH).map(|batch| (0..BATCH).map(|n| event(batch, n, random)).collect()).collect();

    let mut ratios = Vec::new();
    // Both in turns, so that a busy machine is busy for both.
    let parts: Vec<&[Arc<[Event]>]> = batches.chunks(batches.len().div_ceil(4)).collect();
    let mut raw = raw_table(&folder.join("raw.db"));
    let log = Log::open(LogConfig::new(folder.join("log"), clock.clone())).unwrap();
    let mut writer = log.writer(Box::new(())).unwrap();
    let thread = std::thread::Builder::new().name("patze-log".into()).spawn(move || writer.run()).unwrap();
    let mut stored = 0;
    for part in parts {
        let (raw_time, raw_cpu) = timed(&clock, || raw_insert(&mut raw, part, stored));
        let (log_time, log_cpu) = timed(&clock, || append(&log, part));
        let count = part.len() * BATCH;
        stored += count;
        println!(
            "{stored:>9} events: raw {:5.2} µs ({:5.2} CPU)   log {:5.2} µs ({:5.2} CPU)   log/raw {:.2}",
            micros(raw_time, count),
            micros(raw_cpu, count),
            micros(log_time, count),
            micros(log_cpu, count),
            raw_time.as_secs_f64() / log_time.as_secs_f64()
        );
        ratios.push(raw_time.as_secs_f64() / log_time.as_secs_f64());
    }
    println!("ingest: {:.2} × raw (goal 0.9)", ratios.iter().sum::<f64>() / ratios.len() as f64);

    while stored as u64 / 50_000 * 50_000 > log.status().checkpoint {
        let (proof, took) = (log.next_proof().unwrap(), clock.elapsed());
        println!("{:?} in {:?}", log.prove(&proof).unwrap(), clock.elapsed() - took);
    }
    let (read, _) = timed(&clock, || parse(&log));
    let (rebuild, _) = timed(&clock, || fold(&log));
    println!(
        "reading and parsing {:.2} µs, rebuild {:.2} µs: {:.2} (goal 0.5)",
        micros(read, stored),
        micros(rebuild, stored),
        read.as_secs_f64() / rebuild.as_secs_f64()
    );
    let metrics = log.metrics();
    let longest = |counter: &std::sync::atomic::AtomicU64| {
        Duration::from_micros(counter.load(std::sync::atomic::Ordering::Relaxed))
    };
    println!(
        "longest transaction {:?}, fold {:?}, publish {:?}",
        longest(&metrics.longest_commit_micros),
        longest(&metrics.longest_fold_micros),
        longest(&metrics.longest_publish_micros)
    );
    log.close().unwrap();
    thread.join().unwrap().unwrap();
    drop(log);
    let bytes = std::fs::metadata(folder.join("log/patze.db")).unwrap().len();
    println!("{:.0} bytes an event in the file", bytes as f64 / stored as f64);
    let (opening, _) =
        timed(&clock, || Log::open(LogConfig::new(folder.join("log"), clock.clone())).unwrap());
    println!("opened in {opening:?}");
}

fn micros(time: Duration, events: usize) -> f64 {
    time.as_secs_f64() * 1e6 / events as f64
}

/// Wall time and the process's CPU time.
fn timed<T>(clock: &Clock, work: impl FnOnce() -> T) -> (Duration, Duration) {
    let cpu = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    let (wall_began, cpu_began) = (clock.elapsed(), cpu());
    drop(work());
    (clock.elapsed() - wall_began, cpu() - cpu_began)
}

fn event(batch: usize, n: usize, random: bool) -> Event {
    let number = batch * BATCH + n;
    // SplitMix64: no two runs differ.
    let mut bits = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits ^= bits >> 27;
    let at = Timestamp::from_millis(1_771_632_000_000 + number as i64 / 10);
    let id = if random {
        EventId::from(format!("{bits:016x}{:010x}", bits.rotate_left(32) >> 24))
    } else {
        ulid(at, u128::from(bits))
    };
    let (run, state) = (number / 20, ["active", "active", "active", "completed"][n % 4]);
    Event::new(Parts {
        id,
        machine: MachineId::from(format!("7f9c2ba4-e88f-4d31-9f45-{:012}", batch % MACHINES)),
        type_name: "run.state.changed",
        severity: Severity::Info,
        occurred_at: at,
        trace: &format!(r#"{{"traceId":"{bits:016x}"}}"#),
        payload: &format!(
            r#"{{"runId":"r_{run:026}","sessionId":"s_{:026}","agentId":"main","from":"idle","to":"{state}","home":"default","sessionKey":"agent:main:main"}}"#,
            run / 50
        ),
    })
}

fn raw_table(file: &Path) -> Connection {
    let conn = Connection::open(file).unwrap();
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    conn.pragma_update(None, "synchronous", "FULL").unwrap();
    conn.execute_batch(include_str!("../../sql/migrations/0001_events.sql")).unwrap();
    conn
}

fn raw_insert(conn: &mut Connection, batches: &[Arc<[Event]>], stored: usize) {
    let mut position = stored as i64;
    for batch in batches {
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        let mut insert =
            transaction.prepare_cached("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").unwrap();
        for event in batch.iter() {
            position += 1;
            insert
                .execute(params![
                    position,
                    event.id.as_str(),
                    event.type_name(),
                    event.machine.as_str(),
                    event.occurred_at.millis(),
                    event.occurred_at.millis(),
                    event.severity.name(),
                    "ingest",
                    event.trace(),
                    event.payload()
                ])
                .unwrap();
        }
        drop(insert);
        transaction.commit().unwrap();
    }
}

fn append(log: &Log, batches: &[Arc<[Event]>]) {
    let mut waiting = VecDeque::new();
    for batch in batches {
        if waiting.len() == CONNECTIONS {
            let first: patze_actors::log::Pending = waiting.pop_front().unwrap();
            first.wait().unwrap();
        }
        waiting.push_back(log.append(Lane::Ingest, Batch::ingest(batch.clone())).unwrap());
    }
    for answer in waiting {
        answer.wait().unwrap();
    }
}

/// What any reader of the log must do: fetch the columns and parse the payload.
fn parse(log: &Log) -> usize {
    let mut fields = 0;
    log.scan(0, |event| {
        let payload: serde_json::Value = serde_json::from_str(event.payload).unwrap();
        fields += payload.as_object().unwrap().len();
        ControlFlow::Continue(())
    })
    .unwrap();
    fields
}

fn fold(log: &Log) -> Fleet {
    let mut fleet = Fleet::default();
    let mut changes = Vec::new();
    log.scan(0, |event| {
        fleet.apply(event, &mut changes);
        changes.clear();
        ControlFlow::Continue(())
    })
    .unwrap();
    fleet
}
