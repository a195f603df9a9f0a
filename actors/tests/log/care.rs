//! Backup, restore, export and import on real files: what comes back is what was there, and nothing is touched for less.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use patze_actors::log::care::{
    self, ArchiveError, Backup, BackupError, Filter, Import, ImportError, Imported, LineError, RestoreError,
};
use patze_actors::log::verify::verify;
use patze_actors::log::{Batch, Lane, OpenError};
use patze_core::event::control::Control;
use patze_core::glob::Glob;
use patze_core::ids::EventId;
use patze_supervise::clock::Clock;

use super::support::{EVERY, Running, START, batch, clock, crash_image, event, files, open, read_all};

/// Names of a folder, those of the lock apart.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "patze.lock");
    names.sort();
    names
}

fn wanted<'a>(dir: &'a Path, file: &'a Path) -> Backup<'a> {
    Backup { dir, file, with_secrets: false, version: "test", now: START }
}

/// A log with events in `commits` transactions, a second apart, some of them the control plane's own.
fn filled(dir: &Path, commits: u32) -> Running {
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(dir, &clock);
    for n in 0..commits {
        let machine = format!("m{}", n % 3);
        running
            .append(batch((0..4).map(|e| event(&machine, &format!("e{n}-{e}"), n * 4 + e))))
            .wait()
            .unwrap();
        let tick = Control::Tick {}.to_event(EventId::new(format!("c{n}")), clock.now(), "t");
        running.log.append(Lane::Control, Batch::control(vec![tick])).unwrap().wait().unwrap();
        time.jump_wall(1_000);
    }
    running
}

fn export_to(dir: &Path, file: &Path, filter: &Filter) -> Vec<u64> {
    let (mut text, mut positions) = (String::new(), Vec::new());
    care::export(&dir.join("patze.db"), filter, |event| {
        event.to_event().push_placed(&mut text, event.position, event.recorded_at, event.origin);
        text.push('\n');
        positions.push(event.position);
        ControlFlow::Continue(())
    })
    .unwrap();
    fs::write(file, text).unwrap();
    positions
}

fn import(dir: &Path, file: &Path, dry_run: bool) -> Result<Imported, ImportError> {
    // Long after what is in the file.
    let (clock, time) = Clock::virtual_at(START);
    time.jump_wall(86_400_000);
    care::import(&Import { dir, file, clock: &clock, dry_run })
}

#[test]
fn a_backup_of_a_running_log_is_one_moment_of_it_and_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file) = (home.path().join("a"), home.path().join("b.tar.zst"));
    let running = filled(&dir, 10);
    fs::write(dir.join("auth.json"), "{}").unwrap();
    fs::write(dir.join("prices.toml"), "# none").unwrap();
    let head = running.log.head();
    let manifest = care::backup(&wanted(&dir, &file)).unwrap();
    assert_eq!((&manifest.log_id, manifest.position), (&head.log_id, 50));
    let held: Vec<&str> = manifest.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(held, ["patze.db", "prices.toml"], "no secrets unless asked for");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(home.path()), ["a", "b.tar.zst"]);
    let again = care::backup(&wanted(&dir, &file)).unwrap_err();
    assert!(matches!(again, BackupError::Exists { .. }), "{again:?}");

    // It goes on, and is then put back to the backup.
    running.append(batch([event("m9", "later", 1)])).wait().unwrap();
    let refused = care::restore(&dir, &file, START).unwrap_err();
    assert!(matches!(refused, RestoreError::Open(OpenError::Locked { .. })), "{refused:?}");
    running.close();
    fs::write(dir.join("history.db"), "of the old log").unwrap();
    let old = fs::read(dir.join("patze.db")).unwrap();
    let restored = care::restore(&dir, &file, START).unwrap();
    assert_eq!((restored.head.position, restored.head.digest), (50, head.digest));
    assert_ne!(restored.head.log_id, head.log_id);
    let expected = [
        "auth.json",
        "patze.db",
        "patze.db-head",
        "patze.db.replaced-20260221T000000000Z",
        "patze.db.replaced-20260221T000000000Z-head",
        "prices.toml",
        "prices.toml.replaced-20260221T000000000Z",
    ];
    assert_eq!(names(&dir), expected);
    assert!(fs::read(&restored.aside[0]).unwrap() == old, "what was there is as it was");
    let report = verify(&dir.join("patze.db")).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.log_id, report.position), (restored.head.log_id.clone(), 50));

    let running = Running::start(open(&dir, &clock()));
    assert_eq!(running.log.head().log_id, restored.head.log_id, "one new id, not one at each start");
    running.append(batch([event("m9", "later", 1)])).wait().unwrap();
    assert_eq!(running.log.head().position, 51);
    running.close();
}

#[test]
fn secrets_go_along_when_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file, new) = (home.path().join("a"), home.path().join("b"), home.path().join("new"));
    filled(&dir, 1).close();
    fs::write(dir.join("auth.json"), "{\"mode\":\"none\"}").unwrap();
    let manifest = care::backup(&Backup { with_secrets: true, ..wanted(&dir, &file) }).unwrap();
    assert!(manifest.has_secrets());
    assert_eq!(care::check(&file, START).unwrap().manifest, manifest);
    assert_eq!(names(home.path()), ["a", "b"], "a check leaves nothing behind");
    care::restore(&new, &file, START).unwrap();
    assert_eq!(fs::read_to_string(new.join("auth.json")).unwrap(), "{\"mode\":\"none\"}");
    assert_eq!(fs::metadata(new.join("auth.json")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_touched() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file, bad) = (home.path().join("a"), home.path().join("b"), home.path().join("bad"));
    filled(&dir, 10).close();
    let manifest = care::backup(&wanted(&dir, &file)).unwrap();
    let (before, names_before) = (files(&dir), names(&dir));
    let whole = fs::read(&file).unwrap();
    let refuse = |bytes: &[u8], what: &str| {
        fs::write(&bad, bytes).unwrap();
        let error = care::restore(&dir, &bad, START).expect_err(what);
        assert!(matches!(error, RestoreError::Archive(_)), "{what}: {error:?}");
        assert!(files(&dir) == before, "{what}: something was touched");
        assert_eq!(names(&dir), names_before, "{what}");
    };
    for part in 0..40 {
        let at = whole.len() * part / 40;
        refuse(&whole[..at], &format!("cut at {at}"));
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(&bad, &flipped).unwrap();
        match care::check(&bad, START) {
            // zstd can say the same in many ways: the hashes prove that this is one of them.
            Ok(checked) => assert_eq!(checked.manifest, manifest, "flipped at {at}"),
            Err(_) => refuse(&flipped, &format!("flipped at {at}")),
        }
    }
    refuse(&whole[..whole.len() - 1], "cut by its last byte");
    refuse(b"SQLite format 3\0", "something else");
    refuse(&zstd::encode_all(&b"no tar"[..], 1).unwrap(), "no tar");
    let absent = care::restore(&home.path().join("new"), &home.path().join("absent"), START).unwrap_err();
    assert!(matches!(absent, RestoreError::Archive(ArchiveError::Open { .. })), "{absent:?}");
    assert!(!home.path().join("new").exists(), "no folder is made for a backup that is not there");
}

/// The archive is whole and its hashes are right, but the log in it was changed before it was made.
#[test]
fn a_backup_of_a_log_that_was_changed_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file) = (home.path().join("a"), home.path().join("b"));
    filled(&dir, 10).close();
    let conn = rusqlite::Connection::open(dir.join("patze.db")).unwrap();
    conn.execute("UPDATE events SET severity = 'debug' WHERE position = 7", []).unwrap();
    drop(conn);
    care::backup(&wanted(&dir, &file)).unwrap();
    let error = care::restore(&home.path().join("new"), &file, START).unwrap_err();
    assert!(matches!(error, RestoreError::Unsound { .. }), "{error:?}");
    assert_eq!(names(&home.path().join("new")), Vec::<String>::new());
}

#[test]
fn a_file_that_was_put_back_by_hand_gets_a_new_id() {
    let home = tempfile::tempdir().unwrap();
    let (dir, copy) = (home.path().join("a"), home.path().join("copy"));
    let running = filled(&dir, 3);
    let id = running.log.head().log_id;
    running.close();
    crash_image(&dir, &copy);
    let running = Running::open(&dir, &clock());
    assert_eq!(running.log.head().log_id, id, "the same file has the same id");
    running.append(batch([event("m", "more", 1)])).wait().unwrap();
    // As a kill would: the head is noted at each commit.
    let killed = home.path().join("killed");
    crash_image(&dir, &killed);
    fs::copy(dir.join("patze.db-head"), killed.join("patze.db-head")).unwrap();
    running.close();
    assert_eq!(open(&killed, &clock()).head().log_id, id, "after a kill too");

    fs::copy(copy.join("patze.db"), dir.join("patze.db")).unwrap();
    let running = Running::open(&dir, &clock());
    let second = running.log.head().log_id;
    assert_ne!(second, id, "it ends before the log that was here");
    // It goes another way than the first one did, up to the same position.
    running.append(batch([event("m", "other", 2)])).wait().unwrap();
    running.close();
    assert_eq!(open(&dir, &clock()).head().log_id, second, "and keeps its new id");

    let running = Running::open(&copy, &clock());
    let third = running.log.head().log_id;
    assert_ne!(third, id, "a copy in another folder is another log");
    running.close();
    fs::write(copy.join("patze.db-head"), "{").unwrap();
    let fourth = open(&copy, &clock()).head().log_id;
    assert_ne!(fourth, third, "without the note nobody knows");
    let renewed = care::renew(&dir, START).unwrap();
    assert_ne!(renewed.log_id, second);
    let running = Running::open(&dir, &clock());
    assert_eq!(running.log.head(), renewed);
    running.close();
}

#[test]
fn another_way_up_to_the_same_position_is_noticed() {
    let home = tempfile::tempdir().unwrap();
    let dirs = ["a", "b"].map(|name| home.path().join(name));
    for (dir, n) in dirs.iter().zip(0..) {
        let running = filled(dir, 2);
        running.append(batch([event("m", "fork", n)])).wait().unwrap();
        running.close();
    }
    let id = |dir: &Path| open(dir, &clock()).head().log_id;
    let a = id(&dirs[0]);
    // The other's rows under this one's id.
    let conn = rusqlite::Connection::open(dirs[1].join("patze.db")).unwrap();
    conn.execute("UPDATE meta SET value = ?1 WHERE key = 'logId'", [a.as_str()]).unwrap();
    drop(conn);
    fs::copy(dirs[1].join("patze.db"), dirs[0].join("patze.db")).unwrap();
    assert_ne!(id(&dirs[0]), a);
}

#[test]
fn an_export_takes_what_is_asked_for_in_order() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file) = (home.path().join("a"), home.path().join("e"));
    filled(&dir, 6).close();
    let export = |filter: Filter| export_to(&dir, &file, &filter);
    assert_eq!(export(Filter::default()), (1..=30).collect::<Vec<_>>());
    // Five events a second, from the start on.
    let time = |seconds: i64| Some(START.plus(seconds * 1_000));
    assert_eq!(export(Filter { since: time(1), until: time(2), ..Filter::default() }), [6, 7, 8, 9, 10]);
    assert_eq!(export(Filter { since: time(5), ..Filter::default() }).len(), 5);
    assert_eq!(export(Filter { since: time(9), ..Filter::default() }), Vec::<u64>::new());
    let ticks = Filter { types: Some(Glob::new("control.*")), ..Filter::default() };
    assert_eq!(export(ticks), [5, 10, 15, 20, 25, 30]);
    assert_eq!(
        export(Filter { machine: Some("m1".to_owned()), until: time(3), ..Filter::default() }),
        [6, 7, 8, 9]
    );
    let mut seen = 0;
    care::export(&dir.join("patze.db"), &Filter::default(), |_| {
        seen += 1;
        if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(seen, 3, "who has seen enough is shown no more");
}

#[test]
fn an_export_becomes_an_empty_log() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file, new) = (home.path().join("a"), home.path().join("e"), home.path().join("new"));
    let running = filled(&dir, 10);
    let (id, state) = (running.log.head().log_id, running.log.fleet().hash());
    running.close();
    export_to(&dir, &file, &Filter::default());
    let would = import(&new, &file, true).unwrap();
    assert!(would.became_the_log && would.stored == 50 && would.machines == 3, "{would:?}");
    assert!(!new.exists(), "a dry run makes nothing");

    let imported = import(&new, &file, false).unwrap();
    assert_eq!((imported.lines, imported.stored, imported.known, imported.own), (50, 50, 0, 0));
    assert!(imported.aside.is_empty(), "{imported:?}");
    let report = verify(&new.join("patze.db")).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.state, state, "the same fleet");
    assert_ne!(report.log_id, id);
    let (old, copy) = (Running::open(&dir, &clock()), Running::open(&new, &clock()));
    let (events, copies) = (read_all(&old.log, 100), read_all(&copy.log, 100));
    for (event, copy) in events.iter().zip(&copies) {
        assert_eq!(
            (&event.event, event.position, event.recorded_at),
            (&copy.event, copy.position, copy.recorded_at)
        );
        let origin = if event.origin == "ingest" { "import" } else { "control" };
        assert_eq!(copy.origin, origin);
    }
    old.close();
    copy.close();

    // Once more: all is known, and what is its own stays out, for the log is empty no more.
    let again = import(&new, &file, false).unwrap();
    assert_eq!((again.became_the_log, again.stored, again.known, again.own), (false, 0, 40, 10));
    assert_eq!(verify(&new.join("patze.db")).unwrap().position, 50);
}

#[test]
fn an_export_goes_beside_what_is_there() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file, other) = (home.path().join("a"), home.path().join("e"), home.path().join("other"));
    filled(&dir, 10).close();
    export_to(&dir, &file, &Filter::default());
    let running = Running::open(&other, &clock());
    running.append(batch([event("m0", "e0-0", 7), event("here", "e1", 1)])).wait().unwrap();
    let locked = import(&other, &file, false).unwrap_err();
    assert!(matches!(locked, ImportError::Open(OpenError::Locked { .. })), "{locked:?}");
    let would = import(&other, &file, true).unwrap();
    assert_eq!((would.stored, would.known, would.own), (39, 1, 10), "beside a server too");
    let id = running.log.head().log_id;
    running.close();

    let imported = import(&other, &file, false).unwrap();
    assert_eq!((imported.stored, imported.known, imported.own), (39, 1, 10));
    let running = Running::open(&other, &clock());
    let events = read_all(&running.log, 100);
    assert_eq!((events.len(), running.log.head().log_id), (41, id), "it is the same log, longer");
    assert!(events.is_sorted_by_key(|event| event.recorded_at));
    assert_eq!(events[0].event, event("m0", "e0-0", 7), "the first content stands");
    assert!(events[2..].iter().all(|event| event.origin == "import" && event.recorded_at > START));
    running.close();
}

#[test]
fn a_bad_line_is_named_and_nothing_stored() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file, new) = (home.path().join("a"), home.path().join("e"), home.path().join("new"));
    filled(&dir, 4).close();
    export_to(&dir, &file, &Filter::default());
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let fault = |content: Vec<u8>| {
        fs::write(&file, content).unwrap();
        let error = import(&new, &file, false).unwrap_err();
        assert_eq!(names(&new), Vec::<String>::new(), "{error}");
        let ImportError::Line { number, source, .. } = error else { panic!("{error:?}") };
        (number, source)
    };
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        lines.join("\n").into_bytes()
    };
    let (number, error) = fault(with(6, "{\"half\":"));
    assert!(number == 7 && matches!(error, LineError::Event(_)), "{number} {error}");
    let (number, error) = fault(with(2, &lines[2].replace("run.state.changed", "run.exploded")));
    assert!(number == 3 && error.to_string().contains("run.exploded"), "{number} {error}");
    let (number, error) = fault([with(0, lines[0]).as_slice(), b"\n\n\xFF\n"].concat());
    assert!(number == 22 && matches!(error, LineError::Text), "{number} {error}");
    let (number, error) = fault(vec![b'x'; 9 << 20]);
    assert!(number == 1 && matches!(error, LineError::Long), "{number} {error}");
    let (number, error) = fault([text.as_bytes(), text.as_bytes()].concat());
    assert!(
        number == 21 && matches!(error, LineError::Order { position: 1, before: 20 }),
        "{number} {error}"
    );
}

/// What a wrong clock recorded in the future must not hold the log there.
#[test]
fn a_time_that_has_not_come_is_not_taken_over() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file, new) = (home.path().join("a"), home.path().join("e"), home.path().join("new"));
    filled(&dir, 2).close();
    export_to(&dir, &file, &Filter::default());
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("\"recordedAt\":\"2026-", "\"recordedAt\":\"2027-", 3)).unwrap();
    import(&new, &file, false).unwrap();
    let running = Running::open(&new, &clock());
    let events = read_all(&running.log, 100);
    assert!(events.is_sorted_by_key(|event| event.recorded_at));
    assert!(events.iter().all(|event| event.recorded_at == START.plus(86_400_000)));
    running.close();
    assert!(verify(&new.join("patze.db")).unwrap().is_sound());
}

/// The copy has its checkpoints, so that a start after a restore is as quick as before.
#[test]
fn checkpoints_come_along() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file, new): (PathBuf, PathBuf, PathBuf) =
        (home.path().join("a"), home.path().join("b"), home.path().join("new"));
    let running = filled(&dir, 10);
    while running.log.status().checkpoint + EVERY <= 50 {
        let proof = running.log.next_proof().unwrap();
        running.log.prove(&proof).unwrap();
    }
    running.close();
    care::backup(&wanted(&dir, &file)).unwrap();
    let restored = care::restore(&new, &file, START).unwrap();
    assert!(restored.checked.report.checkpoints > 0);
    assert_eq!(open(&new, &clock()).status().checkpoint, 49);
}

/// Backups of every schema that there was, one each: the same 24 events. A new migration brings a new one.
#[test]
fn an_older_backup_is_brought_up_to_date() {
    let backups = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/log/backups");
    for file in fs::read_dir(backups).unwrap() {
        let file = file.unwrap().path();
        let home = tempfile::tempdir().unwrap();
        let restored = care::restore(home.path(), &file, START).unwrap();
        assert_eq!(names(home.path()), ["patze.db", "patze.db-head"], "{file:?}");
        let (was, is) = (&restored.checked.manifest, verify(&home.path().join("patze.db")).unwrap());
        assert!(is.is_sound(), "{file:?}: {is:?}");
        assert_eq!((was.position, is.position, is.events), (24, 24, 24), "{file:?}");
        assert_eq!(was.digest, patze_actors::log::digest::hex(&is.digest), "{file:?}");
        let running = Running::open(home.path(), &clock());
        running.append(batch([event("m", "more", 1)])).wait().unwrap();
        running.close();
        assert!(verify(&home.path().join("patze.db")).unwrap().is_sound(), "{file:?}");
    }
}
