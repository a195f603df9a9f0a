//! Lanes: which session a key, a window or a run belongs to, and when a lane was created.
//!
//! # Rules (openclaw.md §10)
//!
//! - Every key in the store is a lane as it stands, `…:run:<id>` keys included. A window belongs to its key's lane.
//! - A key that only the audit ledger names loses its `:run:<id>` suffix: its runs belong to the job's lane.
//! - **Except while it passes.** For the time of a scheduled run OpenClaw keeps a node `<job key>:run:<id>`, moves the
//!   window to it, and takes the node away again if the run went well (read in 2026.9.6: `cronRunContinuation` with
//!   phase `running`, or `ready` and `basePersisted`). If it were taken as it stands, whoever looks at the right moment
//!   would see a lane a run, and whoever reads later one lane for all. So a passing node's key counts as the job's,
//!   and a window that was first met under one keeps the job's lane ([`WindowState::lane`]).
//! - A lane is `created` once, at the first of its windows; a key without windows of its own (the job of a failed
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

/// A lane, with the facts that its events carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The session key.
    pub key: String,
    /// The agent.
    pub agent: String,
    /// The channel that it talks through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The key of the lane that spawned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// When its first window was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
}

/// An agent's session tables as they stand at one moment.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    agent: String,
    nodes: BTreeMap<String, SessionNode>,
    windows: BTreeMap<String, SessionWindow>,
    /// The windows in the order in which they were opened.
    order: Vec<String>,
    /// The lanes that have windows.
    lanes: BTreeMap<String, LaneWindows>,
}

/// What a lane's windows say of it.
#[derive(Clone, Debug, Default)]
struct LaneWindows {
    /// The session id of the first.
    first: String,
    /// The channel of the newest that has one.
    channel: Option<String>,
}

impl Lanes {
    /// The lanes of `agent`.
    pub fn new(
        agent: &str,
        nodes: impl IntoIterator<Item = SessionNode>,
        windows: impl IntoIterator<Item = SessionWindow>,
    ) -> Self {
        let nodes = nodes.into_iter().map(|node| (node.key.clone(), node)).collect();
        let windows: BTreeMap<_, _> = windows.into_iter().map(|w| (w.session_id.clone(), w)).collect();
        let mut order: Vec<_> = windows.keys().cloned().collect();
        order.sort_by_key(|id| windows[id].created_at);
        let mut made = Self { agent: agent.to_owned(), nodes, windows, order, lanes: BTreeMap::new() };
        let mut lanes: BTreeMap<String, LaneWindows> = BTreeMap::new();
        for window in made.windows() {
            let lane = lanes
                .entry(made.lane_key(&window.key).to_owned())
                .or_insert_with(|| LaneWindows { first: window.session_id.clone(), channel: None });
            if window.channel.is_some() {
                lane.channel.clone_from(&window.channel);
            }
        }
        made.lanes = lanes;
        made
    }

    /// The windows, oldest first.
    pub fn windows(&self) -> impl Iterator<Item = &SessionWindow> {
        self.order.iter().map(|id| &self.windows[id])
    }

    /// The lane of a run that the ledger attributes to `key` and the window `session_id`.
    pub fn of_run(&self, key: Option<&str>, session_id: Option<&str>) -> Lane {
        let window = session_id.and_then(|id| self.windows.get(id)).map(|window| window.key.as_str());
        self.lane(key.or(window).map_or("unknown", |key| self.lane_key(key)))
    }

    /// The lane of a window that has been met as `state`.
    pub fn of_window(&self, window: &SessionWindow, state: &WindowState) -> Lane {
        self.lane(state.lane.as_deref().unwrap_or_else(|| self.lane_key(&window.key)))
    }

    fn lane_key<'a>(&self, key: &'a str) -> &'a str {
        let stands = self.nodes.get(key).is_some_and(|node| !node.passing);
        if stands { key } else { without_run(key) }
    }

    fn lane(&self, key: &str) -> Lane {
        let lane = self.lanes.get(key);
        let first = lane.and_then(|lane| self.windows.get(&lane.first));
        Lane {
            key: key.to_owned(),
            agent: self.agent.clone(),
            channel: lane.and_then(|lane| lane.channel.clone()),
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
    pub fn lanes(&self, lanes: &Lanes, state: &mut AgentState, now: Timestamp, out: &mut Vec<Event>) {
        for window in lanes.windows() {
            if state.windows.contains_key(&window.session_id) {
                continue;
            }
            let key = lanes.lane_key(&window.key);
            let first = lanes.lanes.get(key).is_some_and(|lane| lane.first == window.session_id);
            if first && !state.keys.contains(key) {
                out.extend(self.session_created(&lanes.lane(key), &window.session_id, window.created_at));
            }
            let lane = (key != window.key).then(|| key.to_owned());
            state.windows.insert(window.session_id.clone(), WindowState::new(lane));
        }
        state.windows.retain(|id, _| lanes.windows.contains_key(id));

        let with_windows: BTreeSet<&str> = lanes.windows.values().map(|w| w.key.as_str()).collect();
        for node in lanes.nodes.values() {
            if node.passing || with_windows.contains(node.key.as_str()) || state.keys.contains(&node.key) {
                continue;
            }
            let shown = lanes.windows.get(&node.session_id);
            if shown.is_none() && now.millis() < node.made_at.saturating_add(FAILURE_WINDOW_MS) {
                continue;
            }
            let at = shown.map_or(node.made_at, |window| window.created_at);
            out.extend(self.session_created(&lanes.lane(&node.key), &node.session_id, at));
            state.keys.insert(node.key.clone());
        }
        state.keys.retain(|key| lanes.nodes.contains_key(key));
    }
}

#[cfg(test)]
mod tests;
