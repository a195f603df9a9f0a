//! `/history/sessions`: newest first by their first event; as `runs.rs`.

use patze_core::fleet::lifecycle::LifeState;
use patze_core::history::{Answer, Page, SessionItem};
use patze_core::ids::{AgentId, MachineId, SessionId};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::super::door::{History, QueryError};
use super::super::projector::columns::code;
use super::cursor::Asked;
use super::runs::{cut, during};
use super::{Conditions, Paging, Span, number, rows};

/// Which sessions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SessionQuery {
    /// Of this machine.
    pub machine: Option<MachineId>,
    /// Of agents of this name.
    pub agent: Option<AgentId>,
    /// Of this id.
    pub session: Option<SessionId>,
    /// Of this channel.
    pub channel: Option<String>,
    /// In this state.
    pub state: Option<LifeState>,
    /// Begun in this time.
    pub span: Span,
}

impl History {
    /// A page of sessions.
    ///
    /// # Errors
    /// If the cursor is of another list, or the question is not answered.
    pub async fn sessions(
        &self,
        query: SessionQuery,
        paging: Paging,
    ) -> Result<Answer<Page<SessionItem>>, QueryError> {
        let asked = Asked::new("sessions", self.log().head().log_id.as_str(), &query);
        let after = asked.row::<2>(paging.cursor.as_deref())?;
        self.ask(move |conn| {
            let Some((sql, values)) = statement(conn, &query, after, paging.limit)? else {
                return Ok(Page { items: Vec::new(), next: None });
            };
            let mut statement = conn.prepare_cached(&sql)?;
            let found = statement
                .query_map(params_from_iter(values), |row| Ok((rows::place(row)?, rows::session(row)?)))?;
            cut(found, paging.limit, &asked)
        })
        .await
    }
}

/// The statement; none where nothing can match.
pub(super) fn statement(
    conn: &Connection,
    query: &SessionQuery,
    after: Option<[i64; 2]>,
    limit: usize,
) -> rusqlite::Result<Option<(String, Vec<Value>)>> {
    let mut conditions = Conditions::default();
    let mut index = "INDEXED BY sessions_by_time";
    for (text, column, by) in [
        (
            query.machine.as_ref().map(MachineId::as_str),
            "sessions.machine = ?",
            "INDEXED BY sessions_by_machine",
        ),
        (query.channel.as_deref(), "sessions.channel = ?", "INDEXED BY sessions_by_channel"),
        (query.agent.as_ref().map(AgentId::as_str), "sessions.agent = ?", "INDEXED BY sessions_by_agent"),
    ] {
        let Some(text) = text else { continue };
        let Some(number) = number(conn, text)? else { return Ok(None) };
        conditions.and(column, [number.into()]);
        index = by;
    }
    if let Some(state) = query.state {
        conditions.and("sessions.state = ?", [code(state).into()]);
        if !state.is_terminal() || index.ends_with("time") {
            index = "INDEXED BY sessions_by_state";
        }
    }
    if let Some(session) = &query.session {
        conditions.and("sessions.id = ?", [session.as_str().to_owned().into()]);
        // The unique index on (id, machine), which has no name to call it by.
        index = "";
    }
    during(&mut conditions, "sessions", query.span, after);
    let (where_, mut values) = (conditions.text, conditions.values);
    values.push((limit as i64 + 1).into());
    // The plus keeps the planner from walking another index for the order's sake.
    let order = if index.is_empty() { "+sessions.created_at" } else { "sessions.created_at" };
    let sql = format!(
        "{} {index}{} WHERE sessions.state IS NOT NULL{where_} ORDER BY {order} DESC, sessions.key DESC LIMIT ?",
        rows::SESSION,
        rows::SESSION_NAMES
    );
    Ok(Some((sql, values)))
}
