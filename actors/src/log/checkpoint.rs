//! Checkpoints: stored fleets, so that a start and a look at the past replay only a tail (design §6).
//!
//! A checkpoint is the zstd of the fleet's JSON, about every [`EVERY`] rows. One of another [`FOLD_VERSION`] or
//! one that cannot be read is passed over, never trusted.

use std::ops::ControlFlow;

use patze_core::fleet::{FOLD_VERSION, Fleet};
use patze_core::time::Timestamp;
use rusqlite::{Connection, params};

use super::base;
use super::open::Fault;
use super::scan;
use super::upkeep::Upkeep;
use crate::sqlite::{self, sql};

/// Positions between two checkpoints.
pub const EVERY: u64 = 50_000;
/// How many of the newest are kept that close; older ones are thinned to twice the distance.
const NEWEST: usize = 4;
/// Level 3 takes a few ms a MiB; higher ones gain little on such JSON.
const ZSTD_LEVEL: i32 = 3;

/// Why a checkpoint cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The fleet cannot be turned into JSON or back.
    #[error("the checkpoint's JSON is not a fleet")]
    Json(#[from] serde_json::Error),
    /// The bytes are not zstd.
    #[error("the checkpoint cannot be decompressed")]
    Zstd(#[from] std::io::Error),
    /// A later version wrote the base.
    #[error("the base is of schema {0}, which a later version of patze wrote")]
    Schema(u32),
}

/// Stores a checkpoint and removes those that it makes superfluous.
pub(super) fn store(position: u64, created_at: Timestamp, bytes: Vec<u8>, every: u64) -> Upkeep {
    Upkeep::new(bytes.len(), move |conn, _| {
        conn.prepare_cached(
            "INSERT OR REPLACE INTO checkpoints (position, fold_version, created_at, bytes) \
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![sql(position), FOLD_VERSION, created_at.millis(), bytes])?;
        // What other versions left is of no use once there is one of ours.
        conn.execute("DELETE FROM checkpoints WHERE fold_version <> ?1", [FOLD_VERSION])?;
        delete(conn, &superfluous(&positions(conn)?, rows(conn)?, every))
    })
}

/// Removes checkpoints that turned out wrong.
pub(super) fn remove(positions: Vec<u64>) -> Upkeep {
    Upkeep::new(positions.len() * 8, move |conn, _| delete(conn, &positions))
}

fn delete(conn: &Connection, positions: &[u64]) -> rusqlite::Result<()> {
    for position in positions {
        conn.prepare_cached("DELETE FROM checkpoints WHERE position = ?1")?.execute([sql(*position)])?;
    }
    Ok(())
}

/// How many rows are stored up to a position.
pub(super) fn rows(conn: &Connection) -> rusqlite::Result<impl Fn(u64) -> u64 + use<>> {
    let holes = holes(conn)?;
    Ok(move |position: u64| position - holes.iter().map(|hole| hole.before(position)).sum::<u64>())
}

/// Positions without rows, as the commits know them. Spacing counts stored rows (design §6).
fn holes(conn: &Connection) -> rusqlite::Result<Vec<Hole>> {
    let base: u64 = conn
        .prepare_cached("SELECT coalesce(max(position), 0) FROM base")?
        .query_row([], |row| sqlite::count(row, 0))?;
    let mut statement = conn.prepare_cached(
        "SELECT first, last, last - first + 1 - length(sums) / 8 FROM commits WHERE pruned IS NOT NULL",
    )?;
    let pruned = statement.query_map([], |row| {
        Ok(Hole { first: sqlite::count(row, 0)?, last: sqlite::count(row, 1)?, rows: sqlite::count(row, 2)? })
    })?;
    let cut = Hole { first: 1, last: base, rows: base };
    pruned.chain([Ok(cut)]).filter(|hole| !matches!(hole, Ok(Hole { last, .. }) if *last < 1)).collect()
}

/// So many rows are missing between two positions.
#[derive(Clone, Copy, Debug)]
struct Hole {
    first: u64,
    last: u64,
    rows: u64,
}

impl Hole {
    /// How many of them lie before `position`; where it lies within, in proportion.
    fn before(&self, position: u64) -> u64 {
        let passed = (position.min(self.last) + 1).saturating_sub(self.first);
        (u128::from(self.rows) * u128::from(passed) / u128::from(self.last + 1 - self.first)) as u64
    }
}

/// A fleet as a checkpoint's bytes.
pub(super) fn encode(fleet: &Fleet) -> Result<Vec<u8>, CodecError> {
    let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    serde_json::to_writer(&mut encoder, fleet)?;
    Ok(encoder.finish()?)
}

/// A checkpoint's bytes as a fleet.
pub(super) fn decode(bytes: &[u8]) -> Result<Fleet, CodecError> {
    // serde_json reads a slice several times faster than a reader.
    Ok(serde_json::from_slice(&zstd::decode_all(bytes)?)?)
}

/// The positions of this version's checkpoints, ascending.
pub(super) fn positions(conn: &Connection) -> rusqlite::Result<Vec<u64>> {
    let mut statement =
        conn.prepare_cached("SELECT position FROM checkpoints WHERE fold_version = ?1 ORDER BY position")?;
    statement.query_map([FOLD_VERSION], |row| sqlite::count(row, 0))?.collect()
}

/// The fleet at `position`, as the checkpoint there has it.
pub(super) fn at(conn: &Connection, position: u64) -> Result<Result<Fleet, CodecError>, rusqlite::Error> {
    let mut statement = conn.prepare_cached("SELECT bytes FROM checkpoints WHERE position = ?1")?;
    statement.query_row([sql(position)], |row| Ok(decode(row.get_ref(0)?.as_blob()?)))
}

/// The newest checkpoint that can be read, at `most` or before; the base, or an empty fleet, if there is none.
pub(super) fn newest(conn: &Connection, most: u64) -> rusqlite::Result<Fleet> {
    for position in positions(conn)?.into_iter().rev().filter(|position| *position <= most) {
        match at(conn, position)? {
            Ok(fleet) if fleet.position() == position => return Ok(fleet),
            Ok(_) => tracing::error!(position, "a checkpoint is of another position; it is passed over"),
            Err(error) => tracing::error!(position, %error, "a checkpoint cannot be read; it is passed over"),
        }
    }
    base::start(conn)
}

/// The position of the newest checkpoint at `most` or before; 0 if there is none.
pub(super) fn position_before(conn: &Connection, most: u64) -> rusqlite::Result<u64> {
    conn.prepare_cached(
        "SELECT coalesce(max(position), 0) FROM checkpoints WHERE fold_version = ?1 AND position <= ?2",
    )?
    .query_row(params![FOLD_VERSION, sql(most)], |row| sqlite::count(row, 0))
}

/// Folds the log into `fleet` up to `to`, and shows each fleet at a multiple of `every` to `milestone`.
pub(super) fn replay(
    conn: &Connection,
    fleet: &mut Fleet,
    to: u64,
    every: u64,
    mut milestone: impl FnMut(&Fleet),
) -> Result<(), Fault> {
    let mut changes = Vec::new();
    scan::scan(conn, fleet.position(), to, |event| {
        fleet.apply(event, &mut changes);
        changes.clear();
        if event.position.is_multiple_of(every) {
            milestone(fleet);
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
}

/// Which of `positions` (ascending) may go, so that older ones are no more than twice `every` rows apart; `rows` tells
/// how many there are up to a position.
fn superfluous(positions: &[u64], rows: impl Fn(u64) -> u64, every: u64) -> Vec<u64> {
    let mut kept = 0;
    let mut remove = Vec::new();
    let older = positions.len().saturating_sub(NEWEST);
    for (position, next) in positions.iter().zip(&positions[positions.len().min(1)..]).take(older) {
        if rows(*next) - rows(kept) <= 2 * every {
            remove.push(*position);
        } else {
            kept = *position;
        }
    }
    remove
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_close_and_older_ones_are_thinned() {
        let mut stored: Vec<u64> = Vec::new();
        for n in 1..=40 {
            stored.push(n * 50);
            for position in superfluous(&stored, |position| position, 50) {
                stored.retain(|kept| *kept != position);
            }
            let newest: Vec<u64> = (n.saturating_sub(3).max(1)..=n).map(|n| n * 50).collect();
            assert!(stored.ends_with(&newest), "{stored:?}");
            let gaps =
                stored.iter().zip(std::iter::once(&0).chain(&stored)).map(|(next, before)| next - before);
            assert!(gaps.clone().all(|gap| gap <= 100), "{stored:?}");
        }
        assert_eq!(stored.len(), 22, "{stored:?}");
    }

    #[test]
    fn spacing_counts_rows_and_not_holes() {
        let hole = Hole { first: 51, last: 150, rows: 80 };
        assert_eq!([50, 51, 100, 150, 400].map(|at| hole.before(at)), [0, 0, 40, 80, 80]);
        let rows = |position| position - hole.before(position);
        let stored = [50, 100, 150, 200, 250, 300, 350];
        assert_eq!(superfluous(&stored, rows, 50), [50, 100], "50 and 100 to 150 hold 70 rows in all");
    }

    #[test]
    fn a_checkpoint_survives_its_bytes() {
        let fleet = Fleet::default();
        let bytes = encode(&fleet).unwrap();
        assert_eq!(decode(&bytes).unwrap(), fleet);
        assert!(matches!(decode(&bytes[1..]), Err(CodecError::Zstd(_))));
        assert!(matches!(decode(&zstd::encode_all(&b"[]"[..], 1).unwrap()), Err(CodecError::Json(_))));
    }
}
