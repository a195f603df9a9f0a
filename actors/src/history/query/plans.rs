//! No list scans a large table: SQLite's own plans say so, for every set of filters.

use patze_core::event::Severity;
use patze_core::fleet::lifecycle::LifeState;
use patze_core::time::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::lists::ListQuery;
use super::logs::{self, LogQuery};
use super::words::Words;
use super::{Span, rows, runs, sessions};

fn conn() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(include_str!("../../../../sql/history.sql")).unwrap();
    for name in ["m", "a", "c"] {
        conn.execute("INSERT INTO names (text) VALUES (?1)", [name]).unwrap();
    }
    conn.execute(
        "INSERT INTO sessions VALUES (1, 1, 's', 2, 0, 2, 0, NULL, 0, 0, '', NULL, 3, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0, 0)",
        [],
    )
    .unwrap();
    conn
}

fn plan(conn: &Connection, sql: &str, values: Vec<Value>) -> Vec<String> {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let lines = statement.query_map(params_from_iter(values), |row| row.get("detail")).unwrap();
    lines.map(Result::unwrap).collect()
}

fn check(conn: &Connection, sql: &str, values: Vec<Value>, may: &[&str]) {
    let plan = plan(conn, sql, values);
    for line in &plan {
        let scans = line.starts_with("SCAN") || line.contains("TEMP B-TREE") || line.contains("AUTOMATIC");
        assert!(!scans || may.iter().any(|allowed| line.starts_with(allowed)), "{line}\n{plan:#?}\n{sql}");
    }
}

/// Every set of filters: a bit each.
fn chosen<T>(set: u32, bit: u32, value: T) -> Option<T> {
    (set >> bit & 1 == 1).then_some(value)
}

fn span(set: u32, bit: u32) -> Span {
    let at = Timestamp::from_millis;
    Span { from: chosen(set, bit, at(1)), to: chosen(set, bit + 1, at(2)) }
}

#[test]
fn lists_walk_an_index() {
    let conn = conn();
    for set in 0..1 << 7 {
        for state in [None, Some(LifeState::Failed), Some(LifeState::Completed), Some(LifeState::Running)] {
            let after = chosen(set, 6, [5, 5]);
            let query = ListQuery {
                machine: chosen(set, 0, "m".into()),
                agent: chosen(set, 1, "a".into()),
                channel: chosen(set, 2, "c".to_owned()),
                session: chosen(set, 3, "s".into()),
                state,
                span: span(set, 4),
            };
            let (sql, values) = runs::statement(&conn, &query, after, 50).unwrap().unwrap();
            check(&conn, &sql, values, &["SCAN runs USING INDEX runs_by_time"]);
            let ListQuery { machine, agent, channel, session, state, span } = query;
            // Of one id there are few sessions: those may be sorted.
            let may: &[&str] = if session.is_some() {
                &["USE TEMP B-TREE"]
            } else {
                &["SCAN sessions USING INDEX sessions_by_time"]
            };
            let query = ListQuery { machine, agent, session, channel, state, span };
            let (sql, values) = sessions::statement(&conn, &query, after, 50).unwrap().unwrap();
            check(&conn, &sql, values, may);
        }
    }
}

#[test]
fn lines_are_walked_by_the_search_or_by_position() {
    let conn = conn();
    conn.execute("INSERT INTO meta VALUES ('recordedAt', '1795000000000')", []).unwrap();
    for set in 0..1 << 7 {
        let at = Timestamp::from_millis;
        let query = LogQuery {
            text: chosen(set, 0, "a \"b c\" def*".to_owned()),
            levels: chosen(set, 1, vec![Severity::Error, Severity::Critical]).unwrap_or_default(),
            machine: chosen(set, 2, "m".into()),
            session: chosen(set, 3, "s".into()),
            span: Span {
                from: chosen(set, 4, at(1_794_000_000_000)),
                to: chosen(set, 5, at(1_794_900_000_000)),
            },
            ..LogQuery::default()
        };
        let tags = logs::tags(&conn, &query).unwrap().unwrap();
        let words = query.text.as_deref().map(|text| Words::parse(text).unwrap());
        let (sql, values) = logs::statement(&query, words.as_ref(), &tags, chosen(set, 6, [9]), 50);
        // Without any filter the table is walked from its end, as far as the page goes.
        let may: &[&str] = if words.is_none() && tags.is_empty() {
            &["SCAN logs"]
        } else {
            &["SCAN logs_text VIRTUAL TABLE"]
        };
        check(&conn, &sql, values, may);
    }
}

#[test]
fn a_runs_own_tables_are_read_by_its_number() {
    let conn = conn();
    for table in ["run_states", "tool_calls", "model_calls", "spans"] {
        check(&conn, &format!("SELECT * FROM {table} WHERE run = ?1"), vec![1.into()], &[]);
    }
    let sql = format!(
        "{}{} WHERE runs.id = ?1 AND (?2 IS NULL OR runs.machine = ?2) AND runs.state IS NOT NULL \
         ORDER BY +runs.state_at DESC, runs.key DESC LIMIT 2",
        rows::RUN,
        rows::RUN_NAMES
    );
    check(&conn, &sql, vec!["r".to_owned().into(), Value::Null], &["USE TEMP B-TREE"]);
}
