//! `verify` names what was changed behind the log's back.

use std::path::{Path, PathBuf};

use patze_actors::log::verify::{Finding, Report, verify};
use rusqlite::Connection;

use super::support::{EVERY, Running, batch, clock, event};

/// A log with the commits 1–4, 5–8, …, 37–40 and a checkpoint at 35; the writer runs on.
fn filled() -> (tempfile::TempDir, Running) {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    for n in 0..10 {
        running.append(batch((0..4).map(|e| event("m", &format!("e{n}-{e}"), n * 4 + e)))).wait().unwrap();
    }
    let proof = running.log.next_proof().unwrap();
    running.log.prove(&proof).unwrap();
    (dir, running)
}

fn database(dir: &Path) -> PathBuf {
    dir.join("patze.db")
}

/// What is found after `sql` was run on the file.
fn after(sql: &str) -> Report {
    let (dir, running) = filled();
    running.close();
    Connection::open(database(dir.path())).unwrap().execute_batch(sql).unwrap();
    verify(&database(dir.path())).unwrap()
}

fn log_faults(report: &Report) -> Vec<Finding> {
    let state = |finding: &&Finding| matches!(finding, Finding::Checkpoint { .. } | Finding::State { .. });
    report.findings.iter().filter(|finding| !state(finding)).cloned().collect()
}

#[test]
fn a_sound_log_passes_beside_a_running_server() {
    let (dir, running) = filled();
    let report = verify(&database(dir.path())).unwrap();
    assert!(report.is_sound(), "{report:?}");
    // Of 7, 14, … 35 only every second is stored on the way to the last.
    assert_eq!((report.events, report.commits, report.position, report.checkpoints), (40, 10, 40, 3));
    assert_eq!(report.digest, running.log.head().digest);
    assert_eq!(report.state, running.log.fleet().hash());
    running.append(batch([event("m", "more", 1)])).wait().unwrap();
    running.close();
    assert_eq!(verify(&database(dir.path())).unwrap().position, 41);
}

#[test]
fn a_flipped_bit_is_named_by_its_position() {
    let report =
        after("UPDATE events SET payload = replace(payload, '\"n\":9', '\"n\":8') WHERE position = 10");
    assert_eq!(log_faults(&report), [Finding::Row { position: 10, first: 9, last: 12 }]);
    for column in ["id", "type", "machine", "origin", "trace"] {
        let report = after(&format!("UPDATE events SET {column} = {column} || 'x' WHERE position = 10"));
        assert_eq!(log_faults(&report), [Finding::Row { position: 10, first: 9, last: 12 }], "{column}");
    }
    let report = after("UPDATE events SET occurred_at = occurred_at + 1 WHERE position = 12");
    assert_eq!(log_faults(&report), [Finding::Row { position: 12, first: 9, last: 12 }]);
}

#[test]
fn a_bit_flipped_in_the_file_itself_is_found() {
    let (dir, running) = filled();
    running.close();
    let mut bytes = std::fs::read(database(dir.path())).unwrap();
    // The row, and perhaps what an earlier state of its page left behind.
    let text = b"\"n\":21}";
    let places: Vec<usize> =
        (0..bytes.len() - text.len()).filter(|at| bytes[*at..].starts_with(text)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at + 4] ^= 1;
    }
    std::fs::write(database(dir.path()), bytes).unwrap();
    let report = verify(&database(dir.path())).unwrap();
    assert_eq!(log_faults(&report), [Finding::Row { position: 22, first: 21, last: 24 }]);
}

#[test]
fn a_deleted_row_is_named() {
    let report = after("DELETE FROM events WHERE position = 18");
    assert_eq!(log_faults(&report), [Finding::Hole { position: 18, first: 17, last: 20 }]);
    let report = after("DELETE FROM events WHERE position BETWEEN 20 AND 25");
    assert_eq!(
        log_faults(&report),
        [
            Finding::Hole { position: 20, first: 17, last: 20 },
            Finding::Hole { position: 21, first: 21, last: 24 },
            Finding::Hole { position: 25, first: 25, last: 28 },
        ]
    );
    let report = after("DELETE FROM events WHERE position = 40");
    assert_eq!(log_faults(&report), [Finding::Hole { position: 40, first: 37, last: 40 }]);
}

#[test]
fn swapped_rows_are_named() {
    let swap = |a: u32, b: u32| {
        format!(
            "UPDATE events SET position = 999 WHERE position = {a}; UPDATE events SET position = {a} WHERE \
             position = {b}; UPDATE events SET position = {b} WHERE position = 999"
        )
    };
    let row = |position, first| Finding::Row { position, first, last: first + 3 };
    assert_eq!(log_faults(&after(&swap(6, 7))), [row(6, 5), row(7, 5)]);
    assert_eq!(log_faults(&after(&swap(6, 31))), [row(6, 5), row(31, 29)]);
}

#[test]
fn a_row_of_a_commit_without_sums_is_named_by_its_commit() {
    let report = after("UPDATE commits SET sums = NULL; UPDATE events SET trace = '{}' WHERE position = 10");
    assert_eq!(log_faults(&report), [Finding::Changed { first: 9, last: 12 }]);
    assert!(after("UPDATE commits SET sums = NULL").is_sound(), "they are older than sums");
}

#[test]
fn changed_commits_are_named() {
    let report = after("UPDATE commits SET sums = zeroblob(16) WHERE first = 5");
    assert_eq!(log_faults(&report), [Finding::Sums { first: 5, last: 8 }]);
    let report = after("UPDATE commits SET pruned = 40 WHERE first = 5");
    assert!(log_faults(&report).contains(&Finding::Unspoken { first: 5, last: 8 }));
    let report = after("DELETE FROM commits WHERE first = 9");
    assert_eq!(log_faults(&report)[0], Finding::Gap { expected: 9, first: 13 });
    assert!(log_faults(&report).contains(&Finding::Stray { position: 9 }));
    let report = after("UPDATE commits SET digest = zeroblob(32) WHERE first = 13");
    let changed = |first| Finding::Changed { first, last: first + 3 };
    assert_eq!(log_faults(&report), [changed(13), changed(17)], "the next one was built on the true digest");
    let report = after("UPDATE events SET recorded_at = recorded_at - 5 WHERE position = 3");
    let [Finding::Odd { position: 3, first: 1, last: 4, .. }] = &log_faults(&report)[..] else {
        panic!("{report:?}")
    };
}

#[test]
fn rows_that_the_log_never_writes_are_named() {
    for sql in ["payload = x'ff'", "severity = 'loud'", "recorded_at = 'noon'"] {
        let report = after(&format!("UPDATE events SET {sql} WHERE position = 3"));
        let [Finding::Odd { position: 3, first: 1, last: 4, .. }] = &log_faults(&report)[..] else {
            panic!("{sql}: {report:?}")
        };
    }
}

#[test]
fn a_checkpoint_that_lies_is_named() {
    let report = after(&format!(
        "UPDATE checkpoints SET bytes = (SELECT bytes FROM checkpoints WHERE position = {}) WHERE position = {}",
        2 * EVERY,
        4 * EVERY
    ));
    let [Finding::Checkpoint { position, .. }] = &report.findings[..] else { panic!("{report:?}") };
    assert_eq!(*position, 4 * EVERY);
    let report = after("UPDATE checkpoints SET bytes = x'00'");
    assert_eq!(report.findings.len(), 3, "{report:?}");
}

#[test]
fn findings_are_told_in_words() {
    let report = after("DELETE FROM events WHERE position = 18");
    assert_eq!(report.findings[0].to_string(), "position 18 is missing (commit 17–20)");
}
