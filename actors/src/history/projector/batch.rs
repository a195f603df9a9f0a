//! One transaction's rows: loaded when an event first names them, told of each event, stored once at the end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use patze_core::fleet::details::Peaks;
use patze_core::fleet::rows::{Machine, Run, RunKey, Session, SessionKey};
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use rusqlite::Transaction;

use super::usage::UsageRow;
use super::{Memory, Stop, machines, runs, sessions};
use crate::history::quarters::Quarters;
use crate::log::Follower;

/// The transaction and what it has in hand.
pub(super) struct Batch<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) memory: &'a mut Memory,
    pub(super) follower: &'a Follower,
    pub(super) machines: HashMap<MachineId, MachineSlot>,
    pub(super) sessions: HashMap<SessionKey, SessionSlot>,
    pub(super) runs: HashMap<RunKey, RunSlot>,
    pub(super) usage: HashMap<UsageRow, Quarters>,
}

/// A machine's row.
pub(super) struct MachineSlot {
    pub(super) number: i64,
    pub(super) row: Machine,
    pub(super) first_at: Timestamp,
    pub(super) forgotten: bool,
    /// The last event of it.
    pub(super) position: u64,
}

/// A session's row.
pub(super) struct SessionSlot {
    pub(super) key: i64,
    pub(super) row: Session,
    pub(super) position: u64,
}

/// A run's row. `row.details` is not used: what they hold has tables of its own.
pub(super) struct RunSlot {
    pub(super) key: i64,
    pub(super) row: Run,
    pub(super) peaks: Option<Peaks>,
    /// The agent that all its log lines are tagged with; none if they differ.
    pub(super) tagged: Option<i64>,
    pub(super) position: u64,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        transaction: &'a Transaction<'a>,
        memory: &'a mut Memory,
        follower: &'a Follower,
    ) -> Self {
        Self {
            transaction,
            memory,
            follower,
            machines: HashMap::new(),
            sessions: HashMap::new(),
            runs: HashMap::new(),
            usage: HashMap::new(),
        }
    }

    /// A text's number.
    pub(super) fn number(&mut self, text: &str) -> rusqlite::Result<i64> {
        self.memory.names.number(self.transaction, text)
    }

    /// The machine, known from now on.
    pub(super) fn machine(&mut self, id: &MachineId, at: Timestamp) -> rusqlite::Result<&mut MachineSlot> {
        match self.machines.entry(id.clone()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(vacant) => {
                let number = self.memory.names.number(self.transaction, id.as_str())?;
                let slot = machines::load(self.transaction, number)?.unwrap_or_else(|| MachineSlot {
                    number,
                    row: Machine::new(id.clone(), at),
                    first_at: at,
                    forgotten: false,
                    position: 0,
                });
                Ok(vacant.insert(slot))
            }
        }
    }

    /// The session, known from now on.
    pub(super) fn session(&mut self, key: &SessionKey, at: Timestamp) -> rusqlite::Result<&mut SessionSlot> {
        match self.sessions.entry(key.clone()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(vacant) => {
                let slot = match sessions::load(self.transaction, &mut self.memory.names, key)? {
                    Some(slot) => slot,
                    None => {
                        let number = self.memory.next_session;
                        self.memory.next_session += 1;
                        SessionSlot { key: number, row: Session::new(key.clone(), at), position: 0 }
                    }
                };
                Ok(vacant.insert(slot))
            }
        }
    }

    /// The run, known from now on.
    pub(super) fn run(&mut self, key: &RunKey, at: Timestamp) -> rusqlite::Result<&mut RunSlot> {
        match self.runs.entry(key.clone()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(vacant) => {
                let slot = match runs::load(self.transaction, &mut self.memory.names, key)? {
                    Some(slot) => slot,
                    None => {
                        let number = self.memory.next_run;
                        self.memory.next_run += 1;
                        let row = Run::new(key.clone(), at);
                        RunSlot { key: number, row, peaks: None, tagged: Some(0), position: 0 }
                    }
                };
                Ok(vacant.insert(slot))
            }
        }
    }

    /// The number of a run's session; 0 for the nameless one.
    pub(super) fn session_number(&mut self, key: &SessionKey, at: Timestamp) -> rusqlite::Result<i64> {
        if key.1.is_empty() { Ok(0) } else { self.session(key, at).map(|slot| slot.key) }
    }

    /// Writes all rows.
    pub(super) fn store(mut self) -> Result<(), Stop> {
        self.write_rows()?;
        self.memory.rail.store(self.transaction)?;
        Ok(())
    }

    /// Writes the rows in hand and lets go of them.
    pub(super) fn write_rows(&mut self) -> rusqlite::Result<()> {
        for slot in std::mem::take(&mut self.machines).into_values() {
            machines::store(self.transaction, &slot)?;
        }
        // Runs first: a run's session may have to be made for its number.
        for slot in std::mem::take(&mut self.runs).into_values() {
            self.store_run(&slot)?;
        }
        for slot in std::mem::take(&mut self.sessions).into_values() {
            self.store_session(&slot)?;
        }
        self.store_usage()
    }
}
