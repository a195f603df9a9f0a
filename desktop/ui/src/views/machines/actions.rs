//! What may be done to a machine: rename, pause or resume, forget. Each asks first.

use std::rc::Rc;

use patze_core::fleet::rows::Machine;
use yew::prelude::*;

use super::dialogs::{Forget, Pause, Rename};
use crate::parts::button::{Button, Kind};
use crate::world::use_shown;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct ActionsProps {
    /// The machine.
    pub machine: Rc<Machine>,
}

/// Which dialog is open.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    Rename,
    Pause,
    Forget,
}

/// The buttons, and the dialog of one of them.
#[component]
pub fn Actions(props: &ActionsProps) -> Html {
    let machine = &props.machine;
    let why_not = use_shown().why_not();
    let asked = use_state(|| None::<Asked>);
    let ask = |what: Asked| {
        let asked = asked.clone();
        Callback::from(move |_: MouseEvent| asked.set(Some(what)))
    };
    let onclose = {
        let asked = asked.clone();
        Callback::from(move |()| asked.set(None))
    };
    html! {
        <section class="machine-actions" aria-label="Actions">
            <Button onclick={ask(Asked::Rename)} why_not={why_not}>{ "Rename" }</Button>
            <Button onclick={ask(Asked::Pause)} why_not={why_not}>{ if machine.paused { "Resume" } else { "Pause" } }</Button>
            <Button kind={Kind::Danger} onclick={ask(Asked::Forget)} why_not={why_not}>{ "Forget" }</Button>
            if why_not.is_none() {
                { match *asked {
                    Some(Asked::Rename) => html! { <Rename machine={Rc::clone(machine)} {onclose} /> },
                    Some(Asked::Pause) => html! { <Pause machine={Rc::clone(machine)} {onclose} /> },
                    Some(Asked::Forget) => html! { <Forget machine={Rc::clone(machine)} {onclose} /> },
                    None => Html::default(),
                } }
            }
        </section>
    }
}
