//! Lines of each level in the time that is shown: told where the answers at hand are whole, and not asked for otherwise.

use std::rc::Rc;

use patze_core::event::Severity;
use patze_core::time::Timestamp;
use yew::prelude::*;

use super::book::{Book, Lines, PAGE};
use super::levels::{LEVELS, Levels, place};
use super::query::Query;
use crate::client::history::use_fetched;

/// Lines of each level, where they are known. `told` are all lines of some levels, and the places of those among [`LEVELS`].
pub fn counts<const N: usize>(
    book: &Book,
    told: [(&Option<Rc<Lines>>, &[usize]); N],
) -> [Option<u64>; LEVELS.len()] {
    let of = |lines: &mut dyn Iterator<Item = Severity>, i: usize| {
        lines.filter(|level| place(*level) == i).count() as u64
    };
    let mut counts = [None; LEVELS.len()];
    for (lines, places) in told {
        let Some(lines) = lines else { continue };
        for i in places {
            counts[*i] = Some(of(&mut lines.answer.items.iter().map(|line| line.level), *i));
        }
    }
    let Some((query, _)) = &book.asked else { return counts };
    if book.is_whole() && query.text.is_empty() && query.until.is_none() {
        for (i, level) in LEVELS.iter().enumerate() {
            if query.levels.names().contains(level) {
                counts[i] = Some(of(&mut book.lines.iter().map(|line| line.level), i));
            }
        }
    }
    counts
}

/// All lines of some levels in the time that is shown, if they are no more than a page.
#[hook]
pub fn use_level(
    levels: &'static str,
    book: &Book,
    query: &Query,
    moment: Option<Timestamp>,
    now: Timestamp,
) -> Option<Rc<Lines>> {
    // Asked when a list is, and not while somebody types.
    let narrowed = Query { text: String::new(), until: None, levels: Levels::default(), ..query.clone() };
    let path = use_memo((narrowed, moment, book.turn > 0), |(narrowed, moment, asked)| {
        asked.then(|| narrowed.level_path(Levels::of(levels), *moment, now, PAGE))
    });
    let lines = use_fetched::<Lines>((*path).clone());
    lines.value.filter(|lines| lines.answer.next.is_none())
}

#[cfg(test)]
mod tests {
    use patze_core::history::{Answer, Page, Progress};
    use yew::Reducible as _;

    use super::super::book::Act;
    use super::super::line::tests::item;
    use super::super::query::{Bounds, Query};
    use super::*;

    fn book(text: &str, next: Option<&str>) -> Rc<Book> {
        let query = Query { text: text.to_owned(), ..Query::default() };
        let lines = Page { items: vec![item(2), item(1)], next: next.map(str::to_owned) };
        let lines = Answer { answer: lines, progress: Progress::default() };
        Rc::new(Book::default())
            .reduce(Act::Begin(query, Bounds::default(), None))
            .reduce(Act::First(lines, 1))
    }

    #[test]
    fn only_what_is_known_is_told() {
        assert_eq!(counts(&book("", None), []), [None, Some(2), Some(0), Some(0)]);
        assert_eq!(counts(&book("", Some("more")), []), [None; 4]);
        assert_eq!(counts(&book("x", None), []), [None; 4], "hits are not all lines");
        let mut warn = item(1);
        warn.level = Severity::Warn;
        let page = Page { items: vec![warn], next: None };
        let severe = Some(Rc::new(Answer { answer: page, progress: Progress::default() }));
        let told = counts(&book("", Some("more")), [(&severe, &[2, 3]), (&None, &[0])]);
        assert_eq!(told, [None, None, Some(1), Some(0)]);
    }
}
