//! Settings: all sections stand on one sheet; the list at the left leads to each.
//!
//! What is shown here is of now, also while a past moment is shown: nobody can set the past.
//!
//! | to find out | open |
//! |---|---|
//! | which sections there are | [`sections`] |
//! | who is let in | [`auth`], [`tokens`] |
//! | what is checked | [`checks`] |
//! | what is kept | [`retention`] |
//! | how a change is sent, and told of | [`doing`] |

mod about;
mod actor_words;
mod actors;
mod answers;
mod appearance;
mod auth;
mod checks;
mod command;
mod connection;
mod diagnostics;
mod doing;
mod keep_form;
mod new_token;
mod next_machine;
mod retention;
mod scales;
mod secret;
mod sections;
mod token_row;
mod tokens;

use std::rc::Rc;

use wasm_bindgen::JsCast as _;
use yew::prelude::*;

use crate::fleet::Reading;
use crate::route::{Route, View};
use crate::world::{use_place, use_shown};
use sections::Section;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct SettingsProps {
    /// The state.
    pub reading: Rc<Reading>,
}

/// The view.
#[component]
pub fn Settings(props: &SettingsProps) -> Html {
    let (place, shown) = (use_place(), use_shown());
    let reading = shown.live.clone().unwrap_or_else(|| Rc::clone(&props.reading));
    let section = place.route.selected.first().and_then(|path| Section::of(path));
    let changed = use_state(|| 0_u32);
    let onchange = {
        let changed = changed.clone();
        Callback::from(move |()| changed.set(*changed + 1))
    };
    // What arrives above a section moves it, so it is brought back until all is there.
    let arrived = use_reducer(Arrived::default);
    let onready = {
        let arrived = arrived.dispatcher();
        use_callback((), move |(), ()| arrived.dispatch(()))
    };
    use_effect_with((section, arrived.0), |(section, _)| {
        if let Some(section) = section {
            reveal(section.path());
        }
    });
    let here = section.unwrap_or(Section::Connection);
    html! {
        <div class="settings">
            <nav class="settings-list" aria-label="Sections">
                { for Section::ALL.map(|one| html! {
                    <a class={classes!("settings-item", (one == here).then_some("here"))} aria-current={(one == here).then_some("true")}
                        href={place.href(Route::to(View::Settings).select([one.path()]))}>{ one.title() }</a>
                }) }
            </nav>
            <div class="column settings-column" tabindex="-1">
                if shown.is_past() { <p class="settings-now">{ "Settings and diagnostics are those of now, not of the moment that is shown." }</p> }
                <connection::Connection />
                <auth::Auth {onchange} onready={onready.clone()} />
                <tokens::Tokens reading={Rc::clone(&reading)} changed={*changed} onready={onready.clone()} />
                <retention::Retention onready={onready.clone()} />
                <appearance::Appearance />
                <about::About reading={Rc::clone(&reading)} />
            </div>
            <div class="column settings-column" tabindex="-1">
                <diagnostics::Diagnostics {reading} {onready} />
                <actors::Actors />
            </div>
        </div>
    }
}

/// How many sections have got what they asked for.
#[derive(Default)]
struct Arrived(u32);

impl Reducible for Arrived {
    type Action = ();

    fn reduce(self: Rc<Self>, (): ()) -> Rc<Self> {
        Rc::new(Self(self.0 + 1))
    }
}

/// Tells once that something is there.
#[hook]
fn use_ready(is: bool, onready: &Callback<()>) {
    let onready = onready.clone();
    use_effect_with(is, move |is| {
        if *is {
            onready.emit(());
        }
    });
}

/// Brings a section to the top of its column, and its word into view where the list is one line.
fn reveal(id: &str) {
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return };
    if let Some(section) = document.get_element_by_id(id) {
        section.scroll_into_view();
    }
    let here = document.query_selector(".settings-item.here").ok().flatten();
    let here = here.and_then(|here| here.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(here) = here
        && let Some(list) = here.parent_element()
    {
        list.set_scroll_left(here.offset_left() - MARGIN);
    }
}

/// Before a word that was brought into view, px.
const MARGIN: i32 = 48;
