//! The order of live rows stands still while the pointer is among them, so that nobody opens what has just moved there.

use yew::prelude::*;

/// The rows to draw.
pub struct Held<K> {
    /// Their keys; those of rows that have left may be among them.
    pub rows: Vec<K>,
    /// How many have come meanwhile.
    pub new: usize,
    /// Goes to the element's `onpointerenter`.
    pub onenter: Callback<PointerEvent>,
    /// Goes to its `onpointerleave`.
    pub onleave: Callback<PointerEvent>,
}

struct Kept<K, Q> {
    question: Q,
    all: usize,
    rows: Vec<K>,
}

/// Holds the order of `rows`, which answer a question. `all` is how many rows there are, drawn or not.
#[hook]
pub fn use_held<K: Clone + 'static, Q: PartialEq + 'static>(
    question: Q,
    all: usize,
    rows: impl FnOnce() -> Vec<K>,
) -> Held<K> {
    let inside = use_state_eq(|| false);
    let kept = use_mut_ref(|| None::<Kept<K, Q>>);
    let mut kept = kept.borrow_mut();
    let (rows, new) = match &*kept {
        Some(kept) if *inside && kept.question == question => {
            (kept.rows.clone(), all.saturating_sub(kept.all))
        }
        _ => {
            let rows = rows();
            *kept = inside.then(|| Kept { question, all, rows: rows.clone() });
            (rows, 0)
        }
    };
    let tell = |is: bool| {
        let inside = inside.clone();
        // A finger leaves when it is lifted.
        Callback::from(move |_: PointerEvent| inside.set(is))
    };
    Held { rows, new, onenter: tell(true), onleave: tell(false) }
}
