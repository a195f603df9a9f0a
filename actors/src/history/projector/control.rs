//! What the control plane itself decided: machines renamed, paused, forgotten; events pruned and redacted.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use patze_core::event::control::Control;
use patze_core::event::{EventType, Recorded};
use patze_core::fleet::limits::cut_name;
use patze_core::ids::MachineId;
use patze_core::time::DAY;
use serde::Deserialize;

use super::Stop;
use super::batch::{Batch, MachineSlot};
use crate::sqlite::sql;

/// What `control.pruned` says: the log has lost, or blanked, some or all of [first, last].
#[derive(Deserialize)]
struct Pruned {
    kind: String,
    first: u64,
    last: u64,
}

/// Drops gauges up to a time and a position, machine by machine, as the table is ordered.
const ROLLED_UP: &str = "
    WITH RECURSIVE known (machine) AS (
        SELECT min(machine) FROM gauges
        UNION ALL
        SELECT (SELECT min(machine) FROM gauges WHERE machine > known.machine) FROM known WHERE machine IS NOT NULL
    )
    DELETE FROM gauges WHERE machine IN (SELECT machine FROM known) AND at <= ?1 AND position <= ?2";

impl Batch<'_> {
    pub(super) fn control(&mut self, known: Option<EventType>, event: &Recorded<'_>) -> Result<(), Stop> {
        match event.type_name {
            "control.pruned" => return self.pruned(event),
            "control.redacted" => return self.redacted(event),
            _ => {}
        }
        let Some(control) = known.and_then(|known| Control::read(known, event.payload)) else {
            return Ok(());
        };
        let at = event.effective();
        match control {
            Control::SessionStalled { machine_id, session_id, silent_since } => {
                let slot = self.session(&(machine_id, session_id), event.recorded_at)?;
                slot.row.stalled_since = Some(silent_since);
                slot.position = event.position;
            }
            Control::MachineRenamed { machine_id, name } => {
                self.change_machine(&machine_id, event, |slot| {
                    slot.row.given_name = name.as_deref().map(cut_name);
                })?;
            }
            Control::MachinePaused { machine_id } => {
                self.change_machine(&machine_id, event, |slot| slot.row.paused = true)?;
            }
            Control::MachineResumed { machine_id } => {
                self.change_machine(&machine_id, event, |slot| slot.row.paused = false)?;
            }
            Control::MachineForgotten { machine_id } => {
                self.change_machine(&machine_id, event, |slot| slot.forgotten = true)?;
                self.memory.rail.forget(&machine_id);
            }
            Control::BridgeChanged { machine_id, version } => {
                self.change_machine(&machine_id, event, |slot| {
                    slot.row.bridge_version = Some(cut_name(&version));
                })?;
            }
            Control::ClockSkewed { machine_id, seconds } => {
                self.change_machine(&machine_id, event, |slot| {
                    let since = slot.row.clock_skew.map_or(at, |(_, since)| since);
                    slot.row.clock_skew = Some((seconds, since));
                })?;
            }
            Control::ClockOk { machine_id, .. } => {
                self.change_machine(&machine_id, event, |slot| slot.row.clock_skew = None)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Changes a machine that is known and not forgotten.
    fn change_machine(
        &mut self,
        id: &MachineId,
        event: &Recorded<'_>,
        change: impl FnOnce(&mut MachineSlot),
    ) -> rusqlite::Result<()> {
        if self.machine(id, event.recorded_at)?.position == 0 {
            // Not known: it must not become so by being asked about.
            self.machines.remove(id);
        }
        if let Some(slot) = self.machines.get_mut(id).filter(|slot| !slot.forgotten) {
            change(slot);
            slot.position = event.position;
            self.memory.rail.machine(&slot.row);
        }
        Ok(())
    }

    /// History drops what the log dropped (design §6).
    fn pruned(&mut self, event: &Recorded<'_>) -> Result<(), Stop> {
        let Ok(Pruned { kind, first, last }) = serde_json::from_str(event.payload) else { return Ok(()) };
        match kind.as_str() {
            "thinned" => self.thinned(event, first, last),
            "cut" => self.cut(last),
            "redacted" => self.redacted(event),
            _ => Ok(()),
        }
    }

    /// Heartbeats up to `last` are in the log's rollups from now on; lines of the range that the log no longer has go.
    fn thinned(&mut self, event: &Recorded<'_>, first: u64, last: u64) -> Result<(), Stop> {
        // None of them came later than the next row: so only what goes is looked at, and not two days of heartbeats.
        let mut until = event.recorded_at;
        let read = self.follower.read(last, event.position, |next| {
            until = next.recorded_at;
            ControlFlow::Break(())
        });
        read.map_err(Stop::Log)?;
        self.transaction.prepare_cached(ROLLED_UP)?.execute([until.millis(), sql(last)])?;
        let mut gone: BTreeSet<i64> = self
            .transaction
            .prepare_cached("SELECT position FROM logs WHERE position BETWEEN ?1 AND ?2")?
            .query_map([sql(first), sql(last)], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let read = self.follower.read(first.saturating_sub(1), last, |event| {
            gone.remove(&sql(event.position));
            ControlFlow::Continue(())
        });
        read.map_err(Stop::Log)?;
        self.drop_lines(gone)?;
        Ok(())
    }

    /// The log begins after `last`. What had its last event before that goes, sums with the last whole day.
    fn cut(&mut self, last: u64) -> Result<(), Stop> {
        self.write_rows()?;
        let lines: Vec<i64> = self
            .transaction
            .prepare_cached("SELECT position FROM logs WHERE position <= ?1")?
            .query_map([sql(last)], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        self.drop_lines(lines)?;
        for table in ["run_states", "tool_calls", "model_calls", "spans"] {
            let old = format!("DELETE FROM {table} WHERE run IN (SELECT key FROM runs WHERE position <= ?1)");
            self.transaction.execute(&old, [sql(last)])?;
        }
        for table in ["runs", "sessions", "gauges"] {
            self.transaction.execute(&format!("DELETE FROM {table} WHERE position <= ?1"), [sql(last)])?;
        }
        let mut horizon = None;
        let read = self.follower.read(last, last.saturating_add(1), |event| {
            horizon = Some(event.recorded_at.millis().div_euclid(DAY));
            ControlFlow::Break(())
        });
        read.map_err(Stop::Log)?;
        if let Some(day) = horizon {
            self.transaction.execute("DELETE FROM usage WHERE day < ?1", [day])?;
            self.transaction.execute("DELETE FROM density WHERE start < ?1", [day * DAY])?;
        }
        Ok(())
    }

    /// What was redacted may be in any table. A file that was made since then was made from the blanked rows.
    fn redacted(&mut self, event: &Recorded<'_>) -> Result<(), Stop> {
        if event.position > self.memory.made_at { Err(Stop::Redacted) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn gauges_that_are_rolled_up_are_found_without_reading_the_others() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("../../../../sql/history.sql")).unwrap();
        for (machine, at, position) in [(1, 10, 1), (7, 10, 2), (1, 20, 3), (7, 20, 4), (9, 5, 5)] {
            let row = "INSERT INTO gauges (machine, at, position, cpu_pct, memory_bytes, memory_pct) VALUES (?1, ?2, ?3, 1, 1, 1)";
            conn.execute(row, [machine, at, position]).unwrap();
        }
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {ROLLED_UP}")).unwrap();
        let plan: Vec<String> =
            plan.query_map([1, 1], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(plan.iter().any(|step| step.contains("(machine=? AND at<?)")), "{plan:?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN gauges")), "{plan:?}");
        // The last one came late: its time is old and its position is not.
        assert_eq!(conn.execute(ROLLED_UP, [10, 2]).unwrap(), 2);
        let left: i64 = conn.query_row("SELECT sum(position) FROM gauges", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 3 + 4 + 5);
    }
}
