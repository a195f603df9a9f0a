//! Bad input: told clearly, and not a byte is changed.

use patze_actors::log::OpenError;
use patze_actors::log::verify::Finding;

use super::*;

fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    append(&running, vec![secret_line("machine-nine", "e1", SECRET), secret_line("m", "e2", "other")]);
    append(&running, vec![secret_line("m", "e3", "other")]);
    running.close();
    dir
}

/// What it says, and that nothing was changed.
fn refused(dir: &Path, redaction: &Redaction<'_>) -> RedactError {
    let before = files(dir);
    let error = redact::redact(redaction, |_| panic!("nobody is to be asked")).unwrap_err();
    assert!(before == files(dir), "{error}");
    error
}

#[test]
fn what_is_not_there_is_told() {
    let dir = filled();
    let dir = dir.path();
    let id = |id: &str| What::Event { id: id.into(), all: false };
    let unknown = refused(dir, &wanted(dir, &id("e9")));
    assert!(matches!(&unknown, RedactError::Unknown { machine: None, .. }), "{unknown:?}");
    assert!(unknown.to_string().contains("no event \"e9\""), "{unknown}");
    let (e1, text, nine) = (id("e1"), matching("hunter23"), matching("machine-nine"));
    let elsewhere = refused(dir, &Redaction { machine: Some("m"), ..wanted(dir, &e1) });
    assert!(elsewhere.to_string().contains("of machine \"m\""), "{elsewhere}");
    let none = refused(dir, &wanted(dir, &text));
    assert!(matches!(&none, RedactError::NoMatch { names: 0, .. }), "{none:?}");
    let only_names = refused(dir, &wanted(dir, &nine));
    assert!(only_names.to_string().contains("machine names or proofs of 1 events"), "{only_names}");
    let nowhere = dir.join("nowhere");
    let absent = redact::redact(&wanted(&nowhere, &e1), |_| true).unwrap_err();
    assert!(matches!(absent, RedactError::Absent { .. }) && !nowhere.exists());
    assert!(matches!(redact::look(&wanted(&nowhere, &e1)), Err(RedactError::Absent { .. })));
}

#[test]
fn a_no_is_a_no_and_a_look_is_a_look() {
    let dir = filled();
    let before = files(dir.path());
    let what = matching(SECRET);
    assert_eq!(redact::look(&wanted(dir.path(), &what)).unwrap().events, 1);
    let declined = redact::redact(&wanted(dir.path(), &what), |_| false).unwrap();
    assert!(matches!(declined, Redacted::Declined));
    assert!(before == files(dir.path()));
}

#[test]
fn what_proves_other_things_stays() {
    let dir = filled();
    done(dir.path(), &matching(SECRET));
    let id: String = sql(dir.path(), "SELECT id FROM events WHERE type = 'control.redacted'");
    let error = refused(dir.path(), &wanted(dir.path(), &What::Event { id, all: false }));
    assert!(matches!(error, RedactError::Protected { .. }), "{error:?}");
    let error = refused(dir.path(), &wanted(dir.path(), &matching("positions")));
    assert!(matches!(error, RedactError::NoMatch { names: 1, .. }), "{error:?}");
}

#[test]
fn while_a_server_runs_it_is_refused_and_a_look_is_not() {
    let dir = filled();
    let running = Running::open(dir.path(), &clock());
    let what = matching(SECRET);
    let error = redact::redact(&wanted(dir.path(), &what), |_| true).unwrap_err();
    assert!(matches!(error, RedactError::Open(OpenError::Locked { .. })), "{error:?}");
    assert_eq!(redact::look(&wanted(dir.path(), &what)).unwrap().events, 1);
    running.close();
}

#[test]
fn what_is_damaged_is_not_tidied_away() {
    let dir = filled();
    let what = matching(SECRET);
    let damage = |sql: &str| {
        let copy = tempfile::tempdir().unwrap();
        crash_image(dir.path(), copy.path());
        rusqlite::Connection::open(copy.path().join("patze.db")).unwrap().execute_batch(sql).unwrap();
        let before = files(copy.path());
        let error = redact::redact(&wanted(copy.path(), &what), |_| true).unwrap_err();
        // That the schema fits is read; what SQLite keeps of the transaction that was undone is no matter.
        assert_eq!(before[0], files(copy.path())[0], "{sql}: {error}");
        error
    };
    let error = damage("UPDATE events SET occurred_at = occurred_at + 1 WHERE position = 2");
    let RedactError::Damaged { first: 1, last: 2, source: Finding::Row { position: 2, .. } } = error else {
        panic!("{error:?}")
    };
    let error = damage("DELETE FROM commits WHERE first = 1");
    assert!(
        matches!(error, RedactError::Damaged { first: 1, source: Finding::Stray { position: 1 }, .. }),
        "{error:?}"
    );
    let error = damage("DELETE FROM events WHERE position = 3");
    assert!(matches!(error, RedactError::Open(OpenError::Corrupt { .. })), "{error:?}");
    let error = damage("UPDATE events SET payload = x'ff' WHERE position = 2");
    assert!(matches!(error, RedactError::Open(OpenError::Corrupt { .. })), "{error:?}");
    // Damage elsewhere is no reason to keep a secret.
    let copy = tempfile::tempdir().unwrap();
    crash_image(dir.path(), copy.path());
    rusqlite::Connection::open(copy.path().join("patze.db"))
        .unwrap()
        .execute_batch("UPDATE events SET occurred_at = occurred_at + 1 WHERE position = 3")
        .unwrap();
    done(copy.path(), &what);
    let report = verify(&copy.path().join("patze.db")).unwrap();
    assert_eq!(report.findings, [Finding::Row { position: 3, first: 3, last: 3 }]);
}
