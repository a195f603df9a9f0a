//! What the server answers about itself (docs/api.md, "Settings", "Readiness", "Actors").

use patze_core::time::Timestamp;
use serde::Deserialize;

use crate::client::ask::Horizon;

/// `GET /settings/auth`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Auth {
    /// `none` or `token`.
    pub mode: String,
}

impl Auth {
    /// Whether requests need a token.
    pub fn needs_token(&self) -> bool {
        self.mode == "token"
    }
}

/// `GET /settings/tokens`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Tokens {
    /// All that were ever made.
    pub tokens: Vec<Token>,
}

/// A token, without its secret.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Its public id.
    pub id: String,
    /// What it was called.
    pub name: String,
    /// `bridge`, `read` or `admin`.
    pub scope: String,
    /// The machine that it belongs to, once that is known.
    #[serde(default)]
    pub machine_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default)]
    pub revoked_at: Option<Timestamp>,
    /// `live`, `expired` or `revoked`.
    pub state: String,
}

impl Token {
    /// Whether it lets somebody in.
    pub fn is_live(&self) -> bool {
        self.state == "live"
    }
}

/// `POST /settings/tokens`: the secret is told this once.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Created {
    /// The token.
    #[serde(flatten)]
    pub about: Token,
    /// What is to be sent.
    pub token: String,
}

/// `GET /readyz`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether events can be stored.
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// The log's id.
    pub log_id: String,
    /// The position of its newest event.
    pub position: u64,
    /// The chain over all that was ever stored.
    pub digest: String,
    /// The server's version.
    pub build: String,
    /// The check after an unclean stop.
    pub check: String,
    /// A position at which the rebuilt state differed from the live one.
    pub differed: Option<u64>,
    /// Bytes that wait to be written.
    pub queue_bytes: u64,
    /// How history fares.
    pub history: HistoryReadiness,
}

/// How history fares.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryReadiness {
    /// `following`, `rebuilding` or `failed`.
    pub state: String,
    /// Events that are not in it yet.
    pub behind: u64,
    /// How long the oldest of them waits, at most.
    pub lag_seconds: f64,
    /// Why it failed.
    pub fault: Option<String>,
}

/// `GET /actors`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Actors {
    /// All of them.
    pub actors: Vec<Actor>,
}

/// An actor.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// What sort of actor.
    pub kind: String,
    /// Which one of its kind.
    pub key: String,
    /// `starting`, `running`, `backoff` or `stopping`.
    pub state: String,
    /// When that began.
    pub since: Timestamp,
    /// What it tells of itself, by kind.
    pub detail: serde_json::Value,
    /// How full its mailbox is.
    pub mailbox: Mailbox,
    /// How often it was restarted.
    pub restarts: u64,
    /// Why it last failed.
    pub last_error: Option<String>,
}

/// How full a mailbox is, in messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Mailbox {
    /// Messages that wait.
    pub depth: u64,
    /// The most that may.
    pub capacity: u64,
}

/// `GET /settings/retention`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// What is kept.
    pub keep: Keeps,
    /// `user` or `environment`.
    pub set_by: String,
    /// The oldest moment that is left after cutting.
    pub horizon: Option<Horizon>,
    /// Bytes of all files together.
    pub files_bytes: u64,
    /// Those of them that are free for the next events.
    pub free_bytes: u64,
    /// What was deleted, the newest last.
    pub runs: Vec<Deleted>,
    /// What is to come.
    pub forecast: Option<Forecast>,
}

/// How long and how much is kept, as people write it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keeps {
    /// Each heartbeat.
    pub heartbeats: String,
    /// Each log line.
    pub logs: String,
    /// All files together.
    pub max_size: String,
}

/// One time at which something was deleted, or was to be.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deleted {
    /// When it was over.
    pub ended_at: Timestamp,
    /// Heartbeats and ticks.
    pub heartbeats: Gone,
    /// Log lines.
    pub logs: Gone,
    /// The oldest events, to keep the size limit.
    pub cut: Gone,
    /// Why it ended early.
    #[serde(default)]
    pub error: Option<String>,
}

/// What left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Gone {
    /// How many.
    pub rows: u64,
    /// Bytes that they held.
    pub bytes: u64,
}

/// What comes in, and what it will come to.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// Bytes of heartbeats and ticks a day.
    pub heartbeats_per_day: u64,
    /// Bytes of log lines a day.
    pub logs_per_day: u64,
    /// Bytes of all else a day.
    pub others_per_day: u64,
    /// For people.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_the_api_document_are_read() {
        let ready = r#"{"ready": true, "reasons": [], "logId": "l", "position": 1234, "digest": "00", "foldVersion": 1,
            "build": "0.1.0", "checkpoint": 0, "check": "notNeeded", "differed": null, "queueBytes": 0,
            "history": {"state": "following", "position": 1234, "behind": 0, "lagSeconds": 0.0, "fault": null}}"#;
        assert!(serde_json::from_str::<Readiness>(ready).unwrap().ready);
        let kept = r#"{"keep": {"heartbeats": "48h", "logs": "30d", "maxSize": "unlimited"}, "setBy": "environment",
            "horizon": null, "filesBytes": 81264640, "freeBytes": 1204224,
            "runs": [{"beganAt": "2026-10-23T12:00:00Z", "endedAt": "2026-10-23T12:00:01Z",
                "heartbeats": {"rows": 34560, "bytes": 9123456, "first": 1, "last": 40211},
                "logs": {"rows": 0, "bytes": 0, "first": 0, "last": 0}, "cut": {"rows": 0, "bytes": 0, "first": 0, "last": 0},
                "freedBytes": 0, "unproven": 0}],
            "forecast": {"overMs": 86400000, "heartbeatsPerDay": 9100000, "logsPerDay": 310000, "othersPerDay": 1200000,
                "afterAYear": 1400000000, "text": "at this rate 1.4 GB a year"}}"#;
        assert_eq!(serde_json::from_str::<Kept>(kept).unwrap().runs[0].heartbeats.rows, 34_560);
        let actors = r#"{"live": true, "actors": [{"kind": "machine", "key": "m1", "state": "running", "since": "2026-10-23T12:00:00Z",
            "detail": {}, "mailbox": {"depth": 0, "capacity": 64}, "restarts": 0, "lastError": null}]}"#;
        assert_eq!(serde_json::from_str::<Actors>(actors).unwrap().actors.len(), 1);
        let created = r#"{"id": "7ZK2M0Q9XA", "name": "harbor", "scope": "bridge", "createdAt": "2026-10-23T12:00:00Z",
            "state": "live", "token": "pz_x"}"#;
        assert_eq!(serde_json::from_str::<Created>(created).unwrap().about.name, "harbor");
    }
}
