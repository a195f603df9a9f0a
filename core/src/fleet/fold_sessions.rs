//! Sessions: their state changes by session events alone; the newer one wins, also after an end (design §5).

use super::fold_agents::{agent_key, home_of};
use super::index::SessionEntry;
use super::keys::KeyOf;
use super::lifecycle::{LifeState, Reopening, Told};
use super::limits::{BACKFILL_AFTER, cut, cut_name};
use super::rows::Session;
use super::{Change, Fleet, Outcome, RunTold};
use crate::event::Recorded;
use crate::event::payload::{RunState, SessionState, Text};
use crate::ids::{AgentId, EventId, MachineId, SessionId};

impl Fleet {
    /// A session's state.
    pub(super) fn fold_session_state(
        &mut self,
        id: &MachineId,
        event: &Recorded<'_>,
        changes: &mut Vec<Change>,
    ) -> Outcome {
        let Ok(told) = serde_json::from_str::<SessionState<'_>>(event.payload) else {
            return Outcome::Unreadable;
        };
        let session_id = cut(&told.session_id);
        self.note(id, event, &["session ", session_id, ": ", cut(&told.from), " → ", cut(&told.to)]);
        let Some(state) = LifeState::of(&told.to) else { return Outcome::Odd };
        let at = event.effective();
        let mut outcome = Outcome::Stale;
        self.see_session(KeyOf(id, session_id), changes, |session| {
            outcome = session.tell(event, &told, state);
        });
        self.see_agent(&agent_key(id, &told.home, &told.agent_id), at, |_| ());
        changes.push(Change::Session(id.clone(), SessionId::new(session_id)));
        outcome
    }

    /// Notes that a session or one of its runs had an event, and changes the session. A stall ends with it, and whoever
    /// watches for the next one is told. Nothing happens for the nameless session.
    pub(super) fn see_session(
        &mut self,
        key: KeyOf<'_>,
        changes: &mut Vec<Change>,
        change: impl FnOnce(&mut Session),
    ) {
        if key.1.is_empty() {
            return;
        }
        let log_time = self.facts.log_time;
        let (sessions, index) = (&mut self.facts.sessions, &mut self.index);
        sessions.change(
            &key,
            || Session::new((key.0.clone(), SessionId::new(key.1)), log_time),
            |session, is_new| {
                let before = (!is_new).then(|| SessionEntry::of(session));
                session.touched = log_time;
                if session.stalled_since.take().is_some() {
                    changes.push(Change::Session(key.0.clone(), session.session_id.clone()));
                }
                change(session);
                index.session_changed(before, session);
            },
        );
    }
}

impl Session {
    /// What its own event does to a session: the rule of the fleet and of history alike. `state` is what `told.to` says.
    pub fn tell(&mut self, event: &Recorded<'_>, told: &SessionState<'_>, state: LifeState) -> Outcome {
        let at = event.effective();
        self.created_at = self.created_at.min(at);
        let next = Told { state, at, reason: None, backfilled: is_backfill(event) };
        match self.life.next(next, Reopening::Allowed) {
            Ok(life) => self.life = life,
            Err(why) => return why,
        }
        self.last_event_id = EventId::new(event.id);
        self.agent_id = AgentId::new(cut(&told.agent_id));
        self.home = home_of(&told.home);
        keep(&mut self.session_key, &told.session_key);
        keep(&mut self.channel, &told.channel);
        keep(&mut self.parent_session_key, &told.parent_session_key);
        Outcome::Folded
    }

    /// What a state of one of its runs does to a session.
    pub fn count(&mut self, run: &RunTold, told: &RunState<'_>) {
        self.runs += u64::from(run.is_new);
        self.failed_runs += u64::from(run.has_failed);
        if self.agent_id.is_empty() {
            self.agent_id = AgentId::new(cut(&told.agent_id));
            self.home = home_of(&told.home);
        }
    }
}

/// Whether an event tells of something that is long over (design §5).
pub(super) fn is_backfill(event: &Recorded<'_>) -> bool {
    event.recorded_at.since(event.effective()) > BACKFILL_AFTER
}

/// Takes an optional text over; what is not told again stays.
fn keep(slot: &mut Option<smol_str::SmolStr>, told: &Option<Text<'_>>) {
    if let Some(text) = told {
        *slot = Some(cut_name(text));
    }
}
