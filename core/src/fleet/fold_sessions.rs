//! Sessions: their state changes by session events alone; the newer one wins, also after an end (design §5).

use super::fold_agents::home_of;
use super::index::SessionEntry;
use super::lifecycle::{LifeState, Reopening, Told};
use super::limits::{BACKFILL_AFTER, cut_name};
use super::rows::{Session, SessionKey};
use super::{Change, Fleet, Outcome};
use crate::event::Recorded;
use crate::event::payload::{SessionState, Text};
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
        self.see_session(&key, |session| {
            session.created_at = session.created_at.min(at);
            let told_state = Told { state, at, reason: None, backfilled: is_backfill(event) };
            match session.life.next(told_state, Reopening::Allowed) {
                Ok(life) => session.life = life,
                Err(why) => {
                    outcome = why;
                    return;
                }
            }
            outcome = Outcome::Folded;
            session.last_event_id = EventId::new(event.id);
            session.agent_id = AgentId::new(cut_name(&told.agent_id));
            session.home = home_of(&told.home);
            keep(&mut session.session_key, &told.session_key);
            keep(&mut session.channel, &told.channel);
            keep(&mut session.parent_session_key, &told.parent_session_key);
        });
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
