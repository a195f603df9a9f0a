//! Runs that are older than what the list shows, read from history page by page.

use std::rc::Rc;

use patze_core::history::RunItem;
use patze_core::time::Timestamp;
use yew::prelude::*;

use super::entry::Entry;
use super::filter::{Filter, Which};
use crate::client::ask::Problem;
use crate::client::pages::use_pages;
use crate::route::encoded;

/// What was read of them.
pub struct Older {
    /// The runs, the newest first.
    pub rows: Rc<Vec<Rc<Entry>>>,
    /// Where the list's own rows end, once older ones were asked for: it must not get shorter meanwhile.
    pub since: Option<Timestamp>,
    /// There are no more.
    pub done: bool,
    /// Some are awaited.
    pub loading: bool,
    /// Why they did not arrive.
    pub problem: Option<Problem>,
    load: Callback<(Timestamp, Timestamp)>,
}

impl Older {
    /// Reads the next ones: those that began before the first time, of a list whose own rows end at the second.
    pub fn loader(&self) -> Callback<(Timestamp, Timestamp)> {
        self.load.clone()
    }
}

/// Which list the older ones belong to.
struct Asked {
    question: String,
    path: String,
    since: Timestamp,
}

/// Runs that are older than the list, for the same filter, as they were at a moment if it is told.
#[hook]
pub fn use_older(filter: &Filter, moment: Option<Timestamp>) -> Older {
    let filters = filters(filter);
    let question = format!("{filters} {} {moment:?}", filter.range.word());
    let pages = use_pages::<RunItem>(&question);
    let asked = use_mut_ref(|| None::<Asked>);
    if asked.borrow().as_ref().is_some_and(|asked| asked.question != question) {
        *asked.borrow_mut() = None;
    }
    let since = asked.borrow().as_ref().map(|asked| asked.since);
    let load = {
        let (load, question) = (pages.load.clone(), question.clone());
        Callback::from(move |(before, since): (Timestamp, Timestamp)| {
            let mut asked = asked.borrow_mut();
            // All pages are of the list that the first one was of.
            let asked = asked.get_or_insert_with(|| Asked {
                question: question.clone(),
                path: format!("/history/runs?limit=100&to={}{filters}", encoded(&before.to_string())),
                since,
            });
            load.emit((asked.path.clone(), None));
        })
    };
    let rows = use_memo((question, pages.items.len()), |_| {
        let entries = pages.items.iter().map(Entry::of_item);
        entries.filter_map(|entry| entry.until(moment)).map(Rc::new).collect()
    });
    Older { rows, since, done: pages.done, loading: pages.loading, problem: pages.problem, load }
}

fn filters(filter: &Filter) -> String {
    let mut text = String::new();
    for (name, value) in [("agentId", &filter.agent), ("machineId", &filter.machine)] {
        if !value.is_empty() {
            text.push_str(&format!("&{name}={}", encoded(value)));
        }
    }
    if filter.which == Which::Failed {
        text.push_str("&state=failed");
    }
    text
}
