//! `/history/sessions`: newest first by their first event; as `runs.rs`.

use patze_core::history::{Answer, Page, SessionItem};
use patze_core::ids::{AgentId, MachineId};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::super::door::{History, QueryError};
use super::super::projector::columns::code;
use super::lists::{List, ListQuery, during};
use super::{Conditions, Paging, number, rows};

impl History {
    /// A page of sessions.
    ///
    /// # Errors
    /// If the cursor is of another list, or the question is not answered.
    pub async fn sessions(
        &self,
        query: ListQuery,
        paging: Paging,
    ) -> Result<Answer<Page<SessionItem>>, QueryError> {
        self.list(List { name: "sessions", statement, item: rows::session }, query, paging).await
    }
}

/// The statement; none where nothing can match.
pub(super) fn statement(
    conn: &Connection,
    query: &ListQuery,
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
