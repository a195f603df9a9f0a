//! The control plane's own facts (design §5): what the user did to machines and tokens, and what the server noticed.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::limits::{MAX_TOKENS, cut, cut_name};
use super::table::{Row, Table};
use super::{Change, Fleet, Outcome};
use crate::event::control::Control;
use crate::event::{EventType, Recorded};
use crate::ids::MachineId;
use crate::retention::Retention;
use crate::time::Timestamp;

/// What is known of the control plane itself.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerFacts {
    /// The version that last started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<SmolStr>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Free bytes under the log and since when, while they are less than 1 GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_low: Option<(u64, Timestamp)>,
    /// How long and how much the user wants kept, once that was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Tokens that are neither revoked nor forgotten.
    pub tokens: Table<TokenFact>,
}

/// What the log tells of a token; never its secret (SE-1).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenFact {
    /// Its public id.
    pub id: SmolStr,
    /// The name that the user gave it.
    pub name: SmolStr,
    /// The machine that it belongs to, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<MachineId>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Row for TokenFact {
    type Key = SmolStr;
    fn key(&self) -> SmolStr {
        self.id.clone()
    }
}

impl Fleet {
    /// One of `control.*`.
    pub(super) fn fold_control(
        &mut self,
        known: EventType,
        event: &Recorded<'_>,
        changes: &mut Vec<Change>,
    ) -> Outcome {
        match known {
            EventType::Tick => return Outcome::Folded,
            // About the log itself, not about what it tells.
            EventType::Pruned | EventType::Redacted => return Outcome::NotFolded,
            _ => {}
        }
        let Some(control) = Control::read(known, event.payload) else { return Outcome::Unreadable };
        let at = event.effective();
        match control {
            Control::ServerStarted { version } => {
                self.facts.server.version = Some(cut_name(&version));
                self.facts.server.started_at = Some(at);
                Outcome::Folded
            }
            Control::SessionStalled { machine_id, session_id, silent_since } => {
                match self.facts.sessions.get_mut(&(machine_id, session_id)) {
                    // It moved while this was on its way.
                    Some(session) if session.touched > silent_since => Outcome::Stale,
                    Some(session) => {
                        session.stalled_since = Some(silent_since);
                        Outcome::Folded
                    }
                    None => Outcome::Stale,
                }
            }
            Control::MachineRenamed { machine_id, name } => {
                changes.push(Change::Machine(machine_id.clone()));
                self.change_machine(&machine_id, |machine| machine.given_name = name.as_deref().map(cut_name))
            }
            Control::MachinePaused { machine_id } => {
                changes.push(Change::Machine(machine_id.clone()));
                self.change_machine(&machine_id, |machine| machine.paused = true)
            }
            Control::MachineResumed { machine_id } => {
                changes.push(Change::Machine(machine_id.clone()));
                self.change_machine(&machine_id, |machine| machine.paused = false)
            }
            Control::MachineForgotten { machine_id } => {
                self.remove_machine(&machine_id, changes);
                Outcome::Folded
            }
            Control::TokenCreated { id, name, machine_id, expires_at, .. } => {
                if self.facts.server.tokens.len() >= MAX_TOKENS {
                    return Outcome::Odd;
                }
                let (id, name) = (cut_name(&id), cut_name(&name));
                self.facts.server.tokens.insert(TokenFact { id, name, machine_id, expires_at });
                Outcome::Folded
            }
            Control::TokenBound { id, machine_id } => match self.facts.server.tokens.get_mut(cut(&id)) {
                Some(token) => {
                    token.machine_id = Some(machine_id);
                    Outcome::Folded
                }
                None => Outcome::Stale,
            },
            Control::TokenRevoked { id } => {
                self.facts.server.tokens.remove(cut(&id));
                Outcome::Folded
            }
            Control::BridgeChanged { machine_id, version } => self.fold_bridge_changed(&machine_id, &version),
            Control::DiskLow { free_bytes } => {
                let since = self.facts.server.disk_low.map_or(at, |(_, since)| since);
                self.facts.server.disk_low = Some((free_bytes, since));
                Outcome::Folded
            }
            Control::DiskOk { .. } => {
                self.facts.server.disk_low = None;
                Outcome::Folded
            }
            Control::ClockSkewed { machine_id, seconds } => self.change_machine(&machine_id, |machine| {
                let since = machine.clock_skew.map_or(at, |(_, since)| since);
                machine.clock_skew = Some((seconds, since));
            }),
            Control::ClockOk { machine_id, .. } => {
                self.change_machine(&machine_id, |machine| machine.clock_skew = None)
            }
            Control::RetentionChanged { retention } => {
                self.facts.server.retention = Some(retention);
                Outcome::Folded
            }
            Control::Tick {}
            | Control::ActorRestarted { .. }
            | Control::AuthChanged { .. }
            | Control::Pruned { .. }
            | Control::Redacted { .. } => Outcome::NotFolded,
        }
    }
}
