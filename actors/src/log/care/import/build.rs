//! An export as a new database, which takes the place of an empty log once it is whole.

use std::path::Path;

use patze_core::event::{Event, Exported, Origin};
use patze_core::fleet::Fleet;
use patze_core::time::Timestamp;
use rusqlite::Connection;
use smol_str::SmolStr;
use tokio::sync::oneshot;

use super::{Imported, origin_of};
use crate::log::batch::{Batch, Placed};
use crate::log::care::restore::ReadyFault;
use crate::log::digest::GENESIS;
use crate::log::open;
use crate::log::queue::{TRANSACTION_EVENTS, Work};
use crate::log::transaction::{self, Answer, Tail};

/// A new log in the making.
pub(super) struct Build {
    conn: Connection,
    file: String,
    now: Timestamp,
    fleet: Fleet,
    tail: Tail,
    /// What is to be the next commit: events that were recorded at the same time.
    group: Vec<(SmolStr, Event)>,
    recorded_at: Timestamp,
    /// Events since the last COMMIT.
    pending: usize,
}

impl Build {
    pub(super) fn begin(database: &Path, now: Timestamp) -> Result<Self, ReadyFault> {
        let conn = open::database(database, now)?;
        // Until it is whole it may be lost; then it is put on the disk at once.
        conn.pragma_update(None, "synchronous", "OFF")?;
        conn.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Self {
            conn,
            file: database.display().to_string(),
            now,
            fleet: Fleet::default(),
            tail: Tail { position: 0, recorded_at: Timestamp::MIN, digest: GENESIS },
            group: Vec::new(),
            recorded_at: Timestamp::MIN,
            pending: 0,
        })
    }

    pub(super) fn add(&mut self, exported: Exported, imported: &mut Imported) -> rusqlite::Result<()> {
        // It never decreases, and one that lies ahead would hold all later events at that time.
        let recorded_at = exported.recorded_at.min(self.now).max(self.tail.recorded_at);
        if recorded_at != self.recorded_at || self.group.len() >= TRANSACTION_EVENTS {
            self.commit(imported)?;
        }
        self.recorded_at = recorded_at;
        self.group.push((origin_of(&exported.event, &exported.origin), exported.event));
        Ok(())
    }

    /// Writes the group as one commit of the chain; only events of one time may share one.
    fn commit(&mut self, imported: &mut Imported) -> rusqlite::Result<()> {
        if self.group.is_empty() {
            return Ok(());
        }
        let mut work: Vec<Work> = Vec::new();
        let mut group = std::mem::take(&mut self.group).into_iter().peekable();
        while let Some((origin, event)) = group.next() {
            let mut events = vec![event];
            while let Some((_, event)) = group.next_if(|(next, _)| *next == origin) {
                events.push(event);
            }
            self.pending += events.len();
            let batch = Batch { origin, events: events.into(), cursor: None };
            work.push(Work::Append { batch, reply: oneshot::channel().0 });
        }
        let written =
            transaction::write_all(&self.conn, &self.file, &self.fleet, &self.tail, self.recorded_at, &work)?;
        let mut changes = Vec::new();
        for (work, answer) in work.iter().zip(&written.answers) {
            let (Work::Append { batch, .. }, Answer::Append(answer)) = (work, answer) else { continue };
            let Ok(appended) = answer else {
                // Its own savepoint was undone, for a reason that no checked line gives.
                return Err(rusqlite::Error::StatementChangedRows(0));
            };
            imported.count(&appended.placed);
            for (event, placed) in batch.events.iter().zip(&appended.placed) {
                if let Placed::Stored { position } = placed {
                    let origin = Origin::stored(&batch.origin);
                    self.fleet.apply(&event.recorded(*position, written.recorded_at, origin), &mut changes);
                }
            }
        }
        self.tail = written.tail;
        if self.pending >= TRANSACTION_EVENTS {
            self.conn.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
            self.pending = 0;
        }
        Ok(())
    }

    pub(super) fn end(mut self, imported: &mut Imported) -> rusqlite::Result<()> {
        self.commit(imported)?;
        self.conn.execute_batch("COMMIT")?;
        self.conn.close().map_err(|(_, error)| error)
    }
}
