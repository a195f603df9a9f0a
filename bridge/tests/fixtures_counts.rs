//! What the recorded homes hold, counted through the bridge, against what an independent reader counted in them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use patze_bridge::openclaw::{Generation, OpenclawHome};
use patze_core::event::Event;
use patze_core::ids::MachineId;
use serde_json::{Value, json};
use support::*;

/// The figures of `expected.json`, from events.
fn counted(events: &[Event]) -> Value {
    let ends = runs(events);
    let ended = |state: &str| ends.values().filter(|run| run["to"] == state).count();
    let mut by_session: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for (_, session) in of_type(events, "session.state.changed") {
        by_session.entry(field(&session, "sessionKey").to_owned()).or_default();
    }
    for (_, usage) in of_type(events, "run.model.usage") {
        let session = by_session.entry(field(&usage, "sessionKey").to_owned()).or_default();
        session[0] += usage["inputTokens"].as_u64().unwrap();
        session[1] += usage["outputTokens"].as_u64().unwrap();
    }
    for (_, call) in of_type(events, "run.tool.started") {
        by_session.entry(field(&call, "sessionKey").to_owned()).or_default()[2] += 1;
    }
    let total = |at: usize| by_session.values().map(|counts| counts[at]).sum::<u64>();
    json!({
        "sessions": by_session.len(),
        "inputTokens": total(0),
        "outputTokens": total(1),
        "toolCalls": total(2),
        "runs": ends.len(),
        "runs_completed": ended("completed"),
        "runs_failed": ended("failed"),
        "runs_cancelled": ended("cancelled"),
        "runs_unended": ended("running"),
        "bySession": by_session.iter().map(|(key, [input, output, calls])| {
            (key.clone(), json!({ "inputTokens": input, "outputTokens": output, "toolCalls": calls }))
        }).collect::<serde_json::Map<_, _>>(),
    })
}

#[test]
fn counts_agree_with_an_independent_reader() {
    for fixture in [TOOLS, FAILURES, CHANNELS, CRASHED] {
        let home = Unpacked::new(fixture);
        let events = read_all(&mut home.open());
        let expected = std::fs::read_to_string(fixture_file(fixture, "expected.json")).unwrap();
        assert_eq!(counted(&events), serde_json::from_str::<Value>(&expected).unwrap(), "{fixture}");

        let completed = of_type(&events, "run.tool.completed");
        let started = of_type(&events, "run.tool.started");
        assert_eq!(completed.len(), started.len(), "{fixture}");
        for event in &events {
            text(event);
        }
        let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
        assert_eq!(ids.len(), events.len(), "{fixture}: an id came twice");
        assert!(events.is_sorted_by_key(|event| event.occurred_at), "{fixture}: in one page, in order");
    }
}

/// Row by row: each ledger row about a run has its event, with its time and its outcome, and there are no others but
/// those that a crash explains.
#[test]
fn runs_agree_with_the_dumped_ledger_row_by_row() {
    for fixture in [FAILURES, CHANNELS] {
        let home = Unpacked::new(fixture);
        let events = read_all(&mut home.open());
        let mut told: BTreeSet<(i64, String, String)> = of_type(&events, "run.state.changed")
            .into_iter()
            .map(|(at, run)| (at, field(&run, "openclawRunId").to_owned(), field(&run, "to").to_owned()))
            .collect();
        let dump = std::fs::read_to_string(fixture_file(fixture, "state.audit_events.jsonl")).unwrap();
        let mut rows = 0;
        for row in dump.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            if row["kind"] != "agent_run" {
                continue;
            }
            rows += 1;
            let to = match row["status"].as_str().unwrap() {
                "started" => "running",
                "succeeded" => "completed",
                "cancelled" => "cancelled",
                _ => "failed",
            };
            let run = field(&row, "run_id");
            let key = (row["occurred_at"].as_i64().unwrap(), run.to_owned(), to.to_owned());
            assert!(told.remove(&key), "{fixture}: no event for {row}");
            let state = &runs(&events)[run];
            if to == "failed" {
                assert!(field(state, "reason").starts_with(field(&row, "error_code")), "{state}");
            }
            let key = field(&row, "session_key");
            let lane = field(state, "sessionKey");
            assert!(
                lane == key || key.strip_prefix(lane).is_some_and(|run| run.starts_with(":run:")),
                "{state}"
            );
            assert_eq!(field(state, "agentId"), field(&row, "agent_id"));
        }
        assert!(rows > 60, "{fixture}");
        let crashed: Vec<_> = told.into_iter().collect();
        let expected = if fixture == CHANNELS {
            // Two boots follow; the first ends it.
            vec![(1_795_334_885_593, "44974d5b-7eda-423e-a79f-79b59ec42229".to_owned(), "failed".to_owned())]
        } else {
            Vec::new()
        };
        assert_eq!(crashed, expected, "{fixture}");
    }
}

#[test]
fn two_machines_with_the_same_home_share_no_id() {
    let home = Unpacked::new(CHANNELS);
    let read = |machine: &str| {
        let mut reader = OpenclawHome::open(&home.info(), MachineId::new(machine), false).unwrap();
        let events = read_all(&mut reader);
        let mut ids: BTreeSet<String> = events.iter().map(|event| event.id.to_string()).collect();
        for event in &events {
            let payload = payload(event);
            let named = ["sessionId", "runId", "logEntryId"].map(|name| field(&payload, name).to_owned());
            ids.extend(named.into_iter().filter(|id| !id.is_empty()));
            assert_eq!(event.machine.as_str(), machine);
        }
        ids
    };
    let (one, other) = (read("machine_1"), read("machine_2"));
    assert_eq!(one.len(), other.len());
    assert!(one.is_disjoint(&other));
}

#[test]
fn two_homes_on_one_machine_share_no_id() {
    let (one, other) = (Unpacked::new(TOOLS), Unpacked::new(TOOLS));
    let ids = |home: &Unpacked| -> BTreeSet<String> {
        read_all(&mut home.open()).iter().map(|event| event.id.to_string()).collect()
    };
    assert!(ids(&one).is_disjoint(&ids(&other)));
}

#[test]
fn discovery_says_what_a_home_is() {
    let home = Unpacked::new(CHANNELS);
    let info = home.info();
    assert_eq!(info.name, "default");
    let Generation::Store { app_version, schema_version, agents } = &info.generation else {
        panic!("{info}");
    };
    assert_eq!((app_version.as_deref(), *schema_version), (Some("2026.9.6"), Some(18)));
    assert_eq!(agents, &["main", "work"]);
    let line = info.to_string();
    assert!(
        line.starts_with("default (/") && line.ends_with(": OpenClaw 2026.9.6, schema 18, agents main, work"),
        "{line}"
    );
}
