//! The same history gives the same events, byte for byte: whatever the pages, the restarts, and the order in which the
//! rows of the databases come into sight.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

#[path = "support/staged.rs"]
mod staged;
mod support;

use std::time::Duration;

use patze_bridge::openclaw::{Budget, Cursor, Now};
use proptest::prelude::*;
use staged::Staged;
use support::*;

/// Stores and reloads a cursor, as the spool does.
fn stored(cursor: &Cursor) -> Cursor {
    serde_json::from_str(&serde_json::to_string(cursor).unwrap()).unwrap()
}

#[test]
fn pages_and_restarts_change_nothing() {
    for fixture in [TOOLS, FAILURES, CHANNELS] {
        let home = Unpacked::new(fixture);
        let whole = read_all(&mut home.open());
        for rows in [1, 7, 1_000] {
            let budget = Budget { rows, bytes: usize::MAX };
            let (mut reader, mut cursor, mut events) = (home.open(), Cursor::default(), Vec::new());
            loop {
                let page = reader.read(&cursor, budget, LATER).unwrap();
                events.extend(page.events);
                cursor = stored(&page.cursor);
                assert_eq!(cursor, page.cursor);
                // Now and then the bridge is started anew.
                if events.len() % 5 == 0 {
                    reader = home.open();
                }
                if !page.more {
                    break;
                }
            }
            assert_eq!(texts(&events), texts(&whole), "{fixture}, {rows} rows a page");
            assert_eq!(events.len(), whole.len(), "{fixture}, {rows} rows a page: something came twice");
            let nothing = reader.read(&cursor, budget, LATER).unwrap();
            assert!(nothing.events.is_empty() && !nothing.moved && !nothing.more);
        }
        let few_bytes = Budget { rows: 1_000, bytes: 1 };
        let events = read_on(&mut home.open(), &mut Cursor::default(), few_bytes).unwrap();
        assert_eq!(texts(&events), texts(&whole), "{fixture}, one byte a page");
    }
}

#[test]
fn a_cursor_of_another_mapper_reads_from_the_start() {
    let home = Unpacked::new(TOOLS);
    let (mut reader, mut cursor) = (home.open(), Cursor::default());
    let whole = read_on(&mut reader, &mut cursor, Budget::default()).unwrap();
    let mut json: serde_json::Value = serde_json::to_value(&cursor).unwrap();
    json["mapperVersion"] = 999_999.into();
    let mut other = serde_json::from_value(json).unwrap();
    let again = read_on(&mut reader, &mut other, Budget::default()).unwrap();
    assert_eq!(texts(&again), texts(&whole));
    assert_eq!(other, cursor);
}

/// A rewritten transcript is read again, and gives what it gave: the entries keep their ids.
#[test]
fn a_rewritten_transcript_gives_the_same_events_again() {
    let home = Unpacked::new(TOOLS);
    let (mut reader, mut cursor) = (home.open(), Cursor::default());
    let whole = texts(&read_on(&mut reader, &mut cursor, Budget::default()).unwrap());
    let db = rusqlite::Connection::open(home.agent_db("main")).unwrap();
    // The rows move up, as when entries before them are taken out or put in.
    db.execute_batch(
        "PRAGMA foreign_keys = OFF;
         UPDATE transcript_events SET seq = seq + 100000;
         UPDATE transcript_events SET seq = seq - 100000 + 3;
         UPDATE transcript_rewrite_watermarks SET generation = 'rewritten';",
    )
    .unwrap();
    let again = texts(&read_on(&mut reader, &mut cursor, Budget::default()).unwrap());
    assert!(!again.is_empty() && again.is_subset(&whole), "{:?}", again.difference(&whole).next());
}

#[test]
fn another_database_in_the_same_place_is_read_from_its_start() {
    let home = Unpacked::new(CHANNELS);
    let (mut reader, mut cursor) = (home.open(), Cursor::default());
    let newer = texts(&read_on(&mut reader, &mut cursor, Budget::default()).unwrap());
    // An older backup is put back.
    home.replace_by(TOOLS);
    let older = texts(&read_on(&mut reader, &mut cursor, Budget::default()).unwrap());
    let runs = |texts: &std::collections::BTreeSet<String>| -> usize {
        texts.iter().filter(|text| text.contains("run.state.changed")).count()
    };
    assert_eq!(runs(&older), 10, "all of the older ledger");
    assert!(older.iter().filter(|text| text.contains("run.state.changed")).all(|text| newer.contains(text)));
}

/// A backup from before the last rows is put back, and goes on with others until it has more than before.
#[test]
fn a_restored_backup_that_has_gone_on_is_read_from_its_start() {
    let home = Unpacked::new(CHANNELS);
    let (mut reader, mut cursor) = (home.open(), Cursor::default());
    let before = texts(&read_on(&mut reader, &mut cursor, Budget::default()).unwrap());

    let other = Unpacked::new(CHANNELS);
    let state = rusqlite::Connection::open(other.state_db()).unwrap();
    // The last three quarters happened otherwise, in other runs, and the ledger has got longer.
    state
        .execute_batch(
            "UPDATE audit_events SET run_id = 'other ' || run_id, occurred_at = occurred_at + 1 WHERE sequence > 60;
             UPDATE sqlite_sequence SET seq = seq + 1000 WHERE name = 'audit_events';
             INSERT INTO audit_events (event_id, source_id, source_sequence, occurred_at, kind, action, status,
               actor_type, actor_id, agent_id, session_key, run_id)
             VALUES ('new', 'new', 1, 1795339600000, 'agent_run', 'agent.run.started', 'started', 'agent', 'main',
               'main', 'agent:main:main', 'new')",
        )
        .unwrap();
    for agent in ["main", "work"] {
        let db = rusqlite::Connection::open(other.agent_db(agent)).unwrap();
        db.execute_batch(
            "PRAGMA foreign_keys = OFF;
             UPDATE transcript_events SET created_at = created_at + 1,
               event_json = replace(replace(event_json, '\"id\":\"', '\"id\":\"other-'), '\"timestamp\"', '\"was\"')
             WHERE event_json IS NOT NULL AND seq > 3;",
        )
        .unwrap();
    }
    drop(state);
    std::fs::remove_dir_all(home.path()).unwrap();
    std::fs::rename(other.path(), home.path()).unwrap();

    let all = texts(&read_all(&mut home.open()));
    let new: std::collections::BTreeSet<_> = all.difference(&before).cloned().collect();
    for name in ["run.state.changed", "run.model.usage"] {
        assert!(new.iter().filter(|text| text.contains(name)).count() > 20, "{name}");
    }
    cursor = stored(&cursor);
    let read = texts(&read_on(&mut reader, &mut cursor, Budget::default()).unwrap());
    assert!(new.is_subset(&read), "{:#?}", new.difference(&read).next());
    let nothing = reader.read(&cursor, Budget::default(), LATER).unwrap();
    assert!(nothing.events.is_empty() && !nothing.moved, "once");
}

#[test]
fn the_words_of_a_failure_are_waited_for() {
    let mut staged = Staged::new(FAILURES);
    let ended_at = 1_795_332_098_915; // A refused run, whose words come 52 ms later.
    let run = "e006646e-370c-493c-af04-e28dbaf20397";
    staged.show(0, usize::MAX);
    let (mut reader, mut cursor) = (staged.home.open(), Cursor::default());
    // The ledger is in sight, the transcripts are not: the first failure of all stops it.
    let page = reader.read(&cursor, Budget::default(), at(0)).unwrap();
    assert!(!page.more && page.again_in.is_some());
    assert!(runs(&page.events).values().all(|run| run["to"] != "failed"));
    // Everything that the others need, but not this one's.
    for stream in 1..staged.streams.len() {
        let hidden = format!("{:?}", staged.streams[stream]).contains("88a0adbe");
        staged.show(stream, if hidden { 1 } else { usize::MAX });
    }
    let page = reader.read(&cursor, Budget::default(), at(ended_at + 9_999)).unwrap();
    assert_eq!(page.again_in, Some(Duration::from_millis(1)));
    assert!(!runs(&page.events).contains_key(run));
    cursor = page.cursor;
    let page = reader.read(&cursor, Budget::default(), at(ended_at + 10_000)).unwrap();
    assert_eq!(runs(&page.events)[run]["reason"], "run_failed", "then it is told without");
}

/// The clock was set back by an hour right after the rows were written: they are from the future now.
#[test]
fn a_clock_that_was_set_back_holds_nothing_up_for_longer_than_ten_seconds() {
    let mut staged = Staged::new(FAILURES);
    staged.show(0, usize::MAX);
    let (mut reader, mut cursor) = (staged.home.open(), Cursor::default());
    let (early, mut ended) = (1_795_332_090_304 - 3_600_000, 0);
    for (second, waits) in [(0, true), (9, true), (10, false)] {
        let now =
            Now { elapsed: Duration::from_secs(100 + second), ..at(early + second.cast_signed() * 1_000) };
        let page = reader.read(&cursor, Budget::default(), now).unwrap();
        assert_eq!(page.again_in, waits.then(|| Duration::from_secs(10 - second)), "after {second} s");
        ended += runs(&page.events).values().filter(|run| run["to"] == "failed").count();
        assert_eq!(ended == 0, waits);
        cursor = page.cursor;
    }
    // Not one after the other: there are many.
    assert!(ended > 5, "{ended}");

    // One that is not from the future is waited for as ever, though the last wait was in vain.
    let state = rusqlite::Connection::open(staged.home.state_db()).unwrap();
    state
        .execute(
            "INSERT INTO audit_events (event_id, source_id, source_sequence, occurred_at, kind, action, status, error_code,
               actor_type, actor_id, agent_id, session_key, session_id, run_id)
             SELECT 'new', 'new', 1, ?1, kind, action, status, error_code, actor_type, actor_id, agent_id, session_key,
               session_id, 'new' FROM audit_events WHERE status = 'failed' AND session_id IS NOT NULL LIMIT 1",
            [early],
        )
        .unwrap();
    let now = Now { elapsed: Duration::from_secs(200), ..at(early + 1_000) };
    let page = reader.read(&cursor, Budget::default(), now).unwrap();
    assert_eq!(page.again_in, Some(Duration::from_secs(9)));
}

/// A gateway whose clock is a year ahead, and its next starts with the right time: their boots end what they must.
#[test]
fn a_boot_with_a_wrong_clock_hides_no_other() {
    let year = 365 * 24 * 3_600_000_i64;
    let home = Unpacked::new(TOOLS);
    let state = rusqlite::Connection::open(home.state_db()).unwrap();
    let (mut reader, mut cursor) = (home.open(), Cursor::default());
    read_on(&mut reader, &mut cursor, Budget::default()).unwrap();
    let last: i64 =
        state.query_row("SELECT max(occurred_at) FROM audit_events", [], |row| row.get(0)).unwrap();
    let boot = |id: &str, at: i64| {
        let sql = "INSERT INTO gateway_boot_lifecycle (boot_id, pid, started_at_ms) VALUES (?1, 1, ?2)";
        state.execute(sql, (id, at)).unwrap();
    };
    let start = |run: &str, at: i64| {
        let sql = "INSERT INTO audit_events (event_id, source_id, source_sequence, occurred_at, kind, action, status,
                     actor_type, actor_id, agent_id, session_key, run_id)
                   VALUES (?1, ?1, 1, ?2, 'agent_run', 'agent.run.started', 'started', 'agent', 'main', 'main',
                     'agent:main:main', ?1)";
        state.execute(sql, (run, at)).unwrap();
    };
    let mut live = Vec::new();
    boot("ahead", last + year);
    live.extend(read_on(&mut reader, &mut cursor, Budget::default()).unwrap());
    start("one", last + 10_000);
    live.extend(read_on(&mut reader, &mut cursor, Budget::default()).unwrap());
    assert_eq!(runs(&live)["one"]["to"], "running", "the boot was before it, whatever its clock said");
    boot("right", last + 20_000);
    start("two", last + 30_000);
    cursor = stored(&cursor);
    live.extend(read_on(&mut home.open(), &mut cursor, Budget::default()).unwrap());
    let all = read_all(&mut home.open());
    for events in [&live, &all] {
        let runs = runs(events);
        assert_eq!((&runs["one"]["to"], &runs["one"]["reason"]), (&"failed".into(), &"interrupted".into()));
        assert_eq!(runs["two"]["to"], "running");
    }
    assert!(texts(&live).is_subset(&texts(&all)), "whenever one looks");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    /// The ledger and every transcript come into sight in their own order, and in any order to each other; reads of any
    /// size fall in between, now and then by a new reader.
    #[test]
    fn late_rows_change_nothing(
        steps in prop::collection::vec((any::<prop::sample::Index>(), 1..40_usize, 0..4_u8, 1..60_usize), 60..200),
    ) {
        let fixture = CHANNELS;
        let mut staged = Staged::new(fixture);
        let (mut reader, mut cursor, mut events) = (staged.home.open(), Cursor::default(), Vec::new());
        for (stream, count, read, rows) in steps {
            let stream = stream.index(staged.streams.len());
            staged.show(stream, count);
            if read == 0 {
                reader = staged.home.open();
            }
            if read < 3 {
                // Nothing is old enough to be done without.
                let budget = Budget { rows, bytes: usize::MAX };
                let page = reader.read(&cursor, budget, at(0)).unwrap();
                events.extend(page.events);
                cursor = stored(&page.cursor);
            }
        }
        for stream in 0..staged.streams.len() {
            staged.show(stream, usize::MAX);
        }
        prop_assert!(staged.is_whole());
        staged.show_rest();
        events.extend(read_on(&mut reader, &mut cursor, Budget::default()).unwrap());

        let whole = read_all(&mut staged.home.open());
        prop_assert_eq!(texts(&events), texts(&whole));
        prop_assert_eq!(events.len(), whole.len(), "something came twice");
        let recorded = read_all(&mut Unpacked::new(fixture).open());
        prop_assert_eq!(whole.len(), recorded.len(), "the staged home is not the recorded one");
    }
}
