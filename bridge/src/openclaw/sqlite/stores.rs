//! The agents' stores of one home: which there are, and what becomes of one that cannot be read.
//!
//! # Rules
//!
//! 1. A store that cannot be read stops its home at first: the file is being replaced or repaired, and rows that are
//!    mapped without it would be told with less than they have (the session's facts, the words of a failure).
//! 2. After [`PASSED_OVER_AFTER`] it is passed over: the other stores and the ledger are read on, and each page names it.
//!    What the ledger says of its runs is told with what the ledger has. Its cursor stands still, so when it can be read
//!    again, it goes on where it was.
//! 3. A lock is no damage: it ends by itself, and the home waits for it however long it lasts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patze_core::causes::with_causes;

use super::agent::AgentDb;
use super::{AGENT_DB, db};
use crate::openclaw::ReadError;
use crate::openclaw::cursor::{Cursor, Now};

/// How long a store that cannot be read stops its home.
pub const PASSED_OVER_AFTER: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Stores {
    dir: PathBuf,
    /// By the place of the database, as in the cursor.
    open: BTreeMap<String, AgentDb>,
    /// Since when (monotonic) each that cannot be read could not be.
    failing: BTreeMap<String, Duration>,
    /// Those that this read has passed over, and why.
    passed_over: BTreeMap<String, String>,
}

impl Stores {
    /// The stores of the state directory `dir`.
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            open: BTreeMap::new(),
            failing: BTreeMap::new(),
            passed_over: BTreeMap::new(),
        }
    }

    /// Begins a read: opens the databases that are new or replaced, and lets go of those that are gone. `listed` is
    /// OpenClaw's own list.
    pub fn begin(
        &mut self,
        listed: Vec<(String, String)>,
        cursor: &Cursor,
        now: Now,
    ) -> Result<(), ReadError> {
        self.passed_over.clear();
        let places = places(&self.dir, listed)?;
        self.open.retain(|place, db| places.contains_key(place) && db.is_current());
        self.failing.retain(|place, _| places.contains_key(place));
        for (place, agent) in places {
            let path = self.dir.join(&place);
            if self.open.contains_key(&place) {
                continue;
            }
            let met = cursor.agents.get(&place).is_some_and(|state| !state.windows.is_empty());
            if !met && db::is_being_made(&path, now.wall) {
                continue;
            }
            match AgentDb::open(&path, &agent) {
                Ok(db) => drop(self.open.insert(place, db)),
                Err(error) => self.fail(&place, error, now)?,
            }
        }
        Ok(())
    }

    /// The places of those that are open.
    pub fn places(&self) -> Vec<String> {
        self.open.keys().cloned().collect()
    }

    /// The place of an agent's store, if that is open.
    pub fn of_agent(&self, agent: &str) -> Option<String> {
        self.open.iter().find(|(_, db)| db.agent() == agent).map(|(place, _)| place.clone())
    }

    /// Asks the store at `place`; `None` if it is not open, or is passed over from now on.
    pub fn ask<T>(
        &mut self,
        place: &str,
        now: Now,
        read: impl FnOnce(&mut AgentDb) -> Result<T, ReadError>,
    ) -> Result<Option<T>, ReadError> {
        match self.open.get_mut(place).map(read).transpose() {
            Ok(answer) => Ok(answer),
            Err(error) => self.fail(place, error, now).map(|()| None),
        }
    }

    /// Ends a read that has come through: what it passed over, and why.
    pub fn end(&mut self) -> Vec<String> {
        self.failing.retain(|place, _| self.passed_over.contains_key(place));
        std::mem::take(&mut self.passed_over).into_values().collect()
    }

    fn fail(&mut self, place: &str, error: ReadError, now: Now) -> Result<(), ReadError> {
        // Opened anew, a file that was repaired is found.
        self.open.remove(place);
        if error.passes() {
            return Err(error);
        }
        let since = *self.failing.entry(place.to_owned()).or_insert(now.elapsed);
        if now.elapsed.saturating_sub(since) < PASSED_OVER_AFTER {
            return Err(error);
        }
        self.passed_over.insert(place.to_owned(), with_causes(&error));
        Ok(())
    }
}

/// The agents' databases that are there: place below the state directory → agent id. From OpenClaw's own list and from
/// the folders, because either may be ahead of the other.
pub(super) fn places(
    dir: &Path,
    listed: Vec<(String, String)>,
) -> Result<BTreeMap<String, String>, ReadError> {
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
