//! FO-1 and FO-2 on arbitrary streams: nothing stops the fold, its stored form is exact, and its index is a function of
//! its rows.

use proptest::prelude::*;

use super::*;

/// A fixed stream that touches every rule, for the golden hash.
pub(super) fn golden(stream: &mut Stream) {
    for round in 0..3_i64 {
        for machine in ["m", "n"] {
            for (i, kind) in EventType::ALL.iter().enumerate() {
                let payload = payload(machine, i as u64 + round as u64 * 7);
                stream.now += 777;
                let at = stream.now - round * 1_000;
                let event = Event::new(Parts {
                    id: EventId::from(format!("g{}", stream.fleet.position())),
                    machine: MachineId::new(machine),
                    type_name: kind.name(),
                    severity: Severity::Info,
                    occurred_at: START.plus(at),
                    trace: r#"{"traceId":"t"}"#,
                    payload: &payload.to_string(),
                });
                stream.apply(&event, Origin::INGEST);
            }
        }
    }
}

/// A payload that every type can read; `seed` chooses among few ids and words, so that events meet.
fn payload(machine: &str, seed: u64) -> Value {
    const STATUS: [&str; 5] = ["online", "offline", "degraded", "failed", "ok"];
    const STATES: [&str; 9] = [
        "created",
        "queued",
        "running",
        "waiting_tool",
        "streaming",
        "completed",
        "failed",
        "cancelled",
        "odd",
    ];
    let (run, session) = (format!("r{}", seed % 5), format!("s{}", seed % 3));
    let to = STATES[(seed % 9) as usize];
    json!({
        "machineId": machine, "sessionId": session, "runId": run, "agentId": format!("a{}", seed % 2),
        "from": "x", "to": to, "reason": "why", "home": if seed.is_multiple_of(2) { json!("default") } else { Value::Null },
        "name": "N", "kind": "vps", "registeredAt": "x", "status": STATUS[(seed % 5) as usize],
        "resource": {"cpuPct": seed as f64 / 3.0, "memoryBytes": seed, "memoryPct": 0.1 + seed as f64},
        "logEntryId": "l", "level": "info", "message": "line", "ts": "2026-01-01T00:00:00Z",
        "toolCallId": format!("t{}", seed % 60), "toolName": "exec", "startedAt": "2026-01-01T00:00:00Z", "durationMs": seed as f64 * 0.7,
        "success": seed.is_multiple_of(2), "exitCode": seed, "provider": "p", "model": format!("x{}", seed % 2), "inputTokens": seed,
        "estimatedCostUsd": seed as f64 * 0.001, "cpuPct": 0.3, "memoryBytes": 1e10, "memoryPct": 33.3,
        "id": format!("sp{}", seed % 7), "traceId": "t", "version": "1.2", "clean": true, "key": "k", "restarts": 1, "error": "e",
        "silentSince": "2026-01-01T00:00:00.000Z", "scope": "bridge", "expiresAt": null, "freeBytes": 5, "seconds": seed,
        "retention": {"heartbeatsMs": seed, "logsMs": null, "maxBytes": null},
    })
}

/// What arrives: mostly readable events that meet each other, some rubbish.
fn arrivals() -> impl Strategy<Value = Vec<(usize, bool, u64, i64, i64, String)>> {
    let rubbish = prop_oneof![
        Just("{}".to_owned()),
        Just("{\"runId\":1}".to_owned()),
        Just("[]".to_owned()),
        Just("not json".to_owned()),
        "\\PC{0,40}",
    ];
    let payload = prop_oneof![4 => Just(String::new()), 1 => rubbish];
    let one = (
        0..EventType::ALL.len() + 1,
        any::<bool>(),
        0..200_u64,
        -5_000_000..5_000_000_i64,
        0..200_000_000_i64,
        payload,
    );
    prop::collection::vec(one, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_stream_folds_and_survives_its_text(arrivals in arrivals(), split in 0..120_usize) {
        let mut stream = Stream::default();
        let mut resumed: Option<Stream> = None;
        for (i, (kind, other_machine, seed, ago, step, rubbish)) in arrivals.into_iter().enumerate() {
            let machine = if other_machine { "n" } else { "m" };
            let known = EventType::ALL.get(kind).copied();
            let text = if rubbish.is_empty() {
                payload(machine, seed).to_string()
            } else {
                rubbish
            };
            stream.now += step;
            let event = Event::new(Parts {
                id: EventId::from(format!("e{i}")),
                machine: MachineId::new(machine),
                type_name: known.map_or("cron.unknown", EventType::name),
                severity: Severity::Info,
                occurred_at: START.plus(stream.now - ago),
                trace: "{}",
                payload: &text,
            });
            if i == split {
                // A checkpoint here, and the tail on top of it.
                let text = serde_json::to_string(&stream.fleet).unwrap();
                let fleet: Fleet = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&fleet, &stream.fleet, "stored form and index");
                resumed = Some(Stream { fleet, ..Stream::default() });
            }
            let before = stream.fleet.clone();
            stream.apply(&event, Origin::INGEST);
            if known.is_some_and(|known| known.family() == crate::event::Family::Telemetry) {
                let recorded = event.recorded(stream.fleet.position(), START.plus(stream.now), Origin::INGEST);
                let told = stream.fleet.session_touched_by(&recorded);
                for session in stream.fleet.facts().sessions.iter() {
                    let key = (session.machine_id.clone(), session.session_id.clone());
                    if before.facts().sessions.get(&key) != Some(session) {
                        prop_assert_eq!(told.as_ref(), Some(&key), "{:?}", event);
                    }
                }
            }
            if let Some(resumed) = &mut resumed {
                resumed.now = stream.now;
                resumed.apply(&event, Origin::INGEST);
            }
            // Views must hold at any position.
            let _ = stream.snapshot();
        }
        prop_assert_eq!(&Index::of(stream.fleet.facts()), stream.fleet.index(), "index == rows");
        if let Some(resumed) = resumed {
            prop_assert_eq!(resumed.fleet.hash(), stream.fleet.hash(), "checkpoint + tail == live");
        }
    }
}
