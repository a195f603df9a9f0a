//! Something that was asked of the server: whether it is under way, and why it did not work.

use std::future::Future;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::client::ask::Problem;
use crate::say::sentence::sentence;

/// What is under way.
#[derive(Clone)]
pub struct Doing {
    busy: UseStateHandle<bool>,
    problem: UseStateHandle<Option<Problem>>,
}

/// Nothing under way.
#[hook]
pub fn use_doing() -> Doing {
    Doing { busy: use_state_eq(|| false), problem: use_state_eq(|| None) }
}

impl Doing {
    /// Asks; `done` hears of what came, if it worked.
    pub fn start<T: 'static>(
        &self,
        asked: impl Future<Output = Result<T, Problem>> + 'static,
        done: impl FnOnce(T) + 'static,
    ) {
        let (busy, problem) = (self.busy.clone(), self.problem.clone());
        busy.set(true);
        problem.set(None);
        spawn_local(async move {
            let answer = asked.await;
            busy.set(false);
            match answer {
                Ok(answer) => done(answer),
                Err(fault) => problem.set(Some(fault)),
            }
        });
    }

    /// Whether it is under way.
    pub fn is_busy(&self) -> bool {
        *self.busy
    }

    /// Why it did not work, as a sentence.
    pub fn fault(&self) -> Option<AttrValue> {
        self.problem.as_ref().map(|problem| in_words(problem).into())
    }

    /// Forgets why it did not work: it was changed.
    pub fn forget(&self) {
        self.problem.set(None);
    }
}

/// Why something was refused, in the page's words where the server's are for somebody at a shell.
pub fn in_words(problem: &Problem) -> String {
    match problem.code() {
        "open_bind" => "This server listens wider than its own computer, so it keeps asking for a token: else everybody who reaches \
                        it could do everything. To need none, let it listen on 127.0.0.1 only (HOST), or set PATZE_ALLOW_OPEN=1."
            .to_owned(),
        "forbidden" => format!("This needs an admin token, or a page on the server's own computer. {}", sentence(&problem.to_string())),
        "unauthorized" => "The token of this page is not taken any more. Load the page anew to type another one.".to_owned(),
        "overloaded" | "unavailable" => format!("Nothing was changed. {}", sentence(&problem.to_string())),
        _ => sentence(&problem.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, message: &str) -> Problem {
        Problem::Refused { status: 400, code: code.to_owned(), message: message.to_owned(), horizon: None }
    }

    #[test]
    fn refusals_are_told_in_words() {
        assert!(in_words(&refused("open_bind", "x")).contains("127.0.0.1"));
        assert_eq!(
            in_words(&refused("invalid_expiry", "the token would have ended")),
            "The token would have ended."
        );
        assert!(in_words(&refused("forbidden", "without a token")).ends_with("Without a token."));
    }
}
