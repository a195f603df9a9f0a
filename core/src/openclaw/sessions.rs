//! Sessions: which session a key, a window or a run belongs to, and when a session was created.
//!
//! # Rules (openclaw.md §10)
//!
//! - Every key in the store is a session as it stands, `…:run:<id>` keys included. A window belongs to its key's session.
//! - A key that only the audit ledger names loses its `:run:<id>` suffix: its runs belong to the job's session.
//! - **Except while it passes.** For the time of a scheduled run OpenClaw keeps a node `<job key>:run:<id>`, moves the
//!   window to it, and takes the node away again if the run went well (read in 2026.9.6: `cronRunContinuation` with
//!   phase `running`, or `ready` and `basePersisted`). If it were taken as it stands, whoever looks at the right moment
//!   would see a session a run, and whoever reads later one session for all. So a passing node's key counts as the job's,
//!   and a window that was first met under one keeps the job's session ([`WindowState::session`]).
//! - A session is `created` once, at the first of its windows; a key without windows of its own (the job of a failed
//!   scheduled run) when the window that it shows was opened.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::rows::{SessionNode, SessionWindow};
use super::transcript::WindowState;
use super::{FAILURE_WINDOW_MS, Mapper};
use crate::event::Event;
use crate::time::Timestamp;

/// What is known of an agent's store before the cursor; serialised beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentState {
    /// The windows that have been met, by session id, with how far each has been read.
    #[serde(default)]
    pub windows: BTreeMap<String, WindowState>,
    /// The keys without windows of their own that have been met.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<String>,
}

/// A session, with the facts that its events carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The session key.
    pub key: String,
    /// The agent.
    pub agent: String,
    /// The channel that it talks through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The key of the session that spawned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// When its first window was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
}

/// An agent's session tables as they stand at one moment.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    agent: String,
    nodes: BTreeMap<String, SessionNode>,
    windows: BTreeMap<String, SessionWindow>,
    /// The windows in the order in which they were opened.
    order: Vec<String>,
    /// The sessions that have windows.
    sessions: BTreeMap<String, SessionWindows>,
}

/// What a session's windows say of it.
#[derive(Clone, Debug, Default)]
struct SessionWindows {
    /// The session id of the first.
    first: String,
    /// The channel of the newest that has one.
    channel: Option<String>,
}

impl Sessions {
    /// The sessions of `agent`.
    pub fn new(
        agent: &str,
        nodes: impl IntoIterator<Item = SessionNode>,
        windows: impl IntoIterator<Item = SessionWindow>,
    ) -> Self {
        let nodes = nodes.into_iter().map(|node| (node.key.clone(), node)).collect();
        let windows: BTreeMap<_, _> = windows.into_iter().map(|w| (w.session_id.clone(), w)).collect();
        let mut order: Vec<_> = windows.keys().cloned().collect();
        order.sort_by_key(|id| windows[id].created_at);
        let mut made = Self { agent: agent.to_owned(), nodes, windows, order, sessions: BTreeMap::new() };
        let mut sessions: BTreeMap<String, SessionWindows> = BTreeMap::new();
        for window in made.windows() {
            let session = sessions
                .entry(made.session_key(&window.key).to_owned())
                .or_insert_with(|| SessionWindows { first: window.session_id.clone(), channel: None });
            if window.channel.is_some() {
                session.channel.clone_from(&window.channel);
            }
        }
        made.sessions = sessions;
        made
    }

    /// The windows, oldest first.
    pub fn windows(&self) -> impl Iterator<Item = &SessionWindow> {
        self.order.iter().map(|id| &self.windows[id])
    }

    /// The session of a run that the ledger attributes to `key` and the window `session_id`.
    pub fn of_run(&self, key: Option<&str>, session_id: Option<&str>) -> Session {
        let window = session_id.and_then(|id| self.windows.get(id)).map(|window| window.key.as_str());
        self.session(key.or(window).map_or("unknown", |key| self.session_key(key)))
    }

    /// The session of a window that has been met as `state`.
    pub fn of_window(&self, window: &SessionWindow, state: &WindowState) -> Session {
        self.session(state.session.as_deref().unwrap_or_else(|| self.session_key(&window.key)))
    }

    fn session_key<'a>(&self, key: &'a str) -> &'a str {
        let stands = self.nodes.get(key).is_some_and(|node| !node.passing);
        if stands { key } else { without_run(key) }
    }

    fn session(&self, key: &str) -> Session {
        let session = self.sessions.get(key);
        let first = session.and_then(|session| self.windows.get(&session.first));
        Session {
            key: key.to_owned(),
            agent: self.agent.clone(),
            channel: session.and_then(|session| session.channel.clone()),
            parent: first.and_then(|window| window.parent.clone()),
            started_at: first.map(|window| window.created_at),
        }
    }
}

/// A key without the `:run:<id>` that names one run of a scheduled job.
pub fn without_run(key: &str) -> &str {
    key.find(":run:").map_or(key, |at| &key[..at])
}

impl Mapper {
    /// Takes up the windows and keys that have not been met, and forgets those that are gone from the store.
    ///
    /// `now` decides one thing only: a key whose window is not there yet is waited for until it is
    /// [`FAILURE_WINDOW_MS`] old.
    pub fn sessions(
        &self,
        sessions: &Sessions,
        state: &mut AgentState,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) {
        for window in sessions.windows() {
            if state.windows.contains_key(&window.session_id) {
                continue;
            }
            let key = sessions.session_key(&window.key);
            let first = sessions.sessions.get(key).is_some_and(|session| session.first == window.session_id);
            if first && !state.keys.contains(key) {
                out.extend(self.session_created(
                    &sessions.session(key),
                    &window.session_id,
                    window.created_at,
                ));
            }
            let session = (key != window.key).then(|| key.to_owned());
            state.windows.insert(window.session_id.clone(), WindowState::new(session));
        }
        state.windows.retain(|id, _| sessions.windows.contains_key(id));

        let with_windows: BTreeSet<&str> = sessions.windows.values().map(|w| w.key.as_str()).collect();
        for node in sessions.nodes.values() {
            if node.passing || with_windows.contains(node.key.as_str()) || state.keys.contains(&node.key) {
                continue;
            }
            let shown = sessions.windows.get(&node.session_id);
            if shown.is_none() && now.millis() < node.made_at.saturating_add(FAILURE_WINDOW_MS) {
                continue;
            }
            let at = shown.map_or(node.made_at, |window| window.created_at);
            out.extend(self.session_created(&sessions.session(&node.key), &node.session_id, at));
            state.keys.insert(node.key.clone());
        }
        state.keys.retain(|key| sessions.nodes.contains_key(key));
    }
}

#[cfg(test)]
mod tests;
