//! The steps of sub-agents' runs, read from history as their lines are shown.

use std::collections::BTreeMap;
use std::rc::Rc;

use patze_core::fleet::rows::RunKey;
use patze_core::history::{Answer, Timeline};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::tree::Branches;
use crate::client::ask;
use crate::parts::same::Same;
use crate::route::encoded;

/// The path of a run's timeline.
pub fn path(key: &RunKey) -> String {
    format!("/history/runs/{}/timeline?machineId={}", encoded(key.1.as_str()), encoded(key.0.as_str()))
}

/// What has arrived.
#[derive(Default)]
struct Known(Rc<Branches>);

struct Arrived(RunKey, Timeline);

impl Reducible for Known {
    type Action = Arrived;

    fn reduce(self: Rc<Self>, Arrived(key, timeline): Arrived) -> Rc<Self> {
        let mut branches = (*self.0).clone();
        branches.insert(key, Rc::new(timeline));
        Rc::new(Self(Rc::new(branches)))
    }
}

/// Reads what `wanted` names of what is known already, and again what has changed since. One that does not arrive is left
/// out: its line stands there without steps.
#[hook]
pub fn use_branches(wanted: impl FnOnce(&Branches) -> Vec<(RunKey, String)>) -> Same<Branches> {
    let known = use_reducer(Known::default);
    let asked = use_mut_ref(BTreeMap::<RunKey, String>::new);
    let wanted = wanted(&known.0);
    {
        let known = known.dispatcher();
        use_effect_with(wanted, move |wanted| {
            for (key, stamp) in wanted {
                if asked.borrow().get(key) == Some(stamp) {
                    continue;
                }
                asked.borrow_mut().insert(key.clone(), stamp.clone());
                let (key, known) = (key.clone(), known.clone());
                spawn_local(async move {
                    if let Ok(answer) = ask::get::<Answer<Timeline>>(&path(&key)).await {
                        known.dispatch(Arrived(key, answer.answer));
                    }
                });
            }
        });
    }
    Same(Rc::clone(&known.0))
}
