//! Rollups: what heartbeats showed, in buckets that outlive them.
//!
//! A bucket has the number of its heartbeats and the least, the greatest and the sum of each gauge, so that buckets of a
//! coarser tier are joined of finer ones exactly. Which bucket a heartbeat falls into is told by its effective time. What
//! arrives late is added to whatever bucket there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use patze_core::event::payload::{Gauges, MachineHeartbeat};
use patze_core::event::{EventType, Origin, Recorded};
use patze_core::ids::MachineId;
use patze_core::time::{DAY, HOUR, MINUTE, Timestamp};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::super::door::Shared;
use super::super::rollup::Rollup;
use super::super::upkeep::Upkeep;
use super::RetentionError;
use crate::sqlite;

/// Lengths of buckets in ms, and how long each tier is kept before it is joined into the next.
pub(in crate::log) const TIERS: [(i64, Option<i64>); 3] =
    [(MINUTE, Some(30 * DAY)), (10 * MINUTE, Some(365 * DAY)), (HOUR, None)];
/// Buckets that are joined in one step.
const JOINED: u32 = 400;
/// The gauges' columns; of the first three every heartbeat has one.
const GAUGES: [&str; Gauges::COUNT] = [
    "cpu_pct",
    "memory_bytes",
    "memory_pct",
    "memory_total_bytes",
    "net_rx_bytes",
    "net_tx_bytes",
    "disk_usage_bytes",
    "disk_total_bytes",
    "disk_pct",
];
const ALWAYS: usize = 3;

/// Buckets in the making, by machine and start.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buckets(BTreeMap<(MachineId, i64), Bucket>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Bucket {
    n: i64,
    gauges: [Gauge; Gauges::COUNT],
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Gauge {
    n: i64,
    min: f64,
    max: f64,
    sum: f64,
}

impl Buckets {
    /// Adds a heartbeat. The control plane's own, about a silent machine, showed nothing.
    pub(super) fn add(&mut self, event: &Recorded<'_>) {
        if EventType::of(event.type_name) != Some(EventType::MachineHeartbeat)
            || event.origin == Origin::CONTROL
        {
            return;
        }
        let Ok(heartbeat) = serde_json::from_str::<MachineHeartbeat<'_>>(event.payload) else { return };
        let (tier, _) = TIERS[0];
        let start = event.effective().millis().div_euclid(tier) * tier;
        let bucket = self.0.entry((MachineId::new(event.machine), start)).or_default();
        bucket.n += 1;
        for (gauge, value) in bucket.gauges.iter_mut().zip(heartbeat.resource.values()) {
            if let Some(value) = value {
                gauge.add(value);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the buckets to those that are stored, in the writer's transaction.
    pub(super) fn store(&self, conn: &Connection) -> rusqlite::Result<()> {
        let mut insert = conn.prepare_cached(&upsert("VALUES", &values_list()))?;
        for ((machine, start), bucket) in &self.0 {
            let mut row: Vec<Box<dyn ToSql>> = vec![
                Box::new(machine.as_str().to_owned()),
                Box::new(TIERS[0].0),
                Box::new(*start),
                Box::new(bucket.n),
            ];
            for (index, gauge) in bucket.gauges.iter().enumerate() {
                if index >= ALWAYS {
                    row.push(Box::new(gauge.n));
                }
                let known = |value: f64| (gauge.n > 0).then_some(value);
                row.extend([gauge.min, gauge.max, gauge.sum].map(|v| Box::new(known(v)) as Box<dyn ToSql>));
            }
            insert.execute(params_from_iter(row))?;
        }
        Ok(())
    }
}

impl Gauge {
    fn add(&mut self, value: f64) {
        (self.min, self.max) =
            if self.n == 0 { (value, value) } else { (self.min.min(value), self.max.max(value)) };
        self.n += 1;
        self.sum += value;
    }
}

/// The columns behind the key, in the order of values.
fn columns() -> Vec<String> {
    let mut columns = vec!["n".to_owned()];
    for (index, gauge) in GAUGES.iter().enumerate() {
        if index >= ALWAYS {
            columns.push(format!("{gauge}_n"));
        }
        columns.extend(["min", "max", "sum"].map(|what| format!("{gauge}_{what}")));
    }
    columns
}

fn values_list() -> String {
    let marks = vec!["?"; columns().len() + 3];
    format!("({})", marks.join(", "))
}

/// An insert that joins what it meets.
fn upsert(verb: &str, source: &str) -> String {
    let columns = columns();
    let joined: Vec<String> = columns
        .iter()
        .map(|column| match column.rsplit_once('_').map_or("n", |(_, what)| what) {
            "n" => format!("{column} = {column} + excluded.{column}"),
            // NULL where no heartbeat had the gauge.
            "sum" => format!(
                "{column} = CASE WHEN {column} IS NULL THEN excluded.{column} ELSE {column} + coalesce(excluded.{column}, 0) END"
            ),
            least => format!(
                "{column} = coalesce({least}({column}, excluded.{column}), {column}, excluded.{column})"
            ),
        })
        .collect();
    format!(
        "INSERT INTO heartbeat_rollup (machine, tier, start, {}) {verb} {source} ON CONFLICT (machine, tier, start) DO \
         UPDATE SET {}",
        columns.join(", "),
        joined.join(", ")
    )
}

/// Shows the buckets of a machine that begin in [from, to), by tier, oldest first.
pub(in crate::log) fn read(
    conn: &Connection,
    machine: &str,
    from: Timestamp,
    to: Timestamp,
    mut each: impl FnMut(&Rollup),
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT start, {} FROM heartbeat_rollup WHERE machine = ?1 AND tier = ?2 AND start >= ?3 AND start < ?4",
        columns().join(", ")
    ))?;
    for (length, _) in TIERS {
        let mut rows = statement.query(rusqlite::params![machine, length, from.millis(), to.millis()])?;
        while let Some(row) = rows.next()? {
            each(&rollup(row, length)?);
        }
    }
    Ok(())
}

fn rollup(row: &rusqlite::Row<'_>, length: i64) -> rusqlite::Result<Rollup> {
    let n: i64 = row.get(1)?;
    let mut column = 2;
    let mut gauges = [[None; 3]; Gauges::COUNT];
    for (index, gauge) in gauges.iter_mut().enumerate() {
        let mut told = n;
        if index >= ALWAYS {
            told = row.get(column)?;
            column += 1;
        }
        let (min, max, sum): (Option<f64>, Option<f64>, Option<f64>) =
            (row.get(column)?, row.get(column + 1)?, row.get(column + 2)?);
        column += 3;
        *gauge = [min, sum.filter(|_| told > 0).map(|sum| sum / told as f64), max];
    }
    let of = |what: usize| Gauges::of_values(&gauges.map(|gauge| gauge[what]));
    let start = Timestamp::from_millis(row.get(0)?);
    Ok(Rollup { start, length, n: n.unsigned_abs(), min: of(0), mean: of(1), max: of(2) })
}

/// Joins buckets that are older than their tier is kept into the next tier, some machines' at a time.
pub(super) fn compact(
    shared: &Arc<Shared>,
    log_time: Timestamp,
    pause: &mut dyn FnMut() -> bool,
) -> Result<(), RetentionError> {
    let conn = sqlite::for_reading(&shared.file)?;
    for pair in TIERS.windows(2) {
        let [(tier, Some(kept)), (next, _)] = *pair else { continue };
        // Whole buckets of the next tier, so that a bucket is joined once and not in two parts.
        let before = log_time.plus(-kept).millis().div_euclid(next) * next;
        let mut machine = String::new();
        while let Some(name) = next_machine(&conn, &machine)? {
            machine = name;
            while has_before(&conn, &machine, tier, before)? {
                let name = machine.clone();
                let step = Upkeep::new(64 << 10, move |conn, _| join(conn, &name, tier, next, before));
                step.ask(shared).map_err(RetentionError::Write)?;
                if !pause() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

fn next_machine(conn: &Connection, after: &str) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT min(machine) FROM heartbeat_rollup WHERE machine > ?1")?
        .query_row([after], |row| row.get(0))
}

fn has_before(conn: &Connection, machine: &str, tier: i64, before: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM heartbeat_rollup WHERE machine = ?1 AND tier = ?2 AND start < ?3")?
        .exists(rusqlite::params![machine, tier, before])
}

fn join(conn: &Connection, machine: &str, tier: i64, next: i64, before: i64) -> rusqlite::Result<()> {
    let oldest = "SELECT start FROM heartbeat_rollup WHERE machine = ?1 AND tier = ?2 AND start < ?3 ORDER BY start LIMIT ?4";
    let end: i64 = conn
        .prepare_cached(&format!("SELECT max(start) FROM ({oldest})"))?
        .query_row(rusqlite::params![machine, tier, before, JOINED], |row| row.get(0))?;
    // To the end of a bucket of the next tier, which may be a few more.
    let end = (end.div_euclid(next) + 1) * next;
    let columns = columns().join(", ");
    // Without a WHERE the parser takes ON CONFLICT for a join.
    let source = format!(
        "machine, ?3, (start - ((start % ?3) + ?3) % ?3), {columns} FROM heartbeat_rollup WHERE machine = ?1 AND tier = ?2 \
         AND start < ?4 ORDER BY start"
    );
    conn.prepare_cached(&upsert("SELECT", &source))?.execute(rusqlite::params![machine, tier, next, end])?;
    conn.prepare_cached("DELETE FROM heartbeat_rollup WHERE machine = ?1 AND tier = ?2 AND start < ?3")?
        .execute(rusqlite::params![machine, tier, end])?;
    Ok(())
}

#[cfg(test)]
mod tests;
