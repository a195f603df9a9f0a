//! `/history/runs`: newest first by their first event. Walks one index, the one of the rarest filter, and looks at the rows
//! that it gives until the page is full.

use patze_core::fleet::lifecycle::LifeState;
use patze_core::history::{Answer, Page, RunItem};
use patze_core::ids::{AgentId, MachineId, SessionId};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::super::door::{History, QueryError};
use super::super::projector::columns::code;
use super::cursor::Asked;
use super::{Conditions, Paging, Span, number, rows};

/// Sessions of one id, on as many machines.
const MAX_SESSIONS: usize = 64;

/// Which runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RunQuery {
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

impl History {
    /// A page of runs.
    ///
    /// # Errors
    /// If the cursor is of another list, or the question is not answered.
    pub async fn runs(&self, query: RunQuery, paging: Paging) -> Result<Answer<Page<RunItem>>, QueryError> {
        let asked = Asked::new("runs", self.log().head().log_id.as_str(), &query);
        let after = asked.row::<2>(paging.cursor.as_deref())?;
        self.ask(move |conn| page(conn, &query, after, paging.limit, &asked)).await
    }
}

fn page(
    conn: &Connection,
    query: &RunQuery,
    after: Option<[i64; 2]>,
    limit: usize,
    asked: &Asked,
) -> Result<Page<RunItem>, QueryError> {
    let Some((sql, values)) = statement(conn, query, after, limit)? else {
        return Ok(Page { items: Vec::new(), next: None });
    };
    let mut statement = conn.prepare_cached(&sql)?;
    let found =
        statement.query_map(params_from_iter(values), |row| Ok((rows::place(row)?, rows::run(row)?)))?;
    cut(found, limit, asked)
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

/// The statement; none where nothing can match.
pub(super) fn statement(
    conn: &Connection,
    query: &RunQuery,
    after: Option<[i64; 2]>,
    limit: usize,
) -> rusqlite::Result<Option<(String, Vec<Value>)>> {
    let mut conditions = Conditions::default();
    let mut index = "runs_by_time";
    // From the commonest to the rarest: the last one chooses the index.
    if let Some(LifeState::Completed) = query.state {
        index = "runs_by_state";
    }
    for (text, column, by) in [
        (query.machine.as_ref().map(MachineId::as_str), "runs.machine = ?", "runs_by_machine"),
        (query.agent.as_ref().map(AgentId::as_str), "runs.agent = ?", "runs_by_agent"),
        (query.channel.as_deref(), "s.channel = ?", index),
    ] {
        let Some(text) = text else { continue };
        let Some(number) = number(conn, text)? else { return Ok(None) };
        conditions.and(column, [number.into()]);
        if column != "s.channel = ?" {
            index = by;
        }
    }
    if let Some(state) = query.state {
        conditions.and("runs.state = ?", [code(state).into()]);
        if state != LifeState::Completed {
            index = "runs_by_state";
        }
    }
    if let Some(session) = &query.session {
        let keys: Vec<Value> = conn
            .prepare_cached("SELECT key FROM sessions WHERE id = ?1 LIMIT ?2")?
            .query_map((session.as_str(), MAX_SESSIONS as i64), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Ok(None);
        }
        conditions.and(&format!("runs.session IN ({})", vec!["?"; keys.len()].join(", ")), keys);
        index = "runs_by_session";
    }
    during(&mut conditions, "runs", query.span, after);
    let (where_, mut values) = (conditions.text, conditions.values);
    values.push((limit as i64 + 1).into());
    let sql = format!(
        "{} INDEXED BY {index}{} WHERE runs.state IS NOT NULL{where_} ORDER BY runs.created_at DESC, runs.key DESC \
         LIMIT ?",
        rows::RUN,
        rows::RUN_NAMES
    );
    Ok(Some((sql, values)))
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
