//! The rows that a reader fills, one struct for each kind of fact, whatever table or file it was found in.
//!
//! Times are milliseconds since 1970. Fields that OpenClaw leaves out are `None`.

/// A row of the audit ledger (`audit_events`), of any kind; the mapper looks at runs only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place in the ledger.
    pub sequence: i64,
    /// When it happened, which may be 15 s before it was written.
    pub occurred_at: i64,
    /// `agent_run`, `tool_action` or `message`.
    pub kind: String,
    /// `agent.run.started`, `agent.run.finished`, …
    pub action: String,
    /// `started`, `succeeded`, `failed`, `cancelled`, `timed_out`, `blocked` or `unknown`.
    pub status: String,
    /// `run_failed`, `run_timed_out`, `run_blocked`, …
    pub error_code: Option<String>,
    /// The agent.
    pub agent_id: Option<String>,
    /// The session key.
    pub session_key: Option<String>,
    /// The conversation window.
    pub session_id: Option<String>,
    /// The run.
    pub run_id: Option<String>,
}

/// A start of the gateway (`gateway_boot_lifecycle`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootRow {
    /// When it started.
    pub started_at: i64,
}

/// A session key in an agent's store (`session_nodes`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionNode {
    /// The key.
    pub key: String,
    /// The window that it shows now; needed only of a key without windows of its own.
    pub session_id: String,
    /// Whether this is the exact-run node of a scheduled run that OpenClaw takes away again when the run has gone well;
    /// see [`super::sessions`].
    pub passing: bool,
    /// When it was made; needed only of a key without windows of its own.
    pub made_at: i64,
}

/// One conversation window (`session_windows`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionWindow {
    /// The window's id.
    pub session_id: String,
    /// The key that it belongs to now.
    pub key: String,
    /// When it was opened.
    pub created_at: i64,
    /// The channel that it talks through.
    pub channel: Option<String>,
    /// The key of the session that spawned it.
    pub parent: Option<String>,
}

/// A line of a window's transcript (`transcript_events`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TranscriptRow {
    /// Its place in the window.
    pub seq: i64,
    /// When it was written.
    pub created_at: i64,
    /// The entry, as JSON text.
    pub json: String,
}
