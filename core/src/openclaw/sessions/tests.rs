use super::super::testing::{mapper, told};
use super::*;

const JOB: &str = "agent:main:cron:j";
const RUN: &str = "agent:main:cron:j:run:w2";

fn node(key: &str, session_id: &str) -> SessionNode {
    SessionNode { key: key.to_owned(), session_id: session_id.to_owned(), passing: false, made_at: 1_000 }
}

fn window(session_id: &str, key: &str, created_at: i64) -> SessionWindow {
    SessionWindow {
        session_id: session_id.to_owned(),
        key: key.to_owned(),
        created_at,
        ..SessionWindow::default()
    }
}

fn take_up(sessions: &Sessions, state: &mut AgentState, now: i64) -> Vec<String> {
    let mut out = Vec::new();
    mapper().sessions(sessions, state, Timestamp::from_millis(now), &mut out);
    told(&out)
}

#[test]
fn a_session_is_created_once_at_its_first_window() {
    let mut state = AgentState::default();
    let first = Sessions::new("main", [node(JOB, "w1")], [window("w1", JOB, 10)]);
    assert_eq!(take_up(&first, &mut state, 0), ["10 session:agent:main:cron:j →created"]);
    assert_eq!(take_up(&first, &mut state, 0), [""; 0]);
    let second = Sessions::new("main", [node(JOB, "w2")], [window("w2", JOB, 20), window("w1", JOB, 10)]);
    assert_eq!(take_up(&second, &mut state, 0), [""; 0], "a new window is no new session");
    assert_eq!(take_up(&second, &mut AgentState::default(), 0), ["10 session:agent:main:cron:j →created"]);
    assert_eq!(state.windows.len(), 2);
    assert_eq!(take_up(&Sessions::new("main", [], []), &mut state, 0), [""; 0]);
    assert!(state.windows.is_empty(), "what is gone from the store is forgotten");
}

#[test]
fn run_keys_that_stand_are_sessions_and_others_belong_to_the_job() {
    let sessions = Sessions::new("main", [node(JOB, "w2"), node(RUN, "w2")], [window("w2", RUN, 20)]);
    assert_eq!(sessions.of_run(Some(RUN), Some("w2")).key, RUN);
    assert_eq!(sessions.of_run(Some("agent:main:cron:j:run:gone"), None).key, JOB);
    assert_eq!(sessions.of_run(None, Some("w2")).key, RUN);
    assert_eq!(sessions.of_run(None, None).key, "unknown");
    // The job's own key has no window; it is there since the window that it shows was opened.
    assert_eq!(
        take_up(&sessions, &mut AgentState::default(), 0),
        ["20 session:agent:main:cron:j:run:w2 →created", "20 session:agent:main:cron:j →created"]
    );
}

/// A scheduled run that goes well, as whoever looks all the time sees it: the window moves to the run's node and back.
#[test]
fn a_passing_run_node_leaves_the_run_in_the_jobs_session() {
    let passing = SessionNode { passing: true, ..node(RUN, "w2") };
    let moved = Sessions::new("main", [node(JOB, "w2"), passing], [window("w2", RUN, 20)]);
    let back = Sessions::new("main", [node(JOB, "w2")], [window("w2", JOB, 20)]);
    let created = ["20 session:agent:main:cron:j →created"];

    let mut state = AgentState::default();
    let looks = [&moved, &back].map(|sessions| take_up(sessions, &mut state, 0)).concat();
    assert_eq!(looks.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(), created.into());
    assert_eq!(take_up(&back, &mut AgentState::default(), 0), created);
    for sessions in [&moved, &back] {
        assert_eq!(sessions.of_run(Some(RUN), Some("w2")).key, JOB);
        let window = sessions.windows().next().unwrap();
        assert_eq!(sessions.of_window(window, &state.windows["w2"]).key, JOB);
    }
    // The run fails after all, and its node stays: the window keeps the session that was told.
    let stays = Sessions::new("main", [node(JOB, "w2"), node(RUN, "w2")], [window("w2", RUN, 20)]);
    let mut state = AgentState::default();
    take_up(&moved, &mut state, 0);
    let again = take_up(&stays, &mut state, 0);
    assert!(again.iter().all(|line| line == created[0]), "{again:?}");
    assert_eq!(stays.of_window(stays.windows().next().unwrap(), &state.windows["w2"]).key, JOB);
}

#[test]
fn a_key_without_any_window_is_waited_for() {
    let sessions = Sessions::new("main", [node(JOB, "w1")], []);
    let mut state = AgentState::default();
    assert_eq!(take_up(&sessions, &mut state, 1_000 + FAILURE_WINDOW_MS - 1), [""; 0]);
    assert_eq!(
        take_up(&sessions, &mut state, 1_000 + FAILURE_WINDOW_MS),
        ["1000 session:agent:main:cron:j →created"]
    );
    let later = Sessions::new("main", [node(JOB, "w1")], [window("w1", JOB, 30)]);
    assert_eq!(take_up(&later, &mut state, 99_999), [""; 0], "it has been created");
}

#[test]
fn a_subagent_names_its_parent_and_a_session_its_channel() {
    let child = SessionWindow { parent: Some(JOB.to_owned()), ..window("c", "agent:main:subagent:1", 5) };
    let talk = |id: &str, at, channel: Option<&str>| SessionWindow {
        channel: channel.map(str::to_owned),
        ..window(id, "agent:main:main", at)
    };
    let windows = [child, talk("a", 1, Some("slack")), talk("b", 2, Some("telegram")), talk("c2", 3, None)];
    let sessions =
        Sessions::new("main", ["agent:main:subagent:1", "agent:main:main"].map(|key| node(key, "")), windows);
    assert_eq!(sessions.of_run(Some("agent:main:subagent:1"), None).parent.as_deref(), Some(JOB));
    let main = sessions.of_run(Some("agent:main:main"), None);
    assert_eq!((main.channel.as_deref(), main.started_at), (Some("telegram"), Some(1)));
}
