//! The dialog that makes a token: for whom, what it may, until when.

use std::rc::Rc;

use serde_json::json;
use yew::prelude::*;

use super::answers::Created;
use super::doing::use_doing;
use crate::client::ask;
use crate::fleet::Reading;
use crate::parts::button::{Button, Kind};
use crate::parts::dialog::Dialog;
use crate::parts::field::Field;
use crate::parts::mark::StateMark;
use crate::parts::segmented::{Choice, Segmented};
use crate::say::word::State;
use crate::world::use_shown;

/// Lifetimes as the server reads them, and as they are shown.
const LIVES: [(&str, &str); 4] =
    [("7d", "7\u{a0}d"), ("90d", "90\u{a0}d"), ("365d", "1\u{a0}year"), ("never", "never")];

/// The properties.
#[derive(Properties, PartialEq)]
pub struct NewTokenProps {
    /// The newest state.
    pub reading: Rc<Reading>,
    /// Tells what was made.
    pub onmade: Callback<Created>,
    /// Closes it.
    pub onclose: Callback<()>,
}

/// The dialog.
#[component]
pub fn NewToken(props: &NewTokenProps) -> Html {
    let shown = use_shown();
    let (name, scope, machine, life) = (
        use_state_eq(String::new),
        use_state_eq(|| "bridge"),
        use_state_eq(String::new),
        use_state_eq(|| "90d"),
    );
    let doing = use_doing();
    let make = {
        let (doing, onmade) = (doing.clone(), props.onmade.clone());
        let mut body = json!({ "name": name.trim(), "scope": *scope, "expiresIn": *life });
        if *scope == "bridge" && !machine.is_empty() {
            body["machineId"] = machine.as_str().into();
        }
        let ready = !name.trim().is_empty() && !doing.is_busy() && shown.may_change();
        Callback::from(move |()| {
            if !ready {
                return;
            }
            let (body, onmade) = (body.clone(), onmade.clone());
            doing.start(
                async move { ask::post::<Created>(super::tokens::PATH, &body).await },
                move |created| onmade.emit(created),
            );
        })
    };
    let choose = |state: &UseStateHandle<&'static str>| {
        let state = state.clone();
        Callback::from(move |value: &'static str| state.set(value))
    };
    let oninput = {
        let (name, doing) = (name.clone(), doing.clone());
        Callback::from(move |text| {
            doing.forget();
            name.set(text);
        })
    };
    let onmachine = {
        let machine = machine.clone();
        Callback::from(move |event: Event| {
            machine.set(
                event
                    .target_dyn_into::<web_sys::HtmlSelectElement>()
                    .map(|select| select.value())
                    .unwrap_or_default(),
            );
        })
    };
    let why_not = shown.why_not().or_else(|| name.trim().is_empty().then_some("Give it a name first"));
    let what = match *scope {
        "bridge" => "It may send the events of one machine, and ask for its commands. It reads nothing.",
        "read" => "It may ask every question, and change nothing.",
        _ => "It may do everything. Keep it off the machines.",
    };
    html! {
        <Dialog title="Create a token" onclose={props.onclose.clone()} buttons={html! { <>
            <Button onclick={props.onclose.reform(|_| ())}>{ "Cancel" }</Button>
            <Button kind={Kind::Primary} busy={doing.is_busy()} why_not={why_not.map(AttrValue::Static)} onclick={make.reform(|_| ())}>{ "Create" }</Button>
        </> }}>
            <div class="token-form">
                <Field id="token-name" label="Name" value={(*name).clone()} {oninput} onenter={make.clone()} hint={if *scope == "bridge" { "the machine it is for" } else { "who it is for" }}
                    fault={doing.fault()} focus=true />
                <div class="setting">
                    <span class="setting-name">{ "May" }</span>
                    <Segmented label="May" value={*scope} onchange={choose(&scope)}
                        choices={vec![Choice::new("bridge", "Send events"), Choice::new("read", "Read"), Choice::new("admin", "Everything")]} />
                </div>
                if *scope == "bridge" {
                    <div class="setting">
                        <label class="setting-name" for="token-machine">{ "Machine" }</label>
                        <select id="token-machine" class="select" onchange={onmachine}>
                            <option value="" selected={machine.is_empty()}>{ "the first that uses it" }</option>
                            { for props.reading.machines().into_iter().map(|known| html! {
                                <option value={known.machine_id.to_string()} selected={*machine == known.machine_id.as_str()}>{ props.reading.machine_name(&known.machine_id) }</option>
                            }) }
                        </select>
                    </div>
                }
                <div class="setting">
                    <span class="setting-name">{ "Expires" }</span>
                    <Segmented label="Expires" value={*life} onchange={choose(&life)} choices={LIVES.map(|(value, label)| Choice::new(value, label)).to_vec()} />
                </div>
                <p class="help">if *scope == "admin" { <StateMark state={State::Degraded} size={10} quiet=true /> }{ what }</p>
            </div>
        </Dialog>
    }
}
