//! Tokens and cost by quarter of an hour.

use std::collections::hash_map::Entry;

use patze_core::fleet::rows::AgentKey;
use patze_core::fleet::usage::Totals;
use patze_core::time::Timestamp;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, params};

use super::batch::Batch;
use crate::history::quarters::{Quarters, Used};

/// What a row of `usage` is for: a day, of whom, with what.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct UsageRow {
    day: i64,
    machine: i64,
    home: i64,
    agent: i64,
    channel: i64,
    provider: i64,
    model: i64,
}

impl Batch<'_> {
    /// Books a call to the agent and the channel that its run had when it came, as the fleet does.
    pub(super) fn book(
        &mut self,
        at: Timestamp,
        (machine, home, agent): &AgentKey,
        channel: &str,
        (provider, model): (i64, i64),
        sum: &Totals,
    ) -> rusqlite::Result<()> {
        let (day, quarter) = Quarters::place(at);
        let row = UsageRow {
            day,
            machine: self.number(machine.as_str())?,
            home: self.number(home.as_str())?,
            agent: self.number(agent.as_str())?,
            channel: self.number(channel)?,
            provider,
            model,
        };
        let quarters = match self.usage.entry(row) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                let found: Option<Vec<u8>> = self
                    .transaction
                    .prepare_cached(
                        "SELECT quarters FROM usage WHERE day = ?1 AND machine = ?2 AND home = ?3 AND agent = ?4 \
                         AND channel = ?5 AND provider = ?6 AND model = ?7",
                    )?
                    .query_row(
                        params![day, row.machine, row.home, row.agent, row.channel, provider, model],
                        |row| row.get(0),
                    )
                    .optional()?;
                let known = found.as_deref().map_or(Some(Quarters::default()), Quarters::decode);
                let odd = || rusqlite::Error::InvalidColumnType(0, "quarters".into(), Type::Blob);
                vacant.insert(known.ok_or_else(odd)?)
            }
        };
        quarters.book(quarter, &Used::of(sum));
        Ok(())
    }

    pub(super) fn store_usage(&mut self) -> rusqlite::Result<()> {
        for (row, quarters) in std::mem::take(&mut self.usage) {
            self.transaction
                .prepare_cached("INSERT OR REPLACE INTO usage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
                .execute(params![
                    row.day,
                    row.machine,
                    row.home,
                    row.agent,
                    row.channel,
                    row.provider,
                    row.model,
                    quarters.encode(),
                ])?;
        }
        Ok(())
    }
}
