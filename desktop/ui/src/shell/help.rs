//! The help sheet: every key, and what it does.

use yew::prelude::*;

use crate::parts::button::Button;
use crate::parts::dialog::Dialog;
use crate::route::View;

const KEYS: [(&str, &[(&str, &str)]); 3] = [
    (
        "Find and open",
        &[
            ("Ctrl K", "Palette"),
            ("/", "Search this view"),
            ("j k", "Next and previous row"),
            ("↵", "Open"),
            ("→ ←", "Expand and close"),
            ("u", "Try a failed panel again"),
            ("f", "Follow logs"),
            ("Esc", "Close"),
        ],
    ),
    (
        "The moment",
        &[
            (".", "Back to live"),
            ("@", "Go to a time"),
            ("Shift ← →", "One minute"),
            ("Shift PgUp PgDn", "One hour"),
            ("p", "Replay"),
            ("y", "Copy link to this moment"),
        ],
    ),
    ("The page", &[("?", "This sheet"), ("Shift D", "Light or dark")]),
];

/// The properties.
#[derive(Properties, PartialEq)]
pub struct HelpProps {
    /// Closes it.
    pub onclose: Callback<()>,
}

/// The help sheet.
#[component]
pub fn Help(props: &HelpProps) -> Html {
    let row = |keys: &str, what: &str| {
        html! {
            <tr><td>{ for keys.split(' ').map(|key| html! { <kbd class="key">{ key.to_owned() }</kbd> }) }</td><td>{ what.to_owned() }</td></tr>
        }
    };
    let close = props.onclose.reform(|_: MouseEvent| ());
    html! {
        <Dialog title="Keys" onclose={props.onclose.clone()} buttons={html! { <Button onclick={close}>{ "Close" }</Button> }}>
            <div class="key-sheet">
                <table><caption>{ "Views" }</caption><tbody>
                    { for View::ALL.map(|view| row(&format!("g {}", view.letter()), view.title())) }
                </tbody></table>
                <div>
                    { for KEYS.iter().map(|(title, keys)| html! {
                        <table><caption>{ *title }</caption><tbody>{ for keys.iter().map(|(keys, what)| row(keys, what)) }</tbody></table>
                    }) }
                </div>
            </div>
        </Dialog>
    }
}
