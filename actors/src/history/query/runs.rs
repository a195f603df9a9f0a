//! `/history/runs`: newest first by their first event. Walks one index, the one of the rarest filter, and looks at the rows
//! that it gives until the page is full.

use patze_core::fleet::lifecycle::LifeState;
use patze_core::history::{Answer, Page, RunItem};
use patze_core::ids::{AgentId, MachineId};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::super::door::{History, QueryError};
use super::super::projector::columns::code;
use super::lists::{List, ListQuery, during};
use super::{Conditions, Paging, number, rows};

/// Sessions of one id, on as many machines.
const MAX_SESSIONS: usize = 64;

impl History {
    /// A page of runs.
    ///
    /// # Errors
    /// If the cursor is of another list, or the question is not answered.
    pub async fn runs(&self, query: ListQuery, paging: Paging) -> Result<Answer<Page<RunItem>>, QueryError> {
        self.list(List { name: "runs", statement, item: rows::run }, query, paging).await
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
