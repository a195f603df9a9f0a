//! Which events are meant, and what of the base.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use patze_core::event::{EventType, Recorded};
use patze_core::time::Timestamp;
use rusqlite::Connection;

use super::super::super::base as stored;
use super::super::super::open::{Fault, OpenError};
use super::super::super::scan;
use super::base::{self, Blanked};
use super::{RedactError, Redaction, What, wipe};

/// What is to be blanked, in numbers. The text itself is not among them.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// How many events.
    pub events: u64,
    /// The first position and the last; none without events.
    pub positions: Option<(u64, u64)>,
    /// When they were recorded, the first and the last.
    pub recorded: Option<(Timestamp, Timestamp)>,
    /// How many of each machine; the control plane's own are under the empty name.
    pub machines: BTreeMap<String, u64>,
    /// How many of each type.
    pub types: BTreeMap<String, u64>,
    /// Texts of the base.
    pub base: u64,
    /// Ids and the like of the base that hold the text and stay.
    pub base_names: u64,
    /// Events that hold the text in what stays: their id, type, origin or machine, or what proves a pruning.
    pub names: u64,
    /// No event holds it any more, but a file does: in room that is free, where deleted rows were.
    pub only_remnants: bool,
}

/// What is to be blanked.
#[derive(Default)]
pub(super) struct Hits {
    pub(super) found: Found,
    /// Ascending.
    pub(super) positions: Vec<u64>,
    /// The base as it is to be, if it is to change.
    pub(super) base: Option<Blanked>,
}

impl Hits {
    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.base.is_none()
    }

    fn add(&mut self, event: &Recorded<'_>) {
        let Found { events, positions, recorded, machines, types, .. } = &mut self.found;
        *events += 1;
        *positions = Some((positions.map_or(event.position, |(first, _)| first), event.position));
        *recorded = Some((recorded.map_or(event.recorded_at, |(first, _)| first), event.recorded_at));
        *machines.entry(event.machine.to_owned()).or_default() += 1;
        *types.entry(event.type_name.to_owned()).or_default() += 1;
        self.positions.push(event.position);
    }
}

/// Looks through the whole log; for a text also through what a cut has left to delete, whose texts the base may have too.
pub(super) fn find(conn: &Connection, file: &Path, wanted: &Redaction<'_>) -> Result<Hits, RedactError> {
    let damaged = |fault: Fault| OpenError::fault(file, fault);
    let machine = wanted.machine.map(str::to_owned);
    let is_meant = |event: &Recorded<'_>| wanted.machine.is_none_or(|machine| machine == event.machine);
    let head = scan::head(conn).map_err(|e| damaged(e.into()))?;
    let base = stored::stored(conn).map_err(|e| damaged(e.into()))?;
    let after = match wanted.what {
        What::Event { .. } => base.as_ref().map_or(0, |base| base.position),
        What::Match(_) => 0,
    };
    let mut hits = Hits::default();
    let (mut blank, mut protected) = (0, 0);
    scan::scan(conn, after, head, |event| {
        match wanted.what {
            What::Event { id, .. } if event.id == id && is_meant(event) => match () {
                () if is_proof(event) => protected += 1,
                () if is_blank(event) => blank += 1,
                () => hits.add(event),
            },
            What::Match(needle) if is_meant(event) => {
                let columns = [event.id, event.type_name, event.machine, event.origin.as_str()];
                let holds = needle.is_in_json(event.payload) || needle.is_in_json(event.trace);
                let stays = is_proof(event);
                if columns.iter().any(|column| needle.is_in_text(column)) || (holds && stays) {
                    hits.found.names += 1;
                }
                if holds && !stays {
                    hits.add(event);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    })
    .map_err(|e| damaged(e.into()))?;
    match wanted.what {
        What::Event { id, all } => {
            let id = id.clone();
            match hits.found.machines.len() {
                0 if blank > 0 => Err(RedactError::Blank { id }),
                0 if protected > 0 => Err(RedactError::Protected { id }),
                0 => Err(RedactError::Unknown { id, machine }),
                2.. if !all => {
                    Err(RedactError::Ambiguous { id, machines: hits.found.machines.into_keys().collect() })
                }
                _ => Ok(hits),
            }
        }
        What::Match(needle) => {
            if let (None, Some(base)) = (&machine, &base) {
                let blanked = base::blank(base, needle)
                    .map_err(|source| RedactError::Base { path: file.into(), source })?;
                (hits.found.base, hits.found.base_names) = (blanked.texts, blanked.names);
                hits.base = (blanked.texts > 0).then_some(blanked);
            }
            let names = hits.found.names + hits.found.base_names;
            if hits.is_empty() {
                hits.found.only_remnants = names == 0 && machine.is_none() && wipe::holds(file, needle);
                if !hits.found.only_remnants {
                    return Err(RedactError::NoMatch { machine, names });
                }
            }
            Ok(hits)
        }
    }
}

/// Whether `verify` reads the event. It holds digests and numbers, and no text of others.
fn is_proof(event: &Recorded<'_>) -> bool {
    matches!(EventType::of(event.type_name), Some(EventType::Pruned | EventType::Redacted))
}

fn is_blank(event: &Recorded<'_>) -> bool {
    event.payload == "{}" && event.trace == "{}"
}
