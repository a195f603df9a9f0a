//! Opening: each refusal names the file and the remedy, and leaves the file as it was.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use patze_actors::log::{Check, OpenError};
use rusqlite::Connection;

use super::support::{Running, batch, clock, crash_image, event, files, open, read_all, try_open};

/// A closed log with a few events.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    running.append(batch((0..200).map(|n| event("m", &format!("e{n}"), n)))).wait().unwrap();
    running.close();
    dir
}

/// Opening `dir` fails, with the database's name and `remedy` in the text, and no file is another one than before.
fn refused(dir: &Path, remedy: &str) -> OpenError {
    let before = files(dir);
    let error = try_open(dir, &clock()).map(|_| ()).unwrap_err();
    assert_eq!(names(&files(dir)), names(&before), "{error}");
    assert!(files(dir) == before, "a file was changed: {error}");
    let text = error.to_string();
    assert!(text.contains("patze.db") || text.contains(&*dir.to_string_lossy()), "{text}");
    assert!(text.contains(remedy), "{text}");
    error
}

fn names(files: &[(String, Vec<u8>)]) -> Vec<&str> {
    files.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_new_log_is_empty_and_the_same_one_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("new"), &clock());
    let head = log.head();
    assert_eq!((head.position, log.fleet().position()), (0, 0));
    assert_eq!(head.log_id.as_str().len(), 32);
    log.close().unwrap();
    drop(log);
    let again = open(&dir.path().join("new"), &clock());
    assert_eq!(again.head(), head);
    let other = open(&dir.path().join("other"), &clock());
    assert_ne!(other.head().log_id, head.log_id);
}

#[test]
fn the_file_says_what_it_is() {
    let dir = filled();
    assert_eq!(names(&files(dir.path())), ["patze.db", "patze.db-head"], "all that a clean close leaves");
    let conn = Connection::open(dir.path().join("patze.db")).unwrap();
    let pragma = |name: &str| -> i64 { conn.pragma_query_value(None, name, |row| row.get(0)).unwrap() };
    assert_eq!(pragma("application_id"), 0x5054_5A45);
    assert_eq!(pragma("auto_vacuum"), 2, "incremental");
    assert_eq!(pragma("user_version"), 2);
    let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn not_a_database() {
    let dir = tempfile::tempdir().unwrap();
    for content in [&b"hello"[..], &[b'x'; 5_000], b"SQLite format 3"] {
        std::fs::write(dir.path().join("patze.db"), content).unwrap();
        assert!(matches!(refused(dir.path(), "Move it away"), OpenError::NotADatabase { .. }));
    }
}

#[test]
fn an_empty_file_is_a_new_database() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("patze.db"), "").unwrap();
    open(dir.path(), &clock()).close().unwrap();
}

#[test]
fn corrupt() {
    // Cut off in the middle.
    let dir = filled();
    let path = dir.path().join("patze.db");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(refused(dir.path(), "Put a backup in its place"), OpenError::Corrupt { .. }));

    // The schema overwritten.
    let mut broken = bytes.clone();
    broken[100..3_000].fill(0xAA);
    std::fs::write(&path, broken).unwrap();
    assert!(matches!(refused(dir.path(), "Put a backup in its place"), OpenError::Corrupt { .. }));

    // The end of the log gone: nobody may go on behind it as if nothing had been there.
    std::fs::write(&path, bytes).unwrap();
    let conn = Connection::open(&path).unwrap();
    conn.execute("DELETE FROM events WHERE position = 200", []).unwrap();
    drop(conn);
    assert!(matches!(refused(dir.path(), "Put a backup in its place"), OpenError::Corrupt { .. }));
}

#[test]
fn newer_than_the_binary() {
    let dir = filled();
    let conn = Connection::open(dir.path().join("patze.db")).unwrap();
    conn.pragma_update(None, "user_version", 7).unwrap();
    drop(conn);
    let error = refused(dir.path(), "install that version");
    assert!(matches!(error, OpenError::Newer { found: 7, known: 2, .. }), "{error:?}");

    // The same while the newer version stands in the write-ahead log only, as after a crash.
    let dir = filled();
    let conn = Connection::open(dir.path().join("patze.db")).unwrap();
    conn.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    conn.pragma_update(None, "user_version", 7).unwrap();
    let image = tempfile::tempdir().unwrap();
    crash_image(dir.path(), image.path());
    assert!(matches!(refused(image.path(), "install that version"), OpenError::Newer { found: 7, .. }));
}

#[test]
fn of_another_application() {
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(dir.path().join("patze.db")).unwrap();
    conn.execute_batch("CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('x')").unwrap();
    assert!(matches!(refused(dir.path(), "another folder"), OpenError::NotOurs { application_id: 0, .. }));
    conn.pragma_update(None, "application_id", 77).unwrap();
    drop(conn);
    assert!(matches!(refused(dir.path(), "another folder"), OpenError::NotOurs { application_id: 77, .. }));
}

#[test]
fn of_another_build() {
    let dir = filled();
    let conn = Connection::open(dir.path().join("patze.db")).unwrap();
    conn.execute("UPDATE migrations SET checksum = 'x'", []).unwrap();
    drop(conn);
    assert!(matches!(refused(dir.path(), "run the build"), OpenError::OtherMigration { number: 1, .. }));
}

#[test]
fn locked_by_another_server() {
    let dir = filled();
    let log = open(dir.path(), &clock());
    let error = refused(dir.path(), "stop that one");
    assert!(matches!(error, OpenError::Locked { pid, .. } if pid == Some(std::process::id())), "{error:?}");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    log.close().unwrap();
    drop(log);
    open(dir.path(), &clock()).close().unwrap();
}

/// Runs `test` as a user who is not root, for whom permissions count.
fn as_ordinary_user(test: impl FnOnce() + Send) {
    use rustix::process::{Uid, geteuid};
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if geteuid().is_root() {
                // This thread alone becomes "nobody".
                let nobody = Uid::from_raw(65_534);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            test();
        });
        thread.join().unwrap();
    });
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn read_only() {
    let outer = filled();
    let dir = outer.path();
    let database = dir.join("patze.db");
    for name in ["patze.lock", "patze.db-head"] {
        std::fs::remove_file(dir.join(name)).unwrap();
    }
    set_mode(&database, 0o444);
    set_mode(dir, 0o555);
    as_ordinary_user(|| {
        assert!(
            matches!(refused(dir, "give this user write access"), OpenError::ReadOnly { .. }),
            "the folder"
        );
    });
    set_mode(dir, 0o777);
    as_ordinary_user(|| {
        let error = refused(dir, "give this user write access");
        let OpenError::ReadOnly { path } = error else { panic!("{error:?}") };
        assert_eq!(path, database);
    });
    set_mode(&database, 0o000);
    as_ordinary_user(|| {
        let error = try_open(dir, &clock()).map(|_| ()).unwrap_err();
        assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
    });
    set_mode(&database, 0o600);
}

#[test]
fn an_unclean_stop_is_checked_in_the_background() {
    let dir = filled();
    let clean = open(dir.path(), &clock());
    assert_eq!(clean.status().check, Check::NotNeeded);
    let image = tempfile::tempdir().unwrap();
    crash_image(dir.path(), image.path());
    let running = Running::open(image.path(), &clock());
    // It takes events meanwhile.
    running.append(batch([event("m", "new", 1)])).wait().unwrap();
    wait_for(|| running.log.status().check == Check::Passed);
    running.close();
    assert_eq!(open(image.path(), &clock()).status().check, Check::NotNeeded);
}

#[test]
fn damage_that_the_check_finds_stops_writing() {
    let dir = filled();
    let open_log = open(dir.path(), &clock());
    let image = tempfile::tempdir().unwrap();
    crash_image(dir.path(), image.path());
    open_log.close().unwrap();
    // A page in the middle of the index, which opening has no need to read.
    let conn = Connection::open(dir.path().join("patze.db")).unwrap();
    let page: i64 = conn
        .query_row("SELECT max(pageno) FROM dbstat WHERE name = 'events_by_machine'", [], |row| row.get(0))
        .unwrap_or_else(|_| leaf_of_the_index(&conn));
    drop(conn);
    let path = image.path().join("patze.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = usize::try_from((page - 1) * 4_096).unwrap();
    bytes[at..at + 64].fill(0xEE);
    std::fs::write(&path, bytes).unwrap();

    let running = Running::open(image.path(), &clock());
    wait_for(|| running.log.status().check == Check::Failed);
    let fault = running.log.status().fault.unwrap();
    assert!(!fault.is_empty());
    let answer = running.append(batch([event("z", "new", 1)])).wait();
    assert!(
        matches!(&answer, Err(patze_actors::log::AppendError::Damaged { fault: told, .. }) if *told == fault),
        "{answer:?}"
    );
    assert_eq!(read_all(&running.log, 1_000).len(), 200, "what can be read is still read");
    running.close();
}

/// The last page of the index, found by what its entries look like (for builds of SQLite without `dbstat`).
fn leaf_of_the_index(conn: &Connection) -> i64 {
    conn.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'events_by_machine'", [], |row| {
        row.get(0)
    })
    .unwrap()
}

/// Polls a real thread's work, for at most ten seconds.
fn wait_for(mut done: impl FnMut() -> bool) {
    let clock = patze_supervise::clock::Clock::system();
    while !done() {
        assert!(clock.elapsed().as_secs() < 10, "it did not happen within 10 s");
        std::thread::yield_now();
    }
}
