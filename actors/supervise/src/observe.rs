//! What `GET /actors` shows: the observable state of every actor, read without asking any of them.
//!
//! Whoever runs actors keeps their states in slots of its own and registers itself with the [`Directory`]; reading is
//! a short lock a slot. So an actor that hangs is shown like any other, with the mailbox that fills up before it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use patze_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// Where an actor is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Its key is accepted; its factory has not returned yet. What it is told waits in its mailbox.
    Starting,
    /// It runs.
    Running,
    /// It failed and waits for its restart. What it is told is refused.
    Backoff,
    /// It said that it is done, or was asked to stop. It is gone from the next listing on.
    Stopping,
}

/// How full a mailbox is, in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mailbox {
    /// Messages that wait now.
    pub depth: usize,
    /// The most that may wait; what is told beyond is refused.
    pub capacity: usize,
}

/// One actor, as `GET /actors` shows it. Live, not recorded: gone on restart of the process (design §1).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActorState {
    /// What sort of actor: `machine`, `session`, `eventLog`, …
    pub kind: &'static str,
    /// Which one of its kind.
    pub key: String,
    /// Where it is in its life.
    pub state: State,
    /// When that state began.
    pub since: Timestamp,
    /// What the actor last published about itself; null until it has. Through a backoff it is what the failed
    /// instance published.
    pub detail: Value,
    /// How full its mailbox is.
    pub mailbox: Mailbox,
    /// How often it was restarted since its key was started.
    pub restarts: u64,
    /// Why it last failed, cut to 2 KiB.
    pub last_error: Option<String>,
}

/// Something that runs actors and knows their states: a supervisor, or a thread that lives like an actor.
pub trait Observed: Send + Sync {
    /// The states of all its actors now. Waits for none of them.
    fn states(&self) -> Vec<ActorState>;
}

/// All that is [`Observed`] in this process. Clones are the same directory; it keeps nothing alive.
#[derive(Clone, Default)]
pub struct Directory(Arc<Mutex<Vec<Weak<dyn Observed>>>>);

// === impl Directory ===

impl Directory {
    /// Shows `observed` until it is dropped.
    pub fn add(&self, observed: Weak<dyn Observed>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.strong_count() > 0);
        all.push(observed);
    }

    /// The states of all actors, in the order in which their supervisors were added.
    pub fn states(&self) -> Vec<ActorState> {
        let all: Vec<_> = {
            let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.iter().filter_map(Weak::upgrade).collect()
        };
        all.iter().flat_map(|observed| observed.states()).collect()
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Writer(&'static str);

    impl Observed for Writer {
        fn states(&self) -> Vec<ActorState> {
            vec![ActorState {
                kind: "eventLog",
                key: self.0.to_owned(),
                state: State::Running,
                since: Timestamp::EPOCH,
                detail: serde_json::json!({"position": 7}),
                mailbox: Mailbox { depth: 1, capacity: 2 },
                restarts: 0,
                last_error: None,
            }]
        }
    }

    #[test]
    fn shows_what_lives_and_keeps_nothing_alive() {
        let directory = Directory::default();
        let (one, other): (Arc<dyn Observed>, Arc<dyn Observed>) =
            (Arc::new(Writer("one")), Arc::new(Writer("other")));
        directory.add(Arc::downgrade(&one));
        let clone = directory.clone();
        clone.add(Arc::downgrade(&other));
        let keys = || directory.states().into_iter().map(|state| state.key).collect::<Vec<_>>();
        assert_eq!(keys(), ["one", "other"]);
        drop(one);
        assert_eq!(keys(), ["other"]);
    }

    #[test]
    fn written_as_the_api_says() {
        assert_eq!(
            serde_json::to_string(&Writer("").states()).unwrap(),
            concat!(
                r#"[{"kind":"eventLog","key":"","state":"running","since":"1970-01-01T00:00:00.000Z","#,
                r#""detail":{"position":7},"mailbox":{"depth":1,"capacity":2},"restarts":0,"lastError":null}]"#
            )
        );
    }
}
