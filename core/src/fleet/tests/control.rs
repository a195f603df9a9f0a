//! The control plane's own facts, and what the user does to machines.

use super::rows::Status;
use super::*;

fn machine() -> MachineId {
    MachineId::new("m")
}

#[test]
fn w_c9_an_offline_heartbeat_changes_status_and_since_only() {
    let mut stream = Stream { now: 3_600_000, ..Stream::default() };
    // The machine's clock is an hour behind.
    stream.send_at(0, "machine.heartbeat", &heartbeat("online"));
    stream.seconds(120);
    let offline = Event::new(Parts {
        id: EventId::new("synthetic"),
        machine: machine(),
        type_name: "machine.heartbeat",
        severity: Severity::Warn,
        occurred_at: START.plus(1),
        trace: r#"{"traceId":"t"}"#,
        payload: &json!({"machineId": "m", "status": "offline", "resource": {"cpuPct": 0, "memoryBytes": 0, "memoryPct": 0}}).to_string(),
    });
    assert_eq!(stream.apply(&offline, Origin::CONTROL), Outcome::Folded);
    let view = stream.snapshot()["machines"][0].clone();
    assert_eq!((&view["status"], &view["lastResource"]["cpuPct"]), (&json!("offline"), &json!(12.5)));
    assert_eq!(view["lastSeenAt"], START.to_string());
    assert_eq!(stream.snapshot()["health"]["overall"], "critical");
    stream.seconds(1);
    assert_eq!(
        stream.send_at(5_000, "machine.heartbeat", &heartbeat("online")),
        Outcome::Folded,
        "its first heartbeat"
    );
    assert_eq!(stream.snapshot()["machines"][0]["status"], "online");
    assert_eq!(stream.snapshot()["machines"][0]["since"], START.plus(5_000).to_string());
}

#[test]
fn a_machine_whose_clock_was_set_back_is_heard_though_its_heartbeats_are_old() {
    let mut stream = Stream { now: 7_200_000, ..Stream::default() };
    stream.heartbeat("online");
    // A snapshot of the machine is restored: its clock is an hour behind what it last told.
    stream.seconds(60);
    stream.changes.clear();
    let degraded = json!({"machineId": "m", "status": "degraded", "resource": {"cpuPct": 99, "memoryBytes": 1, "memoryPct": 1}});
    let an_hour_behind = |stream: &Stream| stream.now - 3_600_000;
    let at = an_hour_behind(&stream);
    assert_eq!(stream.send_at(at, "machine.heartbeat", &degraded), Outcome::Stale);
    assert_eq!(stream.changes, [Change::Machine(machine())], "its actor is told");
    let pulse = stream.fleet.facts().machines.get(&machine()).unwrap().pulse.clone().unwrap();
    assert_eq!((pulse.heard_at, pulse.heard_position), (START.plus(stream.now), stream.fleet.position()));
    assert_eq!(
        (pulse.status, pulse.last_seen_at),
        (Status::Online, START.plus(7_200_000)),
        "no more than that"
    );

    // It was called silent; an old heartbeat ends that, and leaves the gauges of the newest one.
    stream.seconds(120);
    let offline = Event::new(Parts {
        id: EventId::new("synthetic"),
        machine: machine(),
        type_name: "machine.heartbeat",
        severity: Severity::Warn,
        occurred_at: START.plus(7_200_001),
        trace: r#"{"traceId":"t"}"#,
        payload: &heartbeat("offline").to_string(),
    });
    assert_eq!(stream.apply(&offline, Origin::CONTROL), Outcome::Folded);
    let heard = stream.fleet.facts().machines.get(&machine()).unwrap().pulse.clone().unwrap();
    assert_eq!((heard.status, heard.heard_at), (Status::Offline, pulse.heard_at));
    stream.seconds(1);
    let at = an_hour_behind(&stream);
    stream.send_at(at, "machine.registered", &registered("old"));
    let view = stream.snapshot()["machines"][0].clone();
    assert_eq!((&view["status"], &view["lastResource"]["cpuPct"]), (&json!("online"), &json!(12.5)));
    assert_eq!((&view["since"], view.get("name")), (&json!(START.plus(stream.now).to_string()), None));

    // What the machine says of itself is not undone by what it said before.
    stream.heartbeat("offline");
    let at = an_hour_behind(&stream);
    stream.send_at(at, "machine.heartbeat", &heartbeat("online"));
    assert_eq!(stream.snapshot()["machines"][0]["status"], "offline");
}

#[test]
fn a_given_name_wins_and_the_reported_one_is_kept() {
    let mut stream = Stream::default();
    stream.send("machine.registered", &registered("ip-10-0-0-7"));
    stream.control(&Control::MachineRenamed { machine_id: machine(), name: Some("nas".into()) });
    stream.send("machine.registered", &registered("ip-10-0-0-8"));
    let view = stream.snapshot()["machines"][0].clone();
    assert_eq!((&view["name"], &view["reportedName"]), (&json!("nas"), &json!("ip-10-0-0-8")));
    stream.control(&Control::MachineRenamed { machine_id: machine(), name: None });
    assert_eq!(stream.snapshot()["machines"][0]["name"], "ip-10-0-0-8");
}

#[test]
fn a_paused_machine_counts_in_no_health_and_raises_no_attention() {
    let mut stream = Stream::default();
    stream.heartbeat("offline");
    stream.run("r", "failed");
    assert_eq!(stream.snapshot()["attention"].as_array().unwrap().len(), 2);
    stream.control(&Control::MachinePaused { machine_id: machine() });
    let snapshot = stream.snapshot();
    assert_eq!((&snapshot["attention"], &snapshot["health"]["overall"]), (&json!([]), &json!("unknown")));
    assert_eq!(snapshot["machines"][0]["paused"], true);
    stream.run("r2", "running");
    assert_eq!(stream.snapshot()["runs"].as_array().unwrap().len(), 2, "its data is still taken");
    stream.control(&Control::MachineResumed { machine_id: machine() });
    assert_eq!(stream.snapshot()["health"]["overall"], "critical");
}

#[test]
fn a_forgotten_machine_leaves_nothing_and_comes_back_as_new() {
    let mut stream = Stream::default();
    stream.send("machine.registered", &registered("nas"));
    stream.run("r", "running");
    stream.session("s", "running");
    stream.send(
        "run.model.usage",
        &json!({"runId": "r", "machineId": "m", "provider": "p", "model": "x", "inputTokens": 1}),
    );
    stream.send_from("n", 0, "cron.any", &json!({}));
    stream.control(&Control::MachineForgotten { machine_id: machine() });
    let facts = stream.fleet.facts();
    assert_eq!(
        (facts.machines.len(), facts.runs.len(), facts.sessions.len(), facts.usage.len()),
        (1, 0, 0, 0)
    );
    assert_eq!(stream.fleet.index(), &Index::default());
    assert_eq!(stream.snapshot()["recentEvents"], json!([]));
    stream.heartbeat("online");
    assert_eq!(stream.snapshot()["machines"][0].get("name"), None);
}

/// docs/decisions/persistent-vector.md: imbl's own `retain` kept other lines than it was told, and then crashed.
#[test]
fn only_the_lines_of_a_forgotten_machine_leave_a_ring_that_is_full() {
    let mut stream = Stream::default();
    // More than are kept, so that the oldest have left the ring at its front.
    for n in 0..333 {
        let line = json!({"logEntryId": format!("l{n}"), "runId": "r", "sessionId": "s", "level": "info", "message": "x", "ts": ""});
        stream.send_from(if n % 7 == 0 { "m" } else { "n" }, 0, "run.log.emitted", &line);
    }
    let live = stream.fleet.clone();
    stream.control(&Control::MachineForgotten { machine_id: machine() });
    let expected: Vec<String> = (133..333).filter(|n| n % 7 != 0).map(|n| format!("l{n}")).collect();
    let left: Vec<&str> = stream.fleet.facts().logs.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(left, expected);
    assert!(stream.fleet.facts().recent.iter().all(|activity| activity.machine_id != machine()));
    assert_eq!(live.facts().logs.len(), 200, "whoever reads the fleet of before has all of it");
}

#[test]
fn an_offline_heartbeat_that_was_on_its_way_brings_no_forgotten_machine_back() {
    let mut stream = Stream::default();
    stream.heartbeat("online");
    stream.control(&Control::MachineForgotten { machine_id: machine() });
    let offline = Event::new(Parts {
        id: EventId::new("synthetic"),
        machine: machine(),
        type_name: "machine.heartbeat",
        severity: Severity::Warn,
        occurred_at: START.plus(1),
        trace: "{}",
        payload: &heartbeat("offline").to_string(),
    });
    assert_eq!(stream.apply(&offline, Origin::CONTROL), Outcome::Odd);
    assert!(stream.fleet.facts().machines.is_empty());
    stream.heartbeat("online");
    assert_eq!(stream.snapshot()["machines"][0]["status"], "online", "its own brings it back as new");
}

#[test]
fn a_stalled_session_is_marked_until_it_moves() {
    let mut stream = Stream::default();
    stream.session("s", "running");
    let stalled =
        Control::SessionStalled { machine_id: machine(), session_id: "s".into(), silent_since: START };
    stream.control(&stalled);
    assert_eq!(stream.snapshot()["sessions"][0]["stalledSince"], START.to_string());
    assert_eq!(
        stream.snapshot()["sessions"][0]["state"],
        "running",
        "the control plane never ends a session"
    );
    stream.run("r", "running");
    assert_eq!(stream.snapshot()["sessions"][0].get("stalledSince"), None);
}

#[test]
fn a_stall_of_a_session_that_has_moved_since_is_none() {
    let mut stream = Stream::default();
    stream.session("s", "running");
    stream.seconds(1);
    stream.run("r", "running");
    let stalled = |silent_since| Control::SessionStalled {
        machine_id: machine(),
        session_id: "s".into(),
        silent_since,
    };
    assert_eq!(stream.control(&stalled(START)), Outcome::Stale);
    assert_eq!(stream.snapshot()["sessions"][0].get("stalledSince"), None);
    assert_eq!(stream.control(&stalled(START.plus(1_000))), Outcome::Folded);
}

#[test]
fn whatever_ends_a_stall_is_told_so_that_the_next_one_is_watched_for() {
    let tool = json!({"runId": "r", "sessionId": "s", "toolCallId": "t", "toolName": "x", "startedAt": "",
                      "status": "completed", "durationMs": 1, "success": true});
    let usage = json!({"runId": "r", "machineId": "m", "provider": "p", "model": "x"});
    let log =
        json!({"logEntryId": "l", "runId": "r", "sessionId": "s", "level": "info", "message": "x", "ts": ""});
    for (type_name, payload) in [
        ("run.tool.started", &tool),
        ("run.tool.completed", &tool),
        ("run.model.usage", &usage),
        ("run.log.emitted", &log),
    ] {
        let mut stream = Stream::default();
        stream.session("s", "running");
        stream.run("r", "running");
        let stalled =
            Control::SessionStalled { machine_id: machine(), session_id: "s".into(), silent_since: START };
        stream.control(&stalled);
        stream.changes.clear();
        stream.send(type_name, payload);
        assert_eq!(stream.changes, [Change::Session(machine(), "s".into())], "{type_name}");
        stream.changes.clear();
        stream.send(type_name, payload);
        assert_eq!(stream.changes, [], "{type_name}: there is no stall to end");
    }
}

#[test]
fn tokens_disk_and_clocks_are_facts() {
    let mut stream = Stream::default();
    stream.heartbeat("online");
    let id = "abc".to_owned();
    let created = Control::TokenCreated {
        id: id.clone(),
        name: "nas".into(),
        scope: "bridge".into(),
        machine_id: None,
        expires_at: Some(START.plus(crate::time::DAY)),
    };
    stream.control(&created);
    stream.control(&Control::TokenBound { id: id.clone(), machine_id: machine() });
    assert_eq!(stream.fleet.facts().server.tokens.iter().next().unwrap().machine_id, Some(machine()));
    stream.control(&Control::DiskLow { free_bytes: 5 });
    stream.control(&Control::ClockSkewed { machine_id: machine(), seconds: -90 });
    stream.control(&Control::ServerStarted { version: "0.10.0".into() });
    stream.control(&Control::BridgeChanged { machine_id: machine(), version: "0.9.3".into() });
    let rules = |stream: &Stream| -> Vec<String> {
        let found = stream.snapshot()["attention"].clone();
        found.as_array().unwrap().iter().map(|a| a["rule"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(rules(&stream), ["log_disk_low", "clock_skew", "token_ends", "bridge_old"]);
    stream.control(&Control::TokenRevoked { id });
    stream.control(&Control::DiskOk { free_bytes: 5 << 30 });
    stream.control(&Control::ClockOk { machine_id: machine(), seconds: 0 });
    stream.control(&Control::BridgeChanged { machine_id: machine(), version: "0.10.0".into() });
    assert_eq!(rules(&stream), [""; 0]);
}
