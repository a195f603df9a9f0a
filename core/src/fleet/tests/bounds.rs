//! The bounds of design §7, each with what leaves first.

use super::*;
use crate::time::{DAY, MINUTE};

/// State events of `n` runs, each in its own session unless `one_session`, a minute apart.
fn ended_runs(stream: &mut Stream, n: usize, one_session: bool) {
    for i in 0..n {
        let session = if one_session { "s".to_owned() } else { format!("s{}", i / 100) };
        let payload = json!({"runId": format!("r{i:05}"), "sessionId": session, "agentId": "a", "from": "x", "to": "completed"});
        stream.send("run.state.changed", &payload);
        stream.now += 10;
    }
}

#[test]
fn a_session_keeps_200_ended_runs() {
    let mut stream = Stream::default();
    ended_runs(&mut stream, 250, true);
    assert_eq!(stream.fleet.facts().runs.len(), limits::MAX_ENDED_RUNS_PER_SESSION);
    assert!(
        stream.fleet.facts().runs.get(&("m".into(), "r00049".into())).is_none(),
        "the oldest end goes first"
    );
    assert!(stream.fleet.facts().runs.get(&("m".into(), "r00050".into())).is_some());
    let session = stream.fleet.facts().sessions.iter().next().unwrap();
    assert_eq!(session.runs, 250, "counts stay");
}

#[test]
fn ended_runs_and_sessions_are_bounded() {
    let mut stream = Stream::default();
    ended_runs(&mut stream, limits::MAX_ENDED_RUNS + 100, false);
    assert_eq!(stream.fleet.facts().runs.len(), limits::MAX_ENDED_RUNS);
    for i in 0..limits::MAX_ENDED_SESSIONS + 10 {
        stream.session(&format!("e{i}"), "completed");
        stream.now += 1;
    }
    let ended = stream.fleet.facts().sessions.iter().filter(|s| s.life.ended_at().is_some()).count();
    assert_eq!(ended, limits::MAX_ENDED_SESSIONS);
    assert!(stream.changes.contains(&Change::SessionGone("m".into(), "e0".into())));
}

#[test]
fn open_runs_and_sessions_are_bounded_by_their_last_touch() {
    let mut stream = Stream::default();
    for i in 0..limits::MAX_OPEN_SESSIONS {
        stream.session(&format!("o{i}"), "running");
    }
    stream.now += MINUTE;
    stream.session("o0", "running");
    stream.session("one more", "running");
    let sessions = &stream.fleet.facts().sessions;
    assert_eq!(sessions.len(), limits::MAX_OPEN_SESSIONS);
    assert!(sessions.get(&("m".into(), "o0".into())).is_some(), "it was touched");
    assert!(
        sessions.get(&("m".into(), "o1".into())).is_none(),
        "the first of the least recently touched went"
    );
}

#[test]
fn details_are_kept_of_the_newest_ended_runs() {
    let mut stream = Stream::default();
    for i in 0..limits::MAX_DETAILED_ENDED_RUNS + 1 {
        let run = format!("r{i:05}");
        let tool = json!({"runId": run, "toolCallId": "t", "toolName": "exec", "startedAt": ""});
        stream.send("run.tool.started", &tool);
        let ended = json!({"runId": run, "sessionId": format!("s{}", i % 9), "agentId": "a", "from": "x", "to": "completed"});
        stream.send("run.state.changed", &ended);
        stream.now += MINUTE;
    }
    let first = stream.fleet.facts().runs.iter().next().unwrap();
    assert_eq!((first.details.is_some(), first.tool_calls), (false, 1), "counts stay");
    assert!(stream.fleet.facts().runs.iter().skip(1).take(10).all(|run| run.details.is_some()));
    // A call that ends after its run's details have gone was counted when it began.
    let ended = json!({"runId": "r00000", "toolCallId": "t", "toolName": "exec", "status": "failed", "durationMs": 1, "success": false});
    stream.send("run.tool.completed", &ended);
    let first = stream.fleet.facts().runs.iter().next().unwrap();
    assert_eq!((first.details.is_some(), first.tool_calls, first.failed_tool_calls), (false, 1, 1));
}

#[test]
fn an_ended_run_that_called_no_tool_is_kept_in_detail_for_its_usage() {
    let mut stream = Stream::default();
    let usage = |run: &str| {
        json!({"runId": run, "machineId": "m", "provider": "p", "model": "x", "inputTokens": 3,
               "estimatedCostUsd": 0.25, "sessionId": "s", "agentId": "a"})
    };
    for i in 0..limits::MAX_DETAILED_ENDED_RUNS + 1 {
        let run = format!("r{i:05}");
        stream.send("run.model.usage", &usage(&run));
        let ended = json!({"runId": run, "sessionId": format!("s{}", i % 9), "agentId": "a", "from": "x", "to": "completed"});
        stream.send("run.state.changed", &ended);
        stream.now += MINUTE;
    }
    let details = stream.snapshot()["runDetails"].clone();
    assert_eq!(details["r00500"]["modelUsage"]["estimatedCostUsd"], 0.25);
    assert_eq!(details.as_object().unwrap().len(), limits::MAX_DETAILED_ENDED_RUNS);
    assert_eq!(details.get("r00000"), None, "the oldest end went first");
    // What comes late counts, and does not bring the details back.
    stream.send("run.model.usage", &usage("r00000"));
    assert_eq!(stream.fleet.facts().runs.iter().next().unwrap().usage.input_tokens, 6);
    assert_eq!(stream.snapshot()["runDetails"].get("r00000"), None);
    assert_eq!(&Index::of(stream.fleet.facts()), stream.fleet.index(), "index == rows");
}

#[test]
fn the_idle_leaves_after_seven_days_and_machines_stay() {
    let mut stream = Stream::default();
    stream.send("machine.registered", &registered("nas"));
    stream.session("s", "running");
    stream.run("r", "running");
    stream.run("failed", "failed");
    stream.session("ended", "completed");
    stream.now += 7 * DAY + 2 * MINUTE;
    stream.control(&Control::Tick {});
    let facts = stream.fleet.facts();
    assert_eq!((facts.sessions.len(), facts.runs.len(), facts.agents.len()), (0, 0, 0));
    assert_eq!(facts.machines.len(), 1);
    assert_eq!(stream.fleet.index(), &Index::default(), "nothing is left behind");
    assert_eq!(stream.snapshot()["health"]["failedRunsTotal"], 1, "but what counts since ever");
}

#[test]
fn w_s18_the_thousandth_machine_is_the_last() {
    let mut stream = Stream::default();
    for i in 0..limits::MAX_MACHINES {
        assert!(stream.fleet.admits(&MachineId::from(format!("m{i}"))));
        stream.send_from(&format!("m{i}"), 0, "cron.any", &json!({}));
    }
    assert!(!stream.fleet.admits(&"one more".into()));
    assert!(stream.fleet.admits(&"m7".into()));
    assert_eq!(stream.send_from("one more", 0, "cron.any", &json!({})), Outcome::Odd);
    assert_eq!(stream.fleet.facts().machines.len(), limits::MAX_MACHINES);
}

#[test]
fn usage_rows_are_bounded_and_nothing_is_lost() {
    let mut stream = Stream::default();
    let rows_of = |stream: &Stream, machine: &str| {
        stream.fleet.facts().usage.iter().filter(|row| row.key.machine_id.as_str() == machine).count()
    };
    let usage = |machine: &str, model: usize| json!({"runId": "r", "machineId": machine, "provider": "p", "model": format!("x{model}"), "inputTokens": 1});
    // A machine that makes up model names fills its own share.
    for model in 0..limits::MAX_USAGE_ROWS_PER_MACHINE + 50 {
        stream.send_from("m", 0, "run.model.usage", &usage("m", model));
    }
    assert_eq!(
        rows_of(&stream, "m"),
        limits::MAX_USAGE_ROWS_PER_MACHINE + 1,
        "the one without names is more"
    );
    let others = limits::MAX_USAGE_ROWS / limits::MAX_USAGE_ROWS_PER_MACHINE;
    for machine in (0..others).map(|i| format!("n{i:02}")) {
        for model in 0..limits::MAX_USAGE_ROWS_PER_MACHINE {
            stream.send_from(&machine, 0, "run.model.usage", &usage(&machine, model));
        }
    }
    assert_eq!(rows_of(&stream, "n00"), limits::MAX_USAGE_ROWS_PER_MACHINE, "nobody else loses any");
    assert_eq!(rows_of(&stream, "n19"), 1, "all machines together are bounded too");
    let facts = stream.fleet.facts();
    let sum: u64 = facts.usage.iter().map(|row| row.ledger.lifetime.input_tokens).sum();
    assert_eq!(sum, (limits::MAX_USAGE_ROWS + limits::MAX_USAGE_ROWS_PER_MACHINE + 50) as u64);
}

#[test]
fn long_texts_are_cut() {
    let mut stream = Stream::default();
    let log = json!({"logEntryId": "l", "runId": "r", "sessionId": "s", "level": "info", "message": "x".repeat(5000), "ts": ""});
    stream.send("run.log.emitted", &log);
    let line = &stream.snapshot()["logs"][0];
    assert_eq!((line["message"].as_str().unwrap().len(), &line["truncated"]), (2048, &json!(true)));
    stream.run(&"y".repeat(5000), "running");
    assert_eq!(stream.snapshot()["runs"][0]["runId"].as_str().unwrap().len(), 256);
}
