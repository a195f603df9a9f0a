//! The life of a session or run: a state machine with its data in the variants, and pure transitions (contract §6,
//! design §5, §9). No event is refused here; what does not fit is an [`Outcome`] that is counted.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Outcome;
use crate::time::Timestamp;

/// A life-cycle word of the contract (its set LS, §4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifeState {
    /// Known, not begun.
    Created,
    /// Waits for its turn.
    Queued,
    /// Works.
    Running,
    /// Waits for a tool.
    WaitingTool,
    /// Writes its answer.
    Streaming,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Was ended.
    Cancelled,
}

impl LifeState {
    /// Every word, active ones first.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Queued,
        Self::Running,
        Self::WaitingTool,
        Self::Streaming,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The state of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::WaitingTool => "waiting_tool",
            Self::Streaming => "streaming",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing comes after it.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// Where a session or run stands.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Life {
    /// Known only through others: a tool call, usage or log line came before the first state. Not listed.
    #[default]
    Unseen,
    /// Going on.
    Active {
        /// One of the five active words.
        state: LifeState,
        /// Effective time of the event that said so.
        since: Timestamp,
    },
    /// Over.
    Ended {
        /// One of the three terminal words.
        state: LifeState,
        /// Effective time of the event that said so.
        at: Timestamp,
        /// Why it failed, where that was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SmolStr>,
        /// It was told more than 10 min after it happened: no alarm (design §5).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        backfilled: bool,
    },
}

/// What may follow an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reopening {
    /// Sessions are lanes: the newer state wins, also after an end.
    Allowed,
    /// A run ends once; the first end stands.
    Never,
}

/// A state that an event tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The state.
    pub state: LifeState,
    /// The event's effective time.
    pub at: Timestamp,
    /// Why, if it failed.
    pub reason: Option<SmolStr>,
    /// Whether the event arrived more than 10 min after it happened.
    pub backfilled: bool,
}

impl Life {
    /// What follows from what is told, or why nothing does. Equal times are decided by arrival (W-C1).
    pub fn next(&self, told: Told, reopening: Reopening) -> Result<Self, Outcome> {
        match self {
            Self::Unseen => {}
            Self::Active { since: at, .. } | Self::Ended { at, .. } if told.at < *at => {
                return Err(Outcome::Stale);
            }
            Self::Ended { .. } if reopening == Reopening::Never => return Err(Outcome::Odd),
            Self::Active { .. } | Self::Ended { .. } => {}
        }
        Ok(if told.state.is_terminal() {
            let reason = told.reason.filter(|reason| told.state == LifeState::Failed && !reason.is_empty());
            Self::Ended { state: told.state, at: told.at, reason, backfilled: told.backfilled }
        } else {
            Self::Active { state: told.state, since: told.at }
        })
    }

    /// The state and the time of the last event that counted, unless nothing was told yet.
    pub fn state(&self) -> Option<(LifeState, Timestamp)> {
        match self {
            Self::Unseen => None,
            Self::Active { state, since } => Some((*state, *since)),
            Self::Ended { state, at, .. } => Some((*state, *at)),
        }
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Ended { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// Whether it is going on.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active { .. })
    }

    /// Whether it failed.
    pub fn has_failed(&self) -> bool {
        matches!(self, Self::Ended { state: LifeState::Failed, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: LifeState, at: i64) -> Told {
        Told { state, at: Timestamp::from_millis(at), reason: Some("why".into()), backfilled: false }
    }

    fn life(state: LifeState, at: i64) -> Life {
        Life::Unseen.next(told(state, at), Reopening::Never).unwrap()
    }

    /// Every pair of states, before, at and after the time of the first: the whole table.
    #[test]
    fn the_transition_table() {
        for first in LifeState::ALL {
            for second in LifeState::ALL {
                for at in [9, 10, 11] {
                    for reopening in [Reopening::Allowed, Reopening::Never] {
                        let next = life(first, 10).next(told(second, at), reopening);
                        let expected = if at < 10 {
                            Err(Outcome::Stale)
                        } else if first.is_terminal() && reopening == Reopening::Never {
                            Err(Outcome::Odd)
                        } else {
                            Ok((second, Timestamp::from_millis(at)))
                        };
                        assert_eq!(
                            next.map(|life| life.state().unwrap()),
                            expected,
                            "{first:?}@10 then {second:?}@{at}, {reopening:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn only_a_failure_has_a_reason() {
        assert!(matches!(life(LifeState::Failed, 1), Life::Ended { reason: Some(_), .. }));
        assert!(matches!(life(LifeState::Cancelled, 1), Life::Ended { reason: None, .. }));
    }

    #[test]
    fn words_and_states_agree() {
        for state in LifeState::ALL {
            assert_eq!(LifeState::of(state.name()), Some(state));
        }
        assert_eq!(LifeState::of("exploded"), None);
    }
}
