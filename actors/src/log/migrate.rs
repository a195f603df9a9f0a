//! Bringing a database up to this version: numbered steps, each in a transaction, after a backup (design §6).

use std::path::{Path, PathBuf};

use patze_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use super::care::copy::{CopyFault, copy};
use super::digest::hex;
use super::open::OpenError;
use crate::sqlite::{self, beside};

/// One numbered step. A released one never changes: its checksum is in every database that ran it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    pub(super) number: u32,
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// All steps, in order.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "events", sql: include_str!("../../../sql/migrations/0001_events.sql") },
    Migration {
        number: 2,
        name: "retention",
        sql: include_str!("../../../sql/migrations/0002_retention.sql"),
    },
];

/// The views, made anew whenever their text changes.
const VIEWS: &str = include_str!("../../../sql/views.sql");

/// The number of the newest step, which is the database's `user_version`.
pub(super) fn newest() -> u32 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

/// Runs the steps of `migrations` that `conn` lacks, then the views. A database that has any events is backed up first.
pub(super) fn run(
    conn: &mut Connection,
    file: &Path,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<(), OpenError> {
    let version = user_version(conn).map_err(|source| OpenError::sqlite(file, "read", source))?;
    check_old(conn, file, migrations, version)?;
    let missing = migrations.iter().filter(|migration| migration.number > version);
    if version > 0
        && let Some(first) = missing.clone().next()
    {
        back_up(conn, file, first.number)?;
    }
    for migration in missing {
        apply(conn, migration, now).map_err(|source| {
            OpenError::sqlite_or(file, source, |source| OpenError::Migrate {
                path: file.into(),
                number: migration.number,
                source,
            })
        })?;
    }
    make_views(conn).map_err(|source| OpenError::sqlite(file, "update the views of", source))
}

pub(super) fn user_version(conn: &Connection) -> rusqlite::Result<u32> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Refuses a database whose steps were not the ones that we know.
fn check_old(conn: &Connection, file: &Path, known: &[Migration], version: u32) -> Result<(), OpenError> {
    for migration in known.iter().filter(|migration| migration.number <= version) {
        let found: Option<String> = conn
            .query_row("SELECT checksum FROM migrations WHERE number = ?1", [migration.number], |row| {
                row.get(0)
            })
            .optional()
            .map_err(|source| OpenError::sqlite(file, "read", source))?;
        if found.as_deref() != Some(checksum(migration.sql).as_str()) {
            return Err(OpenError::OtherMigration { path: file.into(), number: migration.number });
        }
    }
    Ok(())
}

/// Copies the whole database, WAL included, to `patze.db.before-NNNN`.
fn back_up(conn: &Connection, file: &Path, number: u32) -> Result<PathBuf, OpenError> {
    let target = beside(file, &format!(".before-{number:04}"));
    let part = beside(&target, ".part");
    let failed = |source: std::io::Error| OpenError::Backup { path: target.clone(), source };
    // What an earlier attempt left.
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    copy(conn, &part).map_err(|fault| match fault {
        CopyFault::Sqlite(source) => OpenError::sqlite_or(file, source, |e| failed(std::io::Error::other(e))),
        CopyFault::Io(source) => failed(source),
    })?;
    std::fs::rename(&part, &target).map_err(failed)?;
    tracing::info!(backup = %target.display(), "the database was backed up before it is brought up to this version");
    Ok(target)
}

fn apply(conn: &mut Connection, migration: &Migration, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(migration.sql)?;
    transaction.execute(
        "INSERT INTO migrations (number, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
        params![migration.number, migration.name, checksum(migration.sql), now.millis()],
    )?;
    transaction.pragma_update(None, "user_version", migration.number)?;
    transaction.commit()
}

fn make_views(conn: &mut Connection) -> rusqlite::Result<()> {
    let wanted = checksum(VIEWS);
    if sqlite::meta(conn, "viewsDigest")?.as_deref() == Some(wanted.as_str()) {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(VIEWS)?;
    sqlite::set_meta(&transaction, "viewsDigest", wanted)?;
    transaction.commit()
}

fn checksum(sql: &str) -> String {
    hex(&Sha256::digest(sql).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: Migration =
        Migration { number: 3, name: "colours", sql: "CREATE TABLE colours (name TEXT PRIMARY KEY);" };

    fn database(dir: &Path) -> (Connection, PathBuf) {
        let file = dir.join("patze.db");
        let mut conn = Connection::open(&file).unwrap();
        run(&mut conn, &file, MIGRATIONS, Timestamp::from_millis(5)).unwrap();
        (conn, file)
    }

    fn with_next(next: Migration) -> Vec<Migration> {
        MIGRATIONS.iter().copied().chain([next]).collect()
    }

    fn tables(conn: &Connection) -> Vec<String> {
        let mut statement =
            conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn numbers_are_dense_and_run_once() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number as usize, index + 1);
        }
        let dir = tempfile::tempdir().unwrap();
        let (mut conn, file) = database(dir.path());
        run(&mut conn, &file, MIGRATIONS, Timestamp::from_millis(9)).unwrap();
        let expected =
            ["base", "checkpoints", "commits", "cursors", "events", "heartbeat_rollup", "meta", "migrations"];
        assert_eq!(tables(&conn), expected);
        let applied: i64 =
            conn.query_row("SELECT max(applied_at) FROM migrations", [], |row| row.get(0)).unwrap();
        assert_eq!((applied, user_version(&conn).unwrap()), (5, newest()));
    }

    #[test]
    fn a_backup_comes_before_the_next_step() {
        let dir = tempfile::tempdir().unwrap();
        let (mut conn, file) = database(dir.path());
        conn.execute("INSERT INTO meta VALUES ('colour', 'red')", []).unwrap();
        std::fs::write(dir.path().join("patze.db.before-0003.part"), "left by a crash").unwrap();
        run(&mut conn, &file, &with_next(NEXT), Timestamp::EPOCH).unwrap();
        assert!(tables(&conn).contains(&"colours".to_owned()));
        let backup = std::fs::metadata(dir.path().join("patze.db.before-0003")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&backup.permissions()) & 0o777, 0o600);
        let backup = Connection::open(dir.path().join("patze.db.before-0003")).unwrap();
        assert!(!tables(&backup).contains(&"colours".to_owned()));
        let kept: String =
            backup.query_row("SELECT value FROM meta WHERE key = 'colour'", [], |row| row.get(0)).unwrap();
        let application: u32 = backup.pragma_query_value(None, "application_id", |row| row.get(0)).unwrap();
        assert_eq!((kept.as_str(), application, user_version(&backup).unwrap()), ("red", 0x5054_5A45, 2));
    }

    /// A database of the first version, with a commit of two events.
    fn first_version(dir: &Path) -> PathBuf {
        use crate::log::digest::{Chain, GENESIS};
        use patze_core::event::{Origin, Recorded, Severity};
        let file = dir.join("patze.db");
        let mut conn = Connection::open(&file).unwrap();
        super::super::connect::shape(&conn).unwrap();
        super::super::connect::use_wal(&conn).unwrap();
        run(&mut conn, &file, &MIGRATIONS[..1], Timestamp::EPOCH).unwrap();
        let mut chain = Chain::after(&GENESIS);
        for position in 1..=2_u64 {
            let row = Recorded {
                position,
                recorded_at: Timestamp::from_millis(7),
                origin: Origin::INGEST,
                id: if position == 1 { "e1" } else { "e2" },
                machine: "m",
                type_name: "run.state.changed",
                severity: Severity::Info,
                occurred_at: Timestamp::from_millis(6),
                trace: "{}",
                payload: r#"{"runId":"r","sessionId":"s","agentId":"a","from":"x","to":"running"}"#,
            };
            chain.push(&row, &mut Vec::new());
            conn.execute(
                "INSERT INTO events VALUES (?1, ?2, ?3, 'm', 6, 7, 'info', 'ingest', '{}', ?4)",
                params![position as i64, row.id, row.type_name, row.payload],
            )
            .unwrap();
        }
        conn.execute("INSERT INTO commits VALUES (1, 2, 7, ?1)", [chain.finish()]).unwrap();
        file
    }

    #[test]
    fn a_log_of_the_first_version_is_backed_up_and_goes_on() {
        use crate::log::{Log, LogConfig, verify::verify};
        let dir = tempfile::tempdir().unwrap();
        let file = first_version(dir.path());
        let clock = patze_supervise::clock::Clock::virtual_at(Timestamp::from_millis(9)).0;
        let log = Log::open(LogConfig::new(dir.path(), clock)).unwrap();
        assert_eq!((log.head().position, log.fleet().facts().runs.len()), (2, 1));
        log.close().unwrap();
        let report = verify(&file).unwrap();
        assert!(report.is_sound(), "{report:?}");
        let backup = Connection::open(dir.path().join("patze.db.before-0002")).unwrap();
        let events: i64 = backup.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
        assert_eq!((user_version(&backup).unwrap(), events), (1, 2));
    }

    #[test]
    fn a_step_that_fails_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let (mut conn, file) = database(dir.path());
        let broken = Migration { sql: "CREATE TABLE colours (name TEXT); CREATE TABLE events (x);", ..NEXT };
        let error = run(&mut conn, &file, &with_next(broken), Timestamp::EPOCH).unwrap_err();
        assert!(matches!(error, OpenError::Migrate { number: 3, .. }), "{error:?}");
        assert!(!tables(&conn).contains(&"colours".to_owned()));
        assert_eq!(user_version(&conn).unwrap(), 2);
        run(&mut conn, &file, &with_next(NEXT), Timestamp::EPOCH).unwrap();
    }

    #[test]
    fn a_step_that_was_rewritten_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let (mut conn, file) = database(dir.path());
        run(&mut conn, &file, &with_next(NEXT), Timestamp::EPOCH).unwrap();
        let rewritten = Migration { sql: "CREATE TABLE colours (name TEXT);", ..NEXT };
        let error = run(&mut conn, &file, &with_next(rewritten), Timestamp::EPOCH).unwrap_err();
        assert!(matches!(error, OpenError::OtherMigration { number: 3, .. }), "{error:?}");
    }

    #[test]
    fn views_show_readable_times() {
        let dir = tempfile::tempdir().unwrap();
        let (conn, _) = database(dir.path());
        conn.execute(
            "INSERT INTO events VALUES (1, 'e', 't', 'm', -1, 1771632000123, 'info', 'ingest', '{\"traceId\":\"x\"}', '{}')",
            [],
        )
        .unwrap();
        let row: (String, String, String) = conn
            .query_row("SELECT recorded, occurred, trace_id FROM v_events", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        let expected = ("2026-02-21T00:00:00.123Z", "1969-12-31T23:59:59.999Z", "x");
        assert_eq!((row.0.as_str(), row.1.as_str(), row.2.as_str()), expected);
        for view in ["v_machines", "v_commits"] {
            conn.prepare(&format!("SELECT * FROM {view}")).unwrap();
        }
    }
}
