//! What lists share: a page of rows by (time, row), the newest first.

use patze_core::fleet::lifecycle::LifeState;
use patze_core::history::{Answer, Page};
use patze_core::ids::{AgentId, MachineId, SessionId};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::super::door::{History, QueryError};
use super::cursor::Asked;
use super::{Conditions, Paging, Span, rows};

/// Which runs, or which sessions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListQuery {
    /// Of this machine.
    pub machine: Option<MachineId>,
    /// Of agents of this name.
    pub agent: Option<AgentId>,
    /// Of sessions of this id.
    pub session: Option<SessionId>,
    /// Of sessions of this channel.
    pub channel: Option<String>,
    /// In this state.
    pub state: Option<LifeState>,
    /// Begun in this time.
    pub span: Span,
}

/// A list of runs or of sessions.
pub(super) struct List<T> {
    /// Its name, which its cursors have.
    pub(super) name: &'static str,
    /// The statement for a page of one row more than the limit; none where nothing can match.
    pub(super) statement: Statement,
    /// A row as it is shown.
    pub(super) item: fn(&Row<'_>) -> rusqlite::Result<T>,
}

type Statement =
    fn(&Connection, &ListQuery, Option<[i64; 2]>, usize) -> rusqlite::Result<Option<(String, Vec<Value>)>>;

impl History {
    /// A page of a list.
    pub(super) async fn list<T: Send + 'static>(
        &self,
        list: List<T>,
        query: ListQuery,
        paging: Paging,
    ) -> Result<Answer<Page<T>>, QueryError> {
        let List { name, statement, item } = list;
        let asked = Asked::new(name, self.log().head().log_id.as_str(), &query);
        let after = asked.row::<2>(paging.cursor.as_deref())?;
        self.ask(move |conn| {
            let Some((sql, values)) = statement(conn, &query, after, paging.limit)? else {
                return Ok(Page { items: Vec::new(), next: None });
            };
            let mut statement = conn.prepare_cached(&sql)?;
            let found =
                statement.query_map(params_from_iter(values), |row| Ok((rows::place(row)?, item(row)?)))?;
            cut(found, paging.limit, &asked)
        })
        .await
    }
}

/// Makes a page of one row more than it is to have.
pub(super) fn cut<T, const N: usize>(
    found: impl Iterator<Item = rusqlite::Result<([i64; N], T)>>,
    limit: usize,
    asked: &Asked,
) -> Result<Page<T>, QueryError> {
    let mut items = Vec::new();
    let mut last = None;
    for row in found {
        let (place, item) = row?;
        if items.len() == limit {
            return Ok(Page { items, next: last.map(|place| asked.after(place)) });
        }
        last = Some(place);
        items.push(item);
    }
    Ok(Page { items, next: None })
}

/// The time, and the page.
pub(super) fn during(conditions: &mut Conditions, table: &str, span: Span, after: Option<[i64; 2]>) {
    if let Some(from) = span.from {
        conditions.and(&format!("{table}.created_at >= ?"), [from.millis().into()]);
    }
    if let Some(to) = span.to {
        conditions.and(&format!("{table}.created_at < ?"), [to.millis().into()]);
    }
    if let Some([at, key]) = after {
        conditions.and(&format!("({table}.created_at, {table}.key) < (?, ?)"), [at.into(), key.into()]);
    }
}
