//! The projector: the one thread that writes `history.db`, page after page of the log, each with the cursor in the same
//! transaction, so that a crash repeats nothing and loses nothing.
//!
//! Whether a state counts, what a line keeps, what a call's end says is decided by the rows of `core`, as in the fleet:
//! a row is loaded, told of the event, and stored. What is different here is that nothing leaves but what the log lost.

mod batch;
pub(super) mod columns;
mod control;
pub(super) mod density;
mod details;
mod logs;
mod machines;
mod names;
mod runs;
mod sessions;
mod usage;

use std::ops::ControlFlow;
use std::sync::Arc;

use patze_core::event::{EventType, Family, Recorded};
use patze_core::time::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::door::Shared;
use super::file::{self, FileError, Opened};
use crate::log::{Follower, ReadError};
use crate::sqlite;
use batch::Batch;
use density::Rail;
use names::Names;

/// Positions of a transaction. Small enough that what was just stored is found within some ten milliseconds, large enough
/// that a rebuild is not held up by commits.
const PAGE: u64 = 4_000;
/// Free pages of the file that are given back after a transaction: each may have to be moved.
const PAGES: u64 = 1_000;

/// Why the projector stopped other than by the log's end. Its next instance goes on where the file ends.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// There is no file to write to.
    #[error(transparent)]
    File(#[from] FileError),
    /// The log cannot be read.
    #[error("the log cannot be read for history")]
    Log(#[from] ReadError),
    /// A transaction failed; nothing of it was stored.
    #[error("{file} cannot be written")]
    Write {
        /// The file.
        file: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// Why a transaction was not completed.
pub(super) enum Stop {
    Sqlite(rusqlite::Error),
    Log(ReadError),
    /// What was read before is to be forgotten: make the file anew.
    Redacted,
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// The projector. There is one.
#[derive(Debug)]
pub struct Projector {
    shared: Arc<Shared>,
}

/// What is kept between two transactions; all of it can be read back from the file.
struct Memory {
    names: Names,
    rail: Rail,
    next_run: i64,
    next_session: i64,
    /// Events up to here had been pruned and redacted already when the file was made.
    made_at: u64,
}

impl Projector {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Projects until the log is closed. Blocks; belongs on a thread of its own.
    ///
    /// # Errors
    /// If it cannot go on. Another projector may then be started.
    pub fn run(&self) -> Result<(), ProjectError> {
        let shared = &self.shared;
        let follower = shared.log.follower()?;
        loop {
            let Opened { conn, made } = self.open()?;
            match self.follow(conn, &follower) {
                Ok(()) => return Ok(()),
                Err(Stop::Log(error)) => return Err(error.into()),
                Err(Stop::Redacted) => shared.condemn("events were redacted"),
                // Once is mended by making it anew; a new file that is damaged at once is no longer its own fault.
                Err(Stop::Sqlite(error)) if file::is_misfit(&error) && made.is_none() => {
                    tracing::error!(%error, "history.db is damaged and is made anew");
                    shared.condemn("it was damaged");
                }
                Err(Stop::Sqlite(source)) => {
                    return Err(ProjectError::Write { file: shared.file.display().to_string(), source });
                }
            }
        }
    }

    fn open(&self) -> Result<Opened, ProjectError> {
        let shared = &self.shared;
        let head = shared.log.head();
        let opened = file::open(&shared.file, &head.log_id, head.position, shared.condemned())?;
        if let Some(reason) = opened.made {
            tracing::info!(reason, file = %shared.file.display(), to = head.position, "history is made anew");
        }
        Ok(opened)
    }

    /// Projects until the log is closed.
    fn follow(&self, mut conn: Connection, follower: &Follower) -> Result<(), Stop> {
        let shared = &self.shared;
        let number = |key| sqlite::meta_number::<u64>(&conn, key);
        let mut position: u64 = number("position")?.unwrap_or(0);
        let recorded_at =
            number("recordedAt")?.map_or(Timestamp::MIN, |at| Timestamp::from_millis(at as i64));
        let mut memory = Memory::load(&conn)?;
        shared.opened(position, recorded_at);
        while let Some(head) = follower.wait(position) {
            if shared.condemned().is_some() {
                return Err(Stop::Redacted);
            }
            let to = head.min(position.saturating_add(PAGE));
            let recorded_at = page(&mut conn, follower, &mut memory, position, to)?;
            position = to;
            shared.projected(position, recorded_at);
            let spare = sqlite::spare_pages(&conn)?;
            if spare > 0 {
                // After a cut it takes some transactions.
                sqlite::give_back(&conn, PAGES.min(spare))?;
            }
        }
        file::end(&conn).map_err(Stop::Sqlite)
    }
}

/// One transaction: the events after `after` and up to `to`. Gives the last one's time, if there were any.
fn page(
    conn: &mut Connection,
    follower: &Follower,
    memory: &mut Memory,
    after: u64,
    to: u64,
) -> Result<Option<Timestamp>, Stop> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut batch = Batch::new(&transaction, memory, follower);
    let (mut failed, mut last) = (None, None);
    let read = follower.read(after, to, |event| {
        last = Some(event.recorded_at);
        match batch.project(event) {
            Ok(()) => ControlFlow::Continue(()),
            Err(stop) => {
                failed = Some(stop);
                ControlFlow::Break(())
            }
        }
    });
    if let Some(stop) = failed {
        return Err(stop);
    }
    read.map_err(Stop::Log)?;
    batch.store()?;
    sqlite::set_meta(&transaction, "position", to)?;
    if let Some(at) = last {
        sqlite::set_meta(&transaction, "recordedAt", at.millis())?;
    }
    transaction.commit()?;
    Ok(last)
}

impl Memory {
    fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let next = |sql| conn.query_row(sql, [], |row| row.get(0));
        Ok(Self {
            names: Names::default(),
            rail: Rail::load(conn)?,
            next_run: next("SELECT coalesce(max(key), 0) + 1 FROM runs")?,
            next_session: next("SELECT coalesce(max(key), 0) + 1 FROM sessions")?,
            made_at: sqlite::meta_number(conn, "madeAt")?.unwrap_or(0),
        })
    }
}

impl Batch<'_> {
    /// One event, in the order of the fold (`Fleet::apply`).
    fn project(&mut self, event: &Recorded<'_>) -> Result<(), Stop> {
        self.memory.rail.event(self.transaction, event.recorded_at)?;
        let known = EventType::of(event.type_name);
        if known.is_none_or(|known| known.family() == Family::Control)
            && event.type_name.starts_with("control.")
        {
            return self.control(known, event);
        }
        self.see_machine(event)?;
        match known {
            Some(EventType::MachineRegistered) => self.registered(event)?,
            Some(EventType::MachineHeartbeat) => self.heartbeat(event)?,
            Some(EventType::SessionState) => self.session_state(event)?,
            Some(EventType::RunState) => self.run_state(event)?,
            Some(EventType::RunLog) => self.run_log(event)?,
            Some(EventType::GatewayLog) => self.gateway_log(event)?,
            Some(EventType::ToolStarted) => self.tool_started(event)?,
            Some(EventType::ToolCompleted) => self.tool_completed(event)?,
            Some(EventType::ModelUsage) => self.model_usage(event)?,
            Some(EventType::ResourceUsage) => self.resource_usage(event)?,
            Some(EventType::Span) => self.span(event)?,
            _ => {}
        }
        Ok(())
    }
}
