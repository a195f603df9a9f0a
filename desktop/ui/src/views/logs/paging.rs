//! How the book is filled: one question at a time, and none whose answer comes too late counts.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use patze_core::time::Timestamp;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::book::{Act, Book, Lines, PAGE};
use super::newer::LineKey;
use super::query::Query;
use crate::client::ask::{self, Problem};
use crate::client::live;

/// History follows the log by itself; what was not in it yet is asked for so often, so many ms later.
const LAG: (u32, u32) = (6, 250);

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
    turn: Rc<RefCell<u32>>,
    busy: Rc<RefCell<bool>>,
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
