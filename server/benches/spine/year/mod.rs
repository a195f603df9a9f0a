//! A simulated year of 20 machines, with a heartbeat of each every five seconds and 2,000 runs a day: what is kept of it, in
//! how many bytes, how charts answer, and whether a size limit is held.
//!
//! Everything but time is real: the log's writer, the prover that stores checkpoints, history's projector, and runs of
//! retention, in one folder. What differs from a fleet in use:
//! - what happens within five minutes arrives together, in batches of 500 at most; a fleet's batches are smaller, so that
//!   more commits stand beside the events that are not yet thinned;
//! - retention runs between the batches and not beside them, without its pauses, and history catches up before it.
//!
//! `--beat` sets heartbeats further apart where a full year of them (126 million) is too long to wait for, and `--retain`
//! runs of retention, of which much costs the same however little there is to do; the report says so.

mod folder;
mod story;

use std::thread::JoinHandle;
use std::time::Duration;

use patze_actors::log::{Moment, PastError};
use patze_core::retention::{LEAST_BYTES, Retention};
use patze_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use patze_supervise::clock::{Clock, VirtualTime};

use crate::Bench;
use crate::filled::prover;
use crate::history::{Following, MACHINES, RUNS, batches, charts_of};
use crate::process::block_on;
use crate::report::Report;

use folder::Folder;
use story::Story;

/// Bytes of all files that an event may take which is kept.
const GOAL: f64 = 700.0;
/// The size limit of a year; a shorter run that has less has three fifths of what it has.
const LIMIT: u64 = 2_000_000_000;
/// What happens within it arrives together.
const STEP: i64 = 5 * MINUTE;

/// The fleet's time and what it has sent.
struct Year {
    folder: Folder,
    following: Following,
    prover: JoinHandle<()>,
    clock: Clock,
    time: VirtualTime,
    real: Clock,
    story: Story,
    /// Hours between two runs of retention.
    every: i64,
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

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let days = i64::from(bench.days);
    let mut year = Year::new(bench, days);
    let thinning = Retention { max_bytes: None, ..Retention::default() };
    let every = if days >= 120 { 30 } else { (days + 6) / 7 };
    report.note(
        format!("{days} days of {MACHINES} machines, {RUNS} runs a day"),
        format!("a beat every {} s, retention every {} h", bench.beat, bench.retain),
    );
    for day in 1..=days {
        year.day(&thinning, |_| ());
        if day % every == 0 || day == days {
            let found = year.folder.found();
            report.note(format!("day {day}: {found}"), format!("{:.0} B an event", found.each()));
        }
    }
    year.tell(report, days);
    for (name, tables) in year.folder.tables() {
        report.note(format!("{name}: {tables}"), "MB");
    }
    let now = year.clock.now();
    charts_of(&year.following.history, &bench.clock, now, report);
    year.limited(report, days);
    let Folder(dir) = year.close();
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
        let story = Story::new(start, i64::from(bench.beat) * SECOND);
        let (folder, real, spent) = (Folder(dir), bench.clock.clone(), Spent::default());
        Self { folder, following, prover, clock, time, real, story, every: i64::from(bench.retain), spent }
    }

    /// Lets a day pass, with its runs of retention, after each of which `each` sees the folder.
    fn day(&mut self, rules: &Retention, mut each: impl FnMut(&Folder)) {
        for step in 1..=DAY / STEP {
            block_on(self.time.advance(Duration::from_millis(STEP.unsigned_abs())));
            let began = self.real.elapsed();
            let events = batches(&self.story.until(self.clock.now()));
            let made = self.real.elapsed();
            self.following.running.append(&events, &self.real);
            let appended = self.real.elapsed();
            self.spent.making += made - began;
            self.spent.appending += appended - made;
            if step * STEP % (self.every * HOUR) == 0 {
                self.following.catch_up();
                let caught_up = self.real.elapsed();
                let run = self.following.running.log.retain(rules, &mut || true).unwrap();
                assert_eq!(run.unproven, 0, "all that the rules propose is proven");
                self.spent.projecting += caught_up - appended;
                self.spent.retaining += self.real.elapsed() - caught_up;
                each(&self.folder);
            }
        }
    }

    /// What the whole time has left.
    fn tell(&self, report: &mut Report, days: i64) {
        let log = self.folder.log();
        let one = |sql: &str, value: i64| -> f64 {
            log.query_row(sql, [value], |row| row.get::<_, f64>(0)).unwrap()
        };
        // As long as they are kept, in whole hours, until the next run.
        let hours = 49 + self.every;
        let old = self.clock.now().plus(-hours * HOUR).millis();
        let rows = "SELECT total(recorded_at < ?1) FROM events WHERE type = 'machine.heartbeat'";
        let rolled = "SELECT total(n) FROM heartbeat_rollup WHERE ?1 = ?1";
        let after = "SELECT count(*) * 1.0 FROM events WHERE type = 'machine.heartbeat' AND ?1 = ?1 AND position > \
                     coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'rolledUpTo'), 0)";
        let sent = self.story.heartbeats() as f64;
        assert_eq!(one(rolled, 0) + one(after, 0), sent, "each heartbeat is a row or in one rollup");
        let found = self.folder.found();
        let events = self.story.events() as f64;
        report.note("events sent, of which heartbeats", format!("{events:.0}, {sent:.0}"));
        // The first of a machine gives it its status and stays.
        report.below(
            format!("heartbeats older than {hours} h that are still rows"),
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

    /// Sets a size limit, and lets some more days pass.
    fn limited(&mut self, report: &mut Report, days: i64) {
        let before = self.folder.bytes();
        let limit = (before / 5 * 3).clamp(LEAST_BYTES, LIMIT);
        let rules = Retention { max_bytes: Some(limit), ..Retention::default() };
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        report.note(
            "size limit; files before it was set",
            format!("{:.0} MB; {:.0} MB", megabytes(limit), megabytes(before)),
        );
        if before <= limit {
            return;
        }
        let began = self.real.elapsed();
        let run = self.following.running.log.retain(&rules, &mut || true).unwrap();
        let took = self.real.elapsed() - began;
        self.following.catch_up();
        let files = megabytes(self.folder.bytes());
        report.note(
            format!(
                "the first run with it cut {} rows in {:.1} s; files then",
                run.cut.rows,
                took.as_secs_f64()
            ),
            format!("{files:.0} MB"),
        );
        // History gives its rows up after the cut: the second run sees both.
        let more = (days / 15).max(3);
        let mut largest = 0;
        for _ in 0..more {
            self.day(&rules, |folder| largest = largest.max(folder.bytes()));
        }
        report.below(
            format!("largest after a run of retention, {more} days more"),
            megabytes(largest),
            megabytes(limit),
            " MB",
        );
        let horizon = self.following.running.log.horizon();
        let early = block_on(self.following.running.log.fleet_at(Moment::Time(self.story.start().plus(DAY))));
        let told = match (&early, horizon) {
            (Err(PastError::Before { horizon: told }), Some(horizon)) => *told == horizon,
            _ => false,
        };
        report.at_least("the horizon is told to who asks for a time before it", f64::from(told), 1.0, "");
        if let Some(horizon) = horizon {
            let left = self.clock.now().since(horizon.time) as f64 / DAY as f64;
            report.note(
                format!("horizon: position {}, {}", horizon.position, horizon.time),
                format!("{left:.1} days are left"),
            );
        }
        let found = self.folder.found();
        report.note(format!("then {found}"), format!("{:.0} B an event", found.each()));
    }

    fn close(self) -> Folder {
        self.following.close();
        self.prover.join().unwrap();
        self.folder
    }
}
