//! Redaction on real files: no byte of the text is left, nothing else has changed, and whatever else is changed is found.

mod faults;
mod property;
mod refusals;

use std::fs;
use std::path::Path;

use patze_actors::log::care::redact::{
    self, Done, Found, Needle, RedactError, Redacted, Redaction, What, WipeError,
};
use patze_actors::log::verify::verify;
use patze_actors::log::{Moment, Placed};
use patze_core::event::control::{Chosen, Control};
use patze_core::event::{Event, EventType};
use patze_core::retention::Retention;
use patze_core::time::{DAY, HOUR};
use patze_supervise::clock::{Clock, VirtualTime};

use super::retention::{self, append, happened, is_sound, keep, line, retain, sql, used};
use super::support::{Running, START, block_on, clock, crash_image, files, open, read_all};

/// What must not stay.
pub const SECRET: &str = "hunter22-key";

pub fn matching(text: &str) -> What {
    What::Match(Needle::new(text).unwrap())
}

pub fn wanted<'a>(dir: &'a Path, what: &'a What) -> Redaction<'a> {
    Redaction { dir, what, machine: None, now: START.plus(100 * DAY) }
}

/// Redacts, and sees that it was done.
pub fn done(dir: &Path, what: &What) -> (Found, Done) {
    let mut shown = None;
    let redacted = redact::redact(&wanted(dir, what), |found| {
        shown = Some(found.clone());
        true
    });
    match redacted.unwrap() {
        Redacted::Done(done) => (shown.unwrap(), done),
        other => panic!("{other:?}"),
    }
}

/// The files in which the bytes of a text are, as it is or as JSON has it.
pub fn holding(dir: &Path, text: &str) -> Vec<String> {
    let quoted = serde_json::Value::from(text).to_string();
    let forms = [text, &quoted[1..quoted.len() - 1]];
    let holds =
        |bytes: &[u8]| forms.iter().any(|form| bytes.windows(form.len()).any(|b| b == form.as_bytes()));
    files(dir).into_iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name).collect()
}

/// Runs, lines and heartbeats in commits a minute apart; every fifth line holds the secret.
pub fn live(running: &Running, time: &VirtualTime, clock: &Clock, name: &str, commits: u32) {
    retention::live(running, time, clock, (name, commits), |n| {
        let text = |i| if n % 5 == i { format!("the {SECRET} leaked") } else { "words ".repeat(40) };
        (0..5).map(text).collect()
    });
}

pub fn opened(dir: &Path, clock: &Clock) -> Running {
    retention::opened(dir, clock, 500)
}

pub fn secret_line(machine: &str, id: &str, text: &str) -> Event {
    let quoted = serde_json::Value::from(text).to_string();
    line(machine, id, 0, ("s", "r"), &quoted[1..quoted.len() - 1])
}

#[test]
fn no_byte_of_the_text_stays_and_nothing_else_changes() {
    let home = tempfile::tempdir().unwrap();
    let (first, dir) = (home.path().join("first"), home.path().join("dir"));
    let (clock, time) = Clock::virtual_at(START);
    let running = opened(&first, &clock);
    live(&running, &time, &clock, "a", 200);
    let proof = running.log.next_proof().unwrap();
    running.log.prove(&proof).unwrap();
    let before = read_all(&running.log, 1_000);
    // As a kill leaves it, with a write-ahead log, and with a history.
    crash_image(&first, &dir);
    fs::copy(first.join("patze.db-head"), dir.join("patze.db-head")).unwrap();
    running.close();
    fs::write(dir.join("history.db"), SECRET).unwrap();
    fs::write(dir.join("patze.db.before-0002"), SECRET).unwrap();
    assert!(holding(&dir, SECRET).len() >= 3, "{:?}", holding(&dir, SECRET));

    let what = matching(SECRET);
    let looked = redact::look(&wanted(&dir, &what)).unwrap();
    assert_eq!((looked.events, &looked.types["run.log.emitted"]), (200, &200));
    let (found, Done { head, left }) = done(&dir, &what);
    let head = head.unwrap();
    assert_eq!((found.events, found.machines["m"], found.names), (200, 200, 0));
    assert_eq!(holding(&dir, SECRET), ["patze.db.before-0002"], "it is the user's");
    assert_eq!((left.holds, left.copies.len()), (vec![dir.join("patze.db.before-0002")], 1));
    assert!(!dir.join("history.db").exists());

    let report = verify(&dir.join("patze.db")).unwrap();
    assert!(report.is_sound(), "{report:#?}");
    assert_eq!((report.position, report.digest, report.checkpoints), (head.position, head.digest, 0));
    let running = opened(&dir, &clock);
    assert_eq!((running.log.head(), running.log.redacted()), (head.clone(), head.position));
    let after = read_all(&running.log, 1_000);
    for (was, is) in before.iter().zip(&after) {
        let blank = was.event.payload().contains(SECRET);
        assert_eq!((was.position, was.recorded_at), (is.position, is.recorded_at));
        let of = |event: &Event| {
            (event.id.clone(), event.machine.clone(), event.type_name().to_owned(), event.occurred_at)
        };
        assert_eq!(of(&was.event), of(&is.event));
        let payload = if blank { "{}" } else { was.event.payload() };
        assert_eq!(is.event.payload(), payload);
    }
    let told = &after.last().unwrap().event;
    let Some(Control::Redacted { by, events, positions, first, last }) =
        Control::read(EventType::Redacted, told.payload())
    else {
        panic!("{told:?}")
    };
    assert_eq!((by, events, positions.len(), first), (Chosen::Match, 200, 200, positions[0]));
    assert_eq!(Some((first, last)), found.positions);
    // A past from before is told apart from what was live then; a bridge that sends the event again is heard, and it stays blank.
    let then = block_on(running.log.fleet_at(Moment::Position(first + 1))).unwrap();
    assert!(then.thinned);
    let again = before.iter().find(|stored| stored.position == first).unwrap();
    let answer = running.append(super::support::batch([again.event.clone()])).wait().unwrap();
    assert_eq!(answer.placed, [Placed::Duplicate]);
    running.close();
    assert!(matches!(
        redact::redact(&wanted(&dir, &what), |_| true),
        Err(RedactError::NoMatch { names: 0, .. })
    ));
}

#[test]
fn a_text_is_found_however_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    let secret = "say \"hi\"\nto é";
    let nested = serde_json::json!({ "out": secret }).to_string();
    let traced = Event::new(patze_core::event::Parts {
        id: patze_core::ids::EventId::new("traced"),
        machine: patze_core::ids::MachineId::new("m"),
        type_name: "run.log.emitted",
        severity: patze_core::event::Severity::Info,
        occurred_at: START,
        trace: &serde_json::json!({ "traceId": secret }).to_string(),
        payload: r#"{"a":1}"#,
    });
    append(&running, vec![secret_line("m", "plain", "nothing"), traced]);
    append(
        &running,
        vec![
            secret_line("m", "e1", secret),
            happened("m", "e2", 0, "run.log.emitted", &serde_json::json!({ "message": nested }).to_string()),
            happened("n", "e3", 0, "source.odd", r#"{"message":"say \u0022hi\u0022\u000ato \u00e9"}"#),
        ],
    );
    running.close();
    let (found, _) = done(dir.path(), &matching(secret));
    assert_eq!((found.events, found.machines["m"], found.machines["n"]), (4, 3, 1));
    assert_eq!(holding(dir.path(), "hi\\\""), [""; 0]);
    is_sound(dir.path(), &open(dir.path(), &clock()));
}

#[test]
fn one_event_is_blanked_by_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    append(
        &running,
        vec![secret_line("m", "e1", "one"), secret_line("m", "e2", "two"), secret_line("n", "e1", "three")],
    );
    running.close();
    let what = What::Event { id: "e1".into(), all: false };
    let error = redact::redact(&wanted(dir.path(), &what), |_| true).unwrap_err();
    let RedactError::Ambiguous { machines, .. } = &error else { panic!("{error:?}") };
    assert_eq!(machines, &["m", "n"]);
    let of_n = Redaction { machine: Some("n"), ..wanted(dir.path(), &what) };
    assert!(matches!(redact::redact(&of_n, |found| found.events == 1).unwrap(), Redacted::Done(_)));
    let payloads = |dir: &Path| -> Vec<(u64, bool)> {
        let log = open(dir, &clock());
        is_sound(dir, &log);
        read_all(&log, 100).iter().map(|stored| (stored.position, stored.event.payload() == "{}")).collect()
    };
    assert_eq!(payloads(dir.path())[..3], [(1, false), (2, false), (3, true)]);
    assert!(matches!(redact::redact(&of_n, |_| true), Err(RedactError::Blank { .. })));
    // Only one is left that has anything.
    done(dir.path(), &What::Event { id: "e1".into(), all: true });
    assert_eq!(payloads(dir.path())[..3], [(1, true), (2, false), (3, true)]);
    assert!(sql::<String>(dir.path(), "SELECT payload FROM events WHERE position = 2").contains("two"));
}

/// Its rows are thinned and cut, so that the base has the text, and free pages have.
#[test]
fn the_base_and_free_room_are_rid_of_it_too() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = opened(dir.path(), &clock);
    live(&running, &time, &clock, "a", 300);
    time.jump_wall(3 * DAY);
    live(&running, &time, &clock, "b", 60);
    retain(&running.log, &keep(48 * HOUR, 48 * HOUR));
    running.close();
    let running = opened(dir.path(), &clock);
    let rules = Retention { max_bytes: Some(used(&running.log) / 2), ..keep(48 * HOUR, 48 * HOUR) };
    retain(&running.log, &rules);
    let horizon = running.log.horizon().unwrap();
    let lines = |running: &Running| {
        let state = serde_json::to_string(&*running.log.fleet()).unwrap();
        state.matches(SECRET).count()
    };
    assert!(lines(&running) > 0);
    running.close();

    let (found, _) = done(dir.path(), &matching(SECRET));
    assert!(found.base > 0 && found.base_names == 0, "{found:?}");
    assert_eq!(holding(dir.path(), SECRET), [""; 0]);
    let base: Vec<u8> = sql(dir.path(), "SELECT bytes FROM base");
    let base = String::from_utf8(zstd::decode_all(&base[..]).unwrap()).unwrap();
    assert!(!base.contains(SECRET) && base.contains("\"logs\""));
    let running = opened(dir.path(), &clock);
    is_sound(dir.path(), &running.log);
    assert_eq!((lines(&running), running.log.horizon().unwrap().position), (0, horizon.position));
    // It goes on: more comes, is thinned and cut.
    live(&running, &time, &clock, "c", 60);
    time.jump_wall(3 * DAY);
    live(&running, &time, &clock, "d", 10);
    retain(&running.log, &rules);
    is_sound(dir.path(), &running.log);
    running.close();
}

/// Rows that were thinned leave their bytes in free room; no event has them.
#[test]
fn remnants_are_wiped_when_no_event_holds_the_text_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    append(&running, vec![secret_line("m", "e1", "harmless")]);
    running.close();
    // Deleted without being overwritten, as SQLite does.
    let conn = rusqlite::Connection::open(dir.path().join("patze.db")).unwrap();
    conn.execute_batch(&format!(
        "CREATE TABLE gone (text); INSERT INTO gone VALUES ('{SECRET}'); DROP TABLE gone"
    ))
    .unwrap();
    conn.close().unwrap();
    assert_eq!(holding(dir.path(), SECRET), ["patze.db"]);
    let before = verify(&dir.path().join("patze.db")).unwrap();
    let (found, done) = done(dir.path(), &matching(SECRET));
    assert!(found.only_remnants && done.head.is_none());
    assert_eq!(holding(dir.path(), SECRET), [""; 0]);
    let after = verify(&dir.path().join("patze.db")).unwrap();
    assert_eq!((before.position, before.state), (after.position, after.state), "no event was needed");
}

/// A reader holds the old state open, as a kill between commit and wiping would leave it.
#[test]
fn what_was_interrupted_is_carried_through() {
    let home = tempfile::tempdir().unwrap();
    let (dir, copy) = (home.path().join("dir"), home.path().join("copy"));
    let running = Running::open(&dir, &clock());
    append(&running, vec![secret_line("m", "e1", SECRET), secret_line("m", "e2", "other")]);
    running.close();
    let reader = rusqlite::Connection::open(dir.join("patze.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM events").unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    let what = matching(SECRET);
    let error = redact::redact(&wanted(&dir, &what), |_| true).unwrap_err();
    assert!(matches!(error, RedactError::Wipe(WipeError::Busy { .. })), "{error:?}");
    crash_image(&dir, &copy);
    fs::write(copy.join("history.db"), SECRET).unwrap();
    drop(reader);
    assert_eq!(holding(&copy, SECRET), ["history.db", "patze.db"]);
    assert!(verify(&copy.join("patze.db")).unwrap().is_sound());

    // By the next start.
    let log = open(&copy, &clock());
    assert_eq!(holding(&copy, SECRET), [""; 0]);
    is_sound(&copy, &log);
    log.close().unwrap();
    assert!(matches!(redact::redact(&wanted(&copy, &what), |_| true), Err(RedactError::NoMatch { .. })));
    // Or by the next redaction.
    let again = redact::redact(&wanted(&dir, &what), |_| panic!("there is nothing to agree to")).unwrap();
    assert!(matches!(again, Redacted::CarriedThrough(_)), "{again:?}");
    assert_eq!(holding(&dir, SECRET), [""; 0]);
    is_sound(&dir, &open(&dir, &clock()));
}
