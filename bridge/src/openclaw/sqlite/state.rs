//! The control plane of OpenClaw: `state/openclaw.sqlite`, with the audit ledger, the boots and the list of stores.

use std::path::Path;

use patze_core::openclaw::rows::{AuditRow, BootRow};
use rusqlite::{OptionalExtension, Transaction};

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

/// The state database.
pub(super) struct StateDb {
    db: Db,
    boots: bool,
    stores: bool,
}

/// What the state database says at one moment.
pub(super) struct Ledger {
    /// The rows about runs after the cursor, in order.
    pub rows: Vec<AuditRow>,
    /// Whether there are more rows than asked for.
    pub more: bool,
    /// The boots after the last that was mapped, oldest first.
    pub boots: Vec<BootRow>,
    /// Whether the ledger is another one than the cursor is of, so that it was read from its start.
    pub restarted: bool,
}

impl StateDb {
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let db = Db::open(path, NEEDS)?;
        let boots = db.columns("gateway_boot_lifecycle")?.contains("started_at_ms");
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

    /// The rows after `sequence`, at most `limit`, and the boots after `boot`.
    pub fn ledger(&self, sequence: i64, boot: i64, limit: usize) -> Result<Ledger, ReadError> {
        self.db.snapshot("the audit ledger", |tx| {
            // Sequences are never used twice, so a highest one below the cursor is another database's.
            let highest: Option<i64> = tx
                .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'audit_events'", [], |row| {
                    row.get(0)
                })
                .optional()?;
            let restarted = highest.unwrap_or(0) < sequence;
            let (sequence, boot) = if restarted { (0, 0) } else { (sequence, boot) };
            let mut rows = audit_rows(tx, sequence, limit.saturating_add(1))?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            let boots = if self.boots { boots(tx, boot)? } else { Vec::new() };
            Ok(Ledger { rows, more, boots, restarted })
        })
    }
}

fn audit_rows(tx: &Transaction<'_>, after: i64, limit: usize) -> rusqlite::Result<Vec<AuditRow>> {
    let mut rows = tx.prepare_cached(
        "SELECT sequence, occurred_at, kind, action, status, error_code, agent_id, session_key, session_id, run_id
         FROM audit_events WHERE kind = 'agent_run' AND sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    rows.query_map((after, i64::try_from(limit).unwrap_or(i64::MAX)), |row| {
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
    })?
    .collect()
}

fn boots(tx: &Transaction<'_>, after: i64) -> rusqlite::Result<Vec<BootRow>> {
    let mut rows = tx.prepare_cached(
        "SELECT started_at_ms FROM gateway_boot_lifecycle WHERE started_at_ms > ?1 ORDER BY started_at_ms",
    )?;
    rows.query_map([after], |row| Ok(BootRow { started_at: row.get(0)? }))?.collect()
}
