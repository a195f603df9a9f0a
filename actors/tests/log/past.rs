//! A fleet of the past is the one that was live then.

use std::collections::BTreeMap;

use patze_actors::log::{Moment, PastError};
use patze_supervise::clock::Clock;

use super::support::{Running, START, batch, block_on, event};

/// Appends `events` one by one, a second apart, and tells the hash of the live fleet after each.
fn live(running: &Running, events: u32, advance: impl Fn()) -> BTreeMap<u64, [u8; 32]> {
    (0..events)
        .map(|n| {
            let event = event(&format!("m{}", n % 3), &format!("e{n}"), n);
            block_on(running.append(batch([event]))).unwrap();
            advance();
            let fleet = running.log.fleet();
            (fleet.position(), fleet.hash())
        })
        .collect()
}

#[test]
fn every_past_position_has_the_state_that_was_live_there() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    let live = live(&running, 60, || time.jump_wall(1_000));
    // In an order in which some start from a checkpoint, some from a cached fleet and some are cached themselves.
    let order = (1..=60).map(|n| n * 37 % 61).chain([60, 1, 1, 2, 30, 31, 29]);
    for position in order {
        let fleet = block_on(running.log.fleet_at(Moment::Position(position))).unwrap().fleet;
        assert_eq!((fleet.position(), fleet.hash()), (position, live[&position]));
    }
    let first = block_on(running.log.fleet_at(Moment::Position(0))).unwrap().fleet;
    assert_eq!(first.position(), 0);
    running.close();
}

#[test]
fn a_time_is_the_last_event_recorded_by_then() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    let live = live(&running, 20, || time.jump_wall(1_000));
    // Event n is recorded n - 1 seconds after the start.
    for (millis, position) in
        [(-1, 0), (0, 1), (999, 1), (1_000, 2), (12_345, 13), (19_999, 20), (20_000, 20)]
    {
        let moment = Moment::Time(START.plus(millis));
        let fleet = block_on(running.log.fleet_at(moment)).unwrap().fleet;
        assert_eq!(fleet.position(), position, "{millis} ms");
        if position > 0 {
            assert_eq!(fleet.hash(), live[&position]);
        }
    }
    running.close();
}

#[test]
fn what_has_not_come_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, _time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    live(&running, 3, || ());
    let ahead = block_on(running.log.fleet_at(Moment::Position(4))).unwrap_err();
    assert!(matches!(ahead, PastError::Ahead { position: 4, head: 3 }), "{ahead}");
    let future = block_on(running.log.fleet_at(Moment::Time(START.plus(1)))).unwrap_err();
    assert!(matches!(future, PastError::Future { .. }), "{future}");
    running.close();
}
