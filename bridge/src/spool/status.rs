//! What `doctor` reads of a spool, beside the bridge that writes it.

use std::path::Path;

use patze_core::ids::MachineId;
use rusqlite::Connection;
use serde::Serialize;

use super::{NO_LOG, SpoolError, fact, schema, step};

/// A spool, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Events that wait to be acknowledged.
    pub waiting: u64,
    /// The heartbeats among them.
    pub heartbeats: u64,
    /// Bytes in use in the file.
    pub used_bytes: u64,
    /// The machine id that it was last used for.
    pub machine_id: Option<MachineId>,
    /// The version of the mapper that it was last used with.
    pub mapper_version: Option<String>,
    /// The log of the control plane that it last delivered to.
    pub log_id: Option<String>,
    /// Where each source is: the source, and its own text.
    pub cursors: Vec<(String, String)>,
}

/// Reads the spool in the state folder `dir`; `None` if there is none yet.
///
/// # Errors
/// [`SpoolError`].
pub fn read_status(dir: &Path) -> Result<Option<Status>, SpoolError> {
    let Some(db) = schema::open_for_reading(dir)? else { return Ok(None) };
    status(&db).map(Some).map_err(step("be read"))
}

fn status(db: &Connection) -> rusqlite::Result<Status> {
    // One transaction, so that all of it is of one moment.
    let db = db.unchecked_transaction()?;
    let count = |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
    let mut query = db.prepare("SELECT source, cursor FROM cursor ORDER BY source")?;
    let cursors = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    Ok(Status {
        waiting: count("SELECT count(*) FROM event")?,
        heartbeats: count("SELECT count(*) FROM event WHERE heartbeat = 1")?,
        used_bytes: used(&db)?,
        machine_id: fact(&db, "machine")?.map(MachineId::from),
        mapper_version: fact(&db, "mapperVersion")?,
        log_id: fact(&db, "log")?.filter(|id| id != NO_LOG),
        cursors,
    })
}

/// Bytes of the pages that hold something.
pub(super) fn used(db: &Connection) -> rusqlite::Result<u64> {
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(((number("page_count")? - number("freelist_count")?) * number("page_size")?).unsigned_abs())
}
