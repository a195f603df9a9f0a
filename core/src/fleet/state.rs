//! The text of a fleet's stored form, for `GET /state` (design §10), from texts that are kept while a row stays the same.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde_json::Result;

use super::listing::{Listing, Order};
use super::rows::{Run, Session};
use super::table::{Row, Table};
use super::text::{Object, Text};
use super::usage::UsageRow;
use super::{Facts, Fleet};
use crate::json;

/// Writes fleets, one after the other. The text is what `serde_json` writes of the fleet, to the byte.
#[derive(Default, Debug)]
pub struct StateWriter {
    sessions: Kept<Session>,
    runs: Kept<Run>,
    usage: Kept<UsageRow>,
}

/// A table as it was last written, and its text.
struct Kept<R: Row + Serialize> {
    table: Table<R>,
    listing: Listing<ByKey<R>>,
}

/// In the order of the table.
struct ByKey<R>(PhantomData<R>);

impl StateWriter {
    /// The text of a fleet.
    ///
    /// # Errors
    /// If it cannot be written. This writer is then of no use; a new one may be.
    pub fn write(&mut self, fleet: &Fleet) -> Result<Text> {
        let Facts {
            position,
            log_time,
            server,
            machines,
            agents,
            sessions,
            runs,
            usage,
            spent,
            failed_runs,
            logs,
            recent,
        } = fleet.facts();
        let mut object = Object::default();
        object.field("position", position)?;
        object.field("logTime", log_time)?;
        object.field("server", server)?;
        object.field("machines", machines)?;
        object.field("agents", agents)?;
        object.listing("sessions", self.sessions.now(sessions)?, *b"[]");
        object.listing("runs", self.runs.now(runs)?, *b"[]");
        object.listing("usage", self.usage.now(usage)?, *b"[]");
        object.field("spent", spent)?;
        object.field("failedRuns", failed_runs)?;
        object.list("logs", logs)?;
        object.list("recent", recent)?;
        Ok(object.close())
    }
}

impl<R: Row + Serialize> Kept<R> {
    fn now(&mut self, table: &Table<R>) -> Result<&Listing<ByKey<R>>> {
        let (gone, new) = self.table.difference(table);
        self.listing.change(gone, new)?;
        self.table = table.clone();
        Ok(&self.listing)
    }
}

impl<R: Row + Serialize> fmt::Debug for Kept<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.listing.fmt(f)
    }
}

impl<R: Row + Serialize> Default for Kept<R> {
    fn default() -> Self {
        Self { table: Table::default(), listing: Listing::default() }
    }
}

impl<R: Row + Serialize> Order for ByKey<R> {
    type Row = R;
    type Place = ();

    fn place(_: &R) -> Option<()> {
        Some(())
    }
    fn then(a: &R, b: &R) -> Ordering {
        a.key().cmp(&b.key())
    }
    fn write(row: &R, out: &mut Vec<u8>) -> Result<()> {
        json::write(out, row)
    }
}
