use proptest::prelude::*;

use super::super::testing::{mapper, told};
use super::*;

const KEY: &str = "agent:main:main";

fn session(key: &str) -> Session {
    Session { key: key.to_owned(), agent: "main".to_owned(), ..Session::default() }
}

fn row(sequence: i64, at: i64, run: &str, status: &str) -> AuditRow {
    let action = if status == "started" { "agent.run.started" } else { "agent.run.finished" };
    let text = |text: &str| Some(text.to_owned());
    AuditRow {
        sequence,
        occurred_at: at,
        kind: "agent_run".to_owned(),
        action: action.to_owned(),
        status: status.to_owned(),
        error_code: (!matches!(status, "started" | "succeeded")).then(|| format!("run_{status}")),
        agent_id: text("main"),
        session_key: text(KEY),
        session_id: text("w1"),
        run_id: text(run),
    }
}

/// What the rows (time, run, status) give; `boot` as a run is a boot.
fn run(rows: &[(i64, &str, &str)]) -> Vec<String> {
    let (mapper, mut state, mut out) = (mapper(), LedgerState::default(), Vec::new());
    for (sequence, (at, id, status)) in (1..).zip(rows) {
        if *id == "boot" {
            mapper.boot(&mut state, &BootRow { started_at: *at }, &mut out);
        } else {
            mapper.audit(&mut state, &row(sequence, *at, id, status), &session(KEY), None, &mut out);
        }
    }
    told(&out)
}

#[test]
fn a_run_and_its_session_start_and_end_together() {
    assert_eq!(
        run(&[(10, "a", "started"), (20, "a", "succeeded")]),
        [
            "10 run:a created→running",
            "10 session:agent:main:main →running",
            "20 run:a running→completed",
            "20 session:agent:main:main →completed",
        ]
    );
}

#[test]
fn a_retried_start_is_one_run() {
    let rows = [(10, "a", "started"), (12, "a", "started"), (14, "a", "started"), (20, "a", "failed")];
    let told = run(&rows);
    assert_eq!(told.iter().filter(|line| line.contains("→running")).count(), 2, "{told:?}");
    assert!(told.contains(&"20 run:a running→failed run_failed".to_owned()), "{told:?}");
}

#[test]
fn of_an_abort_and_the_error_that_follows_the_first_wins() {
    assert_eq!(
        run(&[(10, "a", "started"), (20, "a", "cancelled"), (21, "a", "failed"), (22, "a", "started")])[2..],
        [
            "20 run:a running→cancelled run_cancelled",
            "20 log Run cancelled: run_cancelled",
            "20 session:agent:main:main →cancelled",
        ]
    );
}

#[test]
fn a_run_that_was_refused_has_only_an_end() {
    let mapper = mapper();
    let (mut state, mut out) = (LedgerState::default(), Vec::new());
    let refused = row(1, 10, "a", "failed");
    assert_eq!(state.wants_words(&refused), Some(("a", None)));
    let words = "no key for /srv/people/ada/x: sk-abcdefgh12345678";
    mapper.audit(&mut state, &refused, &session(KEY), Some(words), &mut out);
    assert_eq!(
        told(&out),
        [
            "10 run:a created→failed run_failed: no key for ~/x: [redacted]",
            "10 log Run refused before it started: run_failed: no key for ~/x: [redacted]",
            "10 session:agent:main:main →failed",
        ]
    );
    assert_eq!(state.wants_words(&row(2, 11, "a", "failed")), None, "it has ended");
}

#[test]
fn a_boot_ends_what_ran_before_it_and_nothing_else() {
    let rows = [
        (10, "a", "started"),
        (11, "b", "started"),
        (20, "b", "succeeded"),
        (30, "boot", ""),
        (31, "c", "started"),
        (40, "a", "failed"),
        (50, "c", "succeeded"),
    ];
    assert_eq!(
        run(&rows),
        [
            "10 run:a created→running",
            "10 session:agent:main:main →running",
            "11 run:b created→running",
            "20 run:b running→completed",
            "30 run:a running→failed interrupted",
            "30 log Run failed: interrupted",
            "30 session:agent:main:main →failed",
            "31 run:c created→running",
            "31 session:agent:main:main →running",
            "50 run:c running→completed",
            "50 session:agent:main:main →completed",
        ]
    );
}

#[test]
fn an_end_that_is_written_late_does_not_date_the_session_back() {
    let rows = [(10, "a", "started"), (22, "b", "started"), (30, "b", "succeeded"), (20, "a", "timed_out")];
    let told = run(&rows);
    assert_eq!(
        told[3..],
        [
            "30 run:b running→completed",
            "20 run:a running→failed run_timed_out",
            "20 log Run failed: run_timed_out",
            "30 session:agent:main:main →completed",
        ]
    );
}

#[test]
fn every_outcome_has_a_state() {
    for (status, end) in [
        ("succeeded", "completed"),
        ("failed", "failed run_failed"),
        ("timed_out", "failed run_timed_out"),
        ("blocked", "failed run_blocked"),
        ("unknown", "failed run_unknown"),
        ("cancelled", "cancelled run_cancelled"),
    ] {
        let told = run(&[(10, "a", "started"), (20, "a", status)]);
        assert_eq!(told[2], format!("20 run:a running→{end}"));
    }
}

#[test]
fn rows_about_other_things_are_passed_over() {
    let (mapper, mut state, mut out) = (mapper(), LedgerState::default(), Vec::new());
    let tool = AuditRow {
        kind: "tool_action".to_owned(),
        action: "tool.action.started".to_owned(),
        ..row(7, 1, "a", "started")
    };
    mapper.audit(&mut state, &tool, &session(KEY), None, &mut out);
    let nameless = AuditRow { run_id: None, ..row(8, 1, "a", "started") };
    mapper.audit(&mut state, &nameless, &session(KEY), None, &mut out);
    assert_eq!((out.len(), state.sequence), (0, 8));
}

#[test]
fn two_machines_share_no_id() {
    let ids = |machine: &str| {
        let mut mapper = mapper();
        mapper.home.machine = crate::ids::MachineId::new(machine);
        let (mut state, mut out) = (LedgerState::default(), Vec::new());
        mapper.audit(&mut state, &row(1, 10, "a", "started"), &session(KEY), None, &mut out);
        let field = |event: &Event, name| super::super::testing::field(event, name).to_string();
        out.iter()
            .flat_map(|e| [e.id.to_string(), field(e, "runId"), field(e, "sessionId")])
            .collect::<Vec<_>>()
    };
    let (one, other) = (ids("one"), ids("other"));
    assert!(one.iter().filter(|id| *id != "null").all(|id| !other.contains(id)), "{one:?} {other:?}");
}

/// A step of a random ledger: a row about a run in a session, or a boot.
fn step() -> impl Strategy<Value = (u8, u8, u8)> {
    (0..6_u8, 0..3_u8, 0..7_u8)
}

proptest! {
    /// The state is all that the mapper remembers, and it says which sessions are active.
    #[test]
    fn the_state_can_be_stored_between_any_two_rows(steps in prop::collection::vec(step(), 0..60)) {
        let mapper = mapper();
        let (mut state, mut out) = (LedgerState::default(), Vec::new());
        let (mut stored, mut again) = (LedgerState::default(), Vec::new());
        let statuses = ["started", "started", "started", "succeeded", "failed", "cancelled"];
        for (at, (run, number, status)) in (1..).zip(steps) {
            let session = session(&format!("agent:main:{number}"));
            for (state, out) in [(&mut state, &mut out), (&mut stored, &mut again)] {
                match statuses.get(usize::from(status)) {
                    Some(status) => mapper.audit(state, &row(at, at, &format!("r{run}"), status), &session, None, out),
                    None => mapper.boot(state, &BootRow { started_at: at }, out),
                }
            }
            stored = serde_json::from_str(&serde_json::to_string(&stored).unwrap()).unwrap();
        }
        prop_assert_eq!(&state, &stored);
        prop_assert_eq!(&out, &again);
        let told = told(&out);
        for number in 0..3 {
            let key = format!("agent:main:{number}");
            let active = state.active.values().any(|run| run.session.key == key);
            let last = told.iter().rfind(|line| line.contains(&format!("session:{key} ")));
            prop_assert_eq!(active, last.is_some_and(|line| line.ends_with("→running")), "{:?}", told);
        }
        let ids: std::collections::BTreeSet<_> = out.iter().map(|event| &event.id).collect();
        prop_assert_eq!(ids.len(), out.len(), "an id came twice: {:?}", told);
    }
}
