//! The runs that a filter takes, in their three orders, kept up to date by what changes.

use std::rc::Rc;

use patze_core::fleet::rows::RunKey;
use patze_core::ids::LogId;
use patze_core::time::Timestamp;
use yew::prelude::*;

use super::filter::{Filter, Which};
use crate::fleet::picked::Picked;
use crate::fleet::{Order, Reading};

/// The runs that a filter takes.
#[derive(Clone)]
pub struct Lists {
    /// Those that go on, whenever they began.
    pub active: Order<RunKey>,
    /// Those that are over.
    pub ended: Order<RunKey>,
    /// Of those, the ones that failed.
    pub failed: Order<RunKey>,
}

impl Lists {
    /// How many there are in a state.
    pub fn count(&self, which: Which) -> usize {
        match which {
            Which::All => self.active.len() + self.ended.len(),
            Which::Active => self.active.len(),
            Which::Failed => self.failed.len(),
        }
    }

    /// Those in a state: active ones on top, then by begin.
    pub fn keys(&self, which: Which) -> Box<dyn Iterator<Item = &RunKey> + '_> {
        let rows: Box<dyn Iterator<Item = _>> = match which {
            Which::All => Box::new(self.active.iter().chain(self.ended.iter())),
            Which::Active => Box::new(self.active.iter()),
            Which::Failed => Box::new(self.failed.iter()),
        };
        Box::new(rows.map(|(_, key)| key))
    }

    /// When the oldest of those that are over began.
    pub fn oldest(&self, which: Which) -> Option<Timestamp> {
        let order = if which == Which::Failed { &self.failed } else { &self.ended };
        order.get_max().map(|(began, _)| began.0)
    }
}

#[derive(Clone, PartialEq)]
struct Question {
    log_id: LogId,
    agent: String,
    machine: String,
}

#[derive(Default)]
struct Kept {
    active: Picked<RunKey, Question>,
    ended: Picked<RunKey, Question>,
    failed: Picked<RunKey, Question>,
}

/// The runs of `reading` that `filter` takes and that did not begin before `since`.
#[hook]
pub fn use_lists(reading: &Rc<Reading>, filter: &Filter, since: Timestamp) -> Lists {
    let kept = use_mut_ref(Kept::default);
    let kept = &mut *kept.borrow_mut();
    let question = Question {
        log_id: reading.log_id.clone(),
        agent: filter.agent.clone(),
        machine: filter.machine.clone(),
    };
    let fits = |key: &RunKey| {
        (filter.machine.is_empty() || key.0.as_str() == filter.machine)
            && (filter.agent.is_empty()
                || reading.run(key).is_some_and(|run| run.agent_id.as_str() == filter.agent))
    };
    Lists {
        active: kept.active.follow(&reading.active_runs, &question, None, fits),
        ended: kept.ended.follow(&reading.ended_runs, &question, Some(since), fits),
        failed: kept.failed.follow(&reading.failed_runs, &question, Some(since), fits),
    }
}
