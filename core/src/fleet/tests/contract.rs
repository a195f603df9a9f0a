//! The contract's rules for the snapshot (contract §5–§7), and the weaknesses that are cured.

use super::*;

#[test]
fn an_empty_fleet_is_the_contracts_empty_snapshot() {
    let snapshot = Stream::default().snapshot();
    for list in ["machines", "sessions", "runs", "activeRuns", "logs", "recentEvents"] {
        assert_eq!(snapshot[list], json!([]), "{list}");
    }
    assert_eq!(snapshot["runDetails"], json!({}));
    assert_eq!(snapshot["lastUpdated"], "1970-01-01T00:00:00.000Z");
    assert_eq!(snapshot["health"]["overall"], "unknown");
}

#[test]
fn w_c1_equal_times_are_decided_by_arrival() {
    let mut stream = Stream::default();
    stream.session("s", "running");
    assert_eq!(stream.session("s", "completed"), Outcome::Folded);
    assert_eq!(stream.snapshot()["sessions"][0]["state"], "completed");
    assert_eq!(stream.session("s", "running"), Outcome::Folded, "a lane may open again");
    assert_eq!(stream.snapshot()["sessions"][0].get("endedAt"), None);
}

#[test]
fn a_late_event_does_not_override_a_newer_one() {
    let mut stream = Stream { now: 10_000, ..Stream::default() };
    stream.session("s", "running");
    let late = json!({"sessionId": "s", "agentId": "b", "machineId": "m", "from": "x", "to": "failed"});
    assert_eq!(stream.send_at(9_999, "session.state.changed", &late), Outcome::Stale);
    let session = &stream.snapshot()["sessions"][0];
    assert_eq!((&session["state"], &session["agentId"]), (&json!("running"), &json!("a")));
    assert_eq!(session["createdAt"], START.plus(9_999).to_string(), "it began with the earliest event");
}

#[test]
fn w_c8_a_time_in_the_future_is_clamped() {
    let mut stream = Stream::default();
    let payload = json!({"sessionId": "s", "agentId": "a", "machineId": "m", "from": "x", "to": "running"});
    stream.send_at(1_000_000, "session.state.changed", &payload);
    stream.seconds(1);
    assert_eq!(stream.session("s", "completed"), Outcome::Folded, "the future does not win for ever");
}

#[test]
fn w_c3_tool_calls_usage_logs_and_activity_are_in_the_snapshot() {
    let mut stream = Stream::default();
    stream.run("r", "running");
    stream.send(
        "run.tool.started",
        &json!({"runId": "r", "toolCallId": "t", "toolName": "exec", "startedAt": ""}),
    );
    stream.send(
        "run.tool.completed",
        &json!({"runId": "r", "toolCallId": "t", "toolName": "exec", "status": "failed", "durationMs": 7.5,
                "success": false, "errorMessage": "no"}),
    );
    let usage = json!({"runId": "r", "machineId": "m", "provider": "p", "model": "x", "inputTokens": 10,
                       "outputTokens": 5, "totalTokens": 15, "estimatedCostUsd": 0.25});
    stream.send("run.model.usage", &usage);
    stream.send("run.model.usage", &usage);
    stream.send(
        "run.log.emitted",
        &json!({"logEntryId": "l", "runId": "r", "sessionId": "s", "level": "warn", "message": "hm", "ts": "2026-01-01"}),
    );
    stream.heartbeat("online");
    let snapshot = stream.snapshot();
    let detail = &snapshot["runDetails"]["r"];
    assert_eq!(detail["toolCalls"][0]["status"], "failed");
    assert_eq!(detail["toolCalls"][0]["errorMessage"], "no");
    assert_eq!(
        detail["modelUsage"],
        json!({"provider": "p", "model": "x", "inputTokens": 20, "outputTokens": 10, "totalTokens": 30,
               "estimatedCostUsd": 0.5})
    );
    assert_eq!(
        snapshot["logs"],
        json!([{"id": "l", "runId": "r", "sessionId": "s", "machineId": "m", "level": "warn", "message": "hm",
                "ts": "2026-01-01T00:00:00.000Z"}])
    );
    let types: Vec<_> =
        snapshot["recentEvents"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(types.len(), 6, "all but the heartbeat: {types:?}");
    assert_eq!(snapshot["agents"][0]["usage"]["estimatedCostUsd"], 0.5);
    assert_eq!(stream.fleet.facts().spent.lifetime.total_tokens, 30);
}

#[test]
fn w_c4_a_failed_run_is_critical_for_an_hour_only() {
    let mut stream = Stream::default();
    stream.heartbeat("online");
    stream.run("r", "failed");
    assert_eq!(stream.snapshot()["health"]["overall"], "critical");
    assert_eq!(stream.snapshot()["health"]["failedRunsTotal"], 1);
    stream.seconds(3601);
    stream.heartbeat("online");
    assert_eq!(stream.snapshot()["health"]["overall"], "healthy");
    assert_eq!(stream.snapshot()["health"]["failedRunsTotal"], 1, "the lifetime counter stays");
}

#[test]
fn a_failure_that_is_told_late_is_not_critical() {
    let mut stream = Stream { now: 30 * 60_000, ..Stream::default() };
    stream.heartbeat("online");
    let failed = json!({"runId": "r", "sessionId": "s", "agentId": "a", "from": "x", "to": "failed"});
    stream.send_at(0, "run.state.changed", &failed);
    assert_eq!(stream.snapshot()["health"]["overall"], "healthy");
    assert_eq!(stream.snapshot()["health"]["failedRunsTotal"], 1, "but it counts");
}

#[test]
fn w_c5_registering_again_keeps_gauges_and_reads_no_garbage() {
    let mut stream = Stream::default();
    stream.send("machine.registered", &registered("nas"));
    stream.heartbeat("online");
    stream.send("machine.registered", &registered("nas2"));
    let machine = &stream.snapshot()["machines"][0];
    assert_eq!(machine["name"], "nas2");
    assert_eq!(machine["lastResource"]["cpuPct"], 12.5);
    assert_eq!(machine["lastSeenAt"], START.to_string());
}

#[test]
fn w_c6_odd_words_are_stored_and_not_folded() {
    let mut stream = Stream::default();
    assert_eq!(stream.run("r", "exploded"), Outcome::Odd);
    assert_eq!(stream.session("s", ""), Outcome::Odd);
    assert_eq!(stream.heartbeat("zombie"), Outcome::Odd);
    let snapshot = stream.snapshot();
    assert_eq!((&snapshot["runs"], &snapshot["machines"]), (&json!([]), &json!([])));
    assert_eq!(snapshot["recentEvents"].as_array().unwrap().len(), 2);
}

#[test]
fn w_c6_a_run_ends_once() {
    let mut stream = Stream::default();
    stream.run("r", "running");
    stream.run("r", "cancelled");
    stream.seconds(1);
    for to in ["failed", "running", "completed"] {
        assert_eq!(stream.run("r", to), Outcome::Odd, "{to}");
    }
    let run = &stream.snapshot()["runs"][0];
    assert_eq!((&run["state"], run.get("failureReason")), (&json!("cancelled"), None));
    assert_eq!(run["endedAt"], START.to_string());
}

#[test]
fn a_run_after_its_sessions_end_counts_and_opens_nothing() {
    let mut stream = Stream::default();
    stream.session("s", "completed");
    stream.seconds(1);
    stream.run("r", "running");
    let snapshot = stream.snapshot();
    assert_eq!(snapshot["sessions"][0]["state"], "completed");
    assert_eq!(snapshot["activeRuns"][0]["runId"], "r");
    assert_eq!(snapshot["activeRuns"][0]["isActive"], true);
}

#[test]
fn what_comes_before_its_run_is_not_lost() {
    let mut stream = Stream::default();
    let usage = json!({"runId": "r", "machineId": "m", "provider": "p", "model": "x", "inputTokens": 3,
                       "sessionId": "s", "agentId": "a"});
    stream.send("run.model.usage", &usage);
    assert_eq!(stream.snapshot()["runs"], json!([]), "no state was told yet");
    stream.session("s", "running");
    stream.run("r", "running");
    assert_eq!(stream.snapshot()["runDetails"]["r"]["modelUsage"]["inputTokens"], 3);
    assert_eq!(stream.snapshot()["sessions"][0]["usage"]["inputTokens"], 3);
    assert_eq!(stream.snapshot()["agents"][0]["usage"]["inputTokens"], 3);
}

#[test]
fn a_log_line_before_its_run_places_it() {
    let mut stream = Stream::default();
    let line =
        json!({"logEntryId": "l", "runId": "r", "sessionId": "s", "level": "odd", "message": "x", "ts": ""});
    assert_eq!(stream.send("run.log.emitted", &line), Outcome::Odd);
    let run = stream.fleet.facts().runs.iter().next().unwrap();
    assert_eq!((run.run_id.as_str(), run.session_id.as_str()), ("r", "s"));
    let of_no_run =
        json!({"logEntryId": "l", "runId": "", "sessionId": "s", "level": "info", "message": "x", "ts": ""});
    stream.send("run.log.emitted", &of_no_run);
    assert_eq!(stream.fleet.facts().runs.len(), 1);
}

#[test]
fn equal_ids_of_two_machines_do_not_merge() {
    let mut stream = Stream::default();
    for (machine, to) in [("m", "running"), ("n", "failed")] {
        let payload = json!({"runId": "r", "sessionId": "s", "agentId": "a", "from": "x", "to": to});
        stream.send_from(machine, 0, "run.state.changed", &payload);
    }
    let snapshot = stream.snapshot();
    let states: Vec<_> = snapshot["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["machineId"].clone(), r["state"].clone()))
        .collect();
    assert_eq!(states, [(json!("m"), json!("running")), (json!("n"), json!("failed"))]);
    assert_eq!(snapshot["agents"].as_array().unwrap().len(), 2);
}

#[test]
fn ghosts_are_left_out_until_they_show_life() {
    let mut stream = Stream::default();
    let beat = |machine: &str| {
        json!({"machineId": machine, "status": "online",
        "resource": {"cpuPct": 1, "memoryBytes": 1, "memoryPct": 1}})
    };
    stream.send_from("machine_1", 0, "machine.heartbeat", &beat("machine_1"));
    assert_eq!(stream.snapshot()["machines"].as_array().unwrap().len(), 1);
    stream.seconds(121);
    stream.heartbeat("online");
    let machines = stream.snapshot()["machines"].clone();
    assert_eq!(machines.as_array().unwrap().len(), 1);
    assert_eq!(machines[0]["machineId"], "m");
    assert_eq!(stream.snapshot()["health"]["machines"].as_array().unwrap().len(), 1);
}

#[test]
fn lists_are_in_the_contracts_order() {
    let mut stream = Stream::default();
    for run in ["b", "a"] {
        stream.run(run, "running");
    }
    stream.seconds(1);
    stream.run("c", "running");
    let ids: Vec<_> =
        stream.snapshot()["runs"].as_array().unwrap().iter().map(|r| r["runId"].clone()).collect();
    assert_eq!(ids, ["c", "a", "b"]);
    assert_eq!(stream.snapshot()["lastUpdated"], START.plus(1000).to_string());
}

#[test]
fn the_golden_stream_has_the_hash_of_this_version() {
    let mut stream = Stream::default();
    let hash = total::golden(&mut stream);
    let facts = stream.fleet.facts();
    let rows = [
        facts.machines.len(),
        facts.agents.len(),
        facts.sessions.len(),
        facts.runs.len(),
        facts.usage.len(),
        facts.server.tokens.len(),
        facts.logs.len(),
        facts.recent.len(),
    ];
    assert!(rows.iter().all(|rows| *rows > 0), "a table that is empty proves nothing: {rows:?}");
    assert_eq!(
        (FOLD_VERSION, hash.as_str()),
        (2, "c2c6a51d15c31801ac4496c77d2640b267c83d408adb025af23a3ac5723b79d4"),
        "the fold's rules or stored form changed: raise FOLD_VERSION, then note the new hash here"
    );
}
