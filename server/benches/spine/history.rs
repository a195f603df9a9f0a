//! History: how far behind the log it is under a steady load, what making it anew costs, and charts of a month and a year.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use patze_actors::history::History;
use patze_actors::history::query::{DensityQuery, ListQuery, SeriesQuery, UsageQuery};
use patze_core::event::{Event, Parts, Severity};
use patze_core::glob::Glob;
use patze_core::history::{UsageBucket, UsageBy};
use patze_core::ids::{MachineId, ulid};
use patze_core::money::NanoUsd;
use patze_core::prices::{PriceRule, PriceTable, Prices};
use patze_core::time::{DAY, MINUTE, Timestamp};
use patze_supervise::clock::Clock;

use crate::Bench;
use crate::events::{BATCH, Ids, Supply};
use crate::filled::{Running, STRETCH};
use crate::process::block_on;
use crate::report::Report;

/// Events a second that history follows.
const RATE: u64 = 5_000;
/// Machines of the simulated year.
pub const MACHINES: usize = 20;
/// Runs a day of all of them.
pub const RUNS: usize = 2_000;

/// A log with its writer, and history with its projector.
pub struct Following {
    /// The log.
    pub running: Running,
    /// History.
    pub history: History,
    projector: JoinHandle<()>,
}

impl Following {
    /// Opens both in `dir`.
    pub fn new(dir: &Path, clock: &Clock) -> Self {
        let running = Running::new(dir, clock);
        let history = History::new(&running.log, clock).unwrap();
        let projector = history.projector();
        let projector = std::thread::Builder::new()
            .name("patze-projector".to_owned())
            .spawn(move || projector.run().unwrap())
            .unwrap();
        Self { running, history, projector }
    }

    /// Waits until history has all, by the machine's clock.
    pub fn catch_up(&self) {
        let clock = Clock::system();
        block_on(async {
            while self.history.status().progress.behind > 0 {
                clock.sleep(Duration::from_millis(5)).await;
            }
        });
    }

    /// Ends all and closes the files.
    pub fn close(self) {
        self.running.close();
        self.history.close();
        self.projector.join().unwrap();
    }
}

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    lag(bench, report);
    rebuild(bench, report);
    charts(bench, report);
}

fn lag(bench: &Bench, report: &mut Report) {
    let (dir, clock) = (bench.folder("history-lag"), &bench.clock);
    let following = Following::new(&dir, clock);
    let supply = Supply::new(clock, Ids::TimeOrdered);
    let batches = usize::try_from(RATE).unwrap() * bench.size(30, 5) / BATCH;
    let every = Duration::from_secs_f64(BATCH as f64 / RATE as f64);
    let began = clock.elapsed();
    let mut lags = Vec::new();
    for batch in 0..batches {
        let due = began + every * u32::try_from(batch).unwrap();
        // How far behind it is, seen at least ten times a batch.
        while clock.elapsed() < due {
            block_on(async { clock.sleep(Duration::from_millis(5)).await });
            lags.push(following.history.status().lag);
        }
        following.running.append(&[supply.batch(batch)], clock);
    }
    let took = clock.elapsed() - began;
    following.catch_up();
    lags.sort_unstable();
    let at = |share: f64| {
        lags.get((lags.len() as f64 * share) as usize).or(lags.last()).copied().unwrap_or_default()
    };
    report.note("events a second", format!("{:.0}", (batches * BATCH) as f64 / took.as_secs_f64()));
    report.note("history's lag, p99", format!("{:.0} ms", at(0.99).as_secs_f64() * 1e3));
    report.below("history's lag, the longest", at(1.0).as_secs_f64(), 1.0, " s");
    following.close();
}

fn rebuild(bench: &Bench, report: &mut Report) {
    let filled = bench.filled();
    let _ = std::fs::remove_file(filled.dir.join(patze_actors::log::HISTORY));
    let began = bench.clock.elapsed();
    let following = Following::new(&filled.dir, &bench.clock);
    following.catch_up();
    let took = bench.clock.elapsed() - began;
    let file = following.history.file().to_owned();
    following.close();
    let bytes = std::fs::metadata(file).map_or(0, |file| file.len());
    report.note("made anew, events a second", format!("{:.0}", filled.events as f64 / took.as_secs_f64()));
    report.note("history.db, bytes an event", format!("{:.0}", bytes as f64 / filled.events as f64));
}

/// A table of which the last entry fits.
fn prices() -> PriceTable {
    let price = NanoUsd::from_dollars(3.0);
    let prices = Prices { input: price, output: price, cache_read: price, cache_write: price };
    let rule =
        |model: String| PriceRule { provider: Glob::new("*"), model: Glob::new(model), from: None, prices };
    PriceTable::new((0..20).map(|n| format!("other-{n}")).chain(["*".to_owned()]).map(rule).collect())
}

/// The usage of a year, and the heartbeats of nearly two days, one a minute: older ones are the log's rollups.
fn charts(bench: &Bench, report: &mut Report) {
    let dir = bench.folder("history-charts");
    let days = bench.size(365, 30);
    let now = bench.clock.now();
    let start = now.plus(-i64::from(days) * DAY);
    let (clock, time) = Clock::virtual_at(start);
    let following = Following::new(&dir, &clock);
    let mut number = 0;
    for day in 0..days {
        let events: Vec<Event> =
            (0..RUNS).flat_map(|run| of_run(start, i64::from(day), run, &mut number)).collect();
        let batches = batches(&events);
        for stretch in batches.chunks(STRETCH) {
            following.running.append(stretch, &clock);
        }
        block_on(async { time.advance(Duration::from_millis(DAY.unsigned_abs())).await });
    }
    let beats: Vec<Event> = (0..5 * BATCH as i64).map(|n| beat(now.plus(-n * MINUTE), &mut number)).collect();
    following.running.append(&batches(&beats), &clock);
    following.catch_up();
    let history = &following.history;
    charts_of(history, &bench.clock, now, report);
    let query = ListQuery { machine: Some(machine(3)), ..ListQuery::default() };
    let runs = slowest(&bench.clock, || {
        assert!(!block_on(history.runs(query.clone(), Default::default())).unwrap().answer.items.is_empty());
    });
    report.note("runs of a machine, slowest of 20", format!("{runs:.1} ms"));
    following.close();
    let _ = std::fs::remove_dir_all(&dir);
}

/// Charts of the month and of the year before `now`.
pub fn charts_of(history: &History, clock: &Clock, now: Timestamp, report: &mut Report) {
    let prices = prices();
    for (name, days) in [("30 d", 30), ("1 y", 365)] {
        let from = now.plus(-days * DAY);
        for by in [UsageBy::Machine, UsageBy::Agent, UsageBy::Model, UsageBy::Channel] {
            let (bucket, tz) = (UsageBucket::Day, "Europe/Berlin".to_owned());
            let query = UsageQuery { by, bucket, tz, from, to: now, prices: Ok(prices.clone()) };
            let slowest = slowest(clock, || {
                let usage = block_on(history.usage(query.clone())).unwrap();
                assert!(!usage.answer.series.is_empty());
            });
            report.below(format!("usage by {by:?}, {name}, slowest of 20"), slowest, 100.0, " ms");
        }
        let query = DensityQuery { from: Some(from), to: now, buckets: 1_000 };
        let rail = slowest(clock, || {
            assert!(!block_on(history.density(query)).unwrap().answer.buckets.is_empty());
        });
        report.below(format!("moment rail, {name}, slowest of 20"), rail, 100.0, " ms");
        let query = SeriesQuery { machine: machine(0), from, to: now, points: 2_000 };
        let series = slowest(clock, || {
            assert!(!block_on(history.series(query.clone())).unwrap().answer.points.is_empty());
        });
        report.below(format!("gauges, {name}, slowest of 20"), series, 100.0, " ms");
    }
}

/// Whole batches, as the log is fed.
pub fn batches(events: &[Event]) -> Vec<Arc<[Event]>> {
    events.chunks(BATCH).map(Arc::from).collect()
}

/// ms of the slowest of 20.
fn slowest(clock: &Clock, mut ask: impl FnMut()) -> f64 {
    let took = (0..20).map(|_| {
        let began = clock.elapsed();
        ask();
        clock.elapsed() - began
    });
    took.max().unwrap_or_default().as_secs_f64() * 1e3
}

/// The n-th machine, round and round.
pub fn machine(n: usize) -> MachineId {
    MachineId::new(format!("machine-{:02}", n % MACHINES))
}

/// A run of a day: two model calls between its begin and its end.
fn of_run(start: Timestamp, day: i64, run: usize, number: &mut u64) -> Vec<Event> {
    let at = start.plus(day * DAY + i64::try_from(run).unwrap() * (DAY / i64::try_from(RUNS).unwrap()));
    let id = format!("r{day}-{run}");
    let place = format!(
        r#""runId":"{id}","sessionId":"s{}","agentId":"agent-{}","home":"default""#,
        run % 200,
        run % 8
    );
    let state = |to: &str| ("run.state.changed", format!(r#"{{{place},"from":"x","to":"{to}"}}"#));
    let usage = |n: usize| {
        let of = machine(run);
        (
            "run.model.usage",
            format!(
                r#"{{{place},"machineId":"{of}","provider":"p","model":"model-{}","inputTokens":{},"outputTokens":300,"estimatedCostUsd":{}}}"#,
                n % 4,
                1_000 + run,
                0.01
            ),
        )
    };
    [state("running"), usage(run), usage(run + 1), state("completed")]
        .into_iter()
        .map(|(type_name, payload)| event(at, &machine(run), type_name, &payload, number))
        .collect()
}

fn beat(at: Timestamp, number: &mut u64) -> Event {
    let of = machine(0);
    let payload = format!(
        r#"{{"machineId":"{of}","status":"online","resource":{{"cpuPct":12.5,"memoryBytes":4e9,"memoryPct":50,"diskPct":20}}}}"#
    );
    event(at, &of, "machine.heartbeat", &payload, number)
}

/// An event with an id of its own.
pub fn event(at: Timestamp, machine: &MachineId, type_name: &str, payload: &str, number: &mut u64) -> Event {
    *number += 1;
    Event::new(Parts {
        id: ulid(at, u128::from(*number)),
        machine: machine.clone(),
        type_name,
        severity: Severity::Info,
        occurred_at: at,
        trace: r#"{"traceId":"t"}"#,
        payload,
    })
}
