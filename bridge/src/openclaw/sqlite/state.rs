//! The control plane of OpenClaw: `state/openclaw.sqlite`, with the audit ledger, the boots and the list of stores.

use std::path::Path;

use patze_core::openclaw::ledger::LedgerState;
use patze_core::openclaw::rows::{AuditRow, BootRow};
use rusqlite::{OptionalExtension, Row, Transaction};

use super::db::{Db, Needs};
use crate::openclaw::ReadError;

const NEEDS: &[Needs] = &[Needs {
    table: "audit_events",
    columns: &[
        "sequence",
        "occurred_at",
        "kind",
        "action",
        "status",
        "error_code",
        "agent_id",
        "session_key",
        "session_id",
        "run_id",
    ],
}];

/// Boots after the one with the id ?1, in the order in which they were written; after the time ?2 where it is gone.
const BOOTS: &str = "
SELECT started_at_ms, boot_id FROM gateway_boot_lifecycle
WHERE CASE WHEN EXISTS (SELECT 1 FROM gateway_boot_lifecycle WHERE boot_id = ?1)
      THEN rowid > (SELECT rowid FROM gateway_boot_lifecycle WHERE boot_id = ?1) ELSE started_at_ms > ?2 END
ORDER BY rowid";
/// The same where boots have no ids.
const BOOTS_BY_TIME: &str = "
SELECT started_at_ms, NULL FROM gateway_boot_lifecycle
WHERE ?1 IS ?1 AND started_at_ms > ?2 ORDER BY started_at_ms";

/// The state database.
pub(super) struct StateDb {
    db: Db,
    boots: Option<&'static str>,
    stores: bool,
}

/// What the state database says at one moment.
pub(super) struct Ledger {
    /// The rows about runs after the cursor, in order.
    pub rows: Vec<AuditRow>,
    /// Whether there are more rows than asked for.
    pub more: bool,
    /// The boots after the last that was mapped, in the order in which they were written.
    pub boots: Vec<Boot>,
    /// Whether the ledger is another one than the cursor is of, so that it was read from its start.
    pub restarted: bool,
}

/// A boot and its id.
pub(super) struct Boot {
    pub row: BootRow,
    pub id: Option<String>,
}

impl StateDb {
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let db = Db::open(path, NEEDS)?;
        let columns = db.columns("gateway_boot_lifecycle")?;
        let boots = columns.contains("started_at_ms").then(|| {
            // The table of a later version may do without row numbers.
            let ordered = columns.contains("boot_id") && db.can_ask(BOOTS);
            if ordered { BOOTS } else { BOOTS_BY_TIME }
        });
        let stores = db.columns("agent_databases")?;
        let stores = stores.contains("agent_id") && stores.contains("path");
        Ok(Self { db, boots, stores })
    }

    pub fn is_current(&self) -> bool {
        self.db.is_current()
    }

    /// The version that wrote the database last and that of its tables, where it says so.
    pub fn version(&self) -> Result<(Option<String>, Option<i64>), ReadError> {
        let have = self.db.columns("schema_meta")?;
        if !["meta_key", "app_version", "schema_version"].iter().all(|column| have.contains(*column)) {
            return Ok((None, None));
        }
        self.db.ask("its version", |conn| {
            let sql = "SELECT app_version, schema_version FROM schema_meta WHERE meta_key = 'primary'";
            let found = conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            Ok(found.unwrap_or_default())
        })
    }

    /// Whether an OpenClaw made it that keeps sessions in databases: 2026.7 has the ledger, but not these receipts.
    pub fn is_of_store_generation(&self) -> Result<bool, ReadError> {
        Ok(!self.db.columns("cron_run_receipts")?.is_empty())
    }

    /// The agents' databases as OpenClaw lists them: (agent id, path, perhaps relative to the state directory).
    pub fn stores(&self) -> Result<Vec<(String, String)>, ReadError> {
        if !self.stores {
            return Ok(Vec::new());
        }
        self.db.ask("the list of stores", |conn| {
            let mut stores = conn.prepare_cached("SELECT agent_id, path FROM agent_databases")?;
            stores.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    /// The rows after `at`, at most `limit`, and the boots after it. The last row was `row` ([`mark`]), the last boot
    /// `boot`.
    pub fn ledger(
        &self,
        at: &LedgerState,
        row: Option<&str>,
        boot: Option<&str>,
        limit: usize,
    ) -> Result<Ledger, ReadError> {
        self.db.snapshot("the audit ledger", |tx| {
            // Sequences are never used twice, so a highest one below the cursor is another database's. So is one in which
            // the row at the cursor is another. If that is gone because it was old (OpenClaw keeps 30 days), everything
            // that is left is newer, and to read it from the start is to read on.
            let highest: Option<i64> = tx
                .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'audit_events'", [], |row| {
                    row.get(0)
                })
                .optional()?;
            let there = match row {
                Some(row) => audit_row(tx, at.sequence)?.is_some_and(|there| mark(&there) == row),
                None => true,
            };
            let restarted = highest.unwrap_or(0) < at.sequence || !there;
            let (sequence, boot, booted_at) =
                if restarted { (0, None, 0) } else { (at.sequence, boot, at.boot) };
            let mut rows = audit_rows(tx, sequence, limit.saturating_add(1))?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            let boots =
                self.boots.map(|sql| boots(tx, sql, boot, booted_at)).transpose()?.unwrap_or_default();
            Ok(Ledger { rows, more, boots, restarted })
        })
    }
}

/// Tells a row from another database's with the same sequence.
pub(super) fn mark(row: &AuditRow) -> String {
    format!("{} {} {}", row.occurred_at, row.status, row.run_id.as_deref().unwrap_or_default())
}

fn audit_rows(tx: &Transaction<'_>, after: i64, limit: usize) -> rusqlite::Result<Vec<AuditRow>> {
    let mut rows = tx.prepare_cached(&format!(
        "SELECT {ROW} FROM audit_events WHERE kind = 'agent_run' AND sequence > ?1 ORDER BY sequence LIMIT ?2"
    ))?;
    rows.query_map((after, i64::try_from(limit).unwrap_or(i64::MAX)), to_row)?.collect()
}

fn audit_row(tx: &Transaction<'_>, sequence: i64) -> rusqlite::Result<Option<AuditRow>> {
    let mut row = tx.prepare_cached(&format!("SELECT {ROW} FROM audit_events WHERE sequence = ?1"))?;
    row.query_row([sequence], to_row).optional()
}

/// The columns of [`to_row`].
const ROW: &str =
    "sequence, occurred_at, kind, action, status, error_code, agent_id, session_key, session_id, run_id";

fn to_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        sequence: row.get(0)?,
        occurred_at: row.get(1)?,
        kind: row.get(2)?,
        action: row.get(3)?,
        status: row.get(4)?,
        error_code: row.get(5)?,
        agent_id: row.get(6)?,
        session_key: row.get(7)?,
        session_id: row.get(8)?,
        run_id: row.get(9)?,
    })
}

fn boots(tx: &Transaction<'_>, sql: &str, after: Option<&str>, time: i64) -> rusqlite::Result<Vec<Boot>> {
    let mut rows = tx.prepare_cached(sql)?;
    let boot = |row: &Row<'_>| Ok(Boot { row: BootRow { started_at: row.get(0)? }, id: row.get(1)? });
    let mut boots = rows.query_map((after, time), boot)?.collect::<Result<Vec<_>, _>>()?;
    // No boot was later than the next one, whatever its clock said.
    let mut next = i64::MAX;
    for Boot { row, .. } in boots.iter_mut().rev() {
        next = next.min(row.started_at);
        row.started_at = next;
    }
    Ok(boots)
}
