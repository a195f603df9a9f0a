//! Reading the store of OpenClaw 2026.8 and later.
//!
//! One [`OpenclawHome::read`] looks at the state database first and at the agents' databases after, so that whatever
//! the ledger names is there when it is looked up (why that matters: `patze_core::openclaw`). Connections stay open
//! between reads; a file that has been replaced is opened anew.
//!
//! A database that is missing or damaged stops the whole page, not only its part: the home is then unreadable, its
//! cursor stands still, and no run ends or moves to another session for want of a table. Two cases are no error: an agent
//! whose database has been deleted, and one whose database is being made at this very moment.

mod agent;
mod db;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use patze_core::event::Event;
use patze_core::ids::MachineId;
use patze_core::openclaw::rows::AuditRow;
use patze_core::openclaw::sessions::{AgentState, Sessions};
use patze_core::openclaw::{FAILURE_WINDOW_MS, Mapper, agent_of_key};
use patze_core::time::Timestamp;

use self::agent::AgentDb;
use self::state::StateDb;
use super::cursor::{Budget, Cursor, Page};
use super::{HomeInfo, ReadError};

/// Where the state database is, below the state directory.
pub(super) const STATE_DB: &str = "state/openclaw.sqlite";
/// Where an agent's database is, below its folder.
const AGENT_DB: &str = "agent/openclaw-agent.sqlite";

/// One home that is being read.
pub struct OpenclawHome {
    dir: PathBuf,
    mapper: Mapper,
    state: StateDb,
    /// By the place of the database, as in the cursor.
    agents: BTreeMap<String, AgentDb>,
}

impl OpenclawHome {
    /// Opens the home that `info` found. `capture_content` is `BRIDGE_CAPTURE_CONTENT` (BR-2).
    ///
    /// # Errors
    /// The state database cannot be read, or is not one of OpenClaw 2026.8 or later.
    pub fn open(info: &HomeInfo, machine: MachineId, capture_content: bool) -> Result<Self, ReadError> {
        let path = info.path.join(STATE_DB);
        let state = StateDb::open(&path)?;
        if places(&info.path, state.stores()?)?.is_empty() && !state.is_of_store_generation()? {
            return Err(ReadError::Schema { path, needs: "the table cron_run_receipts".to_owned() });
        }
        let mapper = Mapper { home: info.identity(machine), capture_content };
        Ok(Self { dir: info.path.clone(), mapper, state, agents: BTreeMap::new() })
    }

    /// Reads on from `cursor`, at most `budget`. `now` is the wall clock; it decides only how long something that ought
    /// to be there is waited for.
    ///
    /// # Errors
    /// A database of the home cannot be read. Nothing is lost: the same cursor goes on when it can.
    pub fn read(&mut self, cursor: &Cursor, budget: Budget, now: Timestamp) -> Result<Page, ReadError> {
        let mut page = Page {
            events: Vec::new(),
            cursor: cursor.current(),
            moved: false,
            more: false,
            again_at: None,
            odd_rows: 0,
        };
        if !self.state.is_current() {
            self.state = StateDb::open(&self.dir.join(STATE_DB))?;
        }
        let at = &page.cursor.ledger;
        let ledger = self.state.ledger(at.sequence, at.boot, budget.rows)?;
        self.find_agents(&page.cursor, now)?;
        for (place, db) in &mut self.agents {
            let state = page.cursor.agents.entry(place.clone()).or_default();
            self.mapper.sessions(db.sessions()?.0, state, now, &mut page.events);
        }
        self.read_ledger(ledger, now, &mut page)?;
        self.read_transcripts(budget, &mut page)?;
        // Stable: what is of one millisecond stays in the order of its stream.
        page.events.sort_by_key(|event| event.occurred_at);
        page.moved = page.cursor != *cursor;
        Ok(page)
    }

    /// Opens the agents' databases that are new or replaced, and lets go of those that are gone.
    fn find_agents(&mut self, cursor: &Cursor, now: Timestamp) -> Result<(), ReadError> {
        let places = places(&self.dir, self.state.stores()?)?;
        self.agents.retain(|place, db| places.contains_key(place) && db.is_current());
        for (place, agent) in places {
            let path = self.dir.join(&place);
            if self.agents.contains_key(&place) {
                continue;
            }
            let met = cursor.agents.get(&place).is_some_and(|state| !state.windows.is_empty());
            if !met && db::is_being_made(&path, now) {
                continue;
            }
            self.agents.insert(place, AgentDb::open(&path, &agent)?);
        }
        Ok(())
    }

    fn read_ledger(
        &mut self,
        ledger: state::Ledger,
        now: Timestamp,
        page: &mut Page,
    ) -> Result<(), ReadError> {
        if ledger.restarted {
            page.cursor.ledger = Default::default();
        }
        let mut boots = ledger.boots.into_iter().peekable();
        for row in &ledger.rows {
            let words = match self.words(row, page, now)? {
                Words::Waiting(until) => {
                    page.again_at = Some(until);
                    return Ok(());
                }
                Words::Known(words) => words,
            };
            while let Some(boot) = boots.next_if(|boot| boot.started_at <= row.occurred_at) {
                self.mapper.boot(&mut page.cursor.ledger, &boot, &mut page.events);
            }
            let session = match self.agent_of(row) {
                Some(db) => db.sessions()?.0.of_run(row.session_key.as_deref(), row.session_id.as_deref()),
                None => Sessions::new(&agent_name(row), [], []).of_run(row.session_key.as_deref(), None),
            };
            self.mapper.audit(&mut page.cursor.ledger, row, &session, words.as_deref(), &mut page.events);
        }
        page.more |= ledger.more;
        if !ledger.more {
            for boot in boots {
                self.mapper.boot(&mut page.cursor.ledger, &boot, &mut page.events);
            }
        }
        Ok(())
    }

    /// What is known of a failure's reason; none for a row that is no failure.
    fn words(&mut self, row: &AuditRow, page: &Page, now: Timestamp) -> Result<Words, ReadError> {
        let Some((run, started_at)) = page.cursor.ledger.wants_words(row) else {
            return Ok(Words::Known(None));
        };
        let (Some(session_id), Some(db)) = (row.session_id.as_deref(), self.agent_of(row)) else {
            return Ok(Words::Known(None));
        };
        let words = db.words(session_id, run, started_at, row.occurred_at)?;
        let until = Timestamp::from_millis(row.occurred_at).plus(FAILURE_WINDOW_MS);
        if words.is_none() && now < until { Ok(Words::Waiting(until)) } else { Ok(Words::Known(words)) }
    }

    fn agent_of(&mut self, row: &AuditRow) -> Option<&mut AgentDb> {
        let agent = agent_name(row);
        self.agents.values_mut().find(|db| db.agent() == agent)
    }

    fn read_transcripts(&mut self, budget: Budget, page: &mut Page) -> Result<(), ReadError> {
        let mut left = budget;
        for (place, db) in &mut self.agents {
            let Some(state) = page.cursor.agents.get_mut(place) else { continue };
            let version = db.version()?;
            if db.idle == Some((version, agent::mark(state))) {
                continue;
            }
            if !read_windows(db, &self.mapper, state, &mut left, &mut page.events, &mut page.odd_rows)? {
                page.more = true;
                return Ok(());
            }
            db.idle = Some((version, agent::mark(state)));
        }
        Ok(())
    }
}

/// What is in a state directory, as far as a store goes.
pub(super) enum Look {
    /// A store of OpenClaw 2026.8 or later.
    Store { app_version: Option<String>, schema_version: Option<i64>, agents: Vec<String> },
    /// None, or only the state database of an OpenClaw that keeps its sessions in files.
    NoStore,
}

/// Looks at a state directory without reading its history.
pub(super) fn look(dir: &Path) -> Result<Look, ReadError> {
    let path = dir.join(STATE_DB);
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Ok(Look::NoStore),
        Err(source) => return Err(ReadError::file(&path, None, source)),
    }
    let state = StateDb::open(&path)?;
    let places = places(dir, state.stores()?)?;
    if places.is_empty() && !state.is_of_store_generation()? {
        return Ok(Look::NoStore);
    }
    let (app_version, schema_version) = state.version()?;
    let mut agents: Vec<_> = places.into_values().collect();
    agents.sort();
    agents.dedup();
    Ok(Look::Store { app_version, schema_version, agents })
}

enum Words {
    /// They may still be written.
    Waiting(Timestamp),
    /// They are these, or there are none.
    Known(Option<String>),
}

/// Reads the transcripts of an agent as far as the budget goes; false if it did not go to their end.
fn read_windows(
    db: &mut AgentDb,
    mapper: &Mapper,
    state: &mut AgentState,
    left: &mut Budget,
    events: &mut Vec<Event>,
    odd_rows: &mut u64,
) -> Result<bool, ReadError> {
    let (sessions, generations) = db.sessions()?;
    let windows: Vec<_> = sessions
        .windows()
        .filter_map(|window| {
            let at = state.windows.get(&window.session_id)?;
            let generation = generations.get(&window.session_id).cloned().unwrap_or_default();
            Some((window.session_id.clone(), sessions.of_window(window, at), generation))
        })
        .collect();
    db.hold(|| {
        for (session_id, session, generation) in windows {
            let Some(at) = state.windows.get_mut(&session_id) else { continue };
            if at.generation != generation {
                *at = at.restarted(generation);
            }
            let rows = db.entries(&session_id, at.next, left.rows, left.bytes)?;
            for row in &rows {
                left.rows -= 1;
                left.bytes = left.bytes.saturating_sub(row.json.len());
                if !mapper.transcript(at, &session, &session_id, row, events) {
                    *odd_rows += 1;
                }
            }
            if left.rows == 0 || left.bytes == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// The agents' databases that are there: place below the state directory → agent id. From OpenClaw's own list and from
/// the folders, because either may be ahead of the other.
fn places(dir: &Path, listed: Vec<(String, String)>) -> Result<BTreeMap<String, String>, ReadError> {
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for (agent, path) in listed {
        let place =
            Path::new(&path).strip_prefix(dir).map_or(path.clone(), |below| below.display().to_string());
        places.insert(place, agent);
    }
    let folder = dir.join("agents");
    let agents = match std::fs::read_dir(&folder) {
        Ok(agents) => agents,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(there(dir, places)),
        Err(error) => return Err(ReadError::file(&folder, None, error)),
    };
    for agent in agents {
        let agent = agent.map_err(|source| ReadError::file(&folder, None, source))?;
        let Some(name) = agent.file_name().to_str().map(str::to_owned) else { continue };
        places.entry(format!("agents/{name}/{AGENT_DB}")).or_insert(name);
    }
    Ok(there(dir, places))
}

/// Only what is really absent is left out; what cannot be looked at is not.
fn there(dir: &Path, mut places: BTreeMap<String, String>) -> BTreeMap<String, String> {
    places.retain(|place, _| !matches!(dir.join(place).try_exists(), Ok(false)));
    places
}

/// The agent of a ledger row; the ledger says `unknown` where it does not know.
fn agent_name(row: &AuditRow) -> String {
    let named = row.agent_id.as_deref().filter(|agent| *agent != "unknown").map(str::to_owned);
    let keyed = || row.session_key.as_deref().and_then(agent_of_key).map(|agent| agent.to_string());
    named.or_else(keyed).unwrap_or_else(|| "unknown".to_owned())
}
