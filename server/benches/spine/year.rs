//! A simulated year of 20 machines, with a heartbeat of each every five seconds and 2,000 runs a day: what is kept of it, in
//! how many bytes, how charts answer, and whether a size limit is held.
//!
//! Everything but time is real: the log's writer, the prover that stores checkpoints, history's projector, and a run of
//! retention every simulated hour, in one folder. What differs from a fleet in use:
//! - what happens within five minutes arrives together, in batches of 500 at most; a fleet's batches are smaller, so that
//!   more commits stand beside the events that are not yet thinned;
//! - retention runs between the batches and not beside them, without its pauses, and history catches up before it.
//!
//! `--beat` sets heartbeats further apart where a full year of them (126 million) is too long to wait for; the report says so.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use patze_actors::log::{DATABASE, HISTORY, Moment, PastError};
use patze_core::event::Event;
use patze_core::retention::{LEAST_BYTES, Retention};
use patze_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use patze_supervise::clock::{Clock, VirtualTime};
use rusqlite::{Connection, OpenFlags};

use crate::Bench;
use crate::events::scrambled;
use crate::filled::prover;
use crate::history::{Following, MACHINES, RUNS, batches, charts_of, event, machine};
use crate::process::block_on;
use crate::report::Report;

/// Bytes of all files that an event may take which is kept.
const GOAL: f64 = 700.0;
/// The size limit of a year; a shorter run has its share of it.
const LIMIT: u64 = 2_000_000_000;
/// What happens within it arrives together.
const STEP: i64 = 5 * MINUTE;
/// Runs of a session.
const OF_SESSION: u64 = 5;
/// A run begins so long after the last one, and has ended by then.
const RUN: i64 = DAY / RUNS as i64;

/// The fleet's time and what it has sent.
struct Year {
    dir: PathBuf,
    following: Following,
    prover: JoinHandle<()>,
    clock: Clock,
    time: VirtualTime,
    real: Clock,
    start: Timestamp,
    beat: i64,
    beats: i64,
    runs: u64,
    number: u64,
    spent: Spent,
}

/// Where the machine's time went.
#[derive(Default)]
struct Spent {
    making: Duration,
    appending: Duration,
    projecting: Duration,
    retaining: Duration,
}

/// What is there.
struct Found {
    kept: u64,
    heartbeats: u64,
    rollups: Vec<(i64, u64)>,
    bytes: u64,
}

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let days = i64::from(bench.days);
    let mut year = Year::new(bench, days);
    let thinning = Retention { max_bytes: None, ..Retention::default() };
    let every = if days >= 120 { 30 } else { (days + 6) / 7 };
    report.note(
        "simulated",
        format!("{days} days, {MACHINES} machines, {RUNS} runs a day, a heartbeat every {} s", bench.beat),
    );
    for day in 1..=days {
        year.day(&thinning, |_| ());
        if day % every == 0 || day == days {
            report.note(format!("day {day}"), year.found().to_string());
        }
    }
    year.tell(report, days);
    year.tables(report);
    let now = year.clock.now();
    charts_of(&year.following.history, &bench.clock, now, report);
    year.limited(report, days);
    let dir = year.dir.clone();
    year.close();
    if !bench.kept {
        let _ = std::fs::remove_dir_all(dir);
    }
}

impl Year {
    fn new(bench: &Bench, days: i64) -> Self {
        let dir = bench.folder("year");
        let whole = bench.clock.now().millis().div_euclid(DAY) * DAY;
        let start = Timestamp::from_millis(whole).plus(-days * DAY);
        let (clock, time) = Clock::virtual_at(start);
        let following = Following::new(&dir, &clock);
        let prover = prover(following.running.log.clone());
        let (real, beat) = (bench.clock.clone(), i64::from(bench.beat) * SECOND);
        let spent = Spent::default();
        Self { dir, following, prover, clock, time, real, start, beat, beats: 0, runs: 0, number: 0, spent }
    }

    /// Lets a day pass, with a run of retention each hour, after which `each` sees the folder.
    fn day(&mut self, rules: &Retention, mut each: impl FnMut(&Path)) {
        for step in 1..=DAY / STEP {
            block_on(self.time.advance(Duration::from_millis(STEP.unsigned_abs())));
            let began = self.real.elapsed();
            let events = batches(&self.events());
            let made = self.real.elapsed();
            self.following.running.append(&events, &self.real);
            let appended = self.real.elapsed();
            self.spent.making += made - began;
            self.spent.appending += appended - made;
            if step * STEP % HOUR == 0 {
                self.following.catch_up();
                let caught_up = self.real.elapsed();
                let run = self.following.running.log.retain(rules, &mut || true).unwrap();
                assert_eq!(run.unproven, 0, "all that the rules propose is proven");
                self.spent.projecting += caught_up - appended;
                self.spent.retaining += self.real.elapsed() - caught_up;
                each(&self.dir);
            }
        }
    }

    /// What has happened until now and was not sent yet, in the order of its times.
    fn events(&mut self) -> Vec<Event> {
        let passed = self.clock.now().since(self.start);
        let mut events = Vec::new();
        while (self.beats + 1) * self.beat <= passed {
            self.beats += 1;
            let at = self.start.plus(self.beats * self.beat);
            for of in 0..MACHINES {
                events.push(self.beat(at, of));
            }
        }
        while (self.runs as i64 + 1) * RUN <= passed {
            events.extend(self.run());
            self.runs += 1;
        }
        events.sort_by_key(|event| event.occurred_at);
        events
    }

    fn beat(&mut self, at: Timestamp, of: usize) -> Event {
        let bits = scrambled(self.number);
        let payload = format!(
            r#"{{"machineId":"{}","status":"online","resource":{{"cpuPct":{}.{},"memoryBytes":{},"memoryPct":{}.5,"memoryTotalBytes":17179869184,"netRxBytes":{},"netTxBytes":{},"diskUsageBytes":{},"diskTotalBytes":512110190592,"diskPct":63.5}}}}"#,
            machine(of),
            bits % 100,
            bits / 100 % 10,
            4_000_000_000 + bits % 1_000_000_000,
            20 + bits % 40,
            self.number * 1_500,
            self.number * 700,
            325_000_000_000_u64 + self.number,
        );
        event(at, &machine(of), "machine.heartbeat", &payload, &mut self.number)
    }

    /// Eleven events, and for the first and the last of its session one more: its states, three model calls, two tool
    /// calls, two log lines.
    fn run(&mut self) -> Vec<Event> {
        let n = self.runs;
        let bits = scrambled(n);
        let session = n / OF_SESSION;
        let of = machine(session as usize);
        let begun = self.start.plus(n as i64 * RUN);
        let place = format!(
            r#""machineId":"{of}","sessionId":"s_{session:026}","agentId":"agent-{}","home":"default""#,
            session % 8
        );
        let run = format!(r#"{place},"runId":"r_{n:026}""#);
        let session = |from: &str, to: &str| {
            let text = format!(r#"{{{place},"from":"{from}","to":"{to}","sessionKey":"agent:main:main"}}"#);
            ("session.state.changed", text)
        };
        let state = |from: &str, to: &str| {
            (
                "run.state.changed",
                format!(r#"{{{run},"from":"{from}","to":"{to}","sessionKey":"agent:main:main"}}"#),
            )
        };
        let usage = |call: u64| {
            let tokens = bits % 9_000 + call;
            let text = format!(
                r#"{{{run},"provider":"anthropic","model":"claude-{}","inputTokens":{tokens},"outputTokens":321,"totalTokens":{},"estimatedCostUsd":0.0125}}"#,
                n % 4,
                tokens + 321
            );
            ("run.model.usage", text)
        };
        let tool = |call: u64, at: Timestamp| {
            let id = format!(r#"{run},"toolCallId":"call_{:012}","toolName":"exec""#, n * 2 + call);
            [
                ("run.tool.started", format!(r#"{{{id},"startedAt":"{at}"}}"#)),
                (
                    "run.tool.completed",
                    format!(
                        r#"{{{id},"status":"completed","durationMs":{}.25,"success":true}}"#,
                        bits % 3_000
                    ),
                ),
            ]
        };
        let line = |at: Timestamp, message: &str| {
            let text = format!(
                r#"{{{run},"logEntryId":"l{n}-{}","level":"info","message":"{message} after {} ms","ts":"{at}"}}"#,
                at.since(begun),
                bits % 20_000
            );
            ("run.log.emitted", text)
        };
        let at = |step: usize| begun.plus(3 * SECOND * step as i64);
        let mut all = Vec::new();
        if n.is_multiple_of(OF_SESSION) {
            all.push(session("created", "running"));
        }
        all.extend([state("created", "running"), usage(1), line(at(2), "the context was compacted")]);
        all.extend(tool(0, at(4)));
        all.push(usage(2));
        all.extend(tool(1, at(7)));
        all.extend([line(at(9), "the gateway answered"), usage(3)]);
        // Every 25th fails.
        all.push(state("running", if n.is_multiple_of(25) { "failed" } else { "completed" }));
        if n % OF_SESSION == OF_SESSION - 1 {
            all.push(session("running", "completed"));
        }
        let number = &mut self.number;
        let sent = all.into_iter().enumerate();
        sent.map(|(step, (name, payload))| event(at(step), &of, name, &payload, number)).collect()
    }

    fn log(&self) -> Connection {
        read(&self.dir.join(DATABASE))
    }

    fn found(&self) -> Found {
        let log = self.log();
        let (kept, heartbeats) = log
            .query_row("SELECT count(*), total(type = 'machine.heartbeat') FROM events", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, f64>(1)?))
            })
            .unwrap();
        let mut tiers = log.prepare("SELECT tier, count(*) FROM heartbeat_rollup GROUP BY tier").unwrap();
        let rollups = tiers.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())));
        let rollups = rollups.unwrap().collect::<Result<_, _>>().unwrap();
        Found { kept: kept.unsigned_abs(), heartbeats: heartbeats as u64, rollups, bytes: bytes(&self.dir) }
    }

    /// What the whole time has left.
    fn tell(&self, report: &mut Report, days: i64) {
        let log = self.log();
        let one = |sql: &str, value: i64| -> f64 {
            log.query_row(sql, [value], |row| row.get::<_, f64>(0)).unwrap()
        };
        // As long as they are kept, in whole hours, until the next run.
        let old = self.clock.now().plus(-50 * HOUR).millis();
        let rows = "SELECT total(recorded_at < ?1) FROM events WHERE type = 'machine.heartbeat'";
        let rolled = "SELECT total(n) FROM heartbeat_rollup WHERE ?1 = ?1";
        let after = "SELECT count(*) * 1.0 FROM events WHERE type = 'machine.heartbeat' AND ?1 = ?1 AND position > \
                     (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'rolledUpTo')";
        let sent = (self.beats * MACHINES as i64) as f64;
        assert_eq!(one(rolled, 0) + one(after, 0), sent, "each heartbeat is a row or in one rollup");
        let found = self.found();
        let events = self.number as f64;
        report.note("events sent, of which heartbeats", format!("{events:.0}, {sent:.0}"));
        // The first of a machine gives it its status and stays.
        report.below(
            "heartbeats older than 50 h that are still rows",
            one(rows, old),
            MACHINES as f64 + 1.0,
            "",
        );
        report.below(format!("bytes a kept event after {days} days, all files"), found.each(), GOAL, " B");
        let Spent { making, appending, projecting, retaining } = self.spent;
        let all = appending + projecting + retaining;
        let share = |part: Duration| 100.0 * part.as_secs_f64() / all.as_secs_f64();
        report.note("events a second, all work counted", format!("{:.0}", events / all.as_secs_f64()));
        report.note(
            "appended, history waited for, retention",
            format!(
                "{:.0} %, {:.0} %, {:.0} % of {:.0} s",
                share(appending),
                share(projecting),
                share(retaining),
                all.as_secs_f64()
            ),
        );
        report.note("making the events, not counted", format!("{:.0} s", making.as_secs_f64()));
    }

    /// Which tables and indexes take the room.
    fn tables(&self, report: &mut Report) {
        for name in [DATABASE, HISTORY] {
            let file = read(&self.dir.join(name));
            let sql = "SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE ORDER BY pgsize DESC LIMIT 6";
            let mut statement = file.prepare(sql).unwrap();
            let rows = statement
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
                .unwrap()
                .map(|row| row.map(|(table, bytes)| format!("{table} {:.1}", bytes as f64 / 1e6)));
            let rows: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
            report.note(format!("{name}, largest parts, MB"), rows.join(", "));
        }
    }

    /// Sets a size limit, and lets some more days pass.
    fn limited(&mut self, report: &mut Report, days: i64) {
        let limit = (LIMIT / 365 * days.unsigned_abs()).clamp(LEAST_BYTES, LIMIT);
        let rules = Retention { max_bytes: Some(limit), ..Retention::default() };
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let before = bytes(&self.dir);
        report.note(
            "size limit; files before it was set",
            format!("{:.0} MB; {:.0} MB", megabytes(limit), megabytes(before)),
        );
        let began = self.real.elapsed();
        let run = self.following.running.log.retain(&rules, &mut || true).unwrap();
        let took = self.real.elapsed() - began;
        self.following.catch_up();
        let cut = format!(
            "{} rows in {:.1} s, {:.0} MB in files",
            run.cut.rows,
            took.as_secs_f64(),
            megabytes(bytes(&self.dir))
        );
        report.note("the first run with it cut", cut);
        // History gives its rows up after the cut: the second run sees both.
        let more = (days / 15).max(3);
        let mut largest = 0;
        for _ in 0..more {
            self.day(&rules, |dir| largest = largest.max(bytes(dir)));
        }
        report.below(
            format!("largest after an hourly run, {more} days more"),
            megabytes(largest),
            megabytes(limit),
            " MB",
        );
        let horizon = self.following.running.log.horizon();
        let early = block_on(self.following.running.log.fleet_at(Moment::Time(self.start.plus(DAY))));
        let told = match (&early, horizon) {
            (Err(PastError::Before { horizon: told }), Some(horizon)) => *told == horizon,
            _ => false,
        };
        report.at_least("the horizon is told to who asks for a time before it", f64::from(told), 1.0, "");
        if let Some(horizon) = horizon {
            let left = self.clock.now().since(horizon.time) as f64 / DAY as f64;
            report.note(
                "horizon",
                format!("position {}, {}: the last {left:.1} days are left", horizon.position, horizon.time),
            );
        }
        report.note("with the limit", self.found().to_string());
    }

    fn close(self) {
        self.following.close();
        self.prover.join().unwrap();
    }
}

impl Found {
    /// Bytes a kept event.
    fn each(&self) -> f64 {
        self.bytes as f64 / self.kept.max(1) as f64
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rollups: Vec<String> =
            self.rollups.iter().map(|(tier, rows)| format!("{rows} of {} min", tier / MINUTE)).collect();
        write!(
            f,
            "{} kept ({} heartbeats), {:.0} MB, {:.0} B each; rollups {}",
            self.kept,
            self.heartbeats,
            self.bytes as f64 / 1e6,
            self.each(),
            rollups.join(", ")
        )
    }
}

fn read(file: &Path) -> Connection {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// Bytes of all files of the folder, write-ahead logs too.
fn bytes(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().metadata().unwrap());
    files.filter(|file| file.is_file()).map(|file| file.len()).sum()
}
