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

use patze_bridge::openclaw::{Budget, Cursor};
use patze_core::time::Timestamp;
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

#[test]
fn the_words_of_a_failure_are_waited_for() {
    let mut staged = Staged::new(FAILURES);
    let ended_at = 1_795_332_098_915; // A refused run, whose words come 52 ms later.
    let run = "e006646e-370c-493c-af04-e28dbaf20397";
    staged.show(0, usize::MAX);
    let (mut reader, mut cursor) = (staged.home.open(), Cursor::default());
    // The ledger is in sight, the transcripts are not: the first failure of all stops it.
    let page = reader.read(&cursor, Budget::default(), Timestamp::from_millis(0)).unwrap();
    assert!(!page.more && page.again_at.is_some());
    assert!(runs(&page.events).values().all(|run| run["to"] != "failed"));
    // Everything that the others need, but not this one's.
    for stream in 1..staged.streams.len() {
        let hidden = format!("{:?}", staged.streams[stream]).contains("88a0adbe");
        staged.show(stream, if hidden { 1 } else { usize::MAX });
    }
    let early = Timestamp::from_millis(ended_at + 9_999);
    let page = reader.read(&cursor, Budget::default(), early).unwrap();
    assert_eq!(page.again_at, Some(Timestamp::from_millis(ended_at + 10_000)));
    assert!(!runs(&page.events).contains_key(run));
    cursor = page.cursor;
    let page = reader.read(&cursor, Budget::default(), early.plus(1)).unwrap();
    assert_eq!(runs(&page.events)[run]["reason"], "run_failed", "then it is told without");
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
                let page = reader.read(&cursor, budget, Timestamp::from_millis(0)).unwrap();
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
