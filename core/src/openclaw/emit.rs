//! How payloads become events, and the events of sessions, runs and log lines.

use serde::Serialize;

use super::ledger::Run;
use super::payloads::{LogLine, RunChanged, SessionChanged};
use super::sessions::Session;
use super::{HomeIdentity, Mapper};
use crate::event::{Event, EventType, Parts, Severity};
use crate::ids::{RunId, event_id};
use crate::time::Timestamp;

/// Where an event comes from, for its id and its trace.
pub(super) struct Origin<'a> {
    /// The source's time, ms since 1970.
    pub at: i64,
    /// The run, session or entry that it is about.
    pub entity: &'a str,
    /// What it says of it; unique among the events of one entity.
    pub kind: &'a str,
    /// The run's or session's id.
    pub trace: &'a str,
}

impl HomeIdentity {
    /// Writes one event. A payload of ours always serialises; one that did not would give no event.
    pub(super) fn event(
        &self,
        event_type: EventType,
        severity: Severity,
        origin: &Origin<'_>,
        payload: &impl Serialize,
    ) -> Option<Event> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Trace<'a> {
            trace_id: &'a str,
        }
        let occurred_at = Timestamp::from_millis(origin.at);
        Some(Event::new(Parts {
            id: event_id(occurred_at, &self.machine, &self.path, origin.entity, origin.kind),
            machine: self.machine.clone(),
            type_name: event_type.name(),
            severity,
            occurred_at,
            trace: &serde_json::to_string(&Trace { trace_id: origin.trace }).ok()?,
            payload: &serde_json::to_string(payload).ok()?,
        }))
    }
}

impl Mapper {
    /// A session is there.
    pub(super) fn session_created(&self, session: &Session, session_id: &str, at: i64) -> Option<Event> {
        let entity = format!("session:{}", session.key);
        self.session(session, Some(session_id), at, &entity, "created", "created")
    }

    /// A session's state changed with a run of it.
    pub(super) fn session_changed(&self, run: &Run<'_>, at: i64, from: &str, to: &str) -> Option<Event> {
        self.session(run.session, run.session_id, at, &format!("run:{}", run.id), from, to)
    }

    fn session(
        &self,
        session: &Session,
        openclaw_session_id: Option<&str>,
        at: i64,
        entity: &str,
        from: &str,
        to: &str,
    ) -> Option<Event> {
        let session_id = self.home.session_id(&session.key);
        let payload = SessionChanged {
            session_id: &session_id,
            agent_id: &session.agent,
            machine_id: self.home.machine.as_str(),
            from,
            to,
            home: self.home.name.as_str(),
            session_key: &session.key,
            openclaw_session_id,
            channel: session.channel.as_deref(),
            parent_session_key: session.parent.as_deref(),
            session_started_at: session.started_at.map(Timestamp::from_millis),
        };
        let origin = Origin { at, entity, kind: &format!("session.{to}"), trace: session_id.as_str() };
        self.home.event(EventType::SessionState, severity_of(to), &origin, &payload)
    }

    /// A run started or ended.
    pub(super) fn run_changed(
        &self,
        run: &Run<'_>,
        at: i64,
        from: &str,
        to: &str,
        reason: Option<&str>,
    ) -> Option<Event> {
        let (run_id, session_id) = (self.home.run_id(run.id), self.home.session_id(&run.session.key));
        let payload = RunChanged {
            run_id: &run_id,
            session_id: &session_id,
            agent_id: &run.session.agent,
            from,
            to,
            reason,
            home: self.home.name.as_str(),
            session_key: &run.session.key,
            openclaw_run_id: run.id,
            openclaw_session_id: run.session_id,
        };
        let kind = if to == "running" { "run.started" } else { "run.ended" };
        let origin = Origin { at, entity: &format!("run:{}", run.id), kind, trace: run_id.as_str() };
        self.home.event(EventType::RunState, severity_of(to), &origin, &payload)
    }

    /// The log line of a run that did not end well.
    pub(super) fn run_end_log(
        &self,
        run: &Run<'_>,
        at: i64,
        refused: bool,
        to: &str,
        reason: Option<&str>,
    ) -> Option<Event> {
        let reason = reason.unwrap_or("no reason given");
        let (severity, message) = match to {
            "failed" if refused => (Severity::Error, format!("Run refused before it started: {reason}")),
            "failed" => (Severity::Error, format!("Run failed: {reason}")),
            "cancelled" => (Severity::Warn, format!("Run cancelled: {reason}")),
            _ => return None,
        };
        let run_id = self.home.run_id(run.id);
        let entity = format!("run:{}", run.id);
        let origin = Origin { at, entity: &entity, kind: "run.log", trace: run_id.as_str() };
        self.log(severity, &origin, &run_id, run.session, &message)
    }

    /// A log line of a run.
    pub(super) fn log(
        &self,
        severity: Severity,
        origin: &Origin<'_>,
        run_id: &RunId,
        session: &Session,
        message: &str,
    ) -> Option<Event> {
        let ts = Timestamp::from_millis(origin.at);
        // The line's id is the event's: derived from the same source.
        let id = event_id(ts, &self.home.machine, &self.home.path, origin.entity, origin.kind);
        let payload = LogLine {
            log_entry_id: id.as_str(),
            run_id,
            session_id: &self.home.session_id(&session.key),
            level: severity.name(),
            message,
            ts,
            agent_id: &session.agent,
            home: self.home.name.as_str(),
            session_key: &session.key,
        };
        self.home.event(EventType::RunLog, severity, origin, &payload)
    }
}

const fn severity_of(to: &str) -> Severity {
    match to.as_bytes() {
        b"failed" => Severity::Error,
        b"cancelled" => Severity::Warn,
        _ => Severity::Info,
    }
}
