//! Thinning by age.

use patze_core::event::control::Control;
use patze_core::time::{DAY, HOUR, MINUTE, SECOND};
use patze_supervise::clock::Clock;

use super::super::support::{Running, START, batch};
use super::*;

/// Two machines' heartbeats, one every 5 s each, with `n` of each in all and one batch a minute.
fn beats(running: &Running, time: &patze_supervise::clock::VirtualTime, name: &str, n: i64, clock: &Clock) {
    for chunk in 0..n / 12 {
        let mut events = Vec::new();
        for i in chunk * 12..(chunk + 1) * 12 {
            let now = clock.now().since(START) + i % 12 * 5 * SECOND - MINUTE;
            for machine in ["m1", "m2"] {
                events.push(heartbeat(machine, &format!("{name}{i}"), now, "online", (i % 12) as u32));
            }
        }
        append(running, events);
        time.jump_wall(MINUTE);
    }
}

#[test]
fn heartbeats_leave_rollups_and_the_newest_state() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    beats(&running, &time, "old", 2_400, &clock);
    time.jump_wall(3 * DAY);
    beats(&running, &time, "new", 240, &clock);
    let state = running.log.fleet().hash();
    let done = retain(&running.log, &keep(48 * HOUR, 30 * DAY));
    assert_eq!(done.unproven, 0);
    // Of each machine the first stays; the last old one goes, for the first new one follows on it.
    assert_eq!(done.heartbeats.rows, 2 * 2_399, "{done:?}");
    assert!(done.heartbeats.bytes > 150 * done.heartbeats.rows);
    let left = types(&running.log);
    assert_eq!(left["machine.heartbeat"], 2 + 2 * 240);
    assert_eq!(left["control.pruned"], 5, "a thousand rows and some a step, of whole commits");
    is_sound(dir.path(), &running.log);
    assert_ne!(
        running.log.fleet().hash(),
        state,
        "position and log time have moved on with the pruning events"
    );

    let (buckets, beats, top): (i64, i64, f64) = (
        sql(dir.path(), "SELECT count(*) FROM heartbeat_rollup WHERE tier = 60000"),
        sql(dir.path(), "SELECT sum(n) FROM heartbeat_rollup"),
        sql(dir.path(), "SELECT sum(cpu_pct_sum) FROM heartbeat_rollup"),
    );
    assert_eq!((buckets, beats, top), (2 * 200, 4_800, 2.0 * 200.0 * 66.0), "all of them, once");
    // Nothing is left to do, and nothing is done.
    let head = running.log.head().position;
    let again = retain(&running.log, &keep(48 * HOUR, 30 * DAY));
    assert_eq!((again.heartbeats.rows, running.log.head().position), (0, head));
    running.close();
    let log = super::super::support::open(dir.path(), &clock);
    is_sound(dir.path(), &log);
    log.close().unwrap();
}

#[test]
fn what_a_heartbeat_alone_tells_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    time.jump_wall(SECOND);
    let registered = happened(
        "m",
        "registered",
        50,
        "machine.registered",
        r#"{"machineId":"m","name":"n","kind":"vps","status":"online","registeredAt":"x"}"#,
    );
    append(
        &running,
        vec![
            heartbeat("m", "first", 0, "online", 1),
            heartbeat("m", "goes 1", 10, "online", 2),
            heartbeat("m", "before the change", 15, "online", 2),
            heartbeat("m", "change", 20, "degraded", 3),
            heartbeat("m", "back", 30, "online", 4),
            heartbeat("m", "keeps its gauges over a registration", 40, "online", 5),
            registered,
            heartbeat("m", "goes 2", 60, "online", 6),
            heartbeat("m", "the next is older", 100, "online", 7),
            heartbeat("m", "late", 90, "degraded", 8),
            heartbeat("m", "goes 3", 100, "online", 9),
            heartbeat("m", "before the silence", 110, "online", 10),
        ],
    );
    let silent = Batch::control([heartbeat("m", "silent", 111, "offline", 10)]);
    running.log.append(patze_actors::log::Lane::Control, silent).unwrap().wait().unwrap();
    append(
        &running,
        vec![heartbeat("m", "again", 200, "online", 11), heartbeat("m", "goes 4", 210, "online", 12)],
    );
    time.jump_wall(49 * HOUR);
    append(&running, vec![heartbeat("m", "new", 49 * HOUR, "online", 13)]);
    retain(&running.log, &keep(48 * HOUR, 30 * DAY));
    let left: Vec<String> = super::super::support::read_all(&running.log, 100)
        .iter()
        .map(|stored| stored.event.id.to_string())
        .filter(|id| {
            id.starts_with("goes")
                || id.contains("gauges")
                || id.contains("older")
                || id.starts_with("before")
        })
        .collect();
    let expected = [
        "before the change",
        "keeps its gauges over a registration",
        "the next is older",
        "before the silence",
    ];
    assert_eq!(left, expected);
    is_sound(dir.path(), &running.log);
    running.close();
}

#[test]
fn log_lines_leave_but_the_newest_200_and_small_ranges_are_joined() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    let run = r#"{"runId":"r","sessionId":"s","agentId":"a","from":"x","to":"running"}"#;
    let begin = happened("m", "run", 0, "run.state.changed", run);
    append(&running, vec![session("m", "begin", 0, "s", "running"), begin]);
    let rules = keep(48 * HOUR, 10 * DAY);
    for n in 0..900_i64 {
        let now = clock.now().since(START);
        append(
            &running,
            vec![
                heartbeat("m", &format!("h{n}"), now, "online", 1),
                line("m", &format!("l{n}"), now, ("s", "r"), "some words"),
            ],
        );
        let tick = Control::Tick {}.to_event(EventId::new(format!("t{n}")), clock.now(), "x");
        running.log.append(patze_actors::log::Lane::Control, Batch::control([tick])).unwrap().wait().unwrap();
        time.jump_wall(HOUR);
        // As the hours go by, so that many small ranges are there.
        if n % 12 == 0 {
            assert_eq!(retain(&running.log, &rules).unproven, 0);
        }
    }
    let left = types(&running.log);
    // The first line of the session's every idle week may stay, the newest ten days' and the first of all do.
    assert!((240..290).contains(&left["run.log.emitted"]), "{left:?}");
    is_sound(dir.path(), &running.log);
    let rebuilt = rebuilt(&running.log, Fleet::default());
    assert_eq!(rebuilt.hash(), running.log.fleet().hash());
    assert_eq!(running.log.fleet().facts().logs.len(), 200);
    // One a day where the lines went, two a day where only the heartbeats did.
    let ranges: i64 = sql(dir.path(), "SELECT count(*) FROM commits WHERE pruned IS NOT NULL");
    assert!((40..50).contains(&ranges), "{ranges}");
    assert!(left["control.pruned"] < 80, "what no range needs any more goes: {left:?}");
    running.close();
}

/// What else than being touched a line does to its session and its run.
#[test]
fn lines_that_are_of_consequence_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    let mut lived = Vec::new();
    let mut send = |events: Vec<Event>| {
        append(&running, events);
        lived.push(running.log.fleet());
        time.jump_wall(MINUTE);
    };
    let run = r#"{"runId":"r","sessionId":"s","agentId":"a","from":"x","to":"running"}"#;
    let place = ("s", "r");
    send(vec![session("m", "begin", 0, "s", "running"), happened("m", "run", 0, "run.state.changed", run)]);
    send(vec![line("m", "goes 1", 0, place, "x"), line("m", "last before the stall", 0, place, "x")]);
    let stalled = |running: &Running, id: &str| {
        let (machine_id, silent_since) = (MachineId::new("m"), clock.now().plus(-30 * SECOND));
        let fact = Control::SessionStalled { machine_id, session_id: "s".into(), silent_since };
        let event = fact.to_event(EventId::new(id), clock.now(), "x");
        running
            .log
            .append(patze_actors::log::Lane::Control, Batch::control([event]))
            .unwrap()
            .wait()
            .unwrap();
    };
    stalled(&running, "stall");
    send(vec![line("m", "ends the stall", 0, place, "x"), line("m", "goes 2", 0, place, "x")]);
    send(vec![
        line("m", "makes a run", 0, ("s", "untold"), "x"),
        line("m", "goes 3", 0, ("s", "untold"), "x"),
    ]);
    send(vec![
        line("m", "moves the run", 0, ("t", "untold"), "x"),
        line("m", "last of t", 0, ("t", "untold"), "x"),
    ]);
    time.jump_wall(6 * DAY);
    send(vec![line("m", "keeps s for the week", 0, place, "x")]);
    time.jump_wall(6 * DAY);
    for n in 0..3 {
        send((0..100).map(|i| line("m", &format!("new {n} {i}"), 0, place, "x")).collect());
    }
    time.jump_wall(5 * DAY);
    send(vec![session("m", "end", 0, "s", "completed")]);
    let done = retain(&running.log, &keep(48 * HOUR, 10 * DAY));
    assert_eq!((done.unproven, done.logs.rows), (0, 3), "{done:?}");
    let left: Vec<String> = super::super::support::read_all(&running.log, 1_000)
        .iter()
        .map(|stored| stored.event.id.to_string())
        .collect();
    assert_eq!(left.iter().filter(|id| id.starts_with("goes")).count(), 0, "{left:?}");
    is_sound(dir.path(), &running.log);
    for live in lived {
        let Some(then) = past(&running.log, live.position()) else { continue };
        assert_eq!(lasting(&then.fleet), lasting(&live), "at {}", live.position());
    }
    running.close();
}

#[test]
fn a_past_that_was_thinned_says_so_and_is_not_the_one_that_was_looked_at_before() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    append(&running, vec![session("m1", "s", 0, "s", "running")]);
    beats(&running, &time, "old", 48, &clock);
    append(&running, vec![session("m1", "t", 0, "t", "running")]);
    let between = running.log.head().position;
    time.jump_wall(3 * DAY);
    beats(&running, &time, "new", 24, &clock);
    let cpu = |then: &patze_actors::log::Then| {
        then.fleet.facts().machines.iter().next().unwrap().gauges.unwrap().cpu_pct
    };
    let before = past(&running.log, between).unwrap();
    assert_eq!((before.thinned, cpu(&before)), (false, 11.0));
    retain(&running.log, &keep(48 * HOUR, 30 * DAY));
    let is_marked = |log: &Log| {
        let after = past(log, between).unwrap();
        assert_eq!(
            (after.thinned, cpu(&after)),
            (true, 0.0),
            "the last heartbeat that was kept is the first of all"
        );
        assert_eq!(lasting(&after.fleet), lasting(&before.fleet));
        let head = log.fleet().position();
        assert!(!past(log, head).unwrap().thinned);
        assert!(!past(log, head - 1).unwrap().thinned, "the new heartbeats are all there");
    };
    is_marked(&running.log);
    running.close();
    let log = super::super::support::open(dir.path(), &clock);
    is_marked(&log);
    log.close().unwrap();
}

#[test]
fn a_kill_between_two_steps_leaves_a_sound_log_that_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(&dir.path().join("0"), &clock);
    beats(&running, &time, "old", 1_200, &clock);
    time.jump_wall(3 * DAY);
    beats(&running, &time, "new", 24, &clock);
    let rules = keep(48 * HOUR, 30 * DAY);
    let (mut running, mut life) = (running, 0);
    loop {
        let mut steps = 0;
        let done = running.log.retain(&rules, &mut || {
            steps += 1;
            false
        });
        if done.unwrap().heartbeats.rows == 0 {
            break;
        }
        let (old, new) = (dir.path().join(life.to_string()), dir.path().join((life + 1).to_string()));
        super::super::support::crash_image(&old, &new);
        running.close();
        running = Running::open(&new, &clock);
        is_sound(&new, &running.log);
        life += 1;
    }
    assert!(life >= 2, "{life}");
    let beats: i64 = sql(&dir.path().join(life.to_string()), "SELECT sum(n) FROM heartbeat_rollup");
    assert_eq!(beats, 2_400);
    running.close();
}

#[test]
fn what_is_damaged_is_not_tidied_away() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    beats(&running, &time, "old", 120, &clock);
    time.jump_wall(3 * DAY);
    append(
        &running,
        vec![heartbeat("m1", "new", 4 * DAY, "online", 1), heartbeat("m2", "new", 4 * DAY, "online", 1)],
    );
    let conn = rusqlite::Connection::open(dir.path().join("patze.db")).unwrap();
    conn.execute("UPDATE events SET trace = '{\"traceId\":\"u\"}' WHERE position = 50", []).unwrap();
    let error = running.log.retain(&keep(48 * HOUR, 30 * DAY), &mut || true).unwrap_err();
    let patze_actors::log::RetentionError::Damaged { source, .. } = error else { panic!("{error:?}") };
    assert!(source.to_string().contains("position 50 "), "{source}");
    assert_eq!(positions(&running.log).len(), 242);
    running.close();
}

/// Whatever is changed in a thinned range is found and named.
#[test]
fn verify_names_what_is_changed_in_a_thinned_range() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    beats(&running, &time, "old", 48, &clock);
    running
        .append(batch([session("m1", "a", 0, "s", "running"), session("m1", "b", 1, "s", "completed")]))
        .wait()
        .unwrap();
    time.jump_wall(3 * DAY);
    append(
        &running,
        vec![heartbeat("m1", "new", 4 * DAY, "online", 1), heartbeat("m2", "new", 4 * DAY, "online", 1)],
    );
    retain(&running.log, &keep(48 * HOUR, 30 * DAY));
    assert_eq!(positions(&running.log), [1, 2, 97, 98, 99, 100, 101]);
    running.close();
    let found = |sql: &str| {
        let copy = tempfile::tempdir().unwrap();
        super::super::support::crash_image(dir.path(), copy.path());
        let file = copy.path().join("patze.db");
        rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        let report = patze_actors::log::verify::verify(&file).unwrap();
        let mut texts: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        texts.retain(|text| !text.contains("checkpoint"));
        texts
    };
    assert_eq!(found(""), [""; 0]);
    for (sql, what) in [
        (
            "UPDATE events SET payload = replace(payload, 'running', 'runninh') WHERE position = 97",
            "position 97 does not",
        ),
        ("UPDATE events SET recorded_at = recorded_at - 1 WHERE position = 98", "position 98 does not"),
        ("DELETE FROM events WHERE position = 97", "position 97 is missing"),
        (
            "INSERT INTO events SELECT 50, 'x', type, machine, occurred_at, recorded_at, severity, origin, trace, payload \
          FROM events WHERE position = 2",
            "position 50 holds a row although",
        ),
        ("UPDATE events SET position = 50 WHERE position = 2", "position 2 is missing"),
        (
            "UPDATE events SET payload = replace(payload, '\"kept\":4', '\"kept\":5') WHERE position = 101",
            "position 101 does not",
        ),
        ("DELETE FROM events WHERE position = 101", "position 101 is missing"),
        ("UPDATE commits SET sums = x'' WHERE first = 1", "position 1 holds a row although"),
        ("UPDATE commits SET digest = zeroblob(32) WHERE first = 1", "1–98"),
        (
            "UPDATE commits SET pruned = 100 WHERE first = 1",
            "no control.pruned event speaks for the range 1–98",
        ),
    ] {
        let texts = found(sql);
        assert!(texts.iter().any(|text| text.contains(what)), "{sql}: {texts:?}");
    }
    let swapped = found(
        "UPDATE events SET position = 999 WHERE position = 97; UPDATE events SET position = 97 WHERE position = 98; \
         UPDATE events SET position = 98 WHERE position = 999",
    );
    assert!(
        swapped[0].contains("position 97 does not") && swapped[1].contains("position 98 does not"),
        "{swapped:?}"
    );
}
