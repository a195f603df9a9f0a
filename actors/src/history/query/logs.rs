//! `/history/logs`: log lines, the newest arrival first, searched and filtered.
//!
//! All filters are words of the index beside the words of the line (`logs.tags`), so that a rare word, or a rare filter,
//! decides how much is read. Without any, the table is walked from its end. A time is the days that it touches, and then the
//! line's own time. The context of a hit is made for the page alone.

use patze_core::event::Severity;
use patze_core::history::{Answer, LogItem, Page, Piece};
use patze_core::ids::{AgentId, MachineId, RunId, SessionId};
use patze_core::time::{DAY, Timestamp};
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, Row, params_from_iter};
use smol_str::SmolStr;

use super::super::door::{History, QueryError};
use super::super::projector::columns::at;
use super::cursor::Asked;
use super::limits::MAX_SEARCH_DAYS;
use super::lists::cut;
use super::rows::name;
use super::words::Words;
use super::{Conditions, Paging, Span, invalid, number};
use crate::sqlite;

/// Runs or sessions of one id, on as many machines.
const MAX_SAME: i64 = 64;
/// Words of a hit's context.
const CONTEXT: i64 = 24;
/// What stands around a hit in the context: characters that no line of ours begins or ends a word with.
const MARKS: (char, char) = ('\u{2}', '\u{3}');

/// Which lines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LogQuery {
    /// With these words; see `words.rs`.
    pub text: Option<String>,
    /// Of one of these levels; any if there is none.
    pub levels: Vec<Severity>,
    /// Of this machine.
    pub machine: Option<MachineId>,
    /// Of agents of this name.
    pub agent: Option<AgentId>,
    /// Of sessions of this id.
    pub session: Option<SessionId>,
    /// Of runs of this id.
    pub run: Option<RunId>,
    /// Written in this time.
    pub span: Span,
}

impl History {
    /// A page of log lines.
    ///
    /// # Errors
    /// If the cursor is of another list, the words or the time are not allowed, or the question is not answered.
    pub async fn logs(&self, query: LogQuery, paging: Paging) -> Result<Answer<Page<LogItem>>, QueryError> {
        let asked = Asked::new("logs", self.log().head().log_id.as_str(), &query);
        let after = asked.row::<1>(paging.cursor.as_deref())?;
        let words = query.text.as_deref().map(Words::parse).transpose()?;
        self.ask(move |conn| {
            let Some(tags) = tags(conn, &query)? else { return Ok(Page { items: Vec::new(), next: None }) };
            let (sql, values) = statement(&query, words.as_ref(), &tags, after, paging.limit);
            let mut statement = conn.prepare_cached(&sql)?;
            let found = statement
                .query_map(params_from_iter(values), |row| Ok(([row.get("position")?], item(row)?)))?;
            cut(found, paging.limit, &asked)
        })
        .await
    }
}

/// The filters as groups of words, of each of which a line has one. None where nothing can match.
pub(super) fn tags(conn: &Connection, query: &LogQuery) -> Result<Option<Vec<Vec<String>>>, QueryError> {
    let mut groups = Vec::new();
    for (letter, text) in [
        ('m', query.machine.as_ref().map(MachineId::as_str)),
        ('a', query.agent.as_ref().map(AgentId::as_str)),
    ] {
        let Some(text) = text else { continue };
        let Some(number) = number(conn, text)? else { return Ok(None) };
        groups.push(vec![format!("{letter}{number}")]);
    }
    for (letter, sql, id) in [
        (
            's',
            "SELECT key FROM sessions WHERE id = ?1 LIMIT ?2",
            query.session.as_ref().map(SessionId::as_str),
        ),
        ('r', "SELECT key FROM runs WHERE id = ?1 LIMIT ?2", query.run.as_ref().map(RunId::as_str)),
    ] {
        let Some(id) = id else { continue };
        let keys: Vec<String> = conn
            .prepare_cached(sql)?
            .query_map((id, MAX_SAME), |row| Ok(format!("{letter}{}", row.get::<_, i64>(0)?)))?
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Ok(None);
        }
        groups.push(keys);
    }
    if !query.levels.is_empty() {
        groups.push(query.levels.iter().map(|level| format!("l{}", *level as i64)).collect());
    }
    if let Some((first, last)) = days(conn, query.span)? {
        groups.push((first..=last).map(|day| format!("d{day}")).collect());
    }
    Ok(Some(groups))
}

/// The days that the lines of a time are of, where naming them helps.
fn days(conn: &Connection, span: Span) -> Result<Option<(i64, i64)>, QueryError> {
    let day = |at: Timestamp| at.millis().max(0) / DAY;
    let newest = sqlite::meta_number(conn, "recordedAt")?.map(Timestamp::from_millis);
    let today = newest.map_or(0, day);
    let last = span.to.map(|to| day(to.plus(-1))).filter(|last| *last < today);
    let first = span.from.map(day);
    match (first, last) {
        (None, None) => Ok(None),
        // Newest first: what is too old comes last, so that a far beginning costs nothing.
        (Some(first), None) if today - first >= MAX_SEARCH_DAYS => Ok(None),
        (Some(first), None) => Ok(Some((first, today.max(first)))),
        (Some(first), Some(last)) if last - first >= MAX_SEARCH_DAYS => Err(invalid(
            "from",
            "a search that ends in the past may span 400 days; take a later `from` or leave `to` out",
        )),
        (Some(first), Some(last)) => Ok(Some((first, last.max(first)))),
        (None, Some(last)) => Ok(Some(((last - MAX_SEARCH_DAYS + 1).max(0), last))),
    }
}

pub(super) fn statement(
    query: &LogQuery,
    words: Option<&Words>,
    tags: &[Vec<String>],
    after: Option<[i64; 1]>,
    limit: usize,
) -> (String, Vec<Value>) {
    let indexed = words.is_some() || !tags.is_empty();
    let mut conditions = Conditions::default();
    if indexed {
        conditions.and("logs_text MATCH ?", [expression(words, tags).into()]);
    }
    let place = if indexed { "logs_text.rowid" } else { "logs.position" };
    if let Some([position]) = after {
        conditions.and(&format!("{place} < ?"), [position.into()]);
    }
    if let Some(from) = query.span.from {
        conditions.and("logs.at >= ?", [from.millis().into()]);
    }
    if let Some(to) = query.span.to {
        conditions.and("logs.at < ?", [to.millis().into()]);
    }
    let Conditions { text, mut values } = conditions;
    values.push((limit as i64 + 1).into());
    let (open, close) = MARKS;
    let context = if words.is_some() {
        format!("snippet(logs_text, 0, '{open}', '{close}', '…', {CONTEXT})")
    } else {
        "NULL".to_owned()
    };
    let tables =
        if indexed { "logs_text CROSS JOIN logs ON logs.position = logs_text.rowid" } else { "logs" };
    let sql = format!(
        "SELECT logs.*, m.text AS machine_name, a.text AS agent_name, r.id AS run_id, s.id AS session_id, \
         {context} AS context FROM {tables} LEFT JOIN names AS m ON m.id = logs.machine \
         LEFT JOIN names AS a ON a.id = logs.agent LEFT JOIN runs AS r ON r.key = logs.run \
         LEFT JOIN sessions AS s ON s.key = logs.session WHERE 1{text} ORDER BY {place} DESC LIMIT ?"
    );
    (sql, values)
}

/// The search and the filters in the index's own language. All of it is written here; what was typed is between quotes.
fn expression(words: Option<&Words>, tags: &[Vec<String>]) -> String {
    let mut parts = Vec::new();
    if let Some(words) = words {
        parts.push(format!("({{message}} : ({}))", words.expression()));
    }
    for group in tags {
        parts.push(format!("({{tags}} : ({}))", group.join(" OR ")));
    }
    parts.join(" AND ")
}

fn item(row: &Row<'_>) -> rusqlite::Result<LogItem> {
    let level: i64 = row.get("level")?;
    let level = usize::try_from(level).ok().and_then(|at| Severity::ALL.get(at).copied());
    Ok(LogItem {
        position: row.get::<_, i64>("position")?.unsigned_abs(),
        id: SmolStr::from(row.get::<_, String>("id")?),
        ts: at(row, "at")?,
        machine_id: MachineId::from(name(row, "machine_name")?),
        run_id: RunId::from(name(row, "run_id")?),
        session_id: SessionId::from(name(row, "session_id")?),
        agent_id: AgentId::from(name(row, "agent_name")?),
        level: level.ok_or_else(|| rusqlite::Error::InvalidColumnType(0, "level".into(), Type::Integer))?,
        message: SmolStr::from(row.get::<_, String>("message")?),
        truncated: row.get("truncated")?,
        context: row.get::<_, Option<String>>("context")?.map(|text| pieces(&text)).unwrap_or_default(),
    })
}

/// The context, parted at its marks.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in text.split(MARKS.0) {
        let (hit, rest) = match part.split_once(MARKS.1) {
            Some((hit, rest)) => (hit, rest),
            None => ("", part),
        };
        for (text, hit) in [(hit, true), (rest, false)] {
            if !text.is_empty() {
                pieces.push(Piece { text: text.to_owned(), hit });
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_parted_at_its_hits() {
        let (open, close) = MARKS;
        let found = pieces(&format!("…the {open}rate{close} {open}limit{close} was hit"));
        let expected = [("…the ", false), ("rate", true), (" ", false), ("limit", true), (" was hit", false)];
        assert_eq!(found, expected.map(|(text, hit)| Piece { text: text.to_owned(), hit }),);
        assert_eq!(pieces(""), []);
    }
}
