//! Each rule: what raises it, and what ends it.

use serde_json::json;

use super::*;
use crate::event::control::Control;
use crate::event::{Event, Origin, Parts};
use crate::fleet::tests::{START, Stream, heartbeat, registered};
use crate::ids::EventId;
use crate::time::SECOND;

fn rules(stream: &Stream) -> Vec<Rule> {
    attention(&stream.fleet).into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn a_silent_machine_is_worse_with_active_runs() {
    let mut stream = Stream::default();
    stream.send("machine.registered", &registered("nas"));
    stream.heartbeat("offline");
    let found = attention(&stream.fleet);
    assert_eq!((found[0].rule, found[0].severity), (Rule::MachineSilent, Severity::Error));
    assert!(found[0].cause.contains("nas") && found[0].next_step.contains("doctor"), "{found:?}");
    stream.run("r", "running");
    assert_eq!(attention(&stream.fleet)[0].severity, Severity::Critical);
    stream.seconds(1);
    stream.heartbeat("online");
    assert_eq!(rules(&stream), []);
}

#[test]
fn a_ghost_is_not_called_silent_for_ever() {
    let mut stream = Stream::default();
    let id = MachineId::new("machine_1");
    stream.send_from(id.as_str(), 0, "machine.heartbeat", &heartbeat("online"));
    stream.seconds(120);
    let offline = Event::new(Parts {
        id: EventId::new("synthetic"),
        machine: id,
        type_name: "machine.heartbeat",
        severity: Severity::Warn,
        occurred_at: START.plus(1),
        trace: "{}",
        payload: &heartbeat("offline").to_string(),
    });
    stream.apply(&offline, Origin::CONTROL);
    assert_eq!(rules(&stream), [Rule::MachineSilent], "as long as it is shown");
    stream.seconds(1);
    stream.control(&Control::Tick {});
    assert_eq!(stream.snapshot()["machines"], json!([]));
    assert_eq!(rules(&stream), []);
}

#[test]
fn a_failed_run_tells_why_for_an_hour() {
    let mut stream = Stream::default();
    stream.run("r", "failed");
    let found = attention(&stream.fleet);
    assert_eq!((found[0].rule, found[0].run_id.as_ref().map(RunId::as_str)), (Rule::RunFailed, Some("r")));
    assert!(found[0].cause.ends_with("boom"));
    stream.seconds(3601);
    stream.heartbeat("online");
    assert_eq!(rules(&stream), []);
}

#[test]
fn backfill_raises_no_alarm() {
    let mut stream = Stream { now: 11 * MINUTE, ..Stream::default() };
    let failed = json!({"runId": "r", "sessionId": "s", "agentId": "a", "from": "x", "to": "failed"});
    stream.send_at(0, "run.state.changed", &failed);
    assert_eq!(rules(&stream), []);
}

#[test]
fn many_failures_are_told_as_a_rate_and_not_one_by_one() {
    let mut stream = Stream::default();
    for i in 0..30 {
        stream.run(&format!("r{i}"), "failed");
    }
    let found = attention(&stream.fleet);
    assert_eq!(found[0].rule, Rule::FailureRate);
    assert_eq!(found.len(), 1 + MAX_PER_RULE);
    assert!(found.iter().any(|finding| finding.cause.ends_with("(and 10 more)")));
    let mut stream = Stream::default();
    for i in 0..4 {
        stream.run(&format!("ok{i}"), "completed");
    }
    stream.run("bad", "failed");
    assert_eq!(rules(&stream), [Rule::RunFailed], "one of five is no rate");
}

#[test]
fn many_silent_runs_are_counted_in_the_last() {
    let mut stream = Stream::default();
    for i in 0..MAX_PER_RULE + 7 {
        stream.run(&format!("r{i}"), "running");
    }
    stream.seconds(15 * 60 + 1);
    stream.heartbeat("online");
    let found = attention(&stream.fleet);
    assert_eq!(found.len(), MAX_PER_RULE);
    assert_eq!(found.iter().filter(|finding| finding.cause.ends_with("min (and 7 more)")).count(), 1);
}

#[test]
fn a_run_that_writes_log_lines_is_not_silent() {
    let mut stream = Stream::default();
    stream.run("r", "running");
    for _ in 0..4 {
        stream.seconds(10 * 60);
        let line = json!({"logEntryId": "l", "runId": "r", "sessionId": "s", "level": "info", "message": "x", "ts": ""});
        stream.send("run.log.emitted", &line);
        assert_eq!(rules(&stream), []);
    }
}

#[test]
fn a_silent_run_is_told_after_15_minutes() {
    let mut stream = Stream::default();
    stream.run("r", "running");
    stream.seconds(15 * 60);
    stream.heartbeat("online");
    assert_eq!(rules(&stream), []);
    stream.seconds(1);
    stream.heartbeat("online");
    assert_eq!(rules(&stream), [Rule::RunSilent]);
    stream.send(
        "run.tool.started",
        &json!({"runId": "r", "toolCallId": "t", "toolName": "x", "startedAt": ""}),
    );
    assert_eq!(rules(&stream), []);
}

#[test]
fn a_full_disk_is_told() {
    let mut stream = Stream::default();
    let mut beat = heartbeat("online");
    beat["resource"]["diskPct"] = json!(90);
    stream.send("machine.heartbeat", &beat);
    assert_eq!(rules(&stream), []);
    beat["resource"]["diskPct"] = json!(90.1);
    stream.send("machine.heartbeat", &beat);
    assert_eq!(rules(&stream), [Rule::DiskFull]);
}

#[test]
fn a_token_is_told_three_days_before_its_end_and_after() {
    let mut stream = Stream::default();
    let expires_at = Some(START.plus(4 * DAY));
    let token = Control::TokenCreated {
        id: "t".into(),
        name: "nas".into(),
        scope: "bridge".into(),
        machine_id: None,
        expires_at,
    };
    stream.control(&token);
    assert_eq!(rules(&stream), []);
    stream.now = DAY + SECOND;
    stream.control(&Control::Tick {});
    assert_eq!(attention(&stream.fleet)[0].severity, Severity::Warn);
    stream.now = 4 * DAY;
    stream.control(&Control::Tick {});
    assert_eq!(attention(&stream.fleet)[0].severity, Severity::Error);
}

#[test]
fn a_costly_day_is_told_against_the_usual_one() {
    let mut stream = Stream::default();
    let mut spend = |day: i64, dollars: f64| {
        stream.now = day * DAY;
        stream.send(
            "run.model.usage",
            &json!({"runId": "r", "machineId": "m", "provider": "p", "model": "x", "estimatedCostUsd": dollars}),
        );
        rules(&stream)
    };
    assert_eq!(spend(0, 2.0), []);
    assert_eq!(spend(1, 4.0), []);
    assert_eq!(spend(2, 9.0), [], "two days are not enough to know what is usual");
    assert_eq!(spend(3, 7.9), []);
    assert_eq!(spend(3, 0.2), [Rule::CostHigh]);
}

#[test]
fn versions_compare_by_number() {
    for (version, than, older) in [
        ("0.9.3", "0.10.0", true),
        ("1.0.0", "1.0.0", false),
        ("1.2", "1.2.1", true),
        ("2.0.0-rc1", "1.9", false),
    ] {
        assert_eq!(is_older(version, than), older, "{version} < {than}");
    }
}
