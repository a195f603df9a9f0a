//! What cannot be read is an error, never "empty": no events, and the cursor stands still.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use patze_bridge::openclaw::{Budget, Cursor, Generation, Now, OpenclawHome, ReadError};
use patze_core::event::Event;
use patze_core::ids::MachineId;
use rusqlite::Connection;
use support::*;

/// The error of whoever opens the home and reads it from the start.
fn error_of(home: &Unpacked) -> ReadError {
    let read = OpenclawHome::open(&home.info(), MachineId::new("m1"), false)
        .and_then(|mut reader| reader.read(&Cursor::default(), Budget::default(), LATER));
    match read {
        Ok(page) => panic!("{} events", page.events.len()),
        Err(error) => error,
    }
}

/// Both databases of the home, one after the other, each time in a fresh copy.
fn each_database(mut test: impl FnMut(&Unpacked, &Path)) {
    let home = Unpacked::new(TOOLS);
    test(&home, &home.state_db());
    let home = Unpacked::new(TOOLS);
    test(&home, &home.agent_db("main"));
}

fn forget_wal(db: &Path) {
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", db.display()));
    }
}

#[test]
fn a_damaged_database() {
    each_database(|home, db| {
        forget_wal(db);
        fs::write(db, vec![0x5a; 65_536]).unwrap();
        let error = error_of(home);
        assert!(matches!(error, ReadError::Damaged { .. }), "{error:?}");
        assert_eq!(error.path(), db.canonicalize().unwrap());
    });
}

#[test]
fn a_database_whose_pages_are_damaged() {
    each_database(|home, db| {
        forget_wal(db);
        let mut bytes = fs::read(db).unwrap();
        // The header stays, the content does not.
        bytes[4_096..].fill(0xff);
        fs::write(db, bytes).unwrap();
        let error = error_of(home);
        assert!(matches!(error, ReadError::Damaged { .. }), "{error:?}");
    });
}

#[test]
fn a_database_without_tables() {
    each_database(|home, db| {
        forget_wal(db);
        fs::remove_file(db).unwrap();
        Connection::open(db).unwrap().execute_batch("CREATE TABLE t(x); DROP TABLE t;").unwrap();
        let error = error_of(home);
        assert!(matches!(error, ReadError::Schema { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("needs the table ") && text.contains(".sqlite"), "{text}");
    });
}

#[test]
fn a_database_without_a_column_that_is_needed() {
    each_database(|home, db| {
        let conn = Connection::open(db).unwrap();
        conn.execute_batch("PRAGMA legacy_alter_table = ON").unwrap();
        let table = if db == home.state_db() { "audit_events" } else { "session_windows" };
        conn.execute_batch(&format!(
            "CREATE TABLE other(x); DROP TABLE {table}; ALTER TABLE other RENAME TO {table};"
        ))
        .unwrap_or_else(|error| panic!("{error}"));
        let error = error_of(home);
        assert!(matches!(error, ReadError::Schema { .. }), "{error:?}");
        assert!(error.to_string().contains(table), "{error}");
    });
}

#[test]
fn schemas_of_the_future_are_read_as_long_as_the_columns_are_there() {
    let home = Unpacked::new(TOOLS);
    let before = texts(&read_all(&mut home.open()));
    let state = Connection::open(home.state_db()).unwrap();
    state
        .execute_batch("UPDATE schema_meta SET schema_version = 999; ALTER TABLE audit_events ADD COLUMN mood TEXT; PRAGMA user_version = 999;")
        .unwrap();
    let agent = Connection::open(home.agent_db("main")).unwrap();
    agent
        .execute_batch("ALTER TABLE transcript_events ADD COLUMN mood TEXT; PRAGMA user_version = 999;")
        .unwrap();
    assert_eq!(texts(&read_all(&mut home.open())), before);
}

#[test]
fn a_locked_database_is_an_error_that_passes() {
    each_database(|home, db| {
        let locker = Connection::open(db).unwrap();
        locker.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;").unwrap();
        let error = error_of(home);
        assert!(error.passes(), "{error:?}");
        drop(locker);
        assert!(!read_all(&mut home.open()).is_empty());
    });
}

#[test]
fn a_missing_database() {
    let home = Unpacked::new(TOOLS);
    forget_wal(&home.state_db());
    fs::remove_file(home.state_db()).unwrap();
    assert!(matches!(error_of(&home), ReadError::Missing { .. }));
    // Without an agent's database there are no transcripts; its runs are in the ledger all the same.
    let home = Unpacked::new(TOOLS);
    forget_wal(&home.agent_db("main"));
    fs::remove_file(home.agent_db("main")).unwrap();
    let events = read_all(&mut home.open());
    assert_eq!(runs(&events).len(), 5);
    assert!(of_type(&events, "run.model.usage").is_empty());
}

/// What goes wrong between two reads loses nothing and ends nothing.
#[test]
fn reading_goes_on_where_it_was_when_the_fault_is_mended() {
    let home = Unpacked::new(CRASHED);
    let whole = texts(&read_all(&mut home.open()));
    let (mut reader, budget) = (home.open(), Budget { rows: 40, bytes: usize::MAX });
    let first = reader.read(&Cursor::default(), budget, LATER).unwrap();
    let db = home.agent_db("main");
    let hidden = db.with_extension("hidden");
    fs::rename(&db, &hidden).unwrap();
    fs::write(&db, b"not a database, but long enough to look like one at first sight").unwrap();
    assert!(reader.read(&first.cursor, budget, LATER).is_err());
    fs::rename(&hidden, &db).unwrap();
    let mut cursor = first.cursor;
    let mut events = first.events;
    events.extend(read_on(&mut reader, &mut cursor, budget).unwrap());
    assert_eq!(texts(&events), whole);
}

/// One agent's store stops its home for a minute; then the rest is read, and the store when it is mended.
#[test]
fn a_damaged_store_is_passed_over_after_a_minute() {
    let home = Unpacked::new(FAILURES);
    let whole = read_all(&mut home.open());
    let db = home.agent_db("work").canonicalize().unwrap();
    let aside = db.with_extension("aside");
    fs::rename(&db, &aside).unwrap();
    for (damage, in_words) in [(vec![0x5a; 65_536], "damaged"), (Vec::new(), "needs the table")] {
        let mut reader = home.open();
        forget_wal(&db);
        fs::write(&db, damage).unwrap();
        // Written long ago: nobody is about to make tables in it.
        fs::File::options().write(true).open(&db).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        let after = |seconds: u64| Now { elapsed: Duration::from_secs(1_000 + seconds), ..LATER };
        let mut cursor = Cursor::default();
        for seconds in [0, 59] {
            let error = reader.read(&cursor, Budget::default(), after(seconds)).unwrap_err();
            assert_eq!((error.path(), reader.stands(&error)), (db.as_path(), true));
        }
        let mut events = Vec::new();
        loop {
            let page = reader.read(&cursor, Budget::default(), after(60)).unwrap();
            let [why] = page.passed_over.as_slice() else { panic!("{:?}", page.passed_over) };
            assert!(why.contains(db.to_str().unwrap()) && why.contains(in_words), "{why}");
            events.extend(page.events);
            cursor = page.cursor;
            if !page.more {
                break;
            }
        }
        // Every run is there, and all that the other store has.
        assert_eq!(runs(&events).keys().collect::<Vec<_>>(), runs(&whole).keys().collect::<Vec<_>>());
        let of = |events: &[Event], agent: &str| -> BTreeSet<String> {
            let named = format!("\"agentId\":\"{agent}\"");
            events
                .iter()
                .filter(|event| event.type_name() == "run.model.usage")
                .map(text)
                .filter(|text| text.contains(&named))
                .collect()
        };
        assert!(!of(&whole, "main").is_empty() && !of(&whole, "work").is_empty());
        assert_eq!((of(&events, "main"), of(&events, "work")), (of(&whole, "main"), BTreeSet::new()));

        // Mended: what it has comes now, and a new fault stops the home for a minute again.
        fs::copy(&aside, &db).unwrap();
        let page = reader.read(&cursor, Budget { rows: usize::MAX, bytes: usize::MAX }, after(61)).unwrap();
        assert_eq!((of(&page.events, "work"), page.passed_over.len()), (of(&whole, "work"), 0));
        fs::remove_file(&db).unwrap();
        fs::write(&db, vec![0x5a; 65_536]).unwrap();
        assert!(reader.read(&page.cursor, Budget::default(), after(62)).is_err());
    }
}

#[test]
fn an_older_openclaw_is_said_to_be_one() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join(".openclaw-old");
    fs::create_dir_all(home.join("state")).unwrap();
    fs::create_dir_all(home.join("agents/main/sessions")).unwrap();
    fs::write(home.join("agents/main/sessions/sessions.json"), "{}").unwrap();
    // 2026.7 has the ledger, and sessions in files.
    let newer = Unpacked::new(TOOLS);
    let sql: String = Connection::open(newer.state_db())
        .unwrap()
        .query_row("SELECT sql FROM sqlite_master WHERE name = 'audit_events'", [], |row| row.get(0))
        .unwrap();
    Connection::open(home.join("state/openclaw.sqlite")).unwrap().execute_batch(&sql).unwrap();
    let info = patze_bridge::openclaw::discover::look(&home, dir.path());
    assert_eq!(info.name, "old");
    assert!(matches!(info.generation, Generation::Files), "{info}");
    let error = OpenclawHome::open(&info, MachineId::new("m1"), false).err().unwrap();
    assert!(matches!(error, ReadError::Schema { .. }), "{error:?}");
}

/// Root may read everything, so as root this runs itself once more as nobody.
#[test]
fn a_database_that_may_not_be_read() {
    const AS_NOBODY: &str = "PATZE_TEST_AS_NOBODY";
    let locked = |db: &Path| fs::set_permissions(db, fs::Permissions::from_mode(0o000)).unwrap();
    if let Some(path) = std::env::var_os(AS_NOBODY) {
        let info = patze_bridge::openclaw::discover::look(Path::new(&path), Path::new("/"));
        let error = OpenclawHome::open(&info, MachineId::new("m1"), false).err().unwrap();
        assert!(matches!(error, ReadError::Forbidden { owner: Some(0), .. }), "{error:?}");
        assert!(info.to_string().contains("unreadable"), "{info}");
        assert!(
            error.to_string().ends_with("run the bridge as the user who runs OpenClaw (user id 0)"),
            "{error}"
        );
        return;
    }
    let home = Unpacked::new(TOOLS);
    locked(&home.state_db());
    if fs::File::open(home.state_db()).is_err() {
        let error = error_of(&home);
        assert!(matches!(error, ReadError::Forbidden { .. }), "{error:?}");
        return;
    }
    for dir in [home.path(), home.path().parent().unwrap().to_owned(), home.path().join("state")] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    }
    // Nobody can reach the folder that this program is in, perhaps.
    let program = home.path().parent().unwrap().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["--exact", "a_database_that_may_not_be_read"])
        .env(AS_NOBODY, home.path())
        .current_dir("/")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
