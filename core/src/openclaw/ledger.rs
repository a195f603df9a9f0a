//! The audit ledger and the gateway's boots: runs, and the sessions' states that follow from them.
//!
//! # Rules (openclaw.md §10, §2.4)
//!
//! - `started` → running; `succeeded` → completed; `failed`, `timed_out`, `blocked` and an unknown outcome → failed,
//!   with the code and the words; `cancelled` → cancelled. The first end wins: OpenClaw may write `cancelled` and then
//!   `failed` for one abort, and may start a run anew under an id that has ended.
//! - A run that was refused before it started has only an end: created → failed.
//! - A boot ends the runs that were active before it: failed(`interrupted`). The interrupted turn is resumed under a new
//!   run id, which is a run of its own.
//! - A session runs from the first start on until its last active run has ended, and then is what the run that ended last
//!   is. One event for each change; an end that comes late into the ledger (unsuccessful ones do, by 15 s) neither ends
//!   a session in which another run is active, nor dates the session's end back.
//!
//! The state between polls is the runs that are active and the last runs that ended: a function of the rows before the
//! cursor.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::Mapper;
use super::rows::{AuditRow, BootRow};
use super::sessions::Session;
use crate::event::Event;

/// How many ended runs are remembered, to know a second end (or a start that comes after) as such. They follow within
/// seconds, so few are needed.
const ENDED_KEPT: usize = 64;

/// What is known of the ledger before the cursor; serialised as a part of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerState {
    /// The sequence of the last row that was mapped.
    pub sequence: i64,
    /// When the last boot that was mapped happened.
    pub boot: i64,
    /// The runs that have started and not ended, by OpenClaw's run id.
    #[serde(default)]
    pub active: BTreeMap<String, ActiveRun>,
    /// The runs that ended last, oldest first.
    #[serde(default)]
    ended: VecDeque<String>,
    /// The latest end in each session that has active runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    latest: BTreeMap<String, End>,
}

/// A run that has started and not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveRun {
    /// When it started.
    pub started_at: i64,
    /// The session that it started in; its end is told for the same session.
    // As spools have it.
    #[serde(rename = "lane")]
    pub session: Session,
    /// The conversation window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    at: i64,
    run: String,
    to: String,
    session_id: Option<String>,
}

/// A run, as its events name it.
pub(super) struct Run<'a> {
    pub id: &'a str,
    pub session: &'a Session,
    pub session_id: Option<&'a str>,
}

/// What an audit row says of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunFact<'a> {
    /// It started.
    Started,
    /// It ended well.
    Completed,
    /// It was cancelled.
    Cancelled,
    /// It failed, with this code.
    Failed(&'a str),
}

impl AuditRow {
    /// The run that the row is of and what it says, if it is about a run.
    pub fn run(&self) -> Option<(&str, RunFact<'_>)> {
        let run = self.run_id.as_deref().filter(|_| self.kind == "agent_run")?;
        let fact = match (self.action.as_str(), self.status.as_str()) {
            ("agent.run.started", _) => RunFact::Started,
            ("agent.run.finished", "succeeded") => RunFact::Completed,
            ("agent.run.finished", "cancelled") => RunFact::Cancelled,
            ("agent.run.finished", status) => {
                RunFact::Failed(self.error_code.as_deref().unwrap_or(match status {
                    "timed_out" => "run_timed_out",
                    "blocked" => "run_blocked",
                    "unknown" => "run_outcome_unknown",
                    _ => "run_failed",
                }))
            }
            _ => return None,
        };
        Some((run, fact))
    }
}

impl LedgerState {
    /// Whether the row is the end of a failed run, for which words are to be looked up. Gives the run, and when it
    /// started if that is known.
    pub fn wants_words<'a>(&self, row: &'a AuditRow) -> Option<(&'a str, Option<i64>)> {
        match row.run()? {
            (run, RunFact::Failed(_)) if !self.ended.iter().any(|ended| ended == run) => {
                Some((run, self.active.get(run).map(|active| active.started_at)))
            }
            _ => None,
        }
    }

    fn remember_end(&mut self, run: &str) {
        if self.ended.len() == ENDED_KEPT {
            self.ended.pop_front();
        }
        self.ended.push_back(run.to_owned());
    }

    /// Notes an end in the session and gives the end that the whole session has, if none of its runs is active now.
    fn session_end(&mut self, session: &str, end: End) -> Option<End> {
        let latest = match self.latest.remove(session) {
            Some(latest) if latest.at > end.at => latest,
            _ => end,
        };
        if self.active.values().any(|run| run.session.key == session) {
            self.latest.insert(session.to_owned(), latest);
            return None;
        }
        Some(latest)
    }
}

impl Mapper {
    /// Maps one audit row. `session` is the session that the session tables give for it, `words` what the transcript says of
    /// a failure ([`LedgerState::wants_words`]).
    pub fn audit(
        &self,
        state: &mut LedgerState,
        row: &AuditRow,
        session: &Session,
        words: Option<&str>,
        out: &mut Vec<Event>,
    ) {
        state.sequence = row.sequence;
        let Some((run, fact)) = row.run() else { return };
        if state.ended.iter().any(|ended| ended == run) {
            return;
        }
        let (to, reason) = match fact {
            RunFact::Started => return self.started(state, row, run, session, out),
            RunFact::Completed => ("completed", None),
            RunFact::Cancelled => ("cancelled", row.error_code.clone()),
            RunFact::Failed(code) => ("failed", Some(self.reason(code, words))),
        };
        let end = End {
            at: row.occurred_at,
            run: run.to_owned(),
            to: to.to_owned(),
            session_id: row.session_id.clone(),
        };
        self.ended(state, end, session, reason.as_deref(), out);
    }

    /// Maps one boot: it ends the runs that were active before it.
    pub fn boot(&self, state: &mut LedgerState, boot: &BootRow, out: &mut Vec<Event>) {
        state.boot = boot.started_at;
        let cut: Vec<String> = state
            .active
            .iter()
            .filter(|(_, run)| run.started_at < boot.started_at)
            .map(|(id, _)| id.clone())
            .collect();
        for run in cut {
            let Some(active) = state.active.get(&run) else { continue };
            let session_id = active.session_id.clone();
            let session = active.session.clone();
            let end = End { at: boot.started_at, run, to: "failed".to_owned(), session_id };
            self.ended(state, end, &session, Some("interrupted"), out);
        }
    }

    fn started(
        &self,
        state: &mut LedgerState,
        row: &AuditRow,
        id: &str,
        session: &Session,
        out: &mut Vec<Event>,
    ) {
        if state.active.contains_key(id) {
            return;
        }
        let idle = !state.active.values().any(|active| active.session.key == session.key);
        let run = Run { id, session, session_id: row.session_id.as_deref() };
        out.extend(self.run_changed(&run, row.occurred_at, "created", "running", None));
        if idle {
            out.extend(self.session_changed(&run, row.occurred_at, "created", "running"));
        }
        let active = ActiveRun {
            started_at: row.occurred_at,
            session: session.clone(),
            session_id: row.session_id.clone(),
        };
        state.active.insert(id.to_owned(), active);
    }

    fn ended(
        &self,
        state: &mut LedgerState,
        end: End,
        session: &Session,
        reason: Option<&str>,
        out: &mut Vec<Event>,
    ) {
        let active = state.active.remove(&end.run);
        state.remember_end(&end.run);
        let (from, session) =
            active.as_ref().map_or(("created", session), |active| ("running", &active.session));
        let run = Run { id: &end.run, session, session_id: end.session_id.as_deref() };
        out.extend(self.run_changed(&run, end.at, from, &end.to, reason));
        out.extend(self.run_end_log(&run, end.at, from == "created", &end.to, reason));
        if let Some(last) = state.session_end(&session.key, end) {
            let run = Run { id: &last.run, session, session_id: last.session_id.as_deref() };
            out.extend(self.session_changed(&run, last.at, from, &last.to));
        }
    }

    /// The code of a failure, and of its words the first [`super::redact::MAX_ERROR_CHARS`] characters, redacted.
    fn reason(&self, code: &str, words: Option<&str>) -> String {
        match words.map(|words| self.error_text(words)).filter(|words| !words.is_empty()) {
            Some(words) => format!("{code}: {words}"),
            None => code.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
