//! A list of history that is read page by page, as far as somebody wants to see.

use std::cell::RefCell;
use std::rc::Rc;

use patze_core::history::{Answer, Page};
use serde::de::DeserializeOwned;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::ask::{self, Problem};
use crate::route::encoded;

/// What was read so far.
pub struct Pages<T> {
    /// The rows, in the list's order.
    pub items: Rc<Vec<T>>,
    /// A page was read.
    pub begun: bool,
    /// There is nothing more.
    pub done: bool,
    /// A page is awaited.
    pub loading: bool,
    /// Why the last one did not arrive.
    pub problem: Option<Problem>,
    /// Reads the next page of this path, which is the same for all pages; the first one from this cursor on, if it is told.
    pub load: Callback<(String, Option<String>)>,
}

struct Read<T> {
    question: String,
    items: Rc<Vec<T>>,
    next: Option<String>,
    begun: bool,
    loading: bool,
    problem: Option<Problem>,
}

impl<T> Read<T> {
    fn of(question: String) -> Self {
        Self { question, items: Rc::new(Vec::new()), next: None, begun: false, loading: false, problem: None }
    }
}

/// Pages of a list. Another `question` begins anew; nothing is read before it is asked for.
#[hook]
pub fn use_pages<T: DeserializeOwned + Clone + 'static>(question: &str) -> Pages<T> {
    let drawn = use_force_update();
    let read = use_mut_ref(|| Read::<T>::of(question.to_owned()));
    if read.borrow().question != question {
        *read.borrow_mut() = Read::of(question.to_owned());
    }
    let load = {
        let read = Rc::clone(&read);
        Callback::from(move |(path, first): (String, Option<String>)| {
            let Some((asked, path)) = begin(&read, path, first.as_deref()) else { return };
            drawn.force_update();
            let (read, drawn) = (Rc::clone(&read), drawn.clone());
            spawn_local(async move {
                let answer = ask::get::<Answer<Page<T>>>(&path).await;
                if end(&read, &asked, answer) {
                    drawn.force_update();
                }
            });
        })
    };
    let read = read.borrow();
    Pages {
        items: Rc::clone(&read.items),
        begun: read.begun,
        done: read.begun && read.next.is_none(),
        loading: read.loading,
        problem: read.problem.clone(),
        load,
    }
}

/// One page at a time: the question that it answers, and its path; none if there is nothing to ask.
fn begin<T>(read: &RefCell<Read<T>>, path: String, first: Option<&str>) -> Option<(String, String)> {
    let mut read = read.borrow_mut();
    if read.loading || (read.begun && read.next.is_none()) {
        return None;
    }
    (read.loading, read.problem) = (true, None);
    let path = match read.next.as_deref().or(first) {
        Some(next) => format!("{path}&cursor={}", encoded(next)),
        None => path,
    };
    Some((read.question.clone(), path))
}

/// Takes an answer, unless another question was asked meanwhile.
fn end<T: Clone>(read: &RefCell<Read<T>>, asked: &str, answer: Result<Answer<Page<T>>, Problem>) -> bool {
    let mut read = read.borrow_mut();
    if read.question != asked {
        return false;
    }
    read.loading = false;
    match answer {
        Ok(answer) => {
            Rc::make_mut(&mut read.items).extend(answer.answer.items);
            (read.next, read.begun) = (answer.answer.next, true);
        }
        Err(problem) => read.problem = Some(problem),
    }
    true
}

#[cfg(test)]
mod tests {
    use patze_core::history::Progress;

    use super::*;

    fn page(items: &[u8], next: Option<&str>) -> Result<Answer<Page<u8>>, Problem> {
        let answer = Page { items: items.to_vec(), next: next.map(str::to_owned) };
        Ok(Answer { answer, progress: Progress::default() })
    }

    #[test]
    fn pages_follow_each_other_until_there_are_no_more() {
        let read = RefCell::new(Read::of("all".to_owned()));
        let begin = |first: Option<&str>| begin(&read, "/x?a=1".to_owned(), first);
        assert_eq!(begin(None), Some(("all".to_owned(), "/x?a=1".to_owned())));
        assert_eq!(begin(None), None, "one at a time");
        assert!(end(&read, "all", page(&[1, 2], Some("c/1"))));
        assert_eq!(begin(Some("b")).unwrap().1, "/x?a=1&cursor=c%2F1");
        assert!(end(&read, "all", Err(Problem::Late)));
        assert!(begin(None).is_some(), "what failed can be asked for again");
        assert!(!end(&read, "other", page(&[9], None)), "an answer to what is no longer asked");
        assert!(end(&read, "all", page(&[3], None)));
        assert_eq!(begin(None), None);
        assert_eq!(*read.borrow().items, [1, 2, 3]);
        let read = RefCell::new(Read::<u8>::of(String::new()));
        let from = super::begin(&read, "/x?a=1".to_owned(), Some("b"));
        assert_eq!(from.unwrap().1, "/x?a=1&cursor=b", "a list whose begin is known");
    }
}
