//! What `patze verify` does: walks every digest, rebuilds the fleet from the base, compares it with what is stored.
//!
//! Reads only, in one read transaction, so that it works beside a running server. A digest covers a whole transaction and
//! proves it; its sums say which row of it is another one. A commit that is older than sums is named as a whole.
//!
//! Where history was pruned, one commit stands for a range: the rows that stay are compared with the digest that the
//! newest `control.pruned` tells of it, and that event is itself a row that the chain protects. A hole is legal only in
//! such a range, and only where its sums name no row (EL-1). Where history was cut, the walk and the rebuild begin with
//! the base.

mod walk;

use std::path::{Path, PathBuf};

use patze_core::event::Recorded;
use patze_core::fleet::{FOLD_VERSION, Fleet};
use patze_core::ids::LogId;
use rusqlite::{Connection, OptionalExtension as _};

use super::base;
use super::checkpoint::{self, CodecError};
use super::digest::{Digest, GENESIS, hex};
use super::open::{self, OpenError};
use super::row::{self, RowError};
use crate::sqlite::{self, sql};

/// How many findings are kept; the rest is counted.
const FINDINGS: usize = 100;

/// What was found. All is well if there are no findings.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which history it is.
    pub log_id: LogId,
    /// Events read.
    pub events: u64,
    /// Commits walked.
    pub commits: u64,
    /// Checkpoints of this fold version that were compared.
    pub checkpoints: u64,
    /// The last position.
    pub position: u64,
    /// The digest chain up to there, as computed from the rows since the last fault.
    pub digest: Digest,
    /// SHA-256 of the fleet rebuilt from the base.
    pub state: [u8; 32],
    /// The fold's version, which that hash belongs to.
    pub fold_version: u32,
    /// The first faults, by position.
    pub findings: Vec<Finding>,
    /// All faults, those included that are not kept.
    pub faults: u64,
}

/// One fault.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Finding {
    /// The file itself is damaged.
    #[error("the database file is damaged: {0}")]
    File(String),
    /// A row is gone.
    #[error("position {position} is missing (commit {first}–{last})")]
    Hole {
        /// The first position that is missing.
        position: u64,
        /// The commit's first position.
        first: u64,
        /// The commit's last position.
        last: u64,
    },
    /// A row was changed after it was committed. Two rows that were swapped are two of these.
    #[error("position {position} does not hold the row that was committed there (commit {first}–{last})")]
    Row {
        /// The position.
        position: u64,
        /// The commit's first position.
        first: u64,
        /// The commit's last position.
        last: u64,
    },
    /// A row stands where a pruning left none.
    #[error("position {position} holds a row although it was pruned ({first}–{last})")]
    Extra {
        /// The position.
        position: u64,
        /// The pruned range's first position.
        first: u64,
        /// The pruned range's last position.
        last: u64,
    },
    /// The rows are sound, the sums that would locate a change are not.
    #[error("the sums of the commit {first}–{last} were changed; its rows are the ones that were committed")]
    Sums {
        /// The commit's first position.
        first: u64,
        /// The commit's last position.
        last: u64,
    },
    /// A range was pruned and no event says so.
    #[error("no control.pruned event speaks for the range {first}–{last}, which lacks rows or texts")]
    Unspoken {
        /// The range's first position.
        first: u64,
        /// The range's last position.
        last: u64,
    },
    /// The base is not the one that the log tells of, or cannot be read.
    #[error("the base at position {position} {reason}")]
    Base {
        /// The base's position.
        position: u64,
        /// What is wrong.
        reason: String,
    },
    /// Rows of a commit were changed after they were committed; which ones cannot be told.
    #[error("the rows of the commit {first}–{last} are not the ones that were committed")]
    Changed {
        /// The commit's first position.
        first: u64,
        /// The commit's last position.
        last: u64,
    },
    /// A row holds what the log never writes.
    #[error("position {position} (commit {first}–{last}): {reason}")]
    Odd {
        /// The row's position.
        position: u64,
        /// The commit's first position.
        first: u64,
        /// The commit's last position.
        last: u64,
        /// What is odd.
        reason: String,
    },
    /// Commits do not follow on each other.
    #[error("a commit begins at position {first} where {expected} comes next")]
    Gap {
        /// The position that the next commit should begin with.
        expected: u64,
        /// The position that it begins with.
        first: u64,
    },
    /// An event that no commit holds.
    #[error("no commit holds the event at position {position}")]
    Stray {
        /// The event's position.
        position: u64,
    },
    /// A stored checkpoint is not the state at its position, or cannot be read.
    #[error("the checkpoint at position {position} {reason}")]
    Checkpoint {
        /// The checkpoint's position.
        position: u64,
        /// What is wrong.
        reason: String,
    },
    /// Newest checkpoint + tail is another state than the one that is rebuilt from the base (FO-1).
    #[error(
        "checkpoint {checkpoint} and the tail up to {position} give another state than the whole log (FO-1)"
    )]
    State {
        /// The checkpoint's position.
        checkpoint: u64,
        /// The log's last position.
        position: u64,
    },
}

/// Why the log was not verified to its end.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is no log of ours.
    #[error(transparent)]
    Unfit(#[from] OpenError),
    /// There is none.
    #[error("{} does not exist; see PATZE_SETTINGS_DIR", path.display())]
    Absent {
        /// The database file.
        path: PathBuf,
    },
    /// SQLite cannot read it.
    #[error("{} cannot be read; put a backup in its place, or save what can be read with sqlite3's .recover", path.display())]
    Read {
        /// The database file.
        path: PathBuf,
        /// What was found.
        source: rusqlite::Error,
    },
}

/// Findings, the first of which are kept.
#[derive(Default)]
struct Findings {
    kept: Vec<Finding>,
    count: u64,
}

/// The fleets that are compared with what is stored.
struct States {
    rebuilt: Fleet,
    /// The newest checkpoint and what came after it.
    tail: Option<(u64, Fleet)>,
    /// Positions of checkpoints that are still to come, in descending order.
    ahead: Vec<u64>,
    compared: u64,
}

/// Verifies the database `file`. Blocks; reads it all.
///
/// # Errors
/// If it cannot be read. What is wrong with what can be read is in the report.
pub fn verify(file: &Path) -> Result<Report, VerifyError> {
    if !file.exists() {
        return Err(VerifyError::Absent { path: file.into() });
    }
    open::check_header(file)?;
    sqlite::for_reading(file)
        .and_then(|conn| check(&conn))
        .map_err(|source| VerifyError::Read { path: file.into(), source })
}

fn check(conn: &Connection) -> rusqlite::Result<Report> {
    conn.execute_batch("BEGIN")?;
    let log_id: String =
        conn.query_row("SELECT value FROM meta WHERE key = 'logId'", [], |row| row.get(0))?;
    let mut findings = Findings::default();
    quick_check(conn, &mut findings)?;

    let (rebuilt, begin) = check_base(conn, &mut findings)?;
    let after = begin.position;
    let mut ahead = checkpoint::positions(conn)?;
    ahead.retain(|position| *position > after);
    ahead.reverse();
    let mut states = States { rebuilt, tail: None, ahead, compared: 0 };
    let mut commits = conn.prepare(walk::COMMITS)?;
    let commits = commits.query([sql(after), i64::MAX])?;
    let mut walk = walk::Walk::begin(conn, commits, begin, &mut findings)?;
    let mut events = 0;
    let mut statement = conn.prepare(row::SELECT)?;
    let mut rows = statement.query([sql(after), i64::MAX])?;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => break,
            Err(error) => {
                findings.add(Finding::File(format!("after {events} events: {error}")));
                break;
            }
        };
        events += 1;
        match row::recorded(row) {
            Ok(event) => {
                walk.row(&event, &mut findings)?;
                states.fold(conn, &event, &mut findings)?;
            }
            Err(RowError::Sqlite(error)) => return Err(error),
            Err(odd @ RowError::Odd { .. }) => {
                walk.odd_row(sqlite::count(row, 0)?, odd.to_string(), &mut findings)?;
            }
        }
    }
    let walked = walk.finish(&mut findings)?;
    let state = states.finish(&mut findings);
    Ok(Report {
        log_id: LogId::from(log_id),
        events,
        commits: walked.commits,
        checkpoints: states.compared,
        position: walked.position,
        digest: walked.digest,
        state,
        fold_version: FOLD_VERSION,
        findings: findings.kept,
        faults: findings.count,
    })
}

/// The base's fleet and the place where the walk begins; an empty fleet and the beginning where nothing was cut.
fn check_base(conn: &Connection, findings: &mut Findings) -> rusqlite::Result<(Fleet, Walked)> {
    let Some(base) = base::stored(conn)? else { return Ok(Default::default()) };
    let position = base.position;
    let mut fault = |reason: String| findings.add(Finding::Base { position, reason });
    match walk::spoken(conn, base.pruned)? {
        Some(spoken) if spoken.last == position && spoken.digest == base.digest() => {
            if spoken.chain != hex(&base.chain) {
                fault("goes on from another digest than the one that was cut after".to_owned());
            }
        }
        _ => fault("is not the one that a control.pruned event speaks for".to_owned()),
    }
    let fleet = match base.fleet() {
        Ok(fleet) if fleet.position() <= position => fleet,
        Ok(_) => {
            fault("is of another position".to_owned());
            Fleet::default()
        }
        Err(error) => {
            fault(explain(&error));
            Fleet::default()
        }
    };
    Ok((fleet, Walked { commits: 0, position, digest: base.chain }))
}

/// Walks the commits `first`–`last` as [`verify`] does and shows each row with its sum to `each`. What was found wrong, if
/// anything, and the number of commits.
pub(super) fn range(
    conn: &Connection,
    (first, last): (u64, u64),
    mut each: impl FnMut(&Recorded<'_>, u32),
) -> Result<(u64, Option<Finding>), RowError> {
    let before = conn
        .prepare_cached("SELECT digest FROM commits WHERE first < ?1 ORDER BY first DESC LIMIT 1")?
        .query_row([sql(first)], |row| row.get(0))
        .optional()?;
    let before = match before {
        Some(digest) => digest,
        None => base::stored(conn)?.map_or(GENESIS, |base| base.chain),
    };
    let mut findings = Findings::default();
    let mut commits = conn.prepare_cached(walk::COMMITS)?;
    let commits = commits.query([sql(first - 1), sql(last)])?;
    let walked = Walked { commits: 0, position: first - 1, digest: before };
    let mut walk = walk::Walk::begin(conn, commits, walked, &mut findings)?;
    let mut statement = conn.prepare_cached(row::SELECT)?;
    let mut rows = statement.query([sql(first - 1), sql(last)])?;
    while let Some(row) = rows.next()? {
        let event = row::recorded(row)?;
        if let Some(sum) = walk.row(&event, &mut findings)? {
            each(&event, sum);
        }
    }
    let walked = walk.finish(&mut findings)?;
    if walked.position != last {
        findings.add(Finding::Gap { expected: walked.position + 1, first: last + 1 });
    }
    Ok((walked.commits, findings.kept.into_iter().next()))
}

fn quick_check(conn: &Connection, findings: &mut Findings) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(&format!("PRAGMA quick_check({FINDINGS})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let verdict: String = row.get(0)?;
        if verdict != "ok" {
            findings.add(Finding::File(verdict));
        }
    }
    Ok(())
}

// === impl Report ===

impl Report {
    /// Whether nothing was found.
    pub fn is_sound(&self) -> bool {
        self.faults == 0
    }
}

// === impl Findings ===

impl Findings {
    fn add(&mut self, finding: Finding) {
        self.count += 1;
        if self.kept.len() < FINDINGS {
            self.kept.push(finding);
        }
    }
}

// === impl States ===

impl States {
    fn fold(
        &mut self,
        conn: &Connection,
        event: &Recorded<'_>,
        findings: &mut Findings,
    ) -> rusqlite::Result<()> {
        let mut changes = Vec::new();
        self.rebuilt.apply(event, &mut changes);
        if let Some((_, tail)) = &mut self.tail {
            tail.apply(event, &mut changes);
        }
        while let Some(at) = self.ahead.pop_if(|at| *at <= event.position) {
            self.compared += 1;
            let reason = match checkpoint::at(conn, at)? {
                Err(error) => explain(&error),
                Ok(fleet) if at != event.position || fleet.position() != at => {
                    "is of a position without an event".to_owned()
                }
                Ok(fleet) if fleet.hash() != self.rebuilt.hash() => {
                    "is not the state that the log gives there".to_owned()
                }
                Ok(fleet) => {
                    self.tail = Some((at, fleet));
                    continue;
                }
            };
            findings.add(Finding::Checkpoint { position: at, reason });
        }
        Ok(())
    }

    /// The hash of the rebuilt state.
    fn finish(&self, findings: &mut Findings) -> [u8; 32] {
        for at in self.ahead.iter().rev() {
            let reason = "lies beyond the end of the log".to_owned();
            findings.add(Finding::Checkpoint { position: *at, reason });
        }
        let state = self.rebuilt.hash();
        if let Some((checkpoint, tail)) = &self.tail
            && tail.hash() != state
        {
            let position = self.rebuilt.position();
            findings.add(Finding::State { checkpoint: *checkpoint, position });
        }
        state
    }
}

fn explain(error: &CodecError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(" ({source})")).unwrap_or_default();
    format!("cannot be read: {error}{source}")
}

/// What a walk over the commits came to.
struct Walked {
    commits: u64,
    position: u64,
    digest: Digest,
}

impl Default for Walked {
    fn default() -> Self {
        Self { commits: 0, position: 0, digest: GENESIS }
    }
}
