//! Cutting: where a size is set and exceeded, the oldest part of history becomes the base. See [`super`].

use std::sync::Arc;

use patze_core::event::control::{Control, Pruning};
use rusqlite::{Connection, params};

use super::super::base::{self, Horizon};
use super::super::checkpoint;
use super::super::digest::{Digest, hex};
use super::super::door::Shared;
use super::super::scan;
use super::super::upkeep::Upkeep;
use super::super::verify;
use super::report::Run;
use super::space::{self, Sizes};
use super::thin::{self, What};
use super::{RetentionError, last_commit, pruned_event};
use crate::sqlite::{self, sql};

/// To this part of the limit it is cut, so that it is not cut at every run.
const CUT_TO: (u64, u64) = (9, 10);

/// Cuts, if all files together are larger than `most`.
pub(super) fn run(
    shared: &Arc<Shared>,
    most: u64,
    pause: &mut dyn FnMut() -> bool,
    run: &mut Run,
) -> Result<(), RetentionError> {
    let conn = sqlite::for_reading(&shared.file)?;
    let sizes = space::sizes(&shared.file, &conn)?;
    let used = sizes.used(most);
    let surplus = used.saturating_sub(most / CUT_TO.1 * CUT_TO.0);
    if used <= most || sizes.log == 0 {
        return Ok(());
    }
    let Some(horizon) = horizon(&conn, surplus, &sizes)? else { return Ok(()) };
    {
        let _care = shared.take_care();
        make_base(shared, &conn, horizon)?;
    }
    if !pause() {
        return Ok(());
    }
    finish(shared, pause, run)
}

/// The last position of the commit up to which about `surplus` bytes lie; never the log's last commit.
fn horizon(conn: &Connection, surplus: u64, sizes: &Sizes) -> rusqlite::Result<Option<u64>> {
    let Some(most) = last_commit(conn, patze_core::time::Timestamp::MAX)? else { return Ok(None) };
    let cut = base::stored(conn)?.map_or(0, |base| base.position);
    let mut statement = conn.prepare_cached(
        "SELECT last, CASE WHEN pruned IS NULL THEN last - first + 1 ELSE length(sums) / 8 END FROM commits \
         WHERE first > ?1 AND last <= ?2 ORDER BY first",
    )?;
    let commits: Vec<(u64, u64)> = statement
        .query_map([sql(cut), sql(most)], |row| Ok((sqlite::count(row, 0)?, sqlite::count(row, 1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let rows: u64 = commits.iter().map(|(_, rows)| rows).sum();
    let wanted = u128::from(rows) * u128::from(surplus) / u128::from(sizes.log);
    let mut passed = 0;
    let reached = commits.iter().find(|(_, rows)| {
        passed += u128::from(*rows);
        passed >= wanted
    });
    Ok(reached.or(commits.last()).map(|(last, _)| *last))
}

/// Stores the state at `horizon` as the base and tells of it. From then on the log begins behind it.
fn make_base(shared: &Arc<Shared>, conn: &Connection, horizon: u64) -> Result<(), RetentionError> {
    let cut = base::stored(conn)?.map_or(0, |base| base.position);
    let (_, found) = verify::range(conn, (cut + 1, horizon), |_, _| ())?;
    if let Some(source) = found {
        return Err(RetentionError::Damaged { first: cut + 1, last: horizon, source });
    }
    let fleet = thin::fleet_at(conn, horizon)?;
    let time = fleet.log_time();
    let chain: Digest = conn
        .prepare_cached("SELECT digest FROM commits WHERE first <= ?1 ORDER BY first DESC LIMIT 1")?
        .query_row([sql(horizon)], |row| row.get(0))?;
    let bytes = checkpoint::encode(&fleet).map_err(RetentionError::Base)?;
    let fact = Control::Pruned {
        kind: Pruning::Cut,
        first: 1,
        last: horizon,
        kept: 0,
        digest: base::digest(&bytes),
        chain: hex(&chain),
    };
    let now = shared.clock.now();
    let step = Upkeep::new(bytes.len(), move |conn, told| {
        conn.execute("DELETE FROM base", [])?;
        conn.execute(
            "INSERT INTO base (position, schema, created_at, chain, pruned, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![sql(horizon), base::SCHEMA, now.millis(), chain, sql(told), bytes],
        )?;
        conn.execute("DELETE FROM checkpoints WHERE position <= ?1", [sql(horizon)]).map(drop)
    });
    step.telling(pruned_event(shared, &fact)).ask(shared).map_err(RetentionError::Write)?;
    shared.set_horizon(Horizon { position: horizon, time });
    shared.settle(horizon + 1);
    shared.past.changed();
    tracing::info!(horizon, %time, "history was cut: the log begins behind this position now");
    Ok(())
}

/// Deletes what lies before the base, after rolling up the heartbeats that were not yet.
pub(super) fn finish(
    shared: &Arc<Shared>,
    pause: &mut dyn FnMut() -> bool,
    run: &mut Run,
) -> Result<(), RetentionError> {
    let conn = sqlite::for_reading(&shared.file)?;
    let Some(base) = base::stored(&conn)? else { return Ok(()) };
    loop {
        let care = shared.take_care();
        let rolled_up = thin::watermark(&conn, What::Heartbeats)?;
        let (mut rows, mut bytes, mut first, mut last) = (0, 0, 0, base.position);
        let mut buckets = super::rollup::Buckets::default();
        scan::scan(&conn, 0, base.position, |event| {
            first = if rows == 0 { event.position } else { first };
            rows += 1;
            bytes += super::report::weight(event);
            if event.position > rolled_up {
                buckets.add(event);
            }
            if rows < thin::DELETES as u64 {
                return std::ops::ControlFlow::Continue(());
            }
            last = event.position;
            std::ops::ControlFlow::Break(())
        })?;
        let commits: bool =
            conn.prepare_cached("SELECT 1 FROM commits WHERE last <= ?1")?.exists([sql(base.position)])?;
        if rows == 0 && !commits {
            return Ok(());
        }
        let step = Upkeep::new(rows as usize * 100, move |conn, _| {
            conn.prepare_cached("DELETE FROM events WHERE position <= ?1")?.execute([sql(last)])?;
            // By first, which the table is ordered by; the commit that `last` lies in goes with its last rows.
            conn.prepare_cached("DELETE FROM commits WHERE first <= ?1 AND last <= ?1")?
                .execute([sql(last)])?;
            buckets.store(conn)?;
            if last > rolled_up { thin::set_watermark(conn, What::Heartbeats, last) } else { Ok(()) }
        });
        step.ask(shared).map_err(RetentionError::Write)?;
        drop(care);
        if rows > 0 {
            run.cut(rows, bytes, first, last);
        }
        if !pause() {
            return Ok(());
        }
    }
}
