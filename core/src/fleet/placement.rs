//! Which session and which run an event touches: what retention must know to let a log line go (design §6).
//!
//! A log line keeps its session and its run in the hot state. Thinning may drop it only if their next touch comes soon
//! enough without it, or too late even with it. So it asks the fold, which alone knows what touches what.

use serde::Deserialize;

use super::Fleet;
use super::limits::cut_name;
use super::rows::{RunKey, SessionKey};
use crate::event::payload::Text;
use crate::event::{EventType, Recorded};
use crate::ids::{MachineId, RunId, SessionId};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    #[serde(borrow, default)]
    session_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    run_id: Option<Text<'a>>,
}

impl Fleet {
    /// The session that `event`, which was folded last, has touched.
    pub fn session_touched_by(&self, event: &Recorded<'_>) -> Option<SessionKey> {
        let named = serde_json::from_str::<Named<'_>>(event.payload).ok()?;
        let machine = MachineId::new(event.machine);
        let key = match EventType::of(event.type_name)? {
            EventType::SessionState | EventType::RunState | EventType::RunLog => {
                (machine, SessionId::new(cut_name(&named.session_id?)))
            }
            EventType::ToolStarted
            | EventType::ToolCompleted
            | EventType::ModelUsage
            | EventType::ResourceUsage
            | EventType::Span => {
                self.facts().runs.get(&(machine, RunId::new(cut_name(&named.run_id?))))?.session_key()
            }
            _ => return None,
        };
        self.facts().sessions.get(&key).filter(|session| session.touched == self.log_time()).map(|_| key)
    }

    /// The run that `event`, which was folded last, has touched.
    pub fn run_touched_by(&self, event: &Recorded<'_>) -> Option<RunKey> {
        use EventType as T;
        let of_a_run = matches!(
            EventType::of(event.type_name)?,
            T::RunState
                | T::RunLog
                | T::ToolStarted
                | T::ToolCompleted
                | T::ModelUsage
                | T::ResourceUsage
                | T::Span
        );
        let named = serde_json::from_str::<Named<'_>>(event.payload).ok().filter(|_| of_a_run)?;
        let key = (MachineId::new(event.machine), RunId::new(cut_name(&named.run_id?)));
        self.facts().runs.get(&key).filter(|run| run.touched == self.log_time()).map(|_| key)
    }

    /// The session and the run that a log line names, whether they are known or not.
    pub fn named_by_line(event: &Recorded<'_>) -> (Option<SessionKey>, Option<RunKey>) {
        let Ok(named) = serde_json::from_str::<Named<'_>>(event.payload) else { return (None, None) };
        let machine = || MachineId::new(event.machine);
        let session = named.session_id.filter(|session| !session.is_empty());
        let run = named.run_id.filter(|run| !run.is_empty());
        (
            session.map(|session| (machine(), SessionId::new(cut_name(&session)))),
            run.map(|run| (machine(), RunId::new(cut_name(&run)))),
        )
    }
}
