//! Which bridges talk to us: the live table behind `GET /bridge/connections` (contract §13.7).
//!
//! *Live* truth (design §1): never in the log, gone on restart. Bounded: an entry leaves [`KEPT_FOR`] after its bridge's
//! last request, and beyond [`MOST_CONNECTIONS`] the longest silent one makes room.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use serde::Serialize;

/// Entries that are held at most; as many as there may be machines (design §7).
pub const MOST_CONNECTIONS: usize = 1_000;
/// How long after its last request a bridge is listed.
pub const KEPT_FOR: Duration = Duration::from_secs(5 * 60);
/// Labels and versions are cut to this many characters.
const MOST_CHARS: usize = 256;

/// What one request tells of its bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// The machine that it runs on.
    pub machine: MachineId,
    /// The machine's label, if told.
    pub label: Option<String>,
    /// The bridge's version, if told.
    pub version: Option<String>,
    /// Where the request came from, as far as that can be believed (W-S8).
    pub address: Option<IpAddr>,
}

/// One bridge, as the API lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// The machine that it runs on.
    pub machine_id: MachineId,
    /// The newest label that it told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_label: Option<String>,
    /// The newest version that it told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge_version: Option<String>,
    /// Where its last request came from; empty where the transport has no address.
    pub source_ip: String,
    /// When that was.
    pub last_seen_at: Timestamp,
}

/// The table. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    table: Mutex<BTreeMap<MachineId, Entry>>,
}

#[derive(Debug)]
struct Entry {
    connection: Connection,
    seen: Duration,
}

impl Connections {
    /// An empty table.
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner { clock, table: Mutex::default() }))
    }

    /// Notes a request. A label or version that it lacks is kept from before.
    pub fn saw(&self, sighting: Sighting) {
        let (seen, now) = (self.0.clock.elapsed(), self.0.clock.now());
        let Sighting { machine, label, version, address } = sighting;
        let mut table = self.0.table.lock().unwrap_or_else(PoisonError::into_inner);
        let former = table.remove(&machine).map(|entry| entry.connection);
        if former.is_none() && table.len() >= MOST_CONNECTIONS {
            make_room(&mut table, seen);
        }
        let (old_label, old_version) =
            former.map_or((None, None), |former| (former.machine_label, former.bridge_version));
        let connection = Connection {
            machine_id: machine.clone(),
            machine_label: label.map(cut).or(old_label),
            bridge_version: version.map(cut).or(old_version),
            source_ip: address.map_or_else(String::new, |address| address.to_string()),
            last_seen_at: now,
        };
        table.insert(machine, Entry { connection, seen });
    }

    /// The bridges that were heard of within [`KEPT_FOR`], newest first.
    pub fn list(&self) -> Vec<Connection> {
        let now = self.0.clock.elapsed();
        let mut table = self.0.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.retain(|_, entry| entry.is_fresh(now));
        let mut entries: Vec<_> = table.values().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.seen));
        entries.into_iter().map(|entry| entry.connection.clone()).collect()
    }
}

impl Entry {
    fn is_fresh(&self, now: Duration) -> bool {
        now.saturating_sub(self.seen) <= KEPT_FOR
    }
}

fn make_room(table: &mut BTreeMap<MachineId, Entry>, now: Duration) {
    table.retain(|_, entry| entry.is_fresh(now));
    if table.len() >= MOST_CONNECTIONS {
        let oldest = table.iter().min_by_key(|(_, entry)| entry.seen).map(|(machine, _)| machine.clone());
        oldest.and_then(|machine| table.remove(&machine));
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MOST_CHARS) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(machine: &str) -> Sighting {
        Sighting {
            machine: MachineId::new(machine),
            address: Some("192.0.2.7".parse().unwrap()),
            ..Sighting::default()
        }
    }

    async fn advance(time: &patze_supervise::clock::VirtualTime, seconds: u64) {
        time.advance(Duration::from_secs(seconds)).await;
    }

    #[actix_rt::test]
    async fn newest_first_and_gone_after_five_minutes() {
        let (clock, time) = Clock::virtual_at(Timestamp::EPOCH);
        let table = Connections::new(clock);
        table.saw(sighting("a"));
        advance(&time, 200).await;
        table.saw(sighting("b"));
        let ids = || table.list().iter().map(|c| c.machine_id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(), ["b", "a"]);
        advance(&time, 100).await;
        assert_eq!(ids(), ["b", "a"]);
        advance(&time, 1).await;
        assert_eq!(ids(), ["b"]);
    }

    #[test]
    fn what_a_later_request_lacks_is_kept() {
        let (clock, _time) = Clock::virtual_at(Timestamp::EPOCH);
        let table = Connections::new(clock);
        table.saw(Sighting { label: Some("Desk".into()), version: Some("1".into()), ..sighting("a") });
        table.saw(Sighting { version: Some("2".into()), ..sighting("a") });
        assert_eq!(
            serde_json::to_string(&table.list()).unwrap(),
            r#"[{"machineId":"a","machineLabel":"Desk","bridgeVersion":"2","sourceIp":"192.0.2.7","lastSeenAt":"1970-01-01T00:00:00.000Z"}]"#
        );
    }

    #[actix_rt::test]
    async fn bounded_whatever_comes() {
        let (clock, time) = Clock::virtual_at(Timestamp::EPOCH);
        let table = Connections::new(clock);
        table.saw(sighting("first"));
        advance(&time, 1).await;
        for n in 0..MOST_CONNECTIONS + 10 {
            table.saw(Sighting { label: Some("é".repeat(1_000)), ..sighting(&format!("m{n}")) });
        }
        let list = table.list();
        assert_eq!(list.len(), MOST_CONNECTIONS);
        assert!(list.iter().all(|c| c.machine_id.as_str() != "first"), "the longest silent makes room");
        assert!(list.iter().all(|c| c.machine_label.as_ref().unwrap().chars().count() == MOST_CHARS));
    }
}
