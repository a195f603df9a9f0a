//! Reading the store of OpenClaw 2026.8 and later.
//!
//! One [`OpenclawHome::read`] looks at the state database first and at the agents' databases after, so that whatever
//! the ledger names is there when it is looked up (why that matters: `patze_core::openclaw`). Connections stay open
//! between reads; a file that has been replaced is opened anew. Whether it holds what was read before, the cursor knows by
//! the last ledger row and the newest transcript entry that were read: where that is not in its place any more, the
//! database is another one (a restored backup that has gone on since) and is read from its start. What is known of it
//! already keeps its ids, and the control plane drops it.
//!
//! A database that is missing or damaged stops the whole page, not only its part: the home is then unreadable, its
//! cursor stands still, and no run ends or moves to another session for want of a table. One agent's store does so only for
//! a minute ([`stores`]). Two cases are no error: an agent whose database has been deleted, and one whose database is being
//! made at this very moment.

mod agent;
mod db;
mod state;
mod stores;

use std::path::{Path, PathBuf};
use std::time::Duration;

use patze_core::event::Event;
use patze_core::ids::MachineId;
use patze_core::openclaw::rows::AuditRow;
use patze_core::openclaw::sessions::{AgentState, Sessions};
use patze_core::openclaw::{FAILURE_WINDOW_MS, Mapper, agent_of_key};
use patze_core::time::Timestamp;

use self::agent::AgentDb;
use self::state::StateDb;
pub use self::stores::PASSED_OVER_AFTER;
use self::stores::{Stores, places};
use super::cursor::{Budget, Cursor, EntryMark, Now, Page};
use super::{HomeInfo, ReadError};
use crate::blocking::off_the_arbiter;

/// Where the state database is, below the state directory.
pub(super) const STATE_DB: &str = "state/openclaw.sqlite";
/// Where an agent's database is, below its folder.
const AGENT_DB: &str = "agent/openclaw-agent.sqlite";

/// One home that is being read.
pub struct OpenclawHome {
    dir: PathBuf,
    mapper: Mapper,
    state: StateDb,
    stores: Stores,
    /// The ledger row whose words are waited for, and since when.
    waiting: Option<(i64, Duration)>,
}

impl OpenclawHome {
    /// Opens the home that `info` found. `capture_content` is `BRIDGE_CAPTURE_CONTENT` (BR-2).
    ///
    /// # Errors
    /// The state database cannot be read, or is not one of OpenClaw 2026.8 or later.
    pub fn open(info: &HomeInfo, machine: MachineId, capture_content: bool) -> Result<Self, ReadError> {
        off_the_arbiter();
        let path = info.path.join(STATE_DB);
        let state = StateDb::open(&path)?;
        if places(&info.path, state.stores()?)?.is_empty() && !state.is_of_store_generation()? {
            return Err(ReadError::Schema { path, needs: "the table cron_run_receipts".to_owned() });
        }
        let mapper = Mapper { home: info.identity(machine), capture_content };
        Ok(Self { dir: info.path.clone(), mapper, state, stores: Stores::new(&info.path), waiting: None })
    }

    /// Whether it may be read again after `error`; after one of the state database it must be opened anew.
    pub fn stands(&self, error: &ReadError) -> bool {
        error.path() != self.dir.join(STATE_DB)
    }

    /// Reads on from `cursor`, at most `budget`. `now` decides only how long something that ought to be there is waited
    /// for.
    ///
    /// # Errors
    /// A database of the home cannot be read. Nothing is lost: the same cursor goes on when it can.
    pub fn read(&mut self, cursor: &Cursor, budget: Budget, now: Now) -> Result<Page, ReadError> {
        off_the_arbiter();
        let mut page = Page {
            events: Vec::new(),
            cursor: cursor.current(),
            moved: false,
            more: false,
            again_in: None,
            odd_rows: 0,
            passed_over: Vec::new(),
        };
        if !self.state.is_current() {
            self.state = StateDb::open(&self.dir.join(STATE_DB))?;
        }
        let at = &page.cursor;
        let (row, boot) = (at.row.as_deref(), at.boot_id.as_deref());
        let ledger = self.state.ledger(&at.ledger, row, boot, budget.rows)?;
        self.stores.begin(self.state.stores()?, &page.cursor, now)?;
        for place in self.stores.places() {
            self.stores.ask(&place, now, |db| {
                let state = page.cursor.agents.entry(place.clone()).or_default();
                self.mapper.sessions(db.sessions()?.0, state, now.wall, &mut page.events);
                Ok(())
            })?;
        }
        self.read_ledger(ledger, now, &mut page)?;
        self.read_transcripts(budget, now, &mut page)?;
        page.passed_over = self.stores.end();
        // Stable: what is of one millisecond stays in the order of its stream.
        page.events.sort_by_key(|event| event.occurred_at);
        page.moved = page.cursor != *cursor;
        Ok(page)
    }

    fn read_ledger(&mut self, ledger: state::Ledger, now: Now, page: &mut Page) -> Result<(), ReadError> {
        if ledger.restarted {
            (page.cursor.ledger, page.cursor.row, page.cursor.boot_id) = Default::default();
        }
        let mut boots = ledger.boots.into_iter().peekable();
        for row in &ledger.rows {
            let words = match self.words(row, page, now)? {
                Words::Waiting(left) => {
                    page.again_in = Some(left);
                    return Ok(());
                }
                Words::Known(words) => words,
            };
            while let Some(boot) = boots.next_if(|boot| boot.row.started_at <= row.occurred_at) {
                self.booted(boot, page);
            }
            let (key, window) = (row.session_key.as_deref(), row.session_id.as_deref());
            let session = match self.stores.of_agent(&agent_name(row)) {
                Some(place) => self.stores.ask(&place, now, |db| Ok(db.sessions()?.0.of_run(key, window)))?,
                None => None,
            };
            let session =
                session.unwrap_or_else(|| Sessions::new(&agent_name(row), [], []).of_run(key, None));
            self.mapper.audit(&mut page.cursor.ledger, row, &session, words.as_deref(), &mut page.events);
            page.cursor.row = Some(state::mark(row));
        }
        page.more |= ledger.more;
        if !ledger.more {
            for boot in boots {
                self.booted(boot, page);
            }
        }
        Ok(())
    }

    fn booted(&self, boot: state::Boot, page: &mut Page) {
        self.mapper.boot(&mut page.cursor.ledger, &boot.row, &mut page.events);
        page.cursor.boot_id = boot.id;
    }

    /// What is known of a failure's reason; none for a row that is no failure.
    fn words(&mut self, row: &AuditRow, page: &Page, now: Now) -> Result<Words, ReadError> {
        let Some((run, started_at)) = page.cursor.ledger.wants_words(row) else {
            return Ok(Words::Known(None));
        };
        let place = self.stores.of_agent(&agent_name(row));
        let (Some(session_id), Some(place)) = (row.session_id.as_deref(), place) else {
            return Ok(Words::Known(None));
        };
        let words =
            self.stores.ask(&place, now, |db| db.words(session_id, run, started_at, row.occurred_at))?;
        Ok(match words {
            Some(None) => self.wait(row, now).map_or(Words::Known(None), Words::Waiting),
            words => Words::Known(words.flatten()),
        })
    }

    /// How much longer the words of `row` are waited for: until it is [`FAILURE_WINDOW_MS`] old by the wall clock, but
    /// never longer than that by the monotonic clock, for a wall clock that was set back must not hold up the home. All
    /// rows that such a clock has put into the future are waited for together.
    fn wait(&mut self, row: &AuditRow, now: Now) -> Option<Duration> {
        const LONGEST: Duration = Duration::from_millis(FAILURE_WINDOW_MS.unsigned_abs());
        let until = Timestamp::from_millis(row.occurred_at).plus(FAILURE_WINDOW_MS);
        let by_wall = u64::try_from(until.since(now.wall)).ok().filter(|left| *left > 0);
        let Some(by_wall) = by_wall.map(Duration::from_millis) else {
            self.waiting = None;
            return None;
        };
        let to_come = row.occurred_at > now.wall.millis();
        let since = match self.waiting {
            Some((sequence, since)) if sequence == row.sequence || to_come => since,
            _ => now.elapsed,
        };
        self.waiting = Some((row.sequence, since));
        let left = (since + LONGEST).saturating_sub(now.elapsed);
        (!left.is_zero()).then(|| left.min(by_wall))
    }

    fn read_transcripts(&mut self, budget: Budget, now: Now, page: &mut Page) -> Result<(), ReadError> {
        let mut left = budget;
        for place in self.stores.places() {
            let to_the_end =
                self.stores.ask(&place, now, |db| read_store(db, &self.mapper, &place, &mut left, page))?;
            if to_the_end == Some(false) {
                page.more = true;
                return Ok(());
            }
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
    /// They may still be written, within this time.
    Waiting(Duration),
    /// They are these, or there are none.
    Known(Option<String>),
}

/// Reads the store at `place` as far as the budget goes; false if it did not go to the end.
fn read_store(
    db: &mut AgentDb,
    mapper: &Mapper,
    place: &str,
    left: &mut Budget,
    page: &mut Page,
) -> Result<bool, ReadError> {
    let Some(state) = page.cursor.agents.get_mut(place) else { return Ok(true) };
    let version = db.version()?;
    if db.idle == Some((version, agent::mark(state))) {
        return Ok(true);
    }
    let mut newest = page.cursor.newest.get(place).cloned();
    if let Some(entry) = &newest
        && !db.has(entry)?
    {
        // Another database is in its place, with a history of its own.
        newest = None;
        for window in state.windows.values_mut() {
            *window = window.restarted(window.generation.clone());
        }
    }
    let to_the_end = read_windows(db, mapper, state, &mut newest, left, &mut page.events, &mut page.odd_rows);
    // Also of what was read before something failed.
    match newest {
        Some(entry) => drop(page.cursor.newest.insert(place.to_owned(), entry)),
        None => drop(page.cursor.newest.remove(place)),
    }
    if to_the_end? {
        db.idle = Some((version, agent::mark(state)));
        return Ok(true);
    }
    Ok(false)
}

/// Reads the transcripts of an agent as far as the budget goes; false if it did not go to their end.
fn read_windows(
    db: &mut AgentDb,
    mapper: &Mapper,
    state: &mut AgentState,
    newest: &mut Option<EntryMark>,
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
                *at = at.restarted(generation.clone());
                newest.take_if(|entry| entry.session_id == session_id);
            }
            let rows = db.entries(&session_id, at.next, left.rows, left.bytes)?;
            for row in &rows {
                left.rows -= 1;
                left.bytes = left.bytes.saturating_sub(row.json.len());
                if !mapper.transcript(at, &session, &session_id, row, events) {
                    *odd_rows += 1;
                }
            }
            if let Some(row) = rows.iter().max_by_key(|row| row.created_at)
                && newest.as_ref().is_none_or(|entry| entry.created_at <= row.created_at)
            {
                let (session_id, generation) = (session_id.clone(), generation.clone());
                *newest =
                    Some(EntryMark { session_id, generation, seq: row.seq, created_at: row.created_at });
            }
            if left.rows == 0 || left.bytes == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// The agent of a ledger row; the ledger says `unknown` where it does not know.
fn agent_name(row: &AuditRow) -> String {
    let named = row.agent_id.as_deref().filter(|agent| *agent != "unknown").map(str::to_owned);
    let keyed = || row.session_key.as_deref().and_then(agent_of_key).map(|agent| agent.to_string());
    named.or_else(keyed).unwrap_or_else(|| "unknown".to_owned())
}
