//! Sessions: their state changes by session events alone; the newer one wins, also after an end (design §5).

use super::fold_agents::home_of;
use super::index::SessionEntry;
use super::lifecycle::{LifeState, Reopening, Told};
use super::limits::{BACKFILL_AFTER, cut_name};
use super::rows::{Session, SessionKey};
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
        let session_id = SessionId::new(cut_name(&told.session_id));
        self.note(event, format!("session {session_id}: {} → {}", cut_name(&told.from), cut_name(&told.to)));
        let Some(state) = LifeState::of(&told.to) else { return Outcome::Odd };
        let at = event.effective();
        let mut outcome = Outcome::Stale;
        let key = (id.clone(), session_id.clone());
        self.see_session(&key, |session| outcome = session.tell(event, &told, state));
        self.see_agent(
            &(id.clone(), home_of(&told.home), AgentId::new(cut_name(&told.agent_id))),
            at,
            |_| (),
        );
        changes.push(Change::Session(id.clone(), session_id));
        outcome
    }

    /// Notes that a session or one of its runs had an event, and changes the session. Nothing happens for the nameless
    /// session.
    pub(super) fn see_session(&mut self, key: &SessionKey, change: impl FnOnce(&mut Session)) {
        if key.1.is_empty() {
            return;
        }
        let log_time = self.facts.log_time;
        let before = self.facts.sessions.get(key).map(SessionEntry::of);
        let session = self.facts.sessions.entry(key.clone(), || Session::new(key.clone(), log_time));
        session.touched = log_time;
        session.stalled_since = None;
        change(session);
        self.index.session_changed(before, Some(SessionEntry::of(session)));
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
        self.agent_id = AgentId::new(cut_name(&told.agent_id));
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
            self.agent_id = AgentId::new(cut_name(&told.agent_id));
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
