//! The dialogs that say what an action on a machine brings about.

use std::rc::Rc;

use patze_core::fleet::rows::Machine;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::name_of;
use crate::client::ask;
use crate::parts::button::{Button, Kind};
use crate::parts::dialog::Dialog;
use crate::parts::field::Field;
use crate::route::{Route, View, encoded};
use crate::shell::toasts::{Act, Tell, Toast};
use crate::world::use_place;

/// The longest name, as the server has it.
const MOST_CHARS: usize = 128;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct DialogProps {
    /// The machine.
    pub machine: Rc<Machine>,
    /// Closes it.
    pub onclose: Callback<()>,
}

/// What is sent, and what is told when it was done, or not.
#[derive(Clone)]
struct Deed {
    /// The last part of the path.
    verb: &'static str,
    body: Value,
    done: String,
    failed: String,
}

/// Does a deed, tells how it went, and closes the dialog. The flag is set while it is being done.
#[hook]
fn use_deed(machine: &Machine, then: Callback<()>) -> (bool, Callback<Deed>) {
    let busy = use_state(|| false);
    let tell = use_context::<Tell>();
    let id = machine.machine_id.clone();
    let act = {
        let busy = busy.clone();
        Callback::from(move |deed: Deed| {
            let (busy, tell, then) = (busy.clone(), tell.clone(), then.clone());
            let path = format!("/machines/{}/{}", encoded(id.as_str()), deed.verb);
            busy.set(true);
            spawn_local(async move {
                let toast = match ask::post::<IgnoredAny>(&path, &deed.body).await {
                    Ok(_) => Toast::done(&deed.done),
                    Err(problem) => Toast::failed(&deed.failed, &problem.to_string()),
                };
                let is_done = toast.text.is_empty();
                if let Some(Tell(toasts)) = tell {
                    toasts.dispatch(Act::Add(toast));
                }
                busy.set(false);
                if is_done {
                    then.emit(());
                }
            });
        })
    };
    (*busy, act)
}

/// Gives a machine another name.
#[component]
pub fn Rename(props: &DialogProps) -> Html {
    let DialogProps { machine, onclose } = props;
    let name = name_of(machine);
    let typed = use_state(|| name.clone());
    let (busy, act) = use_deed(machine, onclose.clone());
    let fault = fault(&typed);
    let submit = {
        let (typed, before, is_bad) = (typed.clone(), name.clone(), fault.is_some());
        move || {
            let text = typed.trim().to_owned();
            if is_bad || busy {
                return;
            }
            let done = if text.is_empty() {
                format!("{before} has the name again that its bridge tells")
            } else {
                format!("{before} is called {text} now")
            };
            let body = json!({ "name": (!text.is_empty()).then_some(text) });
            act.emit(Deed { verb: "rename", body, done, failed: format!("{before} was not renamed") });
        }
    };
    let (on_enter, on_click) = (submit.clone(), submit);
    let oninput = {
        let typed = typed.clone();
        Callback::from(move |text: String| typed.set(text))
    };
    let reported = machine.reported_name.as_ref().map_or_else(
        || "its id".to_owned(),
        |name| format!("“\u{2068}{name}\u{2069}”, which its bridge tells"),
    );
    html! {
        <Dialog title={format!("Rename \u{2068}{name}\u{2069}?")} onclose={onclose.clone()} buttons={html! { <>
            <Button onclick={onclose.reform(|_| ())}>{ "Keep the name" }</Button>
            <Button kind={Kind::Primary} {busy} onclick={move |_| on_click()}>{ "Rename" }</Button>
        </> }}>
            <p>{ format!("The name is shown wherever the machine is. Nothing changes on the machine itself. An empty field brings back {reported}.") }</p>
            <Field id="machine-name" label="Name" value={(*typed).clone()} {oninput} fault={fault.map(AttrValue::Static)} onenter={move |()| on_enter()} />
        </Dialog>
    }
}

/// Pauses a machine, or resumes it.
#[component]
pub fn Pause(props: &DialogProps) -> Html {
    let DialogProps { machine, onclose } = props;
    let name = name_of(machine);
    let (busy, act) = use_deed(machine, onclose.clone());
    let paused = machine.paused;
    let deed = if paused {
        Deed {
            verb: "resume",
            body: json!({}),
            done: format!("{name} is watched again"),
            failed: format!("{name} was not resumed"),
        }
    } else {
        Deed {
            verb: "pause",
            body: json!({}),
            done: format!("{name} is paused"),
            failed: format!("{name} was not paused"),
        }
    };
    let (question, text, keep, go) = if paused {
        (
            "Resume",
            "It counts in health again, raises attention, and is called down when its heartbeats stop.",
            "Keep it paused",
            "Resume",
        )
    } else {
        (
            "Pause",
            "Its data is still taken. Until it is resumed it counts in no health, raises no attention, and is not called down when it is silent.",
            "Keep watching",
            "Pause",
        )
    };
    html! {
        <Dialog title={format!("{question} \u{2068}{name}\u{2069}?")} onclose={onclose.clone()} buttons={html! { <>
            <Button onclick={onclose.reform(|_| ())}>{ keep }</Button>
            <Button kind={Kind::Primary} {busy} onclick={act.reform(move |_| deed.clone())}>{ go }</Button>
        </> }}>
            <p>{ text }</p>
        </Dialog>
    }
}

/// Forgets a machine, once its name was typed.
#[component]
pub fn Forget(props: &DialogProps) -> Html {
    let DialogProps { machine, onclose } = props;
    let place = use_place();
    let name = name_of(machine);
    let typed = use_state(String::new);
    let then = {
        let (place, onclose) = (place, onclose.clone());
        Callback::from(move |()| {
            onclose.emit(());
            place.go.emit(Route::to(View::Machines));
        })
    };
    let (busy, act) = use_deed(machine, then);
    let is_meant = typed.trim() == name.trim() || typed.trim() == machine.machine_id.as_str();
    let deed = Deed {
        verb: "forget",
        body: json!({}),
        done: format!("{name} is forgotten"),
        failed: format!("{name} was not forgotten"),
    };
    let oninput = {
        let typed = typed.clone();
        Callback::from(move |text: String| typed.set(text))
    };
    let why_not = (!is_meant).then_some("Type its name first");
    html! {
        <Dialog title={format!("Forget \u{2068}{name}\u{2069}?")} onclose={onclose.clone()} buttons={html! { <>
            <Button onclick={onclose.reform(|_| ())}>{ "Keep it" }</Button>
            <Button kind={Kind::Danger} {busy} why_not={why_not} onclick={act.reform(move |_| deed.clone())}>{ "Forget" }</Button>
        </> }}>
            <p>{ "It leaves this page with its agents, sessions and runs. If its bridge still runs, it is back as a new machine with the next heartbeat: stop the bridge first. The log keeps all that it told." }</p>
            <Field id="machine-forget" label="Type its name to forget it" hint={name} value={(*typed).clone()} {oninput} />
        </Dialog>
    }
}

/// What is wrong with a name, by the server's rules.
fn fault(name: &str) -> Option<&'static str> {
    if name.chars().any(char::is_control) {
        Some("A name has no control characters")
    } else if name.trim().chars().count() > MOST_CHARS {
        Some("A name has at most 128 characters")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn a_name_is_refused_as_by_the_server() {
        assert_eq!(fault("büro 2 🦀"), None);
        assert_eq!(fault(""), None, "brings the reported name back");
        assert!(fault("a\nb").is_some());
        assert!(fault(&"x".repeat(129)).is_some());
    }
}
