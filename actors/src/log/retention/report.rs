//! What retention did, and what it will come to.

use std::ops::ControlFlow;

use patze_core::event::{EventType, Recorded};
use patze_core::retention::Retention;
use patze_core::time::{DAY, HOUR, Timestamp};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::super::batch::AppendError;
use super::super::door::Shared;
use super::super::row::RowError;
use super::super::scan;
use super::super::upkeep::Upkeep;
use crate::sqlite;

/// Runs that are remembered.
const RUNS: usize = 20;
/// The key of `meta` under which they stand.
const TOLD: &str = "retentionRuns";
/// Rows that a forecast looks at, from the newest back.
const SAMPLE: u64 = 200_000;
/// What an hour of one machine takes as a rollup, for ever.
const ROLLUP_BYTES: u64 = 260;

/// Rows that left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shares {
    /// How many.
    pub rows: u64,
    /// Bytes that they held.
    pub bytes: u64,
    /// The first position of the ranges that were looked through.
    pub first: u64,
    /// The last position of those.
    pub last: u64,
}

/// One run of retention.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Heartbeats and ticks that were thinned.
    pub heartbeats: Shares,
    /// Log lines that were thinned.
    pub logs: Shares,
    /// What was cut.
    pub cut: Shares,
    /// Bytes that were returned to the file system.
    pub freed_bytes: u64,
    /// Stretches whose log lines all stay, because without some of them the state would be another one.
    #[serde(default)]
    pub unproven: u64,
    /// Why it ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What is stored, what left, what will be.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Bytes of all files together.
    pub files_bytes: u64,
    /// Bytes of those that are free for the next events.
    pub free_bytes: u64,
    /// Runs that deleted something or failed, the newest last.
    pub runs: Vec<Run>,
    /// None while there is less than an hour to look at.
    pub forecast: Option<Forecast>,
}

/// What comes in, and what stays of it in a year.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// The time that was looked at, ms.
    pub over_ms: u64,
    /// Heartbeats and ticks, bytes a day.
    pub heartbeats_per_day: u64,
    /// Log lines, bytes a day.
    pub logs_per_day: u64,
    /// All else, bytes a day.
    pub others_per_day: u64,
    /// What a year of that leaves after thinning, bytes; the size limit is not considered.
    pub after_a_year: u64,
}

impl Run {
    pub(super) fn begin(now: Timestamp) -> Self {
        Self { began_at: now, ended_at: now, ..Self::default() }
    }

    pub(super) fn deleted(&mut self, heartbeats: bool, rows: u64, bytes: u64, first: u64, last: u64) {
        let shares = if heartbeats { &mut self.heartbeats } else { &mut self.logs };
        shares.add(rows, bytes, first, last);
    }

    pub(super) fn cut(&mut self, rows: u64, bytes: u64, first: u64, last: u64) {
        self.cut.add(rows, bytes, first, last);
    }

    fn is_of_note(&self) -> bool {
        self.error.is_some() || self.freed_bytes + self.heartbeats.rows + self.logs.rows + self.cut.rows > 0
    }
}

impl Shares {
    fn add(&mut self, rows: u64, bytes: u64, first: u64, last: u64) {
        self.first = if self.rows == 0 { first } else { self.first.min(first) };
        self.last = self.last.max(last);
        self.rows += rows;
        self.bytes += bytes;
    }
}

/// Bytes that an event takes, its place in the index included.
pub(super) fn weight(event: &Recorded<'_>) -> u64 {
    let texts = 2 * (event.id.len() + event.machine.len()) + event.type_name.len();
    (texts + event.origin.as_str().len() + event.trace.len() + event.payload.len() + 40) as u64
}

/// Remembers a run that did something.
pub(super) fn note(shared: &Shared, run: &Run) -> Result<(), AppendError> {
    if !run.is_of_note() {
        return Ok(());
    }
    let run = run.clone();
    let step = Upkeep::new(4 << 10, move |conn, _| {
        let mut all = runs(conn)?;
        all.push(run.clone());
        all.drain(..all.len().saturating_sub(RUNS));
        let text = serde_json::to_string(&all).unwrap_or_default();
        sqlite::set_meta(conn, TOLD, text)
    });
    step.ask(shared)
}

/// The runs that are remembered. What an older or newer version wrote otherwise is forgotten.
fn runs(conn: &Connection) -> rusqlite::Result<Vec<Run>> {
    Ok(sqlite::meta(conn, TOLD)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// The report.
pub(in crate::log) fn report(
    conn: &Connection,
    file: &std::path::Path,
    rules: &Retention,
    machines: usize,
) -> Result<Report, RowError> {
    let sizes = super::space::sizes(file, conn)?;
    Ok(Report {
        files_bytes: sizes.files(),
        free_bytes: sizes.free,
        runs: runs(conn)?,
        forecast: forecast(conn, rules, machines as u64)?,
    })
}

fn forecast(conn: &Connection, rules: &Retention, machines: u64) -> Result<Option<Forecast>, RowError> {
    let head = scan::head(conn)?;
    let mut kinds = [0_u64; 3];
    let (mut first, mut last) = (None, Timestamp::MIN);
    scan::scan(conn, head.saturating_sub(SAMPLE), head, |event| {
        let kind = match EventType::of(event.type_name) {
            Some(EventType::MachineHeartbeat | EventType::Tick) => 0,
            Some(EventType::RunLog) => 1,
            _ => 2,
        };
        kinds[kind] += weight(event);
        first.get_or_insert(event.recorded_at);
        last = event.recorded_at;
        ControlFlow::Continue(())
    })?;
    let over = first.map_or(0, |first| last.since(first));
    if over < HOUR {
        return Ok(None);
    }
    let (day, year) = (DAY.unsigned_abs(), 365 * DAY.unsigned_abs());
    let per_day = |bytes: u64| (u128::from(bytes) * u128::from(day) / u128::from(over.unsigned_abs())) as u64;
    let kept = |per_day: u64, keep: Option<u64>| {
        (u128::from(per_day) * u128::from(keep.unwrap_or(year).min(year)) / u128::from(day)) as u64
    };
    let [heartbeats, logs, others] = kinds.map(per_day);
    let rollups = if rules.heartbeats_ms.is_some() { machines * 365 * 24 * ROLLUP_BYTES } else { 0 };
    Ok(Some(Forecast {
        over_ms: over.unsigned_abs(),
        heartbeats_per_day: heartbeats,
        logs_per_day: logs,
        others_per_day: others,
        after_a_year: kept(heartbeats, rules.heartbeats_ms)
            + kept(logs, rules.logs_ms)
            + others * 365
            + rollups,
    }))
}
