//! What OpenClaw leaves.

use patze_core::event::Event;
use patze_core::event::envelope::validate;
use patze_core::ids::{Home, MachineId};
use patze_core::openclaw::ledger::LedgerState;
use patze_core::openclaw::rows::{AuditRow, BootRow, SessionNode, SessionWindow, TranscriptRow};
use patze_core::openclaw::sessions::{AgentState, Sessions};
use patze_core::openclaw::transcript::WindowState;
use patze_core::openclaw::{HomeIdentity, Mapper};
use patze_core::time::Timestamp;
use serde_json::Value;

use crate::text;

/// The one window of the transcripts.
const WINDOW: &str = "window";
const KEY: &str = "agent:main:main";
const AT: i64 = 1_795_000_000_000;

/// One row a line: of the audit ledger if it is JSON with an `action`, a start of the gateway if it has `started_at`, else
/// of a transcript.
pub fn openclaw(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let rows: Vec<&str> = text.lines().collect();
    let whole = events(&rows, rows.len());
    for event in &whole {
        let mut json = String::new();
        event.push_json(&mut json);
        if let Err(refused) = validate(&json) {
            panic!("the mapper makes what is refused: {refused:?}\n{json}");
        }
    }
    assert_eq!(events(&rows, 1), whole, "pages decide nothing");
}

/// The events of these rows, read in pages of `page` with the state stored in between.
pub fn events(rows: &[&str], page: usize) -> Vec<Event> {
    let mapper = Mapper {
        home: HomeIdentity {
            machine: MachineId::new("m"),
            path: "/home/user/.openclaw".to_owned(),
            name: Home::new("default"),
            user_dir: Some("/home/user".into()),
        },
        capture_content: false,
    };
    let (node, window) = (
        SessionNode { key: KEY.to_owned(), session_id: WINDOW.to_owned(), passing: false, made_at: AT },
        SessionWindow {
            session_id: WINDOW.to_owned(),
            key: KEY.to_owned(),
            created_at: AT,
            channel: Some("telegram".to_owned()),
            parent: None,
        },
    );
    let sessions = Sessions::new("main", [node], [window.clone()]);
    let mut out = Vec::new();
    mapper.sessions(&sessions, &mut AgentState::default(), Timestamp::from_millis(AT), &mut out);
    let (mut ledger, mut transcript) = (LedgerState::default(), WindowState::default());
    let session = sessions.of_window(&window, &transcript);
    let mut seq = 0;
    for rows in rows.chunks(page.max(1)) {
        for row in rows {
            seq += 1;
            match of_ledger(row, seq) {
                Some(Fact::Audit(row)) => {
                    let session = sessions.of_run(row.session_key.as_deref(), row.session_id.as_deref());
                    mapper.audit(&mut ledger, &row, &session, None, &mut out);
                }
                Some(Fact::Boot(boot)) => mapper.boot(&mut ledger, &boot, &mut out),
                None => {
                    let row = TranscriptRow { seq, created_at: AT + seq, json: (*row).to_owned() };
                    mapper.transcript(&mut transcript, &session, WINDOW, &row, &mut out);
                }
            }
        }
        (ledger, transcript) = (stored(&ledger), stored(&transcript));
    }
    out
}

enum Fact {
    Audit(AuditRow),
    Boot(BootRow),
}

fn of_ledger(row: &str, sequence: i64) -> Option<Fact> {
    let Value::Object(fields) = serde_json::from_str(row).ok()? else { return None };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(started_at) = fields.get("started_at").and_then(Value::as_i64) {
        return Some(Fact::Boot(BootRow { started_at }));
    }
    Some(Fact::Audit(AuditRow {
        sequence,
        occurred_at: fields.get("occurred_at").and_then(Value::as_i64).unwrap_or(AT + sequence),
        kind: text("kind").unwrap_or_default(),
        action: text("action")?,
        status: text("status").unwrap_or_default(),
        error_code: text("error_code"),
        agent_id: text("agent_id"),
        session_key: text("session_key"),
        session_id: text("session_id"),
        run_id: text("run_id"),
    }))
}

/// What a restart between two pages does to a state.
fn stored<T: serde::Serialize + serde::de::DeserializeOwned>(state: &T) -> T {
    let read = serde_json::to_string(state).and_then(|text| serde_json::from_str(&text));
    read.unwrap_or_else(|error| panic!("a state does not survive its cursor: {error}"))
}
