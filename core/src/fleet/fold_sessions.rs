//! Sessions: their state changes by session events alone; the newer one wins, also after an end (design §5).

use super::fold_agents::{agent_key, home_of};
use super::index::SessionEntry;
use super::keys::KeyOf;
use super::lifecycle::{LifeState, Reopening, Told};
use super::limits::{BACKFILL_AFTER, cut, cut_name};
use super::rows::Session;
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
        let session_id = cut(&told.session_id);
        self.note(id, event, &["session ", session_id, ": ", cut(&told.from), " → ", cut(&told.to)]);
        let Some(state) = LifeState::of(&told.to) else { return Outcome::Odd };
        let at = event.effective();
        let mut outcome = Outcome::Stale;
        self.see_session(KeyOf(id, session_id), |session| {
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
            session.agent_id = AgentId::new(cut(&told.agent_id));
            session.home = home_of(&told.home);
            keep(&mut session.session_key, &told.session_key);
            keep(&mut session.channel, &told.channel);
            keep(&mut session.parent_session_key, &told.parent_session_key);
        });
        self.see_agent(&agent_key(id, &told.home, &told.agent_id), at, |_| ());
        changes.push(Change::Session(id.clone(), SessionId::new(session_id)));
        outcome
    }

    /// Notes that a session or one of its runs had an event, and changes the session. Nothing happens for the nameless
    /// session.
    pub(super) fn see_session(&mut self, key: KeyOf<'_>, change: impl FnOnce(&mut Session)) {
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
                session.stalled_since = None;
                change(session);
                index.session_changed(before, session);
            },
        );
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
