//! How OpenClaw's own records become events: the one mapper, whatever generation of OpenClaw they were read from.
//!
//! Pure: rows in, events out. No I/O, no clock. A reader (of SQLite, of files, …) fills the row structs of [`rows`],
//! keeps the state structs beside its cursor, and gives the events on.
//!
//! # Constraints
//!
//! 1. **Derived from the source alone.** Ids and times come from the rows, so the same history read twice gives the
//!    same events byte for byte, whatever the size of the pages, the order of the polls or the place of a restart.
//! 2. **Facts come from one place.** Runs and their ends come from the audit ledger, tool calls, usage and messages
//!    from the transcripts, sessions from the session tables. A run's end is never guessed from a transcript, a session's
//!    state never from `session_nodes.status`.
//! 3. **No text leaves (BR-2).** Prompts, replies, thinking, tool arguments and the results of tools that did not fail
//!    are counted, never copied, unless the user asked for them ([`Mapper::capture_content`]). What may leave is in
//!    [`redact`]: the first 300 characters of an error, secrets and home paths taken out.
//! 4. **Nothing is invented.** A row that cannot be understood gives no event.
//!
//! # The streams, and why their order does not matter
//!
//! ```text
//! audit_events, boots --ledger--> run.state.changed, session.state.changed, run.log.emitted (ends, refusals)
//! nodes, windows -------sessions---> session.state.changed (created)
//! transcript_events --transcript> run.tool.*, run.model.usage, channel.message, run.log.emitted (tool errors, …)
//! ```
//!
//! Each stream is a fold over its own rows in its own order (the ledger by `sequence`, a transcript by `seq` within its
//! window), with its own state ([`ledger::LedgerState`], [`sessions::AgentState`]); no stream's state feeds another.
//! So how far one has been read says nothing about what the others give. Three facts cross over, and each is a
//! *look-up* by the reader that has one answer once the source holds it:
//!
//! - **Why a run failed**: the audit ledger has a code, the transcript the words. [`transcript::failure_of`] finds them
//!   in the rows of that run up to [`FAILURE_WINDOW_MS`] after the end. OpenClaw holds an unsuccessful end back for
//!   15 s before it enters the ledger (measured, and read in 2026.9.6), and writes the words at most a few tens of
//!   milliseconds after the end's time, so they are there first. If they are not, the reader waits for them until the
//!   end is [`FAILURE_WINDOW_MS`] old and then does without.
//! - **Which session a run belongs to** ([`sessions::Sessions::of_run`]): a node is written before its first run enters the
//!   ledger. A reader looks at the ledger first and at the session tables after, so it never meets a run whose node it
//!   cannot see. A run's end uses the session of its start.
//! - **Which channel a session talks through**: the window's column, as it stands when it is read. It is the one additive
//!   field that may differ when the history is read again later; EL-3 keeps the first.
//!
//! **Crashes.** A `gateway_boot_lifecycle` row ends every run that was active and had started before it. It takes its
//! place before the first ledger row that is not older than the boot; the boots and the ledger are in one database and
//! are read in one transaction, a gateway that was killed writes nothing more, and the next one writes only what happens
//! after its boot. So that place is the same whenever one looks.
//!
//! # Ids
//!
//! An event id is hash(machine, home, entity, kind) behind the event's time; the entity is a run (`run:<run id>`), a
//! session (`session:<key>`) or a transcript entry (`entry:<message id>`), never a row number, which another generation or
//! a rewritten transcript would change. A copied transcript (a fork) keeps its message ids and is therefore not counted
//! twice. When the meaning of a kind changes, its name in the id changes, and [`MAPPER_VERSION`] with it.

pub mod ledger;
pub mod redact;
pub mod rows;
pub mod sessions;
pub mod transcript;

mod emit;
mod entry;
mod payloads;
#[cfg(test)]
mod testing;

use std::path::PathBuf;

use crate::ids::{AgentId, Home, MachineId, RunId, SessionId, entity_id};

/// The version of these rules. The spool records it; another one reads every home from the start (design §11).
pub const MAPPER_VERSION: u32 = 1;

/// How long after a run's end the words for its failure may still be written, ms of the source's time.
pub const FAILURE_WINDOW_MS: i64 = 10_000;

/// The longest piece of captured content, in characters; only with [`Mapper::capture_content`].
pub const MAX_CONTENT_CHARS: usize = 32_768;

/// Which home on which machine; part of every id (design §5, §18.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeIdentity {
    /// The machine.
    pub machine: MachineId,
    /// The canonical absolute path of the state directory; it goes into ids, never into events.
    pub path: String,
    /// The shown name: the profile, `default` for `~/.openclaw`.
    pub name: Home,
    /// The user's folder, written `~` wherever an error names it.
    pub user_dir: Option<PathBuf>,
}

impl HomeIdentity {
    /// The id of the session that OpenClaw calls `key`.
    pub fn session_id(&self, key: &str) -> SessionId {
        SessionId::from(entity_id("s_", &self.machine, &self.path, key))
    }

    /// The id of the run that OpenClaw calls `run_id`.
    pub fn run_id(&self, run_id: &str) -> RunId {
        RunId::from(entity_id("r_", &self.machine, &self.path, run_id))
    }
}

/// Turns rows into events for one home.
#[derive(Clone, Debug)]
pub struct Mapper {
    /// Whose rows they are.
    pub home: HomeIdentity,
    /// Whether texts may be added to events (`BRIDGE_CAPTURE_CONTENT=1`; design §11, BR-2). Off by default.
    pub capture_content: bool,
}

/// The agent that a key `agent:<agent>:<rest>` names.
pub fn agent_of_key(key: &str) -> Option<AgentId> {
    let (agent, _) = key.strip_prefix("agent:")?.split_once(':')?;
    (!agent.is_empty()).then(|| AgentId::from(agent))
}
