//! What ingest is compared with: the same rows into the same table with rusqlite, and nothing else.

use std::path::Path;
use std::sync::Arc;

use patze_core::event::Event;
use rusqlite::{Connection, TransactionBehavior, params};

/// The log's own table and index, its journal and its sync mode.
pub struct Raw {
    conn: Connection,
    position: i64,
}

impl Raw {
    /// An empty one.
    pub fn new(file: &Path) -> Self {
        let conn = Connection::open(file).unwrap();
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        conn.pragma_update(None, "synchronous", "FULL").unwrap();
        conn.execute_batch(include_str!("../../../sql/migrations/0001_events.sql")).unwrap();
        Self { conn, position: 0 }
    }

    /// One transaction a batch.
    pub fn insert(&mut self, batches: &[Arc<[Event]>]) {
        for batch in batches {
            let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
            let mut insert = transaction
                .prepare_cached("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
                .unwrap();
            for event in batch.iter() {
                self.position += 1;
                let row = params![
                    self.position,
                    event.id.as_str(),
                    event.type_name(),
                    event.machine.as_str(),
                    event.occurred_at.millis(),
                    event.occurred_at.millis(),
                    event.severity.name(),
                    "ingest",
                    event.trace(),
                    event.payload()
                ];
                insert.execute(row).unwrap();
            }
            drop(insert);
            transaction.commit().unwrap();
        }
    }
}
