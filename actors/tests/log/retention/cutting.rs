//! Cutting by size: the state at the horizon becomes the base, what lies before it goes.

use patze_actors::log::PastError;
use patze_core::time::{DAY, HOUR};
use patze_supervise::clock::{Clock, VirtualTime};

use super::super::support::{Running, START, read_all};
use super::*;

/// A day's worth of runs, sessions and heartbeats, in batches a minute apart.
fn live(running: &Running, time: &VirtualTime, clock: &Clock, name: &str, batches: u32) {
    super::live(running, time, clock, (name, batches), |_| vec!["words ".repeat(40); 8]);
}

/// Closed and opened: its write-ahead log is empty then.
fn reopened(running: Running, dir: &Path, clock: &Clock) -> Running {
    running.close();
    opened(dir, clock)
}

fn opened(dir: &Path, clock: &Clock) -> Running {
    super::opened(dir, clock, 5_000)
}

fn at_most(bytes: u64) -> Retention {
    Retention { heartbeats_ms: None, logs_ms: None, max_bytes: Some(bytes) }
}

#[test]
fn the_oldest_goes_and_what_stays_begins_at_the_base() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = opened(dir.path(), &clock);
    live(&running, &time, &clock, "a", 600);
    let middle = running.log.fleet();
    live(&running, &time, &clock, "b", 600);
    let running = reopened(running, dir.path(), &clock);
    let log = &running.log;
    let (newest, full) = (log.fleet(), used(log));
    assert_eq!(retain(log, &at_most(full)).cut.rows, 0, "it fits");
    assert_eq!(log.horizon(), None);

    let done = retain(log, &at_most(full * 2 / 3));
    let horizon = log.horizon().unwrap();
    assert_eq!((done.cut.first, done.cut.last), (1, horizon.position), "{done:?}");
    assert_eq!(positions(log)[0], horizon.position + 1);
    is_sound(dir.path(), log);
    assert_eq!(types(log)["control.pruned"], 1);
    assert_eq!(lasting(&log.fleet())["runs"], lasting(&newest)["runs"]);

    // Before the base there is nothing, and whoever asks is told from where on there is something.
    let before =
        [Moment::Position(horizon.position - 1), Moment::Position(0), Moment::Time(horizon.time.plus(-1))];
    for moment in before {
        let error = block_on(log.fleet_at(moment)).unwrap_err();
        assert!(
            matches!(error, PastError::Before { horizon: told } if told == horizon),
            "{moment:?}: {error}"
        );
        assert!(error.to_string().contains(&horizon.position.to_string()), "{error}");
    }
    for moment in [Moment::Position(horizon.position), Moment::Time(horizon.time)] {
        let then = block_on(log.fleet_at(moment)).unwrap();
        assert_eq!((then.fleet.position(), then.thinned), (horizon.position, false));
    }
    let then = past(log, middle.position());
    assert_eq!(
        then.map(|then| then.fleet.hash()),
        (middle.position() >= horizon.position).then(|| middle.hash())
    );

    // Each heartbeat is in the rollups or in the log.
    let rolled: i64 = sql(dir.path(), "SELECT sum(n) FROM heartbeat_rollup");
    assert_eq!(rolled.unsigned_abs() + types(log)["machine.heartbeat"] as u64, 1_200);

    let state = log.fleet().hash();
    let running = reopened(running, dir.path(), &clock);
    let kept = used(&running.log);
    assert!((full / 3..full * 2 / 3).contains(&kept), "{kept} of {full}");
    assert_eq!((running.log.fleet().hash(), running.log.horizon()), (state, Some(horizon)));
    // And again, from base to base.
    live(&running, &time, &clock, "c", 600);
    let running = reopened(running, dir.path(), &clock);
    retain(&running.log, &at_most(used(&running.log) / 2));
    assert!(running.log.horizon().unwrap().position > horizon.position);
    is_sound(dir.path(), &running.log);
    assert_eq!(read_all(&running.log, 1_000)[0].position, running.log.horizon().unwrap().position + 1);
    running.close();
}

#[test]
fn a_cut_that_a_kill_interrupts_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    let running = opened(&old, &clock);
    live(&running, &time, &clock, "a", 600);
    let running = reopened(running, &old, &clock);
    let rules = at_most(used(&running.log) / 2);
    // The base stands, and not a row has gone.
    running.log.retain(&rules, &mut || false).unwrap();
    let horizon = running.log.horizon().unwrap();
    super::super::support::crash_image(&old, &new);
    running.close();
    let running = opened(&new, &clock);
    assert_eq!(running.log.horizon(), Some(horizon));
    is_sound(&new, &running.log);
    assert_eq!(positions(&running.log)[0], horizon.position + 1, "no reader sees what is still to go");
    let left: i64 = sql(&new, "SELECT min(position) FROM events");
    assert_eq!(left, 1);
    // A run finishes it, whatever the rules are by now.
    let done = retain(&running.log, &Retention { heartbeats_ms: None, logs_ms: None, max_bytes: None });
    assert_eq!(done.cut.last, horizon.position);
    let left: i64 = sql(&new, "SELECT min(position) FROM events");
    assert_eq!(left.unsigned_abs(), horizon.position + 1);
    is_sound(&new, &running.log);
    running.close();
}

#[test]
fn what_was_thinned_is_cut_and_a_damaged_base_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = opened(dir.path(), &clock);
    live(&running, &time, &clock, "a", 400);
    time.jump_wall(3 * DAY);
    live(&running, &time, &clock, "b", 200);
    let thinned = retain(&running.log, &keep(48 * HOUR, 48 * HOUR));
    assert!(thinned.heartbeats.rows > 300 && thinned.logs.rows > 1_000, "{thinned:?}");
    let running = reopened(running, dir.path(), &clock);
    retain(&running.log, &at_most(used(&running.log) / 2));
    is_sound(dir.path(), &running.log);
    running.close();
    let found = |damage: &dyn Fn(&rusqlite::Connection)| {
        let copy = tempfile::tempdir().unwrap();
        super::super::support::crash_image(dir.path(), copy.path());
        let file = copy.path().join("patze.db");
        damage(&rusqlite::Connection::open(&file).unwrap());
        let report = patze_actors::log::verify::verify(&file).unwrap();
        report.findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(found(&|_| ()), [""; 0]);
    let flipped = found(&|conn| {
        let mut bytes: Vec<u8> = conn.query_row("SELECT bytes FROM base", [], |row| row.get(0)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        conn.execute("UPDATE base SET bytes = ?1", [bytes]).unwrap();
    });
    assert!(flipped[0].contains("is not the one that a control.pruned event speaks for"), "{flipped:?}");
    for (damage, what) in [
        ("UPDATE base SET chain = zeroblob(32)", "goes on from another digest"),
        ("DELETE FROM base", "where 1 comes next"),
    ] {
        let texts = found(&|conn| conn.execute_batch(damage).unwrap());
        assert!(texts.iter().any(|text| text.contains(what)), "{damage}: {texts:?}");
    }
}
