//! A row of the list. One whose line stays the same is not drawn again.

use patze_core::time::Timestamp;
use wasm_bindgen::JsCast as _;
use yew::prelude::*;

use super::entry;
use super::line::Line;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct RowProps {
    /// The line.
    pub line: Line,
    /// The name of its machine.
    pub machine: AttrValue,
    /// When today began.
    pub today: Timestamp,
    /// Its place among all, from 0.
    pub place: usize,
    /// How many are loaded, if these are all.
    pub of: Option<usize>,
    /// It is the one that Tab comes to.
    pub active: bool,
    /// Opens it.
    pub onopen: Callback<u64>,
}

/// A row.
#[component]
pub fn Row(props: &RowProps) -> Html {
    let RowProps { line, machine, today, place, of, active, onopen } = props;
    let onclick = {
        let (onopen, position) = (onopen.clone(), line.position);
        Callback::from(move |_: MouseEvent| {
            if !is_text_selected() {
                onopen.emit(position);
            }
        })
    };
    html! {
        <li class={classes!("entry", entry::class(line.level))} tabindex={if *active { "0" } else { "-1" }} data-line={line.position.to_string()}
            aria-posinset={(place + 1).to_string()} aria-setsize={of.map_or_else(|| "-1".to_owned(), |of| of.to_string())} {onclick}>
            { entry::cells(line, machine, *today, entry::message(line)) }
        </li>
    }
}

/// Whoever has just marked text to copy it does not want a row to open.
fn is_text_selected() -> bool {
    let selected = || {
        let window = web_sys::window()?;
        let get: js_sys::Function =
            js_sys::Reflect::get(&window, &"getSelection".into()).ok()?.dyn_into().ok()?;
        let selection = get.call0(&window).ok()?;
        js_sys::Reflect::get(&selection, &"isCollapsed".into()).ok()?.as_bool().map(|collapsed| !collapsed)
    };
    selected().unwrap_or(false)
}
