//! Checkpoints, and the standing proof that they are what the log gives.

use patze_actors::log::{Log, Proven};
use patze_core::fleet::FOLD_VERSION;
use rusqlite::Connection;

use super::support::{EVERY, Running, batch, clock, event, open};

fn fill(running: &Running, from: u32, to: u32) {
    for n in from..to {
        running.append(batch([event("m", &format!("e{n}"), n)])).wait().unwrap();
    }
}

fn prove(log: &Log) -> Proven {
    let proof = log.next_proof().unwrap();
    log.prove(&proof).unwrap()
}

fn stored(dir: &std::path::Path) -> Vec<(u64, u32)> {
    let conn = Connection::open(dir.join("patze.db")).unwrap();
    let mut statement =
        conn.prepare("SELECT position, fold_version FROM checkpoints ORDER BY position").unwrap();
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn change(dir: &std::path::Path, sql: &str) {
    Connection::open(dir.join("patze.db")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn each_spacing_gives_a_checkpoint_that_a_start_uses() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    for n in 0..3 * EVERY as u32 {
        fill(&running, n, n + 1);
        if u64::from(n + 1).is_multiple_of(EVERY) {
            assert_eq!(prove(&running.log), Proven::Stored(u64::from(n + 1)));
        }
    }
    fill(&running, 100, 102);
    let state = running.log.fleet().hash();
    assert_eq!(running.log.status().checkpoint, 3 * EVERY);
    running.close();
    let log = open(dir.path(), &clock());
    assert_eq!((log.status().checkpoint, log.fleet().hash()), (3 * EVERY, state));
    log.close().unwrap();
}

#[test]
fn a_prover_that_comes_late_proves_the_newest_and_stores_some_on_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    fill(&running, 0, 6 * EVERY as u32 + 1);
    assert_eq!(prove(&running.log), Proven::Stored(6 * EVERY));
    let positions: Vec<u64> = stored(dir.path()).into_iter().map(|(position, _)| position).collect();
    assert_eq!(positions, [2 * EVERY, 4 * EVERY, 6 * EVERY]);
    assert_eq!(running.log.metrics().checkpoints_skipped.load(std::sync::atomic::Ordering::Relaxed), 5);
    running.close();
}

#[test]
fn a_checkpoint_of_another_fold_is_replayed_over_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    fill(&running, 0, 2 * EVERY as u32);
    prove(&running.log);
    let state = running.log.fleet().hash();
    running.close();
    change(dir.path(), "UPDATE checkpoints SET fold_version = fold_version + 1, bytes = x'00'");

    let running = Running::open(dir.path(), &clock());
    assert_eq!((running.log.status().checkpoint, running.log.fleet().hash()), (0, state));
    assert_eq!(prove(&running.log), Proven::Stored(2 * EVERY), "the start hands over what it replayed");
    running.close();
    assert_eq!(stored(dir.path()), [(2 * EVERY, FOLD_VERSION)]);
}

#[test]
fn a_checkpoint_that_cannot_be_read_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    fill(&running, 0, EVERY as u32);
    prove(&running.log);
    fill(&running, 50, 50 + EVERY as u32);
    prove(&running.log);
    let state = running.log.fleet().hash();
    running.close();
    change(dir.path(), &format!("UPDATE checkpoints SET bytes = x'28b52ffd' WHERE position = {}", 2 * EVERY));
    let log = open(dir.path(), &clock());
    assert_eq!((log.status().checkpoint, log.fleet().hash()), (EVERY, state));
    log.close().unwrap();
}

#[test]
fn a_difference_is_told_and_nothing_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    fill(&running, 0, 3 * EVERY as u32);
    // Somebody changes the past after it was folded: the rebuilt fleet is another one.
    change(dir.path(), "UPDATE events SET payload = replace(payload, '\"r1\"', '\"rX\"') WHERE position < 5");
    assert_eq!(prove(&running.log), Proven::Differs(3 * EVERY));
    assert_eq!(running.log.status().differed, Some(3 * EVERY));
    assert_eq!(stored(dir.path()), [], "what was stored on the way is gone too");
    running.close();
}
