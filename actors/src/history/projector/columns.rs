//! Columns that several tables share, in both directions.

use patze_core::fleet::details::Peaks;
use patze_core::fleet::lifecycle::{Life, LifeState};
use patze_core::fleet::usage::Totals;
use patze_core::money::NanoUsd;
use patze_core::time::Timestamp;
use rusqlite::Row;
use smol_str::SmolStr;

use crate::sqlite::count;

/// A life as columns.
pub(super) struct LifeColumns<'a> {
    pub(super) state: Option<i64>,
    pub(super) at: Option<i64>,
    pub(super) reason: Option<&'a str>,
    pub(super) backfilled: bool,
}

impl<'a> LifeColumns<'a> {
    pub(in crate::history) fn of(life: &'a Life) -> Self {
        let (state, at) = life.state().map(|(state, at)| (code(state), at.millis())).unzip();
        match life {
            Life::Ended { reason, backfilled, .. } => {
                Self { state, at, reason: reason.as_deref(), backfilled: *backfilled }
            }
            _ => Self { state, at, reason: None, backfilled: false },
        }
    }
}

/// The state of a number.
pub(in crate::history) fn state(code: i64) -> rusqlite::Result<LifeState> {
    let state = usize::try_from(code).ok().and_then(|code| LifeState::ALL.get(code).copied());
    state.ok_or(rusqlite::Error::IntegralValueOutOfRange(0, code))
}

/// The number of a state: its place among all.
pub(in crate::history) fn code(state: LifeState) -> i64 {
    LifeState::ALL.iter().position(|known| *known == state).and_then(|at| i64::try_from(at).ok()).unwrap_or(0)
}

pub(in crate::history) fn life(row: &Row<'_>) -> rusqlite::Result<Life> {
    let Some(code) = row.get::<_, Option<i64>>("state")? else { return Ok(Life::Unseen) };
    let state = state(code)?;
    let at = at(row, "state_at")?;
    Ok(if state.is_terminal() {
        Life::Ended { state, at, reason: text(row, "reason")?, backfilled: row.get("backfilled")? }
    } else {
        Life::Active { state, since: at }
    })
}

/// An instant.
pub(in crate::history) fn at(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_millis(row.get(column)?))
}

/// An instant that may be missing.
pub(in crate::history) fn maybe_at(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

pub(in crate::history) fn totals(row: &Row<'_>) -> rusqlite::Result<Totals> {
    Ok(Totals {
        calls: count(row, "calls")?,
        input_tokens: count(row, "input_tokens")?,
        output_tokens: count(row, "output_tokens")?,
        total_tokens: count(row, "total_tokens")?,
        cache_read_tokens: count(row, "cache_read_tokens")?,
        cache_write_tokens: count(row, "cache_write_tokens")?,
        cost: NanoUsd(row.get("cost")?),
    })
}

pub(in crate::history) fn text(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<SmolStr>> {
    Ok(row.get::<_, Option<String>>(column)?.map(SmolStr::from))
}

pub(in crate::history) fn peaks(row: &Row<'_>) -> rusqlite::Result<Option<Peaks>> {
    let Some(cpu_pct) = row.get("peak_cpu_pct")? else { return Ok(None) };
    let (memory_bytes, memory_pct) = (row.get("peak_memory_bytes")?, row.get("peak_memory_pct")?);
    Ok(Some(Peaks { cpu_pct, memory_bytes, memory_pct }))
}
