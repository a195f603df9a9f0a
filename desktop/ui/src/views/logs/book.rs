//! The lines that are loaded: asked for page by page, from the newest back. Newer ones come only when they are asked for.

use std::rc::Rc;

use patze_core::history::{Answer, LogItem, Page, Progress};
use yew::prelude::*;

use super::line::Roll;
use super::newer::LineKey;
use super::query::{Bounds, Query};
use crate::client::ask::Problem;

/// Lines of a page, the server's most.
pub const PAGE: usize = 200;
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
