//! A home whose rows appear one after the other, as if OpenClaw wrote them while the bridge reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, params};

use crate::support::Unpacked;

/// A home that begins without history, and the history that is to come.
pub struct Staged {
    /// The home that is read.
    pub home: Unpacked,
    _whole: Unpacked,
    state: Connection,
    agents: BTreeMap<&'static str, Connection>,
    /// What is left of each stream: the ledger first, then each window's transcript.
    pub streams: Vec<Vec<Row>>,
    shown: BTreeSet<String>,
}

/// One row that is to come.
#[derive(Clone, Debug)]
pub enum Row {
    Audit { sequence: i64, agent: String, session_id: Option<String>, key: Option<String> },
    Boot { started_at: i64 },
    Entry { agent: &'static str, session_id: String, seq: i64 },
}

impl Staged {
    pub fn new(fixture: &str) -> Self {
        let (home, whole) = (Unpacked::new(fixture), Unpacked::new(fixture));
        let state = emptied(&home.state_db(), &whole.state_db(), &["audit_events", "gateway_boot_lifecycle"]);
        let tables =
            ["transcript_events", "transcript_rewrite_watermarks", "session_windows", "session_nodes"];
        let agents: BTreeMap<_, _> = ["main", "work"]
            .into_iter()
            .filter(|agent| home.agent_db(agent).exists())
            .map(|agent| (agent, emptied(&home.agent_db(agent), &whole.agent_db(agent), &tables)))
            .collect();

        let mut streams = vec![ledger(&state)];
        for (agent, db) in &agents {
            let mut rows = db
                .prepare("SELECT session_id, seq FROM whole.transcript_events ORDER BY session_id, seq")
                .unwrap();
            let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            let mut windows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
            for row in rows {
                let (session_id, seq): (String, i64) = row.unwrap();
                windows.entry(session_id.clone()).or_default().push(Row::Entry { agent, session_id, seq });
            }
            streams.extend(windows.into_values());
        }
        for stream in &mut streams {
            stream.reverse();
        }
        Self { home, _whole: whole, state, agents, streams, shown: BTreeSet::new() }
    }

    /// Whether everything has appeared, but for keys that no row names.
    pub fn is_whole(&self) -> bool {
        self.streams.iter().all(Vec::is_empty)
    }

    /// The next `count` rows of a stream appear.
    pub fn show(&mut self, stream: usize, count: usize) {
        for _ in 0..count {
            let Some(row) = self.streams[stream].pop() else { return };
            match row {
                Row::Audit { sequence, agent, session_id, key } => {
                    self.show_session(&agent, session_id.as_deref(), key.as_deref());
                    let sql = "INSERT INTO audit_events SELECT * FROM whole.audit_events WHERE sequence = ?1";
                    self.state.execute(sql, [sequence]).unwrap();
                }
                Row::Boot { started_at } => {
                    let sql = "INSERT INTO gateway_boot_lifecycle
                               SELECT * FROM whole.gateway_boot_lifecycle WHERE started_at_ms = ?1";
                    self.state.execute(sql, [started_at]).unwrap();
                }
                Row::Entry { agent, session_id, seq } => {
                    self.show_session(agent, Some(&session_id), None);
                    let sql = "INSERT INTO transcript_events
                               SELECT * FROM whole.transcript_events WHERE session_id = ?1 AND seq = ?2";
                    self.agents[agent].execute(sql, params![session_id, seq]).unwrap();
                }
            }
        }
    }

    /// The keys appear that no row names.
    pub fn show_rest(&self) {
        for db in self.agents.values() {
            db.execute_batch("INSERT OR IGNORE INTO session_nodes SELECT * FROM whole.session_nodes")
                .unwrap();
        }
    }

    /// A node and its window appear before the first row that needs them, and a key's windows in their order.
    fn show_session(&mut self, agent: &str, session_id: Option<&str>, key: Option<&str>) {
        let Some(db) = self.agents.get(agent) else { return };
        let name = format!("{agent} {session_id:?} {key:?}");
        if !self.shown.insert(name) {
            return;
        }
        db.execute_batch("BEGIN").unwrap();
        let nodes = "INSERT OR IGNORE INTO session_nodes SELECT * FROM whole.session_nodes
                     WHERE session_key = ?2 OR session_key = (SELECT session_key FROM whole.session_windows WHERE session_id = ?1)";
        db.execute(nodes, params![session_id, key]).unwrap();
        let windows = "INSERT OR IGNORE INTO session_windows SELECT w.* FROM whole.session_windows w
                       JOIN whole.session_windows this ON this.session_id = ?1
                       WHERE w.session_key = this.session_key AND w.created_at <= this.created_at";
        db.execute(windows, params![session_id]).unwrap();
        let generations = "INSERT OR IGNORE INTO transcript_rewrite_watermarks SELECT * FROM whole.transcript_rewrite_watermarks
                           WHERE session_id IN (SELECT session_id FROM session_windows)";
        db.execute_batch(generations).unwrap();
        db.execute_batch("COMMIT").unwrap();
    }
}

/// The ledger's rows about runs, with each boot before the first row that is not older.
fn ledger(state: &Connection) -> Vec<Row> {
    let mut boots =
        state.prepare("SELECT started_at_ms FROM whole.gateway_boot_lifecycle ORDER BY 1").unwrap();
    let boots: Vec<i64> = boots.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut boots = boots.into_iter().peekable();
    let mut rows = state
        .prepare("SELECT sequence, occurred_at, agent_id, session_id, session_key FROM whole.audit_events ORDER BY 1")
        .unwrap();
    let rows = rows
        .query_map([], |row| {
            let agent = row.get::<_, Option<String>>(2)?.unwrap_or_default();
            Ok((
                row.get(1)?,
                Row::Audit { sequence: row.get(0)?, agent, session_id: row.get(3)?, key: row.get(4)? },
            ))
        })
        .unwrap();
    let mut out = Vec::new();
    for row in rows {
        let (at, row): (i64, _) = row.unwrap();
        while let Some(started_at) = boots.next_if(|boot| *boot <= at) {
            out.push(Row::Boot { started_at });
        }
        out.push(row);
    }
    out.extend(boots.map(|started_at| Row::Boot { started_at }));
    out
}

/// Opens a database for writing, empties `tables` and attaches the whole one as `whole`.
fn emptied(path: &Path, whole: &Path, tables: &[&str]) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch("PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF;").unwrap();
    let triggers: Vec<String> = {
        let mut triggers = db.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").unwrap();
        triggers.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    // OpenClaw's own bookkeeping, which is not what is tested.
    for trigger in triggers {
        db.execute_batch(&format!("DROP TRIGGER \"{trigger}\"")).unwrap();
    }
    for table in tables {
        db.execute_batch(&format!("DELETE FROM {table}")).unwrap();
    }
    db.execute("ATTACH ?1 AS whole", [whole.to_str().unwrap()]).unwrap();
    db
}
