//! Machines and their gauges.

use patze_core::event::payload::{MachineHeartbeat, MachineRegistered};
use patze_core::event::{Origin, Recorded};
use patze_core::fleet::rows::{Machine, Status};
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

use super::batch::{Batch, MachineSlot};
use crate::sqlite::sql;

impl Batch<'_> {
    /// Notes that a machine has sent something. One that was forgotten is back as new (design §18.7).
    pub(super) fn see_machine(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let id = MachineId::new(event.machine);
        let slot = self.machine(&id, event.recorded_at)?;
        if slot.forgotten {
            slot.row = Machine::new(id, event.recorded_at);
            slot.forgotten = false;
        }
        slot.row.touched = event.recorded_at;
        slot.position = event.position;
        Ok(())
    }

    pub(super) fn registered(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let Ok(registered) = serde_json::from_str::<MachineRegistered<'_>>(event.payload) else {
            return Ok(());
        };
        let Some(status) = Status::of(&registered.status) else { return Ok(()) };
        let id = MachineId::new(event.machine);
        self.machine(&id, event.recorded_at)?;
        let Some(slot) = self.machines.get_mut(&id) else { return Ok(()) };
        slot.row.register(event, &registered, status);
        self.memory.rail.machine(&slot.row);
        Ok(())
    }

    pub(super) fn heartbeat(&mut self, event: &Recorded<'_>) -> rusqlite::Result<()> {
        let Ok(heartbeat) = serde_json::from_str::<MachineHeartbeat<'_>>(event.payload) else {
            return Ok(());
        };
        let Some(status) = Status::of(&heartbeat.status) else { return Ok(()) };
        let id = MachineId::new(event.machine);
        self.machine(&id, event.recorded_at)?;
        let Some(slot) = self.machines.get_mut(&id) else { return Ok(()) };
        slot.row.heartbeat(event, &heartbeat, status);
        let number = slot.number;
        self.memory.rail.machine(&slot.row);
        if event.origin == Origin::CONTROL {
            // Our own word for silence; it measures nothing (design §9).
            return Ok(());
        }
        let place = [number, event.effective().millis(), sql(event.position)].map(Value::from);
        let values = place.into_iter().chain(heartbeat.resource.values().map(Value::from));
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO gauges VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params_from_iter(values))?;
        Ok(())
    }
}

pub(super) fn load(conn: &Connection, number: i64) -> rusqlite::Result<Option<MachineSlot>> {
    conn.prepare_cached("SELECT first_at, forgotten, position, row FROM machines WHERE machine = ?1")?
        .query_row([number], |row| {
            let text: String = row.get(3)?;
            let parsed = serde_json::from_str(&text)
                .map_err(|e| rusqlite::Error::FromSqlConversionFailure(3, Type::Text, Box::new(e)))?;
            Ok(MachineSlot {
                number,
                row: parsed,
                first_at: Timestamp::from_millis(row.get(0)?),
                forgotten: row.get(1)?,
                position: row.get::<_, i64>(2)?.unsigned_abs(),
            })
        })
        .optional()
}

pub(super) fn store(conn: &Connection, slot: &MachineSlot) -> rusqlite::Result<()> {
    let status = slot.row.pulse.as_ref().map(|pulse| pulse.status.name());
    let row = serde_json::to_string(&slot.row)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    conn.prepare_cached("INSERT OR REPLACE INTO machines VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
        params![slot.number, slot.first_at.millis(), status, slot.forgotten, sql(slot.position), row,],
    )?;
    Ok(())
}
