use serde_json::json;

use super::super::testing::{field, mapper, text};
use super::*;

fn session() -> Session {
    Session { key: "agent:main:main".to_owned(), agent: "main".to_owned(), ..Session::default() }
}

/// Maps entries, one a second from 1 s on, each named after its place.
fn map(mapper: &Mapper, entries: &[serde_json::Value]) -> Vec<Event> {
    let (mut state, mut out) = (WindowState::default(), Vec::new());
    for (seq, entry) in (0..).zip(entries) {
        let mut entry = entry.clone();
        entry["id"] = json!(format!("e{seq}"));
        entry["timestamp"] = json!(Timestamp::from_millis((seq + 1) * 1_000));
        let row = TranscriptRow { seq, created_at: 0, json: entry.to_string() };
        assert!(mapper.transcript(&mut state, &session(), "w", &row, &mut out), "{}", row.json);
    }
    for event in &out {
        text(event);
    }
    out
}

fn message(message: serde_json::Value) -> serde_json::Value {
    let mut entry = json!({ "type": "message" });
    entry["message"] = message;
    entry
}

fn call(id: &str, run: &str) -> serde_json::Value {
    message(json!({
        "role": "assistant", "provider": "p", "model": "m", "stopReason": "toolUse", "__openclaw": { "runId": run },
        "content": [
            { "type": "thinking", "thinking": "SECRET-THOUGHT" },
            { "type": "toolCall", "id": id, "name": "exec", "arguments": { "command": "SECRET-ARGUMENT" } },
        ],
        "usage": { "input": 10, "output": 2, "cacheRead": 5, "cacheWrite": 1, "totalTokens": 18, "cost": { "total": 0.25 } },
    }))
}

fn result(id: &str, is_error: bool, details: serde_json::Value, text: &str) -> serde_json::Value {
    let mut result = message(json!({
        "role": "toolResult", "toolCallId": id, "toolName": "exec", "isError": is_error,
        "content": [{ "type": "text", "text": text }], "__openclaw": { "runId": "run-1" },
    }));
    result["message"]["details"] = details;
    result
}

fn types(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::type_name).collect()
}

#[test]
fn a_call_and_its_result() {
    let events = map(
        &mapper(),
        &[call("c1", "run-1"), result("c1", false, json!({ "exitCode": 0 }), "SECRET-RESULT")],
    );
    assert_eq!(types(&events), ["run.tool.started", "run.model.usage", "run.tool.completed"]);
    let done = &events[2];
    assert_eq!(field(done, "durationMs"), 1_000);
    assert_eq!(
        (field(done, "success"), field(done, "status"), field(done, "exitCode")),
        (json!(true), json!("completed"), json!(0))
    );
    assert_eq!(field(done, "resultBytes"), 13);
    assert_eq!(field(&events[0], "argumentsBytes"), 29);
    let usage = &events[1];
    for (name, value) in [
        ("inputTokens", json!(10)),
        ("outputTokens", json!(2)),
        ("totalTokens", json!(18)),
        ("cacheReadTokens", json!(5)),
        ("cacheWriteTokens", json!(1)),
        ("estimatedCostUsd", json!(0.25)),
    ] {
        assert_eq!(field(usage, name), value, "{name}");
    }
    assert_eq!(field(usage, "runId"), json!(mapper().home.run_id("run-1")));
    assert!(events.iter().all(|event| !text(event).contains("SECRET")));
}

#[test]
fn a_command_that_exits_with_3_has_failed_without_an_error_text() {
    let events =
        map(&mapper(), &[result("c1", false, json!({ "exitCode": 3, "durationMs": 16.4 }), "SECRET-OUTPUT")]);
    assert_eq!(types(&events), ["run.tool.completed"], "no log line either");
    let done = &events[0];
    assert_eq!(
        (field(done, "success"), field(done, "status"), field(done, "exitCode")),
        (json!(false), json!("failed"), json!(3))
    );
    assert_eq!((field(done, "errorMessage"), field(done, "durationMs")), (json!(null), json!(16)));
    assert!(!text(done).contains("SECRET"));
}

#[test]
fn an_error_leaves_in_300_characters_without_secrets() {
    let long = format!("no /srv/people/ada/x, password=hunter2 {}TAIL", "word ".repeat(100));
    let events = map(&mapper(), &[result("c1", true, json!({ "status": "error" }), &long)]);
    assert_eq!(types(&events), ["run.tool.completed", "run.log.emitted"]);
    let error = field(&events[0], "errorMessage").as_str().unwrap().to_owned();
    assert!(error.starts_with("no ~/x, password=[redacted] word"), "{error}");
    assert_eq!(error.chars().count(), 300);
    assert_eq!(field(&events[1], "message"), json!(format!("Tool exec failed: {error}")));
    assert!(events.iter().all(|event| !text(event).contains("hunter2") && !text(event).contains("TAIL")));
}

#[test]
fn messages_have_a_length_and_the_channel_of_their_turn() {
    let user = message(json!({
        "role": "user", "content": "SECRET é", "__openclaw": { "transport": { "channel": "telegram" }, "senderId": "7" },
    }));
    let reply = message(json!({
        "role": "assistant", "provider": "p", "model": "m", "stopReason": "stop", "__openclaw": { "runId": "run-1" },
        "content": [{ "type": "text", "text": "SECRET" }, { "type": "thinking", "thinking": "SECRET" }],
    }));
    let events =
        map(&mapper(), &[user, reply.clone(), message(json!({ "role": "user", "content": [] })), reply]);
    let told: Vec<_> = events
        .iter()
        .map(|e| ["direction", "channel", "chars"].map(|name| field(e, name).to_string()).join(" "))
        .collect();
    assert_eq!(
        told,
        [
            r#""inbound" "telegram" 8"#,
            r#""outbound" "telegram" 6"#,
            r#""inbound" "" 0"#,
            r#""outbound" "" 6"#
        ]
    );
    assert!(events.iter().all(|event| !text(event).contains("SECRET")));
}

#[test]
fn counts_beyond_all_bounds_are_held_within_them() {
    let usage = json!({ "input": 1e30, "output": 1, "cacheRead": 1e30, "cacheWrite": 1 });
    let said = message(json!({
        "role": "assistant", "provider": "p", "model": "m", "stopReason": "stop", "usage": usage,
        "__openclaw": { "runId": "run-1" }, "content": [],
    }));
    let events = map(&mapper(), &[said]);
    assert_eq!(field(&events[0], "totalTokens"), json!(u64::MAX), "{events:?}");
}

#[test]
fn failed_calls_have_usage_but_no_message_and_the_gateways_own_have_no_usage() {
    let zero = json!({ "input": 0, "output": 0, "totalTokens": 0, "cost": { "total": 0 } });
    let failed = message(json!({
        "role": "assistant", "provider": "p", "model": "m", "stopReason": "error", "errorMessage": "500", "content": [],
        "usage": zero, "__openclaw": { "runId": "run-1" },
    }));
    let injected = message(json!({
        "role": "assistant", "provider": "openclaw", "model": "gateway-injected", "stopReason": "stop", "usage": zero,
        "content": [], "__openclaw": { "runId": "run-1" },
    }));
    assert_eq!(types(&map(&mapper(), &[failed, injected])), ["run.model.usage", "channel.message"]);
}

#[test]
fn entries_without_a_run_belong_to_one_of_their_turn() {
    let user = || message(json!({ "role": "user", "content": "x" }));
    let reply = message(json!({
        "role": "assistant", "provider": "p", "model": "m", "stopReason": "stop", "content": [],
        "usage": { "input": 1, "output": 1 },
    }));
    let events = map(&mapper(), &[user(), reply.clone(), user(), reply]);
    let runs: Vec<_> = events.iter().map(|e| field(e, "runId")).filter(|run| !run.is_null()).collect();
    let expected = ["w/e0", "w/e0", "w/e2", "w/e2"].map(|run| json!(mapper().home.run_id(run)));
    assert_eq!(runs, expected);
    assert_eq!(field(&events[1], "totalTokens"), 2);
}

#[test]
fn compaction_is_a_line_of_the_last_run_or_of_the_gateway() {
    let compaction = json!({ "type": "compaction", "summary": "SECRET" });
    let events = map(&mapper(), &[compaction.clone(), call("c", "run-1"), compaction]);
    assert_eq!(types(&events), ["gateway.log", "run.tool.started", "run.model.usage", "run.log.emitted"]);
    assert_eq!(field(&events[3], "runId"), json!(mapper().home.run_id("run-1")));
    assert!(events.iter().all(|event| !text(event).contains("SECRET")));
}

#[test]
fn asked_for_content_leaves_without_secrets() {
    let mapper = Mapper { capture_content: true, ..mapper() };
    let user = message(json!({ "role": "user", "content": "read password=hunter2" }));
    let events = map(&mapper, &[user, call("c1", "run-1"), result("c1", false, json!({}), "fine")]);
    assert_eq!(field(&events[0], "text"), "read password=[redacted]");
    assert_eq!(field(&events[1], "arguments"), r#"{"command":"SECRET-ARGUMENT"}"#);
    assert_eq!(field(&events[3], "result"), "fine");
    let huge = message(json!({ "role": "user", "content": "x ".repeat(400_000) }));
    assert_eq!(field(&map(&mapper, &[huge])[0], "text").as_str().unwrap().len(), MAX_CONTENT_CHARS);
}

#[test]
fn odd_rows_are_passed_over_and_counted() {
    let (mut state, mut out) = (WindowState::default(), Vec::new());
    for (seq, (json, understood)) in (0..).zip([
        ("", false),
        ("[]", false),
        (r#"{"type":7}"#, false),
        (r#"{"type":"message"}"#, true),
        (r#"{"type":"message","message":"x"}"#, true),
        (r#"{"type":"message","message":{"role":"assistant","content":7,"usage":7,"stopReason":{}}}"#, true),
        (r#"{"type":"message","message":{"role":"toolResult","content":[1,{"type":"text","text":2}],"details":[]}}"#, true),
        (r#"{"type":"label_of_the_future","x":1}"#, true),
    ]) {
        let row = TranscriptRow { seq, created_at: 5, json: json.to_owned() };
        assert_eq!(mapper().transcript(&mut state, &session(), "w", &row, &mut out), understood, "{json}");
        assert_eq!(state.next, seq + 1);
    }
    assert_eq!(types(&out), ["run.tool.completed"]);
    assert_eq!(out[0].occurred_at.millis(), 5, "without a time of its own, the row's");
}

#[test]
fn words_are_found_for_their_run_only() {
    let error =
        message(json!({ "role": "assistant", "errorMessage": "500", "__openclaw": { "runId": "a" } }))
            .to_string();
    assert_eq!(failure_of(&error, "a").as_deref(), Some("500"));
    assert_eq!(failure_of(&error, "b"), None);
    let refused = json!({
        "type": "custom_message", "customType": "run-failed-before-reply", "details": { "runId": "a", "error": "no key" },
    });
    assert_eq!(failure_of(&refused.to_string(), "a").as_deref(), Some("no key"));
    assert_eq!(
        failure_of(
            r#"{"type":"custom_message","customType":"other","details":{"runId":"a","error":"x"}}"#,
            "a"
        ),
        None
    );
    assert_eq!(failure_of("{", "a"), None);
}

#[test]
fn a_copied_entry_keeps_its_event_and_another_window_makes_no_second() {
    let entry = message(json!({
        "role": "assistant", "provider": "p", "model": "m", "stopReason": "stop", "usage": { "input": 1 }, "content": [],
        "__openclaw": { "runId": "a" },
    }));
    let mut entry = entry;
    entry["id"] = json!("e1");
    entry["timestamp"] = json!("2026-11-22T07:00:00.000Z");
    let ids = |window: &str, seq: i64| {
        let (mut state, mut out) = (WindowState::default(), Vec::new());
        let row = TranscriptRow { seq, created_at: seq, json: entry.to_string() };
        mapper().transcript(&mut state, &session(), window, &row, &mut out);
        out.into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    assert_eq!(ids("w1", 3), ids("w2", 40));
}
