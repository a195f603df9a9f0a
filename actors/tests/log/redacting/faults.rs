//! `verify` names one changed bit, a deleted row, two swapped rows, a forged redaction: wherever the log was thinned, cut or
//! redacted, and in whichever order.

use patze_actors::log::verify::Finding;

use super::*;

/// A log that is at once as it was written, thinned, cut and redacted, and was thinned again after that.
fn through_everything(dir: &Path) {
    let (clock, time) = Clock::virtual_at(START);
    let running = opened(dir, &clock);
    live(&running, &time, &clock, "a", 300);
    time.jump_wall(3 * DAY);
    live(&running, &time, &clock, "b", 200);
    retain(&running.log, &keep(48 * HOUR, 40 * DAY));
    running.close();
    let running = opened(dir, &clock);
    let mut rules = keep(48 * HOUR, 40 * DAY);
    rules.max_bytes = Some(used(&running.log) * 3 / 4);
    retain(&running.log, &rules);
    assert!(running.log.horizon().is_some());
    running.close();
    done(dir, &matching(SECRET));
    let running = opened(dir, &clock);
    time.jump_wall(110 * DAY);
    live(&running, &time, &clock, "c", 100);
    time.jump_wall(3 * DAY);
    live(&running, &time, &clock, "d", 20);
    // Heartbeats leave redacted ranges; blank lines stay there.
    retain(&running.log, &keep(48 * HOUR, 400 * DAY));
    live(&running, &time, &clock, "e", 20);
    is_sound(dir, &running.log);
    running.close();
    done(dir, &What::Event { id: "le1.1".into(), all: false });
    assert!(verify(&dir.join("patze.db")).unwrap().is_sound());
}

fn found(dir: &Path, damage: &str) -> Vec<Finding> {
    let copy = tempfile::tempdir().unwrap();
    crash_image(dir, copy.path());
    let file = copy.path().join("patze.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch(damage).unwrap();
    let report = verify(&file).unwrap();
    let state = |f: &Finding| matches!(f, Finding::Checkpoint { .. } | Finding::State { .. });
    report.findings.into_iter().filter(|finding| !state(finding)).collect()
}

/// One position of each kind of range that the log has: (a blanked row, a row beside one, a thinned range's, an untouched
/// one's), each with a neighbour in the same commit.
fn places(dir: &Path) -> Vec<(u64, u64)> {
    let conn = rusqlite::Connection::open(dir.join("patze.db")).unwrap();
    let mut of = conn
        .prepare(
            "SELECT min(e.position), max(e.position) FROM commits c JOIN events e ON e.position BETWEEN c.first AND c.last \
             LEFT JOIN events p ON p.position = c.pruned \
             GROUP BY c.first HAVING count(*) > 1 AND coalesce(json_extract(p.payload, '$.kind'), '') = ?1 \
             AND max(e.payload = '{}') = ?2 AND min(e.origin = 'ingest') ORDER BY c.first DESC LIMIT 1",
        )
        .unwrap();
    let mut places = Vec::new();
    for (kind, blank) in [("", 0), ("thinned", 0), ("thinned", 1), ("redacted", 1)] {
        let place = of
            .query_row((kind, blank), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
            .unwrap_or_else(|error| panic!("{kind} {blank}: {error}"));
        places.push((place.0.unsigned_abs(), place.1.unsigned_abs()));
    }
    let blank: i64 = conn
        .query_row(
            "SELECT max(position) FROM events WHERE payload = '{}' AND type = 'run.log.emitted'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    places.push((blank.unsigned_abs(), blank.unsigned_abs() - 1));
    places
}

#[test]
fn whatever_is_changed_is_named_before_and_after_thinning_cutting_and_redaction() {
    let dir = tempfile::tempdir().unwrap();
    through_everything(dir.path());
    assert_eq!(found(dir.path(), ""), []);
    for (a, b) in places(dir.path()) {
        let flipped = found(
            dir.path(),
            &format!("UPDATE events SET occurred_at = occurred_at + 1 WHERE position = {a}"),
        );
        assert!(matches!(flipped[..], [Finding::Row { position, .. }] if position == a), "{a}: {flipped:?}");
        let texts =
            found(dir.path(), &format!("UPDATE events SET payload = '{{\"a\":1}}' WHERE position = {a}"));
        assert!(matches!(texts[..], [Finding::Row { position, .. }] if position == a), "{a}: {texts:?}");
        let deleted = found(dir.path(), &format!("DELETE FROM events WHERE position = {a}"));
        assert!(matches!(deleted[..], [Finding::Hole { position, .. }] if position == a), "{a}: {deleted:?}");
        let swapped = found(
            dir.path(),
            &format!(
                "UPDATE events SET position = -1 WHERE position = {a}; UPDATE events SET position = {a} WHERE position = \
                 {b}; UPDATE events SET position = {b} WHERE position = -1"
            ),
        );
        let named: std::collections::BTreeSet<u64> = swapped
            .iter()
            .map(|finding| match finding {
                Finding::Row { position, .. } | Finding::Odd { position, .. } => *position,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(named, [a, b].into(), "{swapped:?}");
    }
}

/// Somebody blanks a row by hand, and covers it as well as can be without the chain.
#[test]
fn a_forged_redaction_is_found() {
    let dir = tempfile::tempdir().unwrap();
    through_everything(dir.path());
    let conn = rusqlite::Connection::open(dir.path().join("patze.db")).unwrap();
    let number = |query: &str| -> i64 { conn.query_row(query, [], |row| row.get(0)).unwrap() };
    let told = number("SELECT max(position) FROM events WHERE type = 'control.pruned'");
    for at in [
        number("SELECT max(first) + 1 FROM commits WHERE pruned IS NULL AND last > first + 1"),
        number(
            "SELECT max(position) FROM events e WHERE payload <> '{}' AND EXISTS (SELECT 1 FROM commits c WHERE \
                pruned IS NOT NULL AND e.position BETWEEN c.first AND c.last)",
        ),
    ] {
        let blank = format!("UPDATE events SET payload = '{{}}', trace = '{{}}' WHERE position = {at};");
        let plain = found(dir.path(), &blank);
        assert!(matches!(plain[..], [Finding::Row { .. }]), "{at}: {plain:?}");
        let of = format!("WHERE {at} BETWEEN first AND last");
        let pointed = found(dir.path(), &format!("{blank} UPDATE commits SET pruned = {told} {of}"));
        assert!(!pointed.is_empty(), "{at}");
        let unlocated =
            found(dir.path(), &format!("{blank} UPDATE commits SET sums = NULL {of} AND pruned IS NULL"));
        assert!(!unlocated.is_empty(), "{at}");
        // The event that speaks for a range is itself a row of the chain.
        let lied = found(
            dir.path(),
            &format!(
                "UPDATE events SET payload = replace(payload, 'redacted', 'thinned') WHERE position = {told}"
            ),
        );
        assert!(matches!(lied[..], [Finding::Row { .. }]), "{lied:?}");
    }
}
