//! Retention: what leaves the log, by age and by size, and how nobody is harmed by it (design §6).
//!
//! # Constraints
//! 1. The newest state never changes (FO-4): a fleet rebuilt from what stays is the live one, byte for byte.
//! 2. Nothing is deleted that was not proven superfluous: the rules ([`select`]) propose, and before the first row goes,
//!    both histories, with and without the proposed rows, are folded until they give the same fleet ([`prove`]).
//! 3. What leaves is told: a `control.pruned` event in the same transaction, with a digest over the rows that stay. A hole
//!    that no such event names is a fault (EL-1).
//! 4. The past is verified before it is pruned, so that a damaged row is never tidied away.
//! 5. Ingest is not held up: all reading and thinking is done on another thread; the writer gets steps of at most about
//!    [`thin::DELETES`] rows, with a pause in between.
//! 6. A kill at any moment leaves a sound log: each step is one transaction, and how far a pass has come is in it.
//! 7. What heartbeats showed outlives them as rollups, exactly: no heartbeat is lost or counted twice.
//!
//! # Rules
//! *Thinning* lets these go once they are older than is set, by their `recorded_at` against log time (in whole hours, and
//! for log lines in whole days):
//! - a heartbeat, if its machine has its status already and the machine's next status event is again a bridge's heartbeat
//!   of this status that is not older in effective time. Then the next one overwrites all that this one set. What else
//!   the design's rule must not forget: the *folded* status counts, not the one that the heartbeat before told, for that
//!   one may have been overtaken; a registration in between keeps the gauges and so the heartbeat before it; the offline
//!   heartbeat of the control plane keeps gauges and last-seen time and so the heartbeat before it, and the first after it
//!   ends what was taken for silence; a machine that was forgotten in between has begun anew;
//! - a tick: the next event moves log time and the windows at least as far, and evicts before it folds;
//! - a `control.pruned` event that no range needs any more, because a later pruning speaks for it;
//! - a log line, if at least 200 lines that are shown came after it (and after the last machine was forgotten, which takes
//!   lines out of the 200 and lets none return), its machine was seen before and later, and its session and its run need
//!   none of it: each is in the hot state by what stays, and the next touch comes within the seven idle days of the last
//!   one that stays. So a line stays that made a session or a run, that kept it through the days in which nothing else
//!   touched it, that was the last of all, that ended a stall, and the last one before a stall was told. So does one that
//!   moves a run, whose own state was never told, to another session.
//!
//! So at a position that stays the state is the one that was live then, but for gauges, last-seen times and the thinned
//! lines themselves (design §6).
//!
//! The log's last commit is never touched. What the rules cannot see (more than 5,000 open sessions, of which the least
//! recently touched leave) the proof sees, and then the lines of that stretch stay.
//!
//! *Cutting* ([`cut`]), where a size is set and exceeded: the state at a horizon becomes the base, and everything up to it
//! goes. An event that a bridge sends again after its row has left is stored again (EL-3 holds for what the log has).
//!
//! # Format
//! A pruned stretch of whole commits becomes one row of `commits` (see `sql/migrations/0002_retention.sql`), which keeps the
//! chain digest at its end, and so may be pruned again: heartbeats leave after two days, log lines of the same stretch
//! after thirty, and then small ranges are joined. `meta.rolledUpTo` and `meta.linesThinnedTo` say how far each pass has
//! come; `heartbeat_rollup` has what the heartbeats up to the first showed ([`rollup`]).
//!
//! # Operation
//! ```text
//! a slice of commits ─> rules: rows that may go ─> proof: same fleet from some position on ─> chunks of whole commits:
//!     verify, digest what stays ─> writer, one transaction: delete, join, roll up, tell ─> pause
//! ```
//! Checkpoints between the first row that goes and the position where both fleets are equal are dropped with them: there
//! the past has other gauges, last-seen times and log lines now. What is dropped is made anew at the end of a run, by
//! stored rows.
//!
//! # Recovery
//! A run is repeated every hour and goes on where the last transaction left it, after a crash too: a cut is finished (rows
//! up to the base are leftovers that no reader sees), a slice is proven again. What fails is logged and told in the report,
//! and nothing of that step was done.

mod cut;
mod due;
mod prove;
mod report;
pub(super) mod rollup;
mod select;
mod space;
mod thin;
mod told;

use std::sync::Arc;

use patze_core::causes::with_causes;
use patze_core::retention::Retention;
use patze_core::time::{DAY, HOUR, Timestamp};

use super::batch::AppendError;
use super::door::Shared;
use super::open::Fault;
use super::verify::Finding;

pub(super) use due::Due;
pub(super) use report::report;
pub use report::{Forecast, Report, Run, Shares};
pub(super) use thin::{is_thinned, join_commits, set_settled, settled};
pub(super) use told::event_at;
use told::pruned_event;

/// Why a run of retention ended early. What was done until then is sound.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The log cannot be read.
    #[error("the log cannot be read; see `patze verify`")]
    Read(#[source] Fault),
    /// A step was not written.
    #[error("a step was not written")]
    Write(#[source] AppendError),
    /// The past is not what was written.
    #[error("the range {first}–{last} is damaged and was not pruned; see `patze verify`")]
    Damaged {
        /// The range's first position.
        first: u64,
        /// The range's last position.
        last: u64,
        /// What was found.
        source: Finding,
    },
    /// A rebuild without the rows would give another state: a fault of this program.
    #[error("without {rows} rows of {first}–{last} a rebuild would give another state; they stay (FO-4)")]
    Unproven {
        /// The slice's first position.
        first: u64,
        /// The slice's last position.
        last: u64,
        /// How many rows were to go.
        rows: usize,
    },
    /// The base cannot be made.
    #[error("the base cannot be made")]
    Base(#[source] super::checkpoint::CodecError),
}

impl<E: Into<Fault>> From<E> for RetentionError {
    fn from(fault: E) -> Self {
        Self::Read(fault.into())
    }
}

/// One run: thins, rolls up, cuts, gives room back, as `rules` say. `pause` is called after each step, with the log left
/// to others; it says whether to go on. Blocks.
pub(super) fn run(
    shared: &Arc<Shared>,
    rules: &Retention,
    pause: &mut dyn FnMut() -> bool,
) -> Result<Run, RetentionError> {
    let mut run = Run::begin(shared.clock.now());
    let done = steps(shared, rules, pause, &mut run);
    run.error = done.as_ref().err().map(|error| with_causes(error));
    run.ended_at = shared.clock.now();
    report::note(shared, &run).map_err(RetentionError::Write)?;
    done.map(|()| run)
}

fn steps(
    shared: &Arc<Shared>,
    rules: &Retention,
    pause: &mut dyn FnMut() -> bool,
    run: &mut Run,
) -> Result<(), RetentionError> {
    let log_time = shared.current().log_time();
    // Whole hours and whole days, so that a run that comes every hour does not leave many small ranges.
    let before = |age: u64, whole: i64| {
        let millis = log_time.plus(-i64::try_from(age).unwrap_or(i64::MAX)).millis();
        Timestamp::from_millis(millis.div_euclid(whole) * whole - 1)
    };
    // A cut that was interrupted comes first: its rows are still in the way.
    cut::finish(shared, pause, run)?;
    let lines = rules.logs_ms.map(|age| before(age, DAY));
    match rules.heartbeats_ms {
        Some(age) => thin::run(shared, (thin::What::Heartbeats, false), before(age, HOUR), pause, run)?,
        None => {
            if let Some(lines) = lines {
                thin::run(shared, (thin::What::Heartbeats, true), lines, pause, run)?;
            }
        }
    }
    if let Some(lines) = lines {
        thin::run(shared, (thin::What::Lines, false), lines, pause, run)?;
    }
    rollup::compact(shared, log_time, pause)?;
    if let Some(most) = rules.max_bytes {
        cut::run(shared, most, pause, run)?;
    }
    space::give_back(shared, pause, run)?;
    thin::respace(shared, pause)
}

/// The last position of the last commit up to which everything was recorded at `time` or before; none if there is none, or
/// if it is the log's last. Commits are in the order of their times, so that halving finds it without an index.
fn last_commit(conn: &rusqlite::Connection, time: Timestamp) -> rusqlite::Result<Option<u64>> {
    use crate::sqlite::{self, sql};
    use rusqlite::OptionalExtension as _;
    let newest: Option<u64> = conn
        .prepare_cached("SELECT max(first) FROM commits")?
        .query_row([], |row| Ok(row.get::<_, Option<i64>>(0)?.map(i64::unsigned_abs)))?;
    let Some(newest) = newest else { return Ok(None) };
    let mut at = conn.prepare_cached(
        "SELECT first, last, recorded_at FROM commits WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
    )?;
    let (mut found, mut low, mut high) = (None, 0, newest);
    // The commit that begins at `newest` is beyond the answer; all up to `low` lies before it.
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        let commit = at
            .query_row([sql(middle)], |row| Ok((sqlite::count(row, 1)?, Timestamp::from_millis(row.get(2)?))))
            .optional()?;
        match commit {
            Some((last, recorded_at)) if recorded_at <= time => {
                found = found.max(Some(last));
                low = middle.max(last.min(newest - 1));
            }
            // Before the first commit of all: history was cut.
            None => low = middle,
            Some(_) => high = middle,
        }
    }
    Ok(found)
}
