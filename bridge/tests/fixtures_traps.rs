//! The traps of OpenClaw's stored state (openclaw.md §2.4), on recorded homes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::collections::BTreeSet;

use patze_bridge::openclaw::{Budget, Cursor};
use patze_core::event::Event;
use support::*;

fn states(events: &[Event], run: &str) -> Vec<String> {
    let states = of_type(events, "run.state.changed");
    let states = states.into_iter().filter(|(_, state)| field(state, "openclawRunId") == run);
    states.map(|(_, state)| format!("{}→{}", field(&state, "from"), field(&state, "to"))).collect()
}

fn session_states(events: &[Event], key: &str) -> Vec<String> {
    let states = of_type(events, "session.state.changed");
    let states = states.into_iter().filter(|(_, state)| field(state, "sessionKey") == key);
    states.map(|(_, state)| field(&state, "to").to_owned()).collect()
}

fn logs(events: &[Event], about: &str) -> Vec<String> {
    let logs =
        of_type(events, "run.log.emitted").into_iter().map(|(_, log)| field(&log, "message").to_owned());
    logs.filter(|line| line.contains(about)).collect()
}

#[test]
fn a_run_that_was_retried_eight_times_is_one_run() {
    let events = read_all(&mut Unpacked::new(FAILURES).open());
    for run in ["a1971a65-89bc-4365-b319-9da06bade133", "c44ee43d-d13b-4d8d-9696-c76994207bac"] {
        assert_eq!(states(&events, run), ["created→running", "running→failed"]);
        assert_eq!(field(&runs(&events)[run], "reason"), "run_failed: 500 mock failure 500");
    }
    let lane = session_states(&events, "agent:main:fail500");
    assert_eq!(lane, ["created", "running", "failed", "running", "failed"]);
    assert_eq!(logs(&events, "500 mock").len(), 2);
}

#[test]
fn an_abort_is_cancelled_once() {
    let events = read_all(&mut Unpacked::new(CHANNELS).open());
    let run = "7e19f7e8-47cc-478f-851e-bc9e363c95c4";
    assert_eq!(states(&events, run), ["created→running", "running→cancelled"]);
    assert_eq!(session_states(&events, "agent:main:abort2"), ["created", "running", "cancelled"]);
    assert_eq!(logs(&events, "cancelled"), ["Run cancelled: run_cancelled"]);
}

#[test]
fn runs_that_were_refused_have_only_an_end_with_its_words() {
    let events = read_all(&mut Unpacked::new(FAILURES).open());
    let refused: Vec<_> = of_type(&events, "run.state.changed")
        .into_iter()
        .filter(|(_, run)| run["from"] == "created" && run["to"] == "failed")
        .collect();
    assert_eq!(refused.len(), 5);
    for (_, run) in &refused {
        let reason = field(run, "reason");
        assert!(
            reason.starts_with("run_failed: Inline API key for provider \"mock\" is temporarily disabled"),
            "{run}"
        );
        assert_eq!(states(&events, field(run, "openclawRunId")).len(), 1);
    }
    assert_eq!(logs(&events, "refused before it started").len(), 5);
    // Refused, and later run well.
    assert_eq!(session_states(&events, "agent:main:length"), ["created", "failed", "running", "completed"]);
}

#[test]
fn a_command_that_exits_with_3_has_failed_without_its_output() {
    let events = read_all(&mut Unpacked::new(TOOLS).open());
    let tools = of_type(&events, "run.tool.completed");
    let exit: Vec<_> = tools.iter().filter(|(_, tool)| tool["exitCode"] == 3).collect();
    assert_eq!(exit.len(), 1);
    let (_, tool) = exit[0];
    assert_eq!(
        (&tool["success"], &tool["status"], &tool["errorMessage"]),
        (&false.into(), &"failed".into(), &().into())
    );
    let error: Vec<_> = tools.iter().filter(|(_, tool)| tool["errorMessage"].is_string()).collect();
    assert_eq!(error.len(), 1);
    assert!(field(&error[0].1, "errorMessage").contains("File not found: /nonexistent/file.txt"));
    assert_eq!(logs(&events, "Tool read failed").len(), 1);
}

#[test]
fn every_end_that_is_no_success_says_why() {
    let events = read_all(&mut Unpacked::new(CHANNELS).open());
    let reasons: BTreeSet<String> = runs(&events)
        .into_values()
        .map(|run| field(&run, "reason").to_owned())
        .filter(|reason| !reason.is_empty())
        .map(|reason| reason.chars().take(40).collect())
        .collect();
    let expected = [
        "interrupted",
        "run_blocked: 400 mock failure 400",
        "run_cancelled",
        "run_failed: 401 mock failure 401",
        "run_failed: 500 mock failure 500",
        "run_failed: Inline API key for provider ",
        "run_failed: terminated",
        "run_timed_out: request timed out",
    ];
    assert_eq!(reasons.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn a_crashed_run_stays_open_until_the_gateway_is_back() {
    let crashed = read_all(&mut Unpacked::new(CRASHED).open());
    let run = "44974d5b-7eda-423e-a79f-79b59ec42229";
    assert_eq!(states(&crashed, run), ["created→running"]);
    assert_eq!(session_states(&crashed, "agent:main:crash"), ["created", "running"]);

    let back = read_all(&mut Unpacked::new(CHANNELS).open());
    assert_eq!(states(&back, run), ["created→running", "running→failed"]);
    assert_eq!(field(&runs(&back)[run], "reason"), "interrupted");
    // The interrupted turn is resumed under another id, in the same lane.
    let resumed = "488d0735-b142-4dcc-8c58-5e773fdaec99";
    assert_eq!(states(&back, resumed), ["created→running", "running→completed"]);
    let lane = session_states(&back, "agent:main:crash");
    assert_eq!(lane, ["created", "running", "failed", "running", "completed"]);
}

/// 06 is an earlier moment of 05: who read it then and goes on later knows what who reads it all at once knows.
#[test]
fn reading_on_after_the_crash_gives_what_reading_it_all_gives() {
    let home = Unpacked::new(CRASHED);
    let (mut reader, mut cursor) = (home.open(), Cursor::default());
    let mut events = read_on(&mut reader, &mut cursor, Budget::default()).unwrap();
    home.replace_by(CHANNELS);
    events.extend(read_on(&mut reader, &mut cursor, Budget::default()).unwrap());
    let fresh = read_all(&mut home.open());
    assert_eq!(texts(&events), texts(&fresh));
    assert_eq!(events.len(), fresh.len(), "and nothing twice");
}

#[test]
fn a_subagent_stands_under_its_parent() {
    let events = read_all(&mut Unpacked::new(FAILURES).open());
    let child = "agent:main:subagent:647c891a-750e-404f-a15b-1b919df83612";
    let sessions = of_type(&events, "session.state.changed");
    let of_child: Vec<_> = sessions.iter().filter(|(_, s)| field(s, "sessionKey") == child).collect();
    assert_eq!(of_child.len(), 3);
    assert!(of_child.iter().all(|(_, s)| field(s, "parentSessionKey") == "agent:main:sub"));
    // Its result comes back to the parent as a run of the parent.
    let announced: Vec<_> = runs(&events)
        .into_iter()
        .filter(|(id, _)| id.starts_with("announce:v1:agent:main:subagent:"))
        .collect();
    assert_eq!(announced.len(), 1);
    assert_eq!(field(&announced[0].1, "sessionKey"), "agent:main:sub");
}

#[test]
fn channels_are_named_where_they_are_known() {
    let events = read_all(&mut Unpacked::new(CHANNELS).open());
    let messages = of_type(&events, "channel.message");
    let telegram: Vec<_> = messages.iter().filter(|(_, m)| field(m, "channel") == "telegram").collect();
    let inbound = telegram.iter().filter(|(_, m)| m["direction"] == "inbound").count();
    // Four came in; one of them failed and has no reply.
    assert_eq!((inbound, telegram.len() - inbound), (4, 3));
    let group = "agent:main:telegram:group:-100200300";
    let sessions = of_type(&events, "session.state.changed");
    assert!(
        sessions
            .iter()
            .filter(|(_, s)| field(s, "sessionKey") == group)
            .all(|(_, s)| s["channel"] == "telegram")
    );
}

/// A scheduled run has a node of its own while it runs, which is gone when it has gone well. Whoever looks in between
/// knows in the end what whoever comes later knows: one lane for the job.
#[test]
fn a_scheduled_run_belongs_to_its_job_whenever_one_looks() {
    let home = Unpacked::new(FAILURES);
    let whole = read_all(&mut home.open());
    let (job, window) =
        ("agent:work:cron:97173faf-69f2-4572-9a00-9f715cf42d08", "c9e8f1f0-1dd5-4591-b512-043930189857");
    let run = format!("{job}:run:{window}");
    let db = rusqlite::Connection::open(home.agent_db("work")).unwrap();
    let (mut reader, mut cursor, budget) =
        (home.open(), Cursor::default(), Budget { rows: 30, bytes: usize::MAX });
    let mut events = Vec::new();
    for phase in ["running", "ready", "gone"] {
        if phase == "gone" {
            db.execute("UPDATE session_windows SET session_key = ?1 WHERE session_id = ?2", [job, window])
                .unwrap();
            db.execute("DELETE FROM session_nodes WHERE session_key = ?1", [&run]).unwrap();
        } else {
            let entry = serde_json::json!({ "cronRunContinuation": { "phase": phase, "basePersisted": phase == "ready" } });
            let sql = "INSERT INTO session_nodes (session_key, current_session_id, entry_json, updated_at) VALUES (?1, ?2, ?3, 1)
                       ON CONFLICT DO UPDATE SET entry_json = excluded.entry_json";
            db.execute(sql, [&run, window, &entry.to_string()]).unwrap();
            db.execute("UPDATE session_windows SET session_key = ?1 WHERE session_id = ?2", [&run, window])
                .unwrap();
        }
        let page = reader.read(&cursor, budget, LATER).unwrap();
        events.extend(page.events);
        cursor = page.cursor;
    }
    events.extend(read_on(&mut reader, &mut cursor, budget).unwrap());
    assert_eq!(texts(&events), texts(&whole));
}
