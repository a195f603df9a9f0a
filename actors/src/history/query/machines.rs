//! `/history/machines`: every machine that was ever heard of, the newest first. There are few.

use patze_core::fleet::rows::{Machine, Status};
use patze_core::history::{Answer, MachineItem, Page};
use patze_core::ids::MachineId;
use rusqlite::types::Type;
use rusqlite::{Row, params_from_iter};

use super::super::door::{History, QueryError};
use super::super::projector::columns::at;
use super::cursor::Asked;
use super::lists::cut;
use super::{Conditions, Paging, number};

/// Which machines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MachineQuery {
    /// This one.
    pub machine: Option<MachineId>,
    /// With this last status.
    pub status: Option<Status>,
}

impl History {
    /// A page of machines.
    ///
    /// # Errors
    /// If the cursor is of another list, or the question is not answered.
    pub async fn machines(
        &self,
        query: MachineQuery,
        paging: Paging,
    ) -> Result<Answer<Page<MachineItem>>, QueryError> {
        let asked = Asked::new("machines", self.log().head().log_id.as_str(), &query);
        let after = asked.row::<2>(paging.cursor.as_deref())?;
        self.ask(move |conn| {
            let mut conditions = Conditions::default();
            if let Some(machine) = &query.machine {
                let Some(machine) = number(conn, machine.as_str())? else {
                    return Ok(Page { items: Vec::new(), next: None });
                };
                conditions.and("machine = ?", [machine.into()]);
            }
            if let Some(status) = query.status {
                conditions.and("status = ?", [status.name().to_owned().into()]);
            }
            if let Some([at, key]) = after {
                conditions.and("(first_at, machine) < (?, ?)", [at.into(), key.into()]);
            }
            let Conditions { text, mut values } = conditions;
            values.push((paging.limit as i64 + 1).into());
            let sql =
                format!("SELECT * FROM machines WHERE 1{text} ORDER BY first_at DESC, machine DESC LIMIT ?");
            let mut statement = conn.prepare_cached(&sql)?;
            let found = statement.query_map(params_from_iter(values), |row| {
                Ok(([row.get("first_at")?, row.get("machine")?], item(row)?))
            })?;
            cut(found, paging.limit, &asked)
        })
        .await
    }
}

fn item(row: &Row<'_>) -> rusqlite::Result<MachineItem> {
    let text: String = row.get("row")?;
    let machine: Machine = serde_json::from_str(&text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(e)))?;
    let pulse = machine.pulse.as_ref();
    Ok(MachineItem {
        name: machine.name().cloned(),
        status: pulse.map(|pulse| pulse.status),
        since: pulse.map(|pulse| pulse.since),
        last_seen_at: pulse.map(|pulse| pulse.last_seen_at),
        first_at: at(row, "first_at")?,
        updated_at: machine.touched,
        last_resource: machine.gauges,
        paused: machine.paused,
        forgotten: row.get("forgotten")?,
        kind: machine.kind,
        bridge_version: machine.bridge_version,
        machine_id: machine.machine_id,
    })
}
