//! Questions, one file a route. Each walks an index; what it may cost is said in its file.

mod cursor;
mod density;
mod limits;
mod lists;
mod logs;
mod machines;
#[cfg(test)]
mod plans;
mod rows;
mod runs;
mod series;
mod sessions;
mod timeline;
mod usage;
mod words;

pub use density::DensityQuery;
pub use limits::{MAX_BUCKETS, MAX_PAGE, MAX_POINTS, MIN_POINTS, PAGE};
pub use lists::ListQuery;
pub use logs::LogQuery;
pub use machines::MachineQuery;
pub use series::SeriesQuery;
pub use usage::UsageQuery;

use patze_core::time::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _};

use super::door::QueryError;

/// Which page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paging {
    /// Rows of a page, 1 to [`MAX_PAGE`].
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// A stretch of time: from the first to before the second, where they are given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The first instant that is no longer in it.
    pub to: Option<Timestamp>,
}

impl Default for Paging {
    fn default() -> Self {
        Self { limit: PAGE, cursor: None }
    }
}

/// The condition of a statement, and what its question marks stand for.
#[derive(Default)]
struct Conditions {
    text: String,
    values: Vec<Value>,
}

impl Conditions {
    /// One more; `condition` has one `?` for each of `values`.
    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
        self.values.extend(values);
    }
}

/// The number of a name. None where the name was never told: then nothing matches.
fn number(conn: &Connection, text: &str) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached("SELECT id FROM names WHERE text = ?1")?
        .query_row([text], |row| row.get(0))
        .optional()
}

fn invalid(parameter: &'static str, message: impl Into<String>) -> QueryError {
    QueryError::Invalid { parameter, message: message.into() }
}
