//! How a view asks history: the answer of a path, kept while the next one is awaited, so that nothing jumps.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use patze_core::history::Answer;
use serde::de::DeserializeOwned;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::ask::{self, Problem};

/// History follows the log within moments; one that was too old is asked for again after this.
const REASK_MS: u32 = 500;

/// What is known of an answer.
pub struct Fetched<T> {
    /// The newest one, perhaps of the path before.
    pub value: Option<Rc<T>>,
    /// Why there is no newer one.
    pub problem: Option<Problem>,
    /// One is awaited.
    pub loading: bool,
    /// Asks again.
    pub retry: Callback<()>,
}

/// Asks a path, and again whenever it changes. Nothing is asked without one. What did not arrive is asked for once more.
#[hook]
pub fn use_fetched<T: DeserializeOwned + 'static>(path: Option<String>) -> Fetched<T> {
    let value = use_state(|| None::<Rc<T>>);
    let problem = use_state(|| None::<Problem>);
    let loading = use_state(|| path.is_some());
    let round = use_state(|| 0_u32);
    // What is asked for now: answers to others come too late.
    let current = use_mut_ref(|| None::<(String, u32)>);
    {
        let (value, problem, loading) = (value.clone(), problem.clone(), loading.clone());
        use_effect_with((path, *round), move |(path, round)| {
            let asked = path.clone().map(|path| (path, *round));
            (*current.borrow_mut()).clone_from(&asked);
            if let Some(asked) = asked {
                loading.set(true);
                spawn_local(async move {
                    let answer = match ask::get::<T>(&asked.0).await {
                        Err(Problem::Unreachable | Problem::Late) if is_current(&current, &asked) => {
                            ask::get::<T>(&asked.0).await
                        }
                        answer => answer,
                    };
                    if !is_current(&current, &asked) {
                        return;
                    }
                    loading.set(false);
                    match answer {
                        Ok(answer) => {
                            value.set(Some(Rc::new(answer)));
                            problem.set(None);
                        }
                        Err(fault) => problem.set(Some(fault)),
                    }
                });
            } else {
                loading.set(false);
            }
        });
    }
    let retry = {
        let round = round.clone();
        Callback::from(move |()| round.set(*round + 1))
    };
    Fetched { value: (*value).clone(), problem: (*problem).clone(), loading: *loading, retry }
}

/// The same of a thing that changed at position `needed`: what history does not know of yet is asked for again. 0 takes
/// whatever it knows.
#[hook]
pub fn use_fetched_at<T: DeserializeOwned + 'static>(
    path: Option<String>,
    needed: u64,
) -> Fetched<Answer<T>> {
    let mut fetched = use_fetched::<Answer<T>>(path);
    let position = fetched.value.as_ref().map_or(0, |answer| answer.progress.position);
    let is_unknown_yet = needed > 0 && matches!(fetched.problem, Some(Problem::Refused { status: 404, .. }));
    let is_old =
        position < needed && (is_unknown_yet || (fetched.value.is_some() && fetched.problem.is_none()));
    let retry = fetched.retry.clone();
    use_effect_with(is_old && !fetched.loading, move |is_old| {
        let timer = is_old.then(|| Timeout::new(REASK_MS, move || retry.emit(())));
        move || drop(timer)
    });
    if is_unknown_yet {
        fetched.problem = None;
    }
    fetched
}

fn is_current(current: &RefCell<Option<(String, u32)>>, asked: &(String, u32)) -> bool {
    current.borrow().as_ref() == Some(asked)
}
