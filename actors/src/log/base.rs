//! The base: the oldest state that cut history leaves (design §6). A rebuild starts from it.
//!
//! Unlike a checkpoint it cannot be made anew: the rows that it was folded from are gone. So its bytes are zstd of JSON in a
//! form with a number of its own, [`SCHEMA`], that every later version reads, whatever becomes of the fold.
//! `actors/tests/log/base-1.json` is a frozen one; the test that reads it must never be changed, only joined by others.
//!
//! Schema 1 is the fleet's own stored form: `position`, `logTime`, `server`, and the lists `machines`, `agents`, `sessions`,
//! `runs`, `usage`, `logs`, `recent`, with `spent` beside them. A field that a later version adds must have a default.

use patze_core::fleet::Fleet;
use patze_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest as _, Sha256};

use super::checkpoint::{self, CodecError};
use super::digest::{Digest, hex};
use crate::sqlite;

/// The form that is written.
pub(super) const SCHEMA: u32 = 1;

/// Where the log begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Horizon {
    /// The base's position: what comes after it is in the log.
    pub position: u64,
    /// The log time there.
    pub time: Timestamp,
}

/// A stored base.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) position: u64,
    /// The digest chain there.
    pub(super) chain: Digest,
    /// The event that speaks for it.
    pub(super) pruned: u64,
    pub(super) schema: u32,
    pub(super) bytes: Vec<u8>,
}

/// The base, if history was cut.
pub(super) fn stored(conn: &Connection) -> rusqlite::Result<Option<Base>> {
    let mut statement = conn.prepare_cached(
        "SELECT position, chain, pruned, schema, bytes FROM base ORDER BY position DESC LIMIT 1",
    )?;
    statement
        .query_row([], |row| {
            Ok(Base {
                position: sqlite::count(row, 0)?,
                chain: row.get(1)?,
                pruned: sqlite::count(row, 2)?,
                schema: row.get(3)?,
                bytes: row.get(4)?,
            })
        })
        .optional()
}

/// What the event that speaks for a base of these bytes tells: their SHA-256, in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes).into())
}

/// Where the log begins.
pub(super) fn horizon(conn: &Connection) -> rusqlite::Result<Option<Horizon>> {
    let Some(base) = stored(conn)? else { return Ok(None) };
    Ok(Some(Horizon { position: base.position, time: start(conn)?.log_time() }))
}

/// The fleet that a rebuild starts from: the base's, or an empty one.
pub(super) fn start(conn: &Connection) -> rusqlite::Result<Fleet> {
    let Some(base) = stored(conn)? else { return Ok(Fleet::default()) };
    let position = base.position;
    base.fleet().map_err(|error| {
        tracing::error!(position, %error, "the base cannot be read");
        rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Blob, Box::new(error))
    })
}

impl Base {
    /// See [`digest`].
    pub(super) fn digest(&self) -> String {
        digest(&self.bytes)
    }

    /// Its fleet.
    pub(super) fn fleet(&self) -> Result<Fleet, CodecError> {
        match self.schema {
            1 => checkpoint::decode(&self.bytes),
            schema => Err(CodecError::Schema(schema)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Whether all that `old` tells stands in `new` still, which may tell more.
    fn is_told(old: &Value, new: &Value) -> bool {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                old.iter().all(|(name, old)| new.get(name).is_some_and(|new| is_told(old, new)))
            }
            (Value::Array(old), Value::Array(new)) => {
                old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_told(old, new))
            }
            _ => old == new,
        }
    }

    /// The file is frozen: a version that cannot read it any more cannot read what users have. Add another beside it.
    #[test]
    fn a_base_of_schema_1_is_read_by_every_later_version() {
        let text = include_str!("../../tests/log/base-1.json");
        let bytes = zstd::encode_all(text.as_bytes(), 3).unwrap();
        let base = Base { position: 679, chain: Digest::default(), pruned: 680, schema: 1, bytes };
        let fleet = base.fleet().unwrap();
        let (old, new) = (serde_json::from_str(text).unwrap(), serde_json::to_value(&fleet).unwrap());
        assert_eq!((fleet.position(), fleet.facts().runs.len(), fleet.facts().machines.len()), (679, 16, 2));
        assert!(is_told(&old, &new), "{new}");
        let later = Base { schema: 2, ..base };
        assert!(matches!(later.fleet(), Err(CodecError::Schema(2))));
    }
}
