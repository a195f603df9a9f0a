use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn append(spool: &mut Spool, source: &str, cursor: &str, events: &[Event]) -> Appended {
    let epoch = spool.begin(source).unwrap().epoch;
    spool.append(source, epoch, Some(cursor), events).unwrap()
}

fn cursor(spool: &Spool, source: &str) -> Option<String> {
    spool.begin(source).unwrap().cursor
}

#[test]
fn batches_keep_their_bounds_and_one_event_always_passes() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    assert_eq!(spool.next_batch(Shape::Batch, ALL).unwrap(), None);
    append(&mut spool, "h", "1", &[event("a", 0), event("b", 0), event("c", 5_000), event("d", 0)]);
    let batch = |events, bytes| spool.next_batch(Shape::Batch, Most { events, bytes }).unwrap().unwrap();
    assert_eq!(ids(&batch(500, 900_000)), ["a", "b", "c", "d"]);
    assert_eq!(ids(&batch(3, 900_000)), ["a", "b", "c"]);
    assert_eq!(ids(&batch(500, 1)), ["a"]);
    assert_eq!(ids(&batch(0, 1)), ["a"]);
    let two = batch(2, 900_000);
    assert_eq!(ids(&batch(500, two.body.len())), ["a", "b"]);
    assert_eq!(ids(&batch(500, two.body.len() - 1)), ["a"]);
    let single = spool.next_batch(Shape::Single, ALL).unwrap().unwrap();
    assert_eq!(single.seqs, two.seqs[..1]);
    let value: serde_json::Value = serde_json::from_slice(&single.body).unwrap();
    assert_eq!((&value["id"], &value["version"]), (&"a".into(), &"telemetry.v1".into()));
}

#[test]
fn an_acknowledgement_that_comes_twice_takes_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    append(&mut spool, "h", "1", &[event("a", 0), event("b", 0)]);
    let through = *spool.next_batch(Shape::Batch, ALL).unwrap().unwrap().seqs.last().unwrap();
    spool.settle(through, &[], Timestamp::EPOCH).unwrap();
    append(&mut spool, "h", "2", &[event("c", 0)]);
    spool.settle(through, &[], Timestamp::EPOCH).unwrap();
    assert_eq!(all_ids(&spool), ["c"]);
    drop(spool);
    assert_eq!(all_ids(&open(dir.path())), ["c"]);
}

#[test]
fn rejected_events_are_kept_aside_before_they_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    append(&mut spool, "h", "1", &[event("a", 0), event("b", 0), event("c", 0)]);
    let seqs = spool.next_batch(Shape::Batch, ALL).unwrap().unwrap().seqs;
    let reason = Reason { code: "invalid_payload".to_owned(), message: "no".to_owned() };
    spool
        .settle(
            seqs[1],
            &[(seqs[1], reason), (999, Reason { code: "x".to_owned(), message: String::new() })],
            Timestamp::EPOCH,
        )
        .unwrap();
    assert_eq!(all_ids(&spool), ["c"]);
    let contents = Rejected::of(dir.path()).read(9).unwrap();
    assert_eq!(contents.count, 1);
    let line = &contents.last[0];
    assert_eq!(line.code, "invalid_payload");
    assert_eq!(serde_json::from_str::<serde_json::Value>(line.event.get()).unwrap()["id"], "b");
}

#[test]
fn another_mapper_machine_or_log_has_every_home_read_again_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    append(&mut spool, "h", "7", &[event("a", 0)]);
    drop(spool);
    assert_eq!(cursor(&open(dir.path()), "h").as_deref(), Some("7"));

    for mapper in [2, 1] {
        let mut spool = Spool::open(dir.path(), ROOMY, &machine(), mapper).unwrap();
        assert_eq!(cursor(&spool, "h"), None, "mapper {mapper}");
        append(&mut spool, "h", "8", &[]);
    }
    let other = MachineId::new("m2");
    let mut spool = Spool::open(dir.path(), ROOMY, &other, 1).unwrap();
    assert_eq!(cursor(&spool, "h"), None);
    append(&mut spool, "h", "9", &[event("b", 0)]);
    let batch = spool.next_batch(Shape::Batch, ALL).unwrap().unwrap();
    assert_eq!((ids(&batch), batch.foreign), (vec!["a".to_owned(), "b".to_owned()], 1));

    for (log, seen, left) in [
        (None, LogSeen::First, Some("9")),
        (None, LogSeen::Same, Some("10")),
        (Some("one"), LogSeen::Another, None),
        (Some("one"), LogSeen::Same, Some("10")),
        (None, LogSeen::Same, Some("10")),
        (Some("two"), LogSeen::Another, None),
    ] {
        assert_eq!(spool.begin_log(log).unwrap(), seen, "{log:?}");
        assert_eq!(cursor(&spool, "h").as_deref(), left, "{log:?}");
        append(&mut spool, "h", "10", &[]);
    }
    assert_eq!(all_ids(&spool), ["a", "b"]);
}

#[test]
fn an_append_of_before_the_cursors_were_forgotten_is_stale_even_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    spool.begin_log(Some("one")).unwrap();
    let before = spool.begin("h").unwrap().epoch;
    assert_eq!(spool.begin_log(Some("two")).unwrap(), LogSeen::Another);
    assert_eq!(spool.append("h", before, Some("5"), &[event("a", 0)]).unwrap(), Appended::Stale);
    drop(spool);
    let mut spool = open(dir.path());
    assert_eq!(spool.append("h", before, Some("5"), &[event("a", 0)]).unwrap(), Appended::Stale);
    assert_eq!((cursor(&spool, "h"), spool.waiting()), (None, 0));
}

#[test]
fn at_the_cap_heartbeats_go_first_then_sources_stop_and_nothing_else_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { cap: 400_000 };
    let mut spool = Spool::open(dir.path(), limits, &machine(), 1).unwrap();
    for n in 0..100 {
        assert_eq!(spool.keep(&event(&format!("beat{n}"), 1_000), true).unwrap(), Appended::Kept);
    }
    let mut kept = 0;
    while append(&mut spool, "h", &format!("{kept}"), &[event(&format!("fact{kept}"), 1_000)])
        == Appended::Kept
    {
        kept += 1;
        assert!(kept < 1_000, "the cap does not hold");
    }
    assert!(spool.used().unwrap() >= limits.cap);
    assert_eq!(cursor(&spool, "h"), Some(format!("{}", kept - 1)), "a refused append moved the cursor");
    let facts: Vec<String> = (0..kept).map(|n| format!("fact{n}")).collect();
    assert_eq!(all_ids(&spool), facts, "heartbeats go, facts stay");
    assert_eq!(spool.waiting(), kept);

    assert_eq!(spool.keep(&event("late beat", 0), true).unwrap(), Appended::Full);
    assert_eq!(spool.keep(&event("registered", 0), false).unwrap(), Appended::Kept);
    let seqs = spool.next_batch(Shape::Batch, ALL).unwrap().unwrap().seqs;
    spool.settle(seqs[seqs.len() / 2], &[], Timestamp::EPOCH).unwrap();
    assert_eq!(append(&mut spool, "h", "on", &[event("after", 0)]), Appended::Kept);
}

#[test]
fn a_delivered_backlog_gives_its_room_back_to_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    for n in 0..40 {
        let events: Vec<_> = (0..100).map(|m| event(&format!("{n}-{m}"), 1_000)).collect();
        append(&mut spool, "h", "1", &events);
    }
    let pages =
        |spool: &Spool| spool.db.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0)).unwrap();
    assert!(pages(&spool) > 1_000);
    while let Some(batch) = spool.next_batch(Shape::Batch, Most { events: 200, bytes: 900_000 }).unwrap() {
        spool.settle(*batch.seqs.last().unwrap(), &[], Timestamp::EPOCH).unwrap();
    }
    assert!(pages(&spool) <= 600, "{}", pages(&spool));
    assert_eq!(spool.waiting(), 0);
}

#[test]
fn every_file_is_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let mut spool = open(&state);
    append(&mut spool, "h", "1", &[event("a", 0)]);
    let reason = Reason { code: "c".to_owned(), message: String::new() };
    spool.settle(1, &[(1, reason)], Timestamp::EPOCH).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["rejected.jsonl", "spool.db", "spool.db-shm", "spool.db-wal"]);
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let db = Connection::open(path(dir.path())).unwrap();
    db.execute_batch("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)").unwrap();
    let error = Spool::open(dir.path(), ROOMY, &machine(), 1).unwrap_err();
    assert!(matches!(error, SpoolError::Foreign { .. }) && !error.is_damage(), "{error}");
    db.execute_batch("PRAGMA application_id = 0x505a5350; PRAGMA user_version = 99").unwrap();
    let error = Spool::open(dir.path(), ROOMY, &machine(), 1).unwrap_err();
    assert!(matches!(error, SpoolError::Newer { .. }) && error.to_string().contains("spool.db"), "{error}");
    assert_eq!(db.query_row("SELECT a FROM theirs", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

#[test]
fn a_damaged_file_is_known_as_such_and_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        path(dir.path()),
        "this is no database at all, but it is long enough to be looked at".repeat(20),
    )
    .unwrap();
    let error = Spool::open(dir.path(), ROOMY, &machine(), 1).unwrap_err();
    assert!(error.is_damage(), "{error:?}");
    let aside = Spool::set_aside(dir.path()).unwrap();
    assert!(std::fs::read_to_string(aside).unwrap().starts_with("this is no database"));
    assert_eq!(open(dir.path()).waiting(), 0);
}

#[test]
fn status_is_read_beside_the_one_that_writes() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read_status(dir.path()).unwrap(), None);
    let mut spool = open(dir.path());
    append(&mut spool, "/home/x/.openclaw", "row 7", &[event("a", 0)]);
    spool.keep(&event("b", 0), true).unwrap();
    spool.begin_log(Some("log1")).unwrap();
    let status = read_status(dir.path()).unwrap().unwrap();
    assert_eq!((status.waiting, status.heartbeats), (2, 1));
    assert_eq!(status.machine_id, Some(machine()));
    assert_eq!((status.mapper_version.as_deref(), status.log_id.as_deref()), (Some("1"), Some("log1")));
    assert_eq!(status.cursors, [("/home/x/.openclaw".to_owned(), "row 7".to_owned())]);
    assert_eq!(status.used_bytes, spool.used().unwrap());
}
