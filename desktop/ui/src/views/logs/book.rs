//! The lines that are loaded: asked for page by page, from the newest back. Newer ones come only when they are asked for.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use patze_core::history::{Answer, LogItem, Page, Progress};
use patze_core::time::Timestamp;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::line::Roll;
use super::newer::LineKey;
use super::query::{Bounds, Query};
use crate::client::ask::{self, Problem};
use crate::client::live;

/// Lines of a page, the server's most.
pub const PAGE: usize = 200;
/// History follows the log by itself; what was not in it yet is asked for so often, so many ms later.
const LAG: (u32, u32) = (6, 250);

/// Some lines and how far history was.
pub type Lines = Answer<Page<LogItem>>;

/// What is loaded.
#[derive(Clone, Default)]
pub struct Book {
    /// What was asked, and of which time.
    pub asked: Option<(Query, Bounds)>,
    /// The lines.
    pub lines: Roll,
    /// What the next page is asked by; none if these are all.
    pub next: Option<String>,
    /// Something is awaited.
    pub loading: bool,
    /// The lines are those of the question before.
    pub stale: bool,
    /// Why there are no others.
    pub problem: Option<Problem>,
    /// How long the first page took, ms.
    pub took: i64,
    /// How far history was.
    pub progress: Progress,
    /// The newest line of the live fleet when the newest page was asked for.
    pub anchor: Option<LineKey>,
    /// Counts the lists: another one begins at its top.
    pub turn: u32,
}

/// What happens to it.
pub enum Act {
    /// Another list is asked for.
    Begin(Query, Bounds, Option<LineKey>),
    /// More is asked for.
    Wait,
    /// The first page of a list came, after so many ms.
    First(Lines, i64),
    /// Older lines came.
    Older(Lines),
    /// The first page came again.
    Again(Lines, Option<LineKey>),
    /// It did not.
    Failed(Problem),
}

impl Reducible for Book {
    type Action = Act;

    fn reduce(self: Rc<Self>, act: Act) -> Rc<Self> {
        let mut book = Rc::unwrap_or_clone(self);
        match act {
            Act::Begin(query, bounds, anchor) => {
                (book.asked, book.anchor) = (Some((query, bounds)), anchor);
                (book.loading, book.stale, book.problem) = (true, true, None);
                book.turn += 1;
            }
            Act::Wait => (book.loading, book.problem) = (true, None),
            Act::First(lines, took) => {
                book.stale = false;
                book.took = took;
                book.take(lines, Roll::of);
            }
            Act::Older(lines) => {
                let known = book.lines.clone();
                book.take(lines, |items| known.with_older(items));
            }
            Act::Again(lines, anchor) => {
                book.anchor = anchor;
                let is_all = lines.answer.next.is_none();
                match book.lines.with_newer(lines.answer.items.clone(), is_all) {
                    Some(newer) => {
                        (book.lines, book.loading, book.problem) = (newer, false, None);
                        book.progress = lines.progress;
                    }
                    // So much has come that there is a hole: the list begins anew.
                    None => book.take(lines, Roll::of),
                }
            }
            Act::Failed(problem) => (book.loading, book.problem) = (false, Some(problem)),
        }
        book.into()
    }
}

impl Book {
    fn take(&mut self, lines: Lines, roll: impl FnOnce(Vec<LogItem>) -> Roll) {
        let Answer { answer: Page { items, next }, progress } = lines;
        (self.lines, self.next, self.progress) = (roll(items), next, progress);
        (self.loading, self.problem) = (false, None);
    }

    /// Whether all there is of the list is loaded.
    pub fn is_whole(&self) -> bool {
        self.asked.is_some() && !self.stale && self.next.is_none()
    }

    /// Why what was typed cannot be searched for, in the server's words.
    pub fn search_fault(&self) -> Option<&str> {
        match &self.problem {
            Some(Problem::Refused { code, message, .. }) if code == "invalid_search" => Some(message),
            _ => None,
        }
    }
}

/// Where the live fleet is.
#[derive(Clone, Default)]
pub struct Head {
    /// Its position.
    pub position: u64,
    /// Its newest line.
    pub newest: Option<LineKey>,
}

/// What a book can be asked for.
#[derive(Clone, PartialEq)]
pub struct Ask {
    /// The next page.
    pub older: Callback<()>,
    /// What is newer than the list, added to it.
    pub newer: Callback<()>,
    /// The list anew.
    pub anew: Callback<()>,
}

/// The lines of a query, at a moment if it is not now. `now` and `head` are looked at when something is asked.
#[hook]
pub fn use_book(
    query: &Query,
    moment: Option<Timestamp>,
    now: Timestamp,
    head: Head,
) -> (UseReducerHandle<Book>, Ask) {
    let book = use_reducer(Book::default);
    let round = use_state(|| 0_u32);
    // Answers of another turn come too late; one question of a turn is open at a time.
    let turn = use_mut_ref(|| 0_u32);
    let busy = use_mut_ref(|| false);
    let latest = use_mut_ref(|| (Timestamp::EPOCH, Head::default()));
    *latest.borrow_mut() = (now, head);
    {
        let (turn, busy, latest, book) = (turn.clone(), busy.clone(), latest.clone(), book.dispatcher());
        use_effect_with((query.clone(), moment, *round), move |(query, moment, _)| {
            let (now, head) = latest.borrow().clone();
            let bounds = query.bounds(*moment, now);
            let mine = *turn.borrow() + 1;
            *turn.borrow_mut() = mine;
            *busy.borrow_mut() = true;
            book.dispatch(Act::Begin(query.clone(), bounds, head.newest.clone()));
            let path = query.path(bounds, PAGE, None);
            let live = moment.is_none();
            spawn_local(async move {
                let begun = live::now();
                let answer = patient(&path).await;
                if *turn.borrow() != mine {
                    return;
                }
                *busy.borrow_mut() = false;
                let mut progress = answer.as_ref().map(|lines| lines.progress).unwrap_or_default();
                book.dispatch(match answer {
                    Ok(lines) => Act::First(lines, live::now().since(begun)),
                    Err(problem) => Act::Failed(problem),
                });
                let (tries, pause) = LAG;
                for _ in 0..tries {
                    if !live
                        || progress.rebuilding
                        || progress.position == 0
                        || progress.position >= head.position
                    {
                        break;
                    }
                    TimeoutFuture::new(pause).await;
                    let Ok(lines) = ask::get::<Lines>(&path).await else { break };
                    if *turn.borrow() != mine {
                        break;
                    }
                    progress = lines.progress;
                    book.dispatch(Act::Again(lines, head.newest.clone()));
                }
            });
        });
    }
    let older = {
        let (turn, busy, handle) = (turn.clone(), busy.clone(), book.dispatcher());
        let asked = book.asked.clone().zip(book.next.clone()).filter(|_| !book.stale);
        use_callback(asked, move |(), asked| {
            let Some(((query, bounds), cursor)) = asked else { return };
            if !*busy.borrow() {
                handle.dispatch(Act::Wait);
            }
            let path = query.path(*bounds, PAGE, Some(cursor));
            ask_once(path, turn.clone(), busy.clone(), handle.clone(), Act::Older);
        })
    };
    let newer = {
        let (turn, busy, handle) = (turn, busy, book.dispatcher());
        let asked = book.asked.clone().filter(|_| !book.stale);
        use_callback(asked, move |(), asked| {
            let Some((query, bounds)) = asked else { return };
            let anchor = latest.borrow().1.newest.clone();
            let path = query.path(*bounds, PAGE, None);
            ask_once(path, turn.clone(), busy.clone(), handle.clone(), move |lines| {
                Act::Again(lines, anchor)
            });
        })
    };
    let anew = use_callback(*round, move |(), before| round.set(before + 1));
    (book, Ask { older, newer, anew })
}

/// Asks, unless something is being asked.
fn ask_once(
    path: String,
    turn: Rc<std::cell::RefCell<u32>>,
    busy: Rc<std::cell::RefCell<bool>>,
    book: UseReducerDispatcher<Book>,
    act: impl FnOnce(Lines) -> Act + 'static,
) {
    if busy.replace(true) {
        return;
    }
    let mine = *turn.borrow();
    spawn_local(async move {
        let answer = patient(&path).await;
        if *turn.borrow() != mine {
            return;
        }
        *busy.borrow_mut() = false;
        book.dispatch(match answer {
            Ok(lines) => act(lines),
            Err(problem) => Act::Failed(problem),
        });
    });
}

/// Asks, and once more if nothing came.
async fn patient(path: &str) -> Result<Lines, Problem> {
    match ask::get::<Lines>(path).await {
        Err(Problem::Unreachable | Problem::Late) => ask::get::<Lines>(path).await,
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::item;
    use super::*;

    fn lines(positions: &[u64], next: Option<&str>) -> Lines {
        let items = positions.iter().map(|position| item(*position)).collect();
        Answer { answer: Page { items, next: next.map(str::to_owned) }, progress: Progress::default() }
    }

    fn after(acts: impl IntoIterator<Item = Act>) -> Rc<Book> {
        acts.into_iter().fold(Rc::new(Book::default()), Reducible::reduce)
    }

    fn begun() -> Act {
        Act::Begin(Query::default(), Bounds::default(), None)
    }

    fn positions(book: &Book) -> Vec<u64> {
        book.lines.iter().map(|line| line.position).collect()
    }

    #[test]
    fn pages_are_added_and_the_old_list_stays_until_there_is_a_new_one() {
        let book = after([begun(), Act::First(lines(&[9, 8], Some("a")), 6), Act::Wait]);
        assert!(book.loading && !book.is_whole());
        let book = book.reduce(Act::Older(lines(&[7], None)));
        assert_eq!((positions(&book), book.is_whole()), (vec![9, 8, 7], true));
        let book = book.reduce(begun());
        assert_eq!((positions(&book), book.stale, book.turn), (vec![9, 8, 7], true, 2));
        let book = book.reduce(Act::First(lines(&[], None), 1));
        assert!(positions(&book).is_empty() && !book.stale);
    }

    #[test]
    fn newer_lines_are_put_before_and_a_hole_begins_the_list_anew() {
        let book = after([begun(), Act::First(lines(&[9, 8], Some("a")), 6)]);
        let book = book.reduce(Act::Again(lines(&[11, 10, 9], Some("b")), None));
        assert_eq!((positions(&book), book.next.as_deref()), (vec![11, 10, 9, 8], Some("a")));
        let book = book.reduce(Act::Again(lines(&[30, 29], Some("c")), None));
        assert_eq!((positions(&book), book.next.as_deref()), (vec![30, 29], Some("c")));
    }

    #[test]
    fn a_search_that_is_refused_is_a_fault_of_the_field() {
        let refused = Problem::Refused {
            status: 400,
            code: "invalid_search".to_owned(),
            message: "a double quote is not closed".to_owned(),
            horizon: None,
        };
        let book = after([begun(), Act::Failed(refused)]);
        assert_eq!(book.search_fault(), Some("a double quote is not closed"));
        assert_eq!(after([begun(), Act::Failed(Problem::Late)]).search_fault(), None);
    }
}
