//! The runs of a session: read from history, the newest page first, and as the fleet knows them now.

use std::collections::BTreeMap;
use std::rc::Rc;

use patze_core::history::{Page, RunItem};
use patze_core::ids::RunId;
use patze_core::time::{MINUTE, Timestamp};
use yew::prelude::*;

use super::super::runs::entry::Entry as Run;
use super::entry::Entry;
use super::happenings::Numbered;
use crate::client::ask::Problem;
use crate::client::history::use_fetched_at;
use crate::client::pages::use_pages;
use crate::fleet::Reading;
use crate::route::encoded;

/// Runs that are read at once.
const PAGE: usize = 20;
/// Runs that go on among which those of the session are looked for.
const LOOKED_AT: usize = 500;

/// The runs of a session.
pub struct RunsOf {
    /// By begin.
    pub runs: Vec<Numbered>,
    /// There are none before them.
    pub from_start: bool,
    /// The first page is here.
    pub known: bool,
    /// Why one is not.
    pub problem: Option<Problem>,
    /// Asks for it again.
    pub retry: Callback<()>,
    /// Reads earlier ones.
    pub earlier: Callback<MouseEvent>,
    /// They are awaited.
    pub loading: bool,
}

/// What was seen of a session's runs, by begin.
#[derive(Default)]
struct Seen {
    path: String,
    runs: BTreeMap<(Timestamp, RunId), Run>,
}

/// The runs of a session at a moment, or now.
#[hook]
pub fn use_runs_of(reading: &Rc<Reading>, session: &Rc<Entry>, moment: Option<Timestamp>) -> RunsOf {
    // What history must know of: all that the session did. Of one that has been quiet, it does.
    let (position, log_time) = (reading.fleet.position(), reading.fleet.log_time());
    let needed =
        use_memo(
            Rc::clone(session),
            |session| if log_time.since(session.touched) < MINUTE { position } else { 0 },
        );
    let path = path(session, moment);
    let first = use_fetched_at::<Page<RunItem>>(Some(path.clone()), *needed);
    let pages = use_pages::<RunItem>(&path);
    let seen = use_mut_ref(Seen::default);
    let mut seen = seen.borrow_mut();
    // The answer may still be of the session before.
    let is_of_it =
        |item: &&RunItem| item.session_id == session.session_id && item.machine_id == session.machine_id;
    if seen.path != path {
        *seen = Seen { path: path.clone(), runs: BTreeMap::new() };
    }
    let page = first.value.as_ref().map(|answer| &answer.answer);
    let items =
        page.into_iter().flat_map(|page| page.items.iter()).chain(pages.items.iter()).filter(is_of_it);
    for run in items.map(Run::of_item).chain(active(reading, session)) {
        seen.runs.insert((run.began, run.run_id.clone()), run);
    }
    let now =
        |run: &Run| reading.run(&run.key()).and_then(Run::of).unwrap_or_else(|| run.clone()).until(moment);
    let runs: Vec<Rc<Run>> = seen.runs.values().filter_map(now).map(Rc::new).collect();
    let next = page.and_then(|page| page.next.clone());
    let from_start = page.is_some() && (next.is_none() || pages.done);
    let known = page.is_some() && !(first.loading && runs.is_empty());
    let earlier = {
        let load = pages.load.clone();
        Callback::from(move |_: MouseEvent| load.emit((path.clone(), next.clone())))
    };
    RunsOf {
        runs: numbered(runs, from_start, session.runs),
        from_start,
        known,
        problem: first.problem.or(pages.problem),
        retry: first.retry,
        earlier,
        loading: pages.loading,
    }
}

/// The fleet's runs of the session that go on: history may not know of them yet.
fn active(reading: &Reading, session: &Entry) -> Vec<Run> {
    let n = reading.fleet.index().session_runs(&session.key()).active;
    if n == 0 {
        return Vec::new();
    }
    let runs = reading.active_runs.iter().take(LOOKED_AT).filter_map(|(_, key)| reading.run(key));
    let own = runs.filter(|run| run.session_id == session.session_id && run.machine_id == session.machine_id);
    own.filter_map(Run::of).take(n).collect()
}

/// Numbers runs from the first one, or back from the last one if the first ones are not there. `all` is how many the
/// session had.
fn numbered(runs: Vec<Rc<Run>>, from_start: bool, all: u64) -> Vec<Numbered> {
    let n = runs.len() as u64;
    let before = if from_start { 0 } else { all.saturating_sub(n) };
    runs.into_iter().zip(before + 1..).map(|(run, number)| Numbered { number, run }).collect()
}

fn path(session: &Entry, moment: Option<Timestamp>) -> String {
    let mut path = format!(
        "/history/runs?machineId={}&sessionId={}&limit={PAGE}",
        encoded(session.machine_id.as_str()),
        encoded(session.session_id.as_str())
    );
    if let Some(moment) = moment {
        path.push_str(&format!("&to={}", encoded(&moment.plus(1).to_string())));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::super::super::runs::entry::tests::ended;
    use super::*;

    #[test]
    fn the_first_run_is_number_one_also_if_it_is_not_there() {
        let runs = || vec![Rc::new(ended("a", 0, 1)), Rc::new(ended("b", 2, 3))];
        let numbers = |runs: Vec<Numbered>| runs.iter().map(|run| run.number).collect::<Vec<_>>();
        assert_eq!(numbers(numbered(runs(), true, 9)), [1, 2]);
        assert_eq!(numbers(numbered(runs(), false, 9)), [8, 9]);
        assert_eq!(numbers(numbered(runs(), false, 0)), [1, 2], "odd counts do no harm");
    }
}
