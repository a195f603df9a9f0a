//! The table of contract §3.2, one failing envelope a rule, and "the first failure wins".

use serde_json::{Value, json};

use super::*;

fn good() -> Value {
    json!({
        "version": "telemetry.v1", "id": "e1", "ts": "2026-02-21T00:00:00.000Z", "machineId": "m1",
        "severity": "info", "type": "run.log.emitted", "trace": {"traceId": "t1"},
        "payload": {"logEntryId": "l", "runId": "r", "sessionId": "s", "level": "info", "message": "hi",
                    "ts": "2026-02-21T00:00:00.000Z"},
    })
}

fn code(envelope: &Value) -> Option<RejectionCode> {
    validate(&envelope.to_string()).err().map(|r| r.code)
}

/// One fault a rule, in the order of the contract's table.
fn faults() -> Vec<(&'static str, Value, RejectionCode)> {
    let long = "x".repeat(257);
    vec![
        ("/payload", Value::Null, Code::InvalidPayload),
        ("/version", json!("telemetry.v2"), Code::InvalidSchemaVersion),
        ("/id", json!("a\nb"), Code::InvalidEnvelope),
        ("/id", json!(long.clone()), Code::InvalidEnvelope),
        ("/id", json!(""), Code::InvalidEnvelope),
        ("/machineId", json!("  "), Code::MissingMachineId),
        ("/machineId", json!(long), Code::InvalidEnvelope),
        ("/machineId", json!("a\rb"), Code::InvalidEnvelope),
        ("/type", json!("run.exploded"), Code::InvalidEventType),
        ("/type", json!("control.tick"), Code::InvalidEventType),
        ("/severity", json!("fatal"), Code::InvalidSeverity),
        ("/ts", json!("Feb 3 2026"), Code::InvalidTimestamp),
        ("/ts", json!(1), Code::InvalidTimestamp),
        ("/trace", json!({}), Code::InvalidTrace),
        ("/trace/traceId", json!(""), Code::InvalidTrace),
        ("/trace", Value::Null, Code::InvalidTrace),
        ("/payload", json!([]), Code::InvalidPayload),
        ("/payload/message", json!(1), Code::InvalidPayload),
    ]
}

#[test]
fn each_rule_has_its_code() {
    assert_eq!(code(&good()), None);
    for (at, value, expected) in faults() {
        let mut envelope = good();
        *envelope.pointer_mut(at).unwrap() = value.clone();
        assert_eq!(code(&envelope), Some(expected), "{at} = {value}");
    }
    for field in ["version", "id", "machineId", "severity", "type", "payload", "trace", "ts"] {
        let mut envelope = good();
        envelope.as_object_mut().unwrap().remove(field);
        assert_eq!(code(&envelope), Some(Code::InvalidEnvelope), "without {field}");
    }
    for not_an_envelope in ["null", "[]", "1", "\"x\"", "{}"] {
        assert_eq!(validate(not_an_envelope).unwrap_err().code, Code::InvalidEnvelope);
    }
}

/// Rules 1, 9 and 10: an array with an object's values in their order is no object.
#[test]
fn arrays_are_no_objects() {
    let fields = ["version", "id", "machineId", "severity", "type", "ts", "trace", "payload"];
    let positional = json!(fields.map(|field| good()[field].clone()));
    assert_eq!(code(&positional), Some(Code::InvalidEnvelope));
    let mut envelope = good();
    envelope["trace"] = json!(["t1"]);
    assert_eq!(code(&envelope), Some(Code::InvalidTrace));
    let mut envelope = good();
    envelope["payload"] = json!(["m1", "l", "r", "s", "info", "hi", "2026-02-21T00:00:00.000Z"]);
    assert_eq!(code(&envelope), Some(Code::InvalidPayload));
    let mut envelope = good();
    envelope["type"] = json!("machine.heartbeat");
    for (resource, expected) in [
        (json!({"cpuPct": 1, "memoryBytes": 2, "memoryPct": 3}), None),
        (json!([1, 2, 3]), Some(Code::InvalidPayload)),
        (json!([1, 2, 3, null, null, null, null, null, null]), Some(Code::InvalidPayload)),
    ] {
        envelope["payload"] = json!({"machineId": "m1", "status": "online", "resource": resource});
        assert_eq!(code(&envelope), expected, "{envelope}");
    }
    assert!(validate(&format!(" \r\n\t{}", good())).is_ok(), "blanks before an object are JSON");
}

#[test]
fn the_first_failure_wins() {
    let faults = faults();
    for (i, (at, value, expected)) in faults.iter().enumerate().skip(1) {
        for (later_at, later_value, _) in &faults[i + 1..] {
            let mut envelope = good();
            *envelope.pointer_mut(later_at).unwrap() = later_value.clone();
            // The earlier fault last, so that it stands where both name one field.
            let Some(slot) = envelope.pointer_mut(at) else { continue };
            *slot = value.clone();
            assert_eq!(code(&envelope), Some(*expected), "{at} = {value} before {later_at} = {later_value}");
        }
    }
}

#[test]
fn a_payload_of_another_machine_is_refused_whatever_its_type() {
    let mut envelope = good();
    envelope["payload"]["machineId"] = json!("m2");
    assert_eq!(code(&envelope), Some(Code::InvalidEnvelope));
    envelope["payload"]["machineId"] = json!(7);
    assert_eq!(code(&envelope), None, "only a string is compared");
}

#[test]
fn a_long_or_deep_payload_is_refused() {
    let mut envelope = good();
    envelope["payload"]["message"] = json!("x".repeat(MAX_PAYLOAD_UNITS));
    assert_eq!(code(&envelope), Some(Code::InvalidEnvelope));
    let deep = format!("{}1{}", "[".repeat(101), "]".repeat(101));
    let text = good().to_string().replacen("\"message\"", &format!("\"deep\":{deep},\"message\""), 1);
    assert_eq!(validate(&text).unwrap_err().code, Code::InvalidPayload);
    let brackets_in_text = good().to_string().replace("\"hi\"", &format!("\"{}\\\"\"", "[".repeat(200)));
    assert!(validate(&brackets_in_text).is_ok());
}

#[test]
fn normalised_is_the_contracts_seven_fields_and_version() {
    let mut envelope = good();
    envelope["ts"] = json!("2026-02-21T02:00:00+02:00");
    envelope["extra"] = json!(1);
    envelope["trace"] = json!({"traceId": "t", "spanId": "", "parentSpanId": "p", "more": 1});
    envelope["payload"]["ts"] = json!("2026-02-21");
    envelope["payload"]["mine"] = json!({"kept": [1.50, null]});
    let mut out = String::new();
    validate(&envelope.to_string()).unwrap().push_json(&mut out);
    let normal: Value = serde_json::from_str(&out).unwrap();
    let mut keys: Vec<_> = normal.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["id", "machineId", "payload", "severity", "trace", "ts", "type", "version"]);
    assert_eq!(normal["ts"], "2026-02-21T00:00:00.000Z");
    assert_eq!(normal["trace"], json!({"traceId": "t", "parentSpanId": "p"}));
    assert_eq!(normal["payload"]["ts"], "2026-02-21T00:00:00.000Z");
    assert_eq!(normal["payload"]["mine"], json!({"kept": [1.50, null]}));
}

#[test]
fn a_payload_is_stored_on_one_line_and_an_unreadable_time_is_left_alone() {
    let pretty = serde_json::to_string_pretty(&good()).unwrap().replace("\"hi\"", "\"a\\nb\"");
    let event = validate(&pretty).unwrap();
    assert!(!event.payload().contains('\n'), "{}", event.payload());
    assert!(event.payload().contains("a\\nb"));
    let mut envelope = good();
    envelope["payload"]["ts"] = json!("yesterday");
    assert!(validate(&envelope.to_string()).unwrap().payload().contains("\"yesterday\""));
}

/// A minimal payload of each telemetry type.
fn payloads() -> Vec<(EventType, Value)> {
    use EventType as T;
    let m = "m1";
    vec![
        (
            T::MachineRegistered,
            json!({"machineId": m, "name": "n", "kind": "vps", "status": "online", "registeredAt": "x"}),
        ),
        (
            T::MachineHeartbeat,
            json!({"machineId": m, "status": "online", "resource": {"cpuPct": 1, "memoryBytes": 2, "memoryPct": 3}}),
        ),
        (T::AgentState, json!({"agentId": "a", "machineId": m, "from": "x", "to": "y"})),
        (T::SessionState, json!({"sessionId": "s", "agentId": "a", "machineId": m, "from": "x", "to": "y"})),
        (T::RunState, json!({"runId": "r", "sessionId": "s", "agentId": "a", "from": "x", "to": "y"})),
        (
            T::RunLog,
            json!({"logEntryId": "l", "runId": "r", "sessionId": "s", "level": "x", "message": "", "ts": ""}),
        ),
        (T::ToolStarted, json!({"runId": "r", "toolCallId": "t", "toolName": "n", "startedAt": ""})),
        (
            T::ToolCompleted,
            json!({"runId": "r", "toolCallId": "t", "toolName": "n", "status": "x", "durationMs": 1, "success": true}),
        ),
        (T::ModelUsage, json!({"runId": "r", "machineId": m, "provider": "p", "model": "m"})),
        (T::ResourceUsage, json!({"machineId": m, "cpuPct": 1, "memoryBytes": 2, "memoryPct": 3})),
        (T::Span, json!({"id": "i", "traceId": "t", "machineId": m, "name": "n"})),
    ]
}

#[test]
fn each_types_checked_fields_are_required_and_no_others() {
    let payloads = payloads();
    assert_eq!(payloads.len(), 11);
    for (known, payload) in payloads {
        let mut envelope = good();
        envelope["type"] = json!(known.name());
        envelope["payload"] = payload.clone();
        assert_eq!(code(&envelope), None, "{known:?}");
        for field in payload.as_object().unwrap().keys() {
            envelope["payload"] = payload.clone();
            envelope["payload"].as_object_mut().unwrap().remove(field);
            assert_eq!(code(&envelope), Some(Code::InvalidPayload), "{known:?} without {field}");
            envelope["payload"][field] = json!(["wrong"]);
            assert_eq!(code(&envelope), Some(Code::InvalidPayload), "{known:?} with a wrong {field}");
        }
        envelope["payload"] = payload.clone();
        for additive in ["reason", "home", "inputTokens", "exitCode", "channel", "measuredAt"] {
            envelope["payload"][additive] = json!({"odd": true});
        }
        assert_eq!(code(&envelope), None, "{known:?} with odd additive fields");
    }
}

#[test]
fn a_bridges_own_types_need_only_an_object() {
    let mut envelope = good();
    envelope["type"] = json!("channel.future.kind");
    envelope["payload"] = json!({"anything": 1});
    assert_eq!(code(&envelope), None);
    envelope["payload"] = json!("text");
    assert_eq!(code(&envelope), Some(Code::InvalidPayload));
    envelope["payload"] = json!({"machineId": "other"});
    assert_eq!(code(&envelope), Some(Code::InvalidEnvelope));
}

#[test]
fn an_exported_line_is_the_event_that_the_log_held() {
    use crate::event::Origin;
    use crate::event::control::Control;
    let tick = Control::Tick {}.to_event(EventId::new("c1"), Timestamp::from_millis(5), "t");
    let blank = Event::new(Parts {
        id: EventId::new("b"),
        machine: MachineId::new("m1"),
        type_name: "run.log.emitted",
        severity: Severity::Info,
        occurred_at: Timestamp::EPOCH,
        trace: r#"{"traceId":"t"}"#,
        payload: r#"{"redacted":true}"#,
    });
    let mut odd = good();
    odd["id"] = json!("é\"\\\u{1}");
    odd["payload"]["more"] = json!({"n": 1.50, "deep": [null]});
    let sent = validate(&odd.to_string()).unwrap();
    for (event, origin) in [(tick, "control"), (blank, "ingest"), (sent, "mirror:a\"b")] {
        let mut line = String::new();
        event.push_placed(&mut line, 7, Timestamp::from_millis(9), Origin::stored(origin));
        let exported = validate_exported(&line).unwrap();
        assert_eq!(exported.event, event);
        let place = (exported.position, exported.recorded_at.millis(), exported.origin.as_str());
        assert_eq!(place, (7, 9, origin));
        if exported.event.type_name() == "control.tick" {
            assert_eq!(validate(&line).unwrap_err().code, Code::MissingMachineId, "nobody may send it");
        }
    }
}

#[test]
fn what_is_no_line_of_an_export_is_told() {
    let placed = |change: fn(&mut Value)| {
        let mut line = good();
        line["position"] = json!(1);
        line["recordedAt"] = json!("2026-02-21T00:00:00.000Z");
        line["origin"] = json!("ingest");
        change(&mut line);
        validate_exported(&line.to_string()).map_err(|rejection| rejection.code)
    };
    assert!(placed(|_| ()).is_ok());
    for (change, code) in [
        (
            (|line| drop(line.as_object_mut().unwrap().remove("position"))) as fn(&mut Value),
            Code::InvalidEnvelope,
        ),
        (|line| line["position"] = json!(-1), Code::InvalidEnvelope),
        (|line| line["recordedAt"] = json!("soon"), Code::InvalidTimestamp),
        (|line| line["origin"] = json!(""), Code::InvalidEnvelope),
        (|line| line["payload"] = json!("half"), Code::InvalidPayload),
        (|line| line["machineId"] = json!(""), Code::MissingMachineId),
        (|line| line["type"] = json!("control.unheard"), Code::InvalidEventType),
    ] {
        assert_eq!(placed(change).unwrap_err(), code);
    }
}
