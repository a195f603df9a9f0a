//! FO-1 and FO-2 on arbitrary streams: nothing stops the fold, its stored form is exact, and its index is a function of
//! its rows.

use equivalent::Comparable as _;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::super::table::Row as _;
use super::*;
use crate::ids::RunId;
use crate::time::HOUR;

/// A fixed stream that touches every rule. Tells the state's hash after each of its events, one over the other, so that no
/// later event hides what an earlier one did.
pub(super) fn golden(stream: &mut Stream) -> String {
    let mut chain = Sha256::new();
    let mut send = |stream: &mut Stream, machine: &str, kind: EventType, at: i64, payload: &Value| {
        let event = Event::new(Parts {
            id: EventId::from(format!("g{}", stream.fleet.position())),
            machine: MachineId::new(machine),
            type_name: kind.name(),
            severity: Severity::Info,
            occurred_at: START.plus(at),
            trace: r#"{"traceId":"t"}"#,
            payload: &payload.to_string(),
        });
        let is_control = kind.family() == Family::Control;
        stream.apply(&event, if is_control { Origin::CONTROL } else { Origin::INGEST });
        chain.update(stream.fleet.hash());
    };
    for round in 0..3_i64 {
        for machine in ["m", "n"] {
            for (i, kind) in EventType::ALL.iter().enumerate() {
                // Who is forgotten is somebody who is not needed later.
                let about = if *kind == EventType::MachineForgotten { "gone" } else { machine };
                send(stream, about, EventType::MachineHeartbeat, stream.now, &payload(about, 0));
                stream.now += 777;
                let seed = i as u64 + round as u64 * 7;
                send(stream, about, *kind, stream.now - round * 1_000, &payload(about, seed));
            }
        }
        // What is told late, and what nobody hears of for a week.
        for seed in 0..9 {
            send(stream, "m", EventType::RunState, stream.now - 2 * HOUR, &payload("m", seed));
        }
        stream.now += if round == 1 { limits::IDLE + HOUR } else { HOUR };
    }
    // The control plane's own word on a machine, known and not.
    let mut offline = super::heartbeat("offline");
    for machine in ["m", "stranger"] {
        offline["machineId"] = json!(machine);
        let event = Event::new(Parts {
            id: EventId::from(format!("offline-{machine}")),
            machine: MachineId::new(machine),
            type_name: EventType::MachineHeartbeat.name(),
            severity: Severity::Warn,
            occurred_at: START.plus(stream.now),
            trace: r#"{"traceId":"t"}"#,
            payload: &offline.to_string(),
        });
        stream.apply(&event, Origin::CONTROL);
        chain.update(stream.fleet.hash());
    }
    // More than is kept: of a run's calls, of a session's ended runs.
    let mut send_more = |stream: &mut Stream, kind: &str, payload: &Value| {
        stream.send(kind, payload);
        chain.update(stream.fleet.hash());
    };
    for n in 0..limits::MAX_TOOL_CALLS_PER_RUN + 2 {
        let mut call = payload("m", 2);
        call["toolCallId"] = json!(format!("many{n}"));
        send_more(stream, "run.tool.started", &call);
    }
    for n in 0..limits::MAX_ENDED_RUNS_PER_SESSION + 2 {
        let mut run = payload("m", 5);
        (run["runId"], run["to"]) = (json!(format!("many{n}")), json!("completed"));
        send_more(stream, "run.state.changed", &run);
    }
    chain.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A payload that every type can read; `seed` chooses among few ids and words, so that events meet.
pub(super) fn payload(machine: &str, seed: u64) -> Value {
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

/// An event that arrives.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    kind: Option<EventType>,
    machine: &'static str,
    /// How long ago it happened, ms.
    ago: i64,
    /// How long after the one before it arrives, ms.
    step: i64,
    payload: String,
}

impl Arrival {
    pub fn arrive(&self, stream: &mut Stream) -> Event {
        stream.now += self.step;
        let event = Event::new(Parts {
            id: EventId::from(format!("e{}", stream.fleet.position())),
            machine: MachineId::new(self.machine),
            type_name: self.kind.map_or("cron.unknown", EventType::name),
            severity: Severity::Info,
            occurred_at: START.plus(stream.now - self.ago),
            trace: "{}",
            payload: &self.payload,
        });
        stream.apply(&event, Origin::INGEST);
        event
    }
}

/// What arrives: mostly readable events that meet each other, some rubbish.
pub(super) fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let rubbish = prop_oneof![
        Just("{}".to_owned()),
        Just("{\"runId\":1}".to_owned()),
        Just("[]".to_owned()),
        Just("not json".to_owned()),
        "\\PC{0,40}",
    ];
    let rubbish = prop::option::weighted(0.2, rubbish);
    let kind = (0..EventType::ALL.len() + 1).prop_map(|kind| EventType::ALL.get(kind).copied());
    let machine = prop_oneof![Just("m"), Just("n")];
    let (ago, step) = (-5_000_000..5_000_000_i64, 0..200_000_000_i64);
    let one = (kind, machine, 0..200_u64, ago, step, rubbish).prop_map(
        |(kind, machine, seed, ago, step, rubbish)| {
            let payload = rubbish.unwrap_or_else(|| payload(machine, seed).to_string());
            Arrival { kind, machine, ago, step, payload }
        },
    );
    prop::collection::vec(one, 0..120)
}

proptest! {
    #[test]
    fn a_borrowed_key_stands_where_the_key_stands(
        (machine, id, other_machine, other_id) in ("[ab]{0,2}", "[ab]{0,2}", "[ab]{0,2}", "[ab]{0,2}"),
        shared in any::<bool>(),
    ) {
        let machine = MachineId::from(machine);
        let other_machine = if shared { machine.clone() } else { MachineId::from(other_machine) };
        let (key, other) = ((machine, RunId::from(id)), (other_machine, RunId::from(other_id)));
        let as_text = (key.0.as_str(), key.1.as_str()).cmp(&(other.0.as_str(), other.1.as_str()));
        prop_assert_eq!(key.cmp(&other), as_text);
        prop_assert_eq!(keys::KeyOf(&key.0, key.1.as_str()).compare(&other), as_text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_stream_folds_and_survives_its_text(arrivals in arrivals(), split in 0..120_usize) {
        let mut stream = Stream::default();
        let mut resumed: Option<Stream> = None;
        for (i, arrival) in arrivals.into_iter().enumerate() {
            if i == split {
                // A checkpoint here, and the tail on top of it.
                let text = serde_json::to_string(&stream.fleet).unwrap();
                let fleet: Fleet = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&fleet, &stream.fleet, "stored form and index");
                resumed = Some(Stream { fleet, ..Stream::default() });
            }
            let before = stream.fleet.clone();
            if let Some(resumed) = &mut resumed {
                resumed.now = stream.now;
                arrival.arrive(resumed);
            }
            let event = arrival.arrive(&mut stream);
            let family = Family::of(event.type_name());
            if family != Some(Family::Control) {
                let recorded = event.recorded(stream.fleet.position(), START.plus(stream.now), Origin::INGEST);
                let (facts, before) = (stream.fleet.facts(), before.facts());
                let told = stream.fleet.session_touched_by(&recorded);
                for session in facts.sessions.iter().filter(|row| before.sessions.get(&row.key()) != Some(row)) {
                    prop_assert_eq!(told.as_ref(), Some(&session.key()), "{:?}", event);
                }
                let told = stream.fleet.run_touched_by(&recorded);
                for run in facts.runs.iter().filter(|row| before.runs.get(&row.key()) != Some(row)) {
                    let only_lost_details = run.details_gone && run.details.is_none();
                    prop_assert!(told.as_ref() == Some(&run.key()) || only_lost_details, "{:?}", event);
                }
            }
            let facts = stream.fleet.facts();
            let oldest = minute(facts.log_time.plus(-limits::IDLE));
            prop_assert!(facts.sessions.iter().all(|session| minute(session.touched) >= oldest), "idle");
            prop_assert!(facts.runs.iter().all(|run| minute(run.touched) >= oldest), "idle");
            // Views must hold at any position.
            let _ = stream.snapshot();
        }
        prop_assert_eq!(&Index::of(stream.fleet.facts()), stream.fleet.index(), "index == rows");
        if let Some(resumed) = resumed {
            prop_assert_eq!(resumed.fleet.hash(), stream.fleet.hash(), "checkpoint + tail == live");
        }
    }
}
