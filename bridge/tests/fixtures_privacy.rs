//! BR-2: no text of a prompt, a reply, thinking, an argument or a successful result leaves the machine. Markers are
//! planted wherever the recorded homes have such a text, and looked for in every byte that the reader gives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use patze_bridge::openclaw::{Budget, Cursor, OpenclawHome};
use patze_core::event::Event;
use patze_core::ids::MachineId;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use support::*;

/// Session, place, and the entry as text or compressed.
type TranscriptRow = (String, i64, Option<String>, Option<Vec<u8>>);

const MARKER: &str = "MARKER";
/// What a failing tool is made to say: a home path, a secret, and more than may leave.
const TOOL_ERROR: &str = "ERROR-BEGINS no /home/oclaw1/notes.txt; api_key=sk-MARKERMARKER1234567890; ";

/// Plants markers in every text of the home; gives how many entries have one.
fn plant(home: &Unpacked) -> usize {
    let mut planted = 0;
    for agent in ["main", "work"] {
        let db = Connection::open(home.agent_db(agent)).unwrap();
        db.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        let mut rows =
            db.prepare("SELECT session_id, seq, event_json, event_zstd FROM transcript_events").unwrap();
        let rows: Vec<TranscriptRow> = rows
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let triggers: Vec<String> = db
            .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for trigger in triggers {
            db.execute_batch(&format!("DROP TRIGGER \"{trigger}\"")).unwrap();
        }
        for (session_id, seq, text, packed) in rows {
            let text = text.unwrap_or_else(|| {
                String::from_utf8(zstd::stream::decode_all(packed.unwrap().as_slice()).unwrap()).unwrap()
            });
            let mut entry: Value = serde_json::from_str(&text).unwrap();
            if !mark_entry(&mut entry) {
                continue;
            }
            planted += 1;
            // Every other one packed, as OpenClaw packs long entries.
            let text = entry.to_string();
            let sql = "UPDATE transcript_events SET event_json = ?3, event_zstd = ?4, event_utf8_bytes = ?5, navigation_json = NULL
                       WHERE session_id = ?1 AND seq = ?2";
            db.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
            let packed = (seq % 2 == 0).then(|| zstd::stream::encode_all(text.as_bytes(), 3).unwrap());
            let size = packed.as_ref().map(|_| i64::try_from(text.len()).unwrap());
            let plain = packed.is_none().then_some(text);
            db.execute(sql, params![session_id, seq, plain, packed, size]).unwrap();
        }
        db.execute("UPDATE session_nodes SET label = ?1, display_name = ?1", [MARKER]).unwrap();
    }
    let state = Connection::open(home.state_db()).unwrap();
    state
        .execute("UPDATE task_runs SET task = ?1, label = ?1, terminal_summary = ?1, error = ?1", [MARKER])
        .unwrap();
    planted
}

/// Marks the texts of one entry that may not leave.
fn mark_entry(entry: &mut Value) -> bool {
    let Some(message) = entry.get_mut("message").and_then(Value::as_object_mut) else { return false };
    let failed = message.get("isError") == Some(&json!(true));
    for name in ["openclawDisplayContent", "errorBody", "details", "idempotencyKey", "responseId"] {
        if let Some(value) = message.get_mut(name) {
            mark(value);
        }
    }
    for name in ["senderId", "senderName", "senderUsername"] {
        if let Some(sender) = message.get_mut("__openclaw").and_then(|from| from.get_mut(name)) {
            mark(sender);
        }
    }
    if failed {
        let text = format!("{TOOL_ERROR}{}{MARKER}", "more ".repeat(70));
        message["content"] = json!([{ "type": "text", "text": text }]);
        return true;
    }
    if message["role"] == "assistant"
        && let Some(blocks) = message["content"].as_array_mut()
    {
        blocks.push(json!({ "type": "thinking", "thinking": MARKER, "thinkingSignature": MARKER }));
        for block in blocks.iter_mut() {
            for name in ["text", "thinking", "arguments"] {
                if let Some(value) = block.get_mut(name) {
                    mark(value);
                }
            }
        }
        return true;
    }
    match &mut message["content"] {
        text @ Value::String(_) => mark(text),
        Value::Array(blocks) => blocks.iter_mut().filter_map(|block| block.get_mut("text")).for_each(mark),
        _ => {}
    }
    true
}

/// Puts the marker into every text below.
fn mark(value: &mut Value) {
    match value {
        Value::String(text) => text.insert_str(0, MARKER),
        Value::Array(values) => values.iter_mut().for_each(mark),
        Value::Object(values) => {
            values.insert("planted".to_owned(), MARKER.into());
            // The exit code is told; the words beside it are not.
            values.values_mut().filter(|value| value.is_string()).for_each(mark);
        }
        _ => {}
    }
}

fn read(home: &Unpacked, capture_content: bool) -> (Vec<Event>, Cursor) {
    let mut reader = OpenclawHome::open(&home.info(), MachineId::new("m1"), capture_content).unwrap();
    let mut cursor = Cursor::default();
    let events = read_on(&mut reader, &mut cursor, Budget::default()).unwrap();
    (events, cursor)
}

#[test]
fn no_planted_text_leaves_unless_it_is_asked_for() {
    let home = Unpacked::new(CHANNELS);
    let before = read_all(&mut home.open());
    assert!(plant(&home) > 150);
    let (events, cursor) = read(&home, false);
    assert_eq!(events.len(), before.len(), "marking changes texts only");
    for event in &events {
        let text = text(event);
        assert!(!text.contains(MARKER), "{text}");
    }
    let cursor = serde_json::to_string(&cursor).unwrap();
    assert!(!cursor.contains(MARKER), "nor is any kept in the cursor");

    // The marks were there to be found.
    let (events, _) = read(&home, true);
    let marked = |type_name: &str| {
        let events = events.iter().filter(|event| event.type_name() == type_name);
        events.filter(|event| text(event).contains(MARKER)).count()
    };
    assert!(
        marked("channel.message") > 80
            && marked("run.tool.started") > 30
            && marked("run.tool.completed") > 20
    );
}

#[test]
fn errors_leave_shortened_and_without_secrets() {
    let home = Unpacked::new(CHANNELS);
    plant(&home);
    let (events, _) = read(&home, false);
    let failed: Vec<String> = of_type(&events, "run.tool.completed")
        .into_iter()
        .filter_map(|(_, tool)| tool["errorMessage"].as_str().map(str::to_owned))
        .collect();
    assert!(failed.len() >= 5, "{}", failed.len());
    for error in failed {
        assert_eq!(error.chars().count(), 300);
        assert!(error.starts_with("ERROR-BEGINS no ~/notes.txt; api_key=[redacted]; more more"), "{error}");
    }
    for (_, log) in of_type(&events, "run.log.emitted") {
        let line = field(&log, "message");
        assert!(!line.contains("oclaw1") && !line.contains("sk-") && line.chars().count() < 350, "{line}");
    }
}
