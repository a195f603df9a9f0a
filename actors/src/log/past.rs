//! Past fleets: the state at any moment that the log still has (design §10).
//!
//! The nearest checkpoint or past fleet is taken, and what lies between is folded. Both bound the work: checkpoints are
//! [`super::checkpoint::EVERY`] positions apart, and [`BUILDS`] fleets are built at once. Fleets share what is the same
//! (persistent maps), so that the [`CACHED`] ones, which make stepping through the past cheap, cost little.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patze_core::fleet::Fleet;
use patze_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::base::Horizon;
use super::checkpoint;
use super::door::Shared;
use super::open::Fault;
use super::reader::ReadError;
use super::retention;
use super::row::RowError;
use crate::sqlite::{self, sql};

/// Past fleets that are built at once; who comes then is told to come back.
const BUILDS: usize = 2;
/// Past fleets that are kept, the last used ones.
const CACHED: usize = 4;

/// A moment of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// After the event at this position.
    Position(u64),
    /// After the last event that was recorded then or before.
    Time(Timestamp),
}

/// Why there is no fleet of a moment.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// The log has not come so far.
    #[error("position {position} lies ahead; the log ends at {head}")]
    Ahead {
        /// What was asked for.
        position: u64,
        /// The log's last position.
        head: u64,
    },
    /// The time has not come.
    #[error("{time} lies ahead; it is {now}")]
    Future {
        /// What was asked for.
        time: Timestamp,
        /// The clock.
        now: Timestamp,
    },
    /// The log begins later: history was cut.
    #[error("nothing before position {} ({}) is left: history was cut there to keep to the size that is set", horizon.position, horizon.time)]
    Before {
        /// Where it begins.
        horizon: Horizon,
    },
    /// Come back in a second.
    #[error("{BUILDS} other moments of the past are being looked up; try again")]
    Busy,
    /// The log was not read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A fleet of the past.
#[derive(Clone, Debug)]
pub struct Then {
    /// The state; its own position is that of the last event at the moment or before.
    pub fleet: Arc<Fleet>,
    /// Rows went since, so that gauges and last-seen times are those of the last ones that were kept, and log lines that
    /// went are missing (design §6).
    pub thinned: bool,
}

/// What is kept of the past.
#[derive(Debug)]
pub(super) struct Past {
    builds: Arc<Semaphore>,
    cached: Mutex<Cached>,
}

#[derive(Debug, Default)]
struct Cached {
    /// The last used one last.
    fleets: VecDeque<Arc<Fleet>>,
    /// How often the past was changed. A fleet that was built before the last time is not kept.
    changes: u64,
}

impl Default for Past {
    fn default() -> Self {
        Self { builds: Arc::new(Semaphore::new(BUILDS)), cached: Mutex::default() }
    }
}

// === impl Past ===

impl Past {
    /// Leave to build one more.
    fn permit(&self) -> Result<OwnedSemaphorePermit, PastError> {
        Arc::clone(&self.builds).try_acquire_owned().map_err(|_| PastError::Busy)
    }

    /// The cached fleet whose position is `position` or the nearest before.
    fn nearest(&self, position: u64) -> Option<Arc<Fleet>> {
        let cached = self.locked();
        let before = cached.fleets.iter().filter(|fleet| fleet.position() <= position);
        before.max_by_key(|fleet| fleet.position()).cloned()
    }

    /// Keeps a fleet of the past that had been changed so often.
    fn used(&self, fleet: &Arc<Fleet>, changes: u64) {
        let mut cached = self.locked();
        if cached.changes != changes {
            return;
        }
        cached.fleets.retain(|other| other.position() != fleet.position());
        cached.fleets.push_back(Arc::clone(fleet));
        if cached.fleets.len() > CACHED {
            cached.fleets.pop_front();
        }
    }

    /// The past was changed: what was built of it before is another one.
    pub(super) fn changed(&self) {
        let mut cached = self.locked();
        cached.fleets.clear();
        cached.changes += 1;
    }

    fn locked(&self) -> MutexGuard<'_, Cached> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The fleet after the last event at `moment` or before.
pub(super) async fn fleet_at(shared: &Arc<Shared>, moment: Moment) -> Result<Then, PastError> {
    let past = &shared.past;
    let changes = past.locked().changes;
    let Place { position, thinned } = place_of(shared, moment).await?;
    let live = shared.current();
    if live.position() == position {
        return Ok(Then { fleet: live, thinned: false });
    }
    if let Some(fleet) = past.nearest(position).filter(|fleet| fleet.position() == position) {
        past.used(&fleet, changes);
        return Ok(Then { fleet, thinned });
    }
    let permit = past.permit()?;
    let built = {
        let shared = Arc::clone(shared);
        // The permit goes with the work, which a caller that leaves does not end.
        tokio::task::spawn_blocking(move || {
            let built = build(&shared, position);
            drop(permit);
            built
        })
    };
    let read = |source| ReadError::Read { file: shared.file.display().to_string(), source };
    let fleet = match built.await {
        Ok(built) => built.map_err(read)?,
        Err(_) => return Err(ReadError::Closed.into()),
    };
    past.used(&fleet, changes);
    Ok(Then { fleet, thinned })
}

/// A place of the log.
#[derive(Clone, Copy, Debug)]
struct Place {
    position: u64,
    thinned: bool,
}

/// Where the last event at `moment` or before stands; 0 before the first, the horizon where history was cut there.
async fn place_of(shared: &Shared, moment: Moment) -> Result<Place, PastError> {
    let head = shared.current().position();
    let horizon = shared.horizon();
    let before = horizon.filter(|horizon| match moment {
        Moment::Position(position) => position < horizon.position,
        Moment::Time(time) => time < horizon.time,
    });
    if let Some(horizon) = before {
        return Err(PastError::Before { horizon });
    }
    match moment {
        Moment::Position(position) if position > head => return Err(PastError::Ahead { position, head }),
        Moment::Time(time) if time > shared.clock.now() => {
            return Err(PastError::Future { time, now: shared.clock.now() });
        }
        _ => {}
    }
    // Rows up to the horizon may still be going.
    let first = horizon.map_or(0, |horizon| horizon.position);
    let place = move |conn: &Connection| -> Result<Place, RowError> {
        let found = match moment {
            Moment::Position(position) => last_event(conn, position)?,
            Moment::Time(time) => last_recorded(conn, time, head)?,
        };
        let position = found.max(first);
        Ok(Place { position, thinned: retention::is_thinned(conn, position)? })
    };
    Ok(shared.readers.ask(place).await?)
}

/// The position of the last event at `position` or before: another one only where events were pruned.
fn last_event(conn: &Connection, position: u64) -> rusqlite::Result<u64> {
    conn.prepare_cached("SELECT coalesce(max(position), 0) FROM events WHERE position <= ?1")?
        .query_row([sql(position)], |row| sqlite::count(row, 0))
}

/// The position of the last event up to `head` that was recorded at `time` or before. `recorded_at` never decreases, so
/// halving finds it without an index.
pub(super) fn last_recorded(conn: &Connection, time: Timestamp, head: u64) -> rusqlite::Result<u64> {
    let mut next = conn.prepare_cached(
        "SELECT position, recorded_at FROM events WHERE position >= ?1 AND position <= ?2 ORDER BY position LIMIT 1",
    )?;
    // At `found` or before lies the answer, from `beyond` on no more.
    let (mut found, mut beyond) = (0, head + 1);
    while found + 1 < beyond {
        let middle = found + (beyond - found) / 2;
        let event = next
            .query_row(params![sql(middle), sql(beyond - 1)], |row| {
                Ok((sqlite::count(row, 0)?, Timestamp::from_millis(row.get(1)?)))
            })
            .optional()?;
        match event {
            Some((position, recorded_at)) if recorded_at <= time => found = position,
            Some(_) | None => beyond = middle,
        }
    }
    Ok(found)
}

fn build(shared: &Shared, position: u64) -> Result<Arc<Fleet>, RowError> {
    let conn = sqlite::for_reading(&shared.file)?;
    // One view of the log, whatever is pruned meanwhile.
    conn.execute_batch("BEGIN")?;
    let near = shared.past.nearest(position);
    let stored = checkpoint::position_before(&conn, position)?;
    let mut fleet = match near {
        Some(near) if near.position() >= stored => Fleet::clone(&near),
        _ => checkpoint::newest(&conn, position)?,
    };
    checkpoint::replay(&conn, &mut fleet, position, shared.every, |_| ()).map_err(|fault| match fault {
        Fault::Row(row) => row,
        Fault::Sqlite(error) => error.into(),
        Fault::Head { .. } | Fault::Missing(_) => RowError::Odd { position, column: "position" },
    })?;
    Ok(Arc::new(fleet))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log whose events lie at `events`, (position, recorded at).
    fn log(events: &[(u64, i64)]) -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE events (position INTEGER PRIMARY KEY, recorded_at INTEGER)")
            .unwrap();
        for (position, recorded_at) in events {
            conn.execute("INSERT INTO events VALUES (?1, ?2)", params![sql(*position), recorded_at]).unwrap();
        }
        conn
    }

    #[test]
    fn a_time_is_found_by_halving_over_holes_too() {
        let events: Vec<(u64, i64)> = (1..=200)
            .filter(|position| !(20..60).contains(position) && position % 7 != 0)
            .map(|position| (position, i64::try_from(position / 3 * 10).unwrap()))
            .collect();
        let conn = log(&events);
        for time in -5..700 {
            let last = events.iter().rev().find(|(_, at)| *at <= time).map_or(0, |(position, _)| *position);
            assert_eq!(last_recorded(&conn, Timestamp::from_millis(time), 200).unwrap(), last, "at {time}");
        }
        assert_eq!(last_recorded(&log(&[]), Timestamp::from_millis(1), 0).unwrap(), 0);
    }

    #[test]
    fn two_are_built_at_once_and_no_more() {
        let past = Past::default();
        let first = past.permit().unwrap();
        let second = past.permit().unwrap();
        assert!(matches!(past.permit(), Err(PastError::Busy)));
        drop(first);
        let third = past.permit().unwrap();
        assert!(matches!(past.permit(), Err(PastError::Busy)));
        drop((second, third));
    }

    #[test]
    fn the_last_used_are_kept_and_the_nearest_before_is_found() {
        let fleets: Vec<Arc<Fleet>> = (1..=6).map(fleet_at_position).collect();
        let past = Past::default();
        for fleet in &fleets[..4] {
            past.used(fleet, 0);
        }
        past.used(&fleets[0], 0);
        past.used(&fleets[4], 0);
        let nearest = |position| past.nearest(position).map(|fleet| fleet.position());
        assert_eq!(nearest(2), Some(1), "2 was used longest ago");
        assert_eq!([nearest(0), nearest(4), nearest(9)], [None, Some(4), Some(5)]);
        past.changed();
        assert_eq!(nearest(9), None);
        past.used(&fleets[5], 0);
        assert_eq!(nearest(9), None, "it was begun before the past was changed");
        past.used(&fleets[5], 1);
        assert_eq!(nearest(9), Some(6));
    }

    /// The fleet after so many ticks.
    fn fleet_at_position(position: u64) -> Arc<Fleet> {
        use patze_core::event::{Origin, Recorded, Severity};
        let mut fleet = Fleet::default();
        let event = Recorded {
            position,
            id: "e",
            type_name: "control.tick",
            machine: "",
            occurred_at: Timestamp::from_millis(0),
            recorded_at: Timestamp::from_millis(0),
            severity: Severity::Info,
            origin: Origin::CONTROL,
            trace: "{}",
            payload: "{}",
        };
        fleet.apply(&event, &mut Vec::new());
        Arc::new(fleet)
    }

    #[test]
    fn a_position_in_a_hole_is_that_of_the_event_before() {
        let conn = log(&[(1, 0), (2, 0), (9, 0)]);
        let found = [0, 1, 5, 9].map(|position| last_event(&conn, position).unwrap());
        assert_eq!(found, [0, 1, 2, 9]);
    }
}
