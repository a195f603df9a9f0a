//! An agent's store: `agents/<id>/agent/openclaw-agent.sqlite`, with sessions, windows and transcripts.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read as _;
use std::path::Path;

use patze_core::openclaw::rows::{SessionNode, SessionWindow, TranscriptRow};
use patze_core::openclaw::sessions::{AgentState, Sessions};
use patze_core::openclaw::{FAILURE_WINDOW_MS, transcript};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, Transaction};

use super::db::{Db, Needs};
use crate::openclaw::ReadError;

/// The longest transcript entry that is unpacked; OpenClaw packs none that is longer (openclaw.md §3).
const MAX_ENTRY_BYTES: usize = 4 << 20;

/// How many entries before a run's end are searched for the words of its failure.
const SEARCHED_ENTRIES: i64 = 256;

const NEEDS: &[Needs] = &[
    Needs { table: "session_nodes", columns: &["session_key", "current_session_id", "updated_at"] },
    Needs { table: "session_windows", columns: &["session_id", "session_key", "created_at"] },
    Needs { table: "transcript_events", columns: &["session_id", "seq", "created_at", "event_json"] },
];

/// An agent's database.
pub(super) struct AgentDb {
    db: Db,
    agent: String,
    nodes: String,
    windows: String,
    entries: String,
    generations: bool,
    /// The session tables as they stood at the version.
    seen: Option<Seen>,
    /// The version and the cursor (see [`mark`]) at which there was nothing more to read.
    pub idle: Option<(i64, u64)>,
}

struct Seen {
    version: i64,
    sessions: Sessions,
    generations: BTreeMap<String, String>,
}

impl AgentDb {
    pub fn open(path: &Path, agent: &str) -> Result<Self, ReadError> {
        let db = Db::open(path, NEEDS)?;
        let nodes = nodes_sql(&db.columns("session_nodes")?);
        let windows = windows_sql(&db.columns("session_windows")?);
        let packed = or_null(&db.columns("transcript_events")?, "event_zstd");
        let entries = format!(
            "SELECT seq, created_at, event_json, {packed} FROM transcript_events
             WHERE session_id = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3"
        );
        let generations = db.columns("transcript_rewrite_watermarks")?;
        let generations = generations.contains("session_id") && generations.contains("generation");
        let agent = agent.to_owned();
        Ok(Self { db, agent, nodes, windows, entries, generations, seen: None, idle: None })
    }

    pub fn is_current(&self) -> bool {
        self.db.is_current()
    }

    pub fn agent(&self) -> &str {
        &self.agent
    }

    pub fn version(&self) -> Result<i64, ReadError> {
        self.db.version()
    }

    /// The session tables as they stand now, and the generation of each transcript.
    pub fn sessions(&mut self) -> Result<(&Sessions, &BTreeMap<String, String>), ReadError> {
        let version = self.db.version()?;
        let seen = match self.seen.take().filter(|seen| seen.version == version) {
            Some(seen) => seen,
            None => self.load(version)?,
        };
        let seen = self.seen.insert(seen);
        Ok((&seen.sessions, &seen.generations))
    }

    fn load(&self, version: i64) -> Result<Seen, ReadError> {
        self.db.snapshot("the sessions", |tx| {
            let nodes: Vec<SessionNode> =
                tx.prepare_cached(&self.nodes)?.query_map([], node)?.collect::<Result<_, _>>()?;
            let windows: Vec<SessionWindow> =
                tx.prepare_cached(&self.windows)?.query_map([], window)?.collect::<Result<_, _>>()?;
            let generations = if self.generations { generations(tx)? } else { BTreeMap::new() };
            Ok(Seen { version, sessions: Sessions::new(&self.agent, nodes, windows), generations })
        })
    }

    /// See [`Db::hold`].
    pub fn hold<T>(&self, read: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
        self.db.hold(read)
    }

    /// The rows of a window from `next` on, at most `rows` and `bytes` of them, but one at least if there is one.
    pub fn entries(
        &self,
        session_id: &str,
        next: i64,
        rows: usize,
        bytes: usize,
    ) -> Result<Vec<TranscriptRow>, ReadError> {
        self.db.ask("the transcripts", |conn| {
            let mut statement = conn.prepare_cached(&self.entries)?;
            let limit = i64::try_from(rows).unwrap_or(i64::MAX);
            let mut found = statement.query((session_id, next, limit))?;
            let (mut out, mut size) = (Vec::new(), 0);
            while let Some(row) = found.next()? {
                let entry = TranscriptRow { seq: row.get(0)?, created_at: row.get(1)?, json: json(row, 2)? };
                size += entry.json.len();
                out.push(entry);
                if size >= bytes {
                    break;
                }
            }
            Ok(out)
        })
    }

    /// What the transcript says of the failure of `run`, which ended at `ended_at`: the last such entry up to
    /// [`FAILURE_WINDOW_MS`] later. The entries of a window are in the order of their time, so its place is searched
    /// by halving, not from the start.
    pub fn words(
        &self,
        session_id: &str,
        run: &str,
        started_at: Option<i64>,
        ended_at: i64,
    ) -> Result<Option<String>, ReadError> {
        let latest = ended_at.saturating_add(FAILURE_WINDOW_MS);
        self.db.snapshot("the transcripts", |tx| {
            let mut at = tx.prepare_cached(
                "SELECT created_at FROM transcript_events WHERE session_id = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1",
            )?;
            let mut highest =
                tx.prepare_cached("SELECT max(seq) FROM transcript_events WHERE session_id = ?1")?;
            let Some(highest) = highest.query_row([session_id], |row| row.get::<_, Option<i64>>(0))? else {
                return Ok(None);
            };
            let (mut low, mut high) = (0, highest + 1);
            while low < high {
                let middle = low + (high - low) / 2;
                let created: Option<i64> = at.query_row((session_id, middle), |row| row.get(0)).optional()?;
                if created.is_some_and(|created| created <= latest) { low = middle + 1 } else { high = middle }
            }
            let mut entries = tx.prepare_cached(&self.entries)?;
            let mut found = entries.query((session_id, (low - SEARCHED_ENTRIES).max(0), SEARCHED_ENTRIES))?;
            let mut words = None;
            while let Some(row) = found.next()? {
                let created: i64 = row.get(1)?;
                // One second of grace: the start's time is the gateway's, the entry's the store's.
                if created <= latest && started_at.is_none_or(|started| created >= started - 1_000) {
                    words = transcript::failure_of(&json(row, 2)?, run).or(words);
                }
            }
            Ok(words)
        })
    }
}

/// Tells how far the windows have been read from how far they had been before.
pub(super) fn mark(state: &AgentState) -> u64 {
    let mut hash = DefaultHasher::new();
    for (session_id, window) in &state.windows {
        (session_id, window.next, &window.generation).hash(&mut hash);
    }
    hash.finish()
}

fn or_null(columns: &HashSet<String>, name: &'static str) -> &'static str {
    if columns.contains(name) { name } else { "NULL" }
}

/// A node's row is long (20 KB, most of it `entry_json`), and what stands behind that is dear to read. So only the nodes
/// of which more than the key is needed are asked for it: those of one run of a job, and those without windows.
fn nodes_sql(columns: &HashSet<String>) -> String {
    let made = or_null(columns, "created_at");
    let passing = if columns.contains("entry_json") {
        "CASE WHEN instr(session_key, ':run:') > 0 AND json_valid(entry_json) THEN
           json_extract(entry_json, '$.cronRunContinuation.phase') = 'running'
           OR json_extract(entry_json, '$.cronRunContinuation.basePersisted') = 1 END"
    } else {
        "NULL"
    };
    let plain =
        "instr(session_key, ':run:') = 0 AND session_key IN (SELECT session_key FROM session_windows)";
    format!(
        "SELECT session_key, '', 0, 0 FROM session_nodes WHERE {plain}
         UNION ALL
         SELECT session_key, current_session_id, coalesce({passing}, 0), coalesce({made}, updated_at)
         FROM session_nodes WHERE session_key IN (SELECT session_key FROM session_nodes WHERE NOT ({plain}))"
    )
}

fn windows_sql(columns: &HashSet<String>) -> String {
    let channel = or_null(columns, "channel");
    let parent = or_null(columns, "parent_session_key");
    let spawned = or_null(columns, "spawned_by");
    format!(
        "SELECT session_id, session_key, created_at, {channel}, coalesce({parent}, {spawned}) FROM session_windows"
    )
}

fn node(row: &Row<'_>) -> rusqlite::Result<SessionNode> {
    Ok(SessionNode { key: row.get(0)?, session_id: row.get(1)?, passing: row.get(2)?, made_at: row.get(3)? })
}

fn window(row: &Row<'_>) -> rusqlite::Result<SessionWindow> {
    Ok(SessionWindow {
        session_id: row.get(0)?,
        key: row.get(1)?,
        created_at: row.get(2)?,
        channel: row.get(3)?,
        parent: row.get(4)?,
    })
}

fn generations(tx: &Transaction<'_>) -> rusqlite::Result<BTreeMap<String, String>> {
    // They are random, so that a few characters tell them apart; a cursor holds one for each window.
    let mut rows =
        tx.prepare_cached("SELECT session_id, substr(generation, 1, 8) FROM transcript_rewrite_watermarks")?;
    rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// The entry in column `at` as text, or packed in the next. One that cannot be unpacked is the empty text, which the
/// mapper passes over and counts.
fn json(row: &Row<'_>, at: usize) -> rusqlite::Result<String> {
    if let ValueRef::Text(text) = row.get_ref(at)? {
        return Ok(String::from_utf8_lossy(text).into_owned());
    }
    let ValueRef::Blob(packed) = row.get_ref(at + 1)? else { return Ok(String::new()) };
    Ok(unpacked(packed).unwrap_or_default())
}

fn unpacked(packed: &[u8]) -> std::io::Result<String> {
    let mut decoder = zstd::stream::read::Decoder::new(packed)?;
    decoder.window_log_max(MAX_ENTRY_BYTES.ilog2())?;
    let mut text = String::new();
    // One byte more than may be, to tell a text that is too long from one that just fits.
    let size = decoder.take(MAX_ENTRY_BYTES as u64 + 1).read_to_string(&mut text)?;
    if size > MAX_ENTRY_BYTES { Ok(String::new()) } else { Ok(text) }
}
