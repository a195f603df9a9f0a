//! Lines of each level in the time that is shown: told where the answers at hand are whole, and not asked for otherwise.

use patze_core::history::LogItem;

use super::book::Book;
use super::query::{LEVELS, place};

/// Lines of each level, where they are known. `severe` are the lines that matter, if these are all of them.
pub fn counts(book: &Book, severe: Option<&[LogItem]>) -> [Option<u64>; LEVELS.len()] {
    let mut counts = [None; LEVELS.len()];
    if let Some(lines) = severe {
        let mut count = |i: usize| {
            counts[i] = Some(lines.iter().filter(|line| place(line.level) == i).count() as u64);
        };
        count(2);
        count(3);
    }
    let Some((query, _)) = &book.asked else { return counts };
    if book.is_whole() && query.text.is_empty() && query.until.is_none() {
        for (i, level) in LEVELS.iter().enumerate() {
            if query.levels.names().contains(level) {
                counts[i] = Some(book.lines.iter().filter(|line| place(line.level) == i).count() as u64);
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

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
        assert_eq!(counts(&book("", None), None), [None, Some(2), Some(0), Some(0)]);
        assert_eq!(counts(&book("", Some("more")), None), [None; 4]);
        assert_eq!(counts(&book("x", None), None), [None; 4], "hits are not all lines");
        let mut warn = item(1);
        warn.level = patze_core::event::Severity::Warn;
        assert_eq!(counts(&book("", Some("more")), Some(&[warn])), [None, None, Some(1), Some(0)]);
    }
}
