//! What identifies the rows of sessions, runs and agents.

use std::cmp::Ordering;

use equivalent::{Comparable, Equivalent};

use crate::ids::{AgentId, Home, MachineId, RunId, SessionId};

/// A session or run is unique within its machine (design §5).
pub type SessionKey = (MachineId, SessionId);
/// See [`SessionKey`].
pub type RunKey = (MachineId, RunId);
/// An agent is unique within its machine and home.
pub type AgentKey = (MachineId, Home, AgentId);

/// A [`SessionKey`] or [`RunKey`], borrowed from an event: to look a row up without making ids.
#[derive(Clone, Copy)]
pub(super) struct KeyOf<'a>(pub(super) &'a MachineId, pub(super) &'a str);

impl<Id: AsRef<str>> Equivalent<(MachineId, Id)> for KeyOf<'_> {
    fn equivalent(&self, key: &(MachineId, Id)) -> bool {
        self.compare(key).is_eq()
    }
}

impl<Id: AsRef<str>> Comparable<(MachineId, Id)> for KeyOf<'_> {
    fn compare(&self, (machine, id): &(MachineId, Id)) -> Ordering {
        self.0.cmp(machine).then_with(|| self.1.cmp(id.as_ref()))
    }
}
