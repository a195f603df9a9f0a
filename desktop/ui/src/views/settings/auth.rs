//! Authentication: whether requests need a token, and which.

use serde_json::json;
use yew::prelude::*;

use super::answers::Auth as Told;
use super::doing::use_doing;
use super::secret;
use super::sections::Section;
use super::use_ready;
use crate::client::ask;
use crate::client::history::use_fetched;
use crate::client::token;
use crate::parts::button::{Button, Kind};
use crate::parts::dialog::Dialog;
use crate::parts::field::Field;
use crate::parts::mark::StateMark;
use crate::parts::panel::fetched;
use crate::parts::segmented::{Choice, Segmented};
use crate::say::word::State;
use crate::shell::toasts::{Act, Tell, Toast};
use crate::world::use_shown;

/// The path of all this.
pub const PATH: &str = "/settings/auth";

/// The properties.
#[derive(Properties, PartialEq)]
pub struct AuthProps {
    /// Tells that it was changed.
    pub onchange: Callback<()>,
    /// Tells that it is there.
    pub onready: Callback<()>,
}

/// Authentication.
#[component]
pub fn Auth(props: &AuthProps) -> Html {
    let told = use_fetched::<Told>(Some(PATH.to_owned()));
    use_ready(told.value.is_some(), &props.onready);
    let onchange = {
        let (retry, onchange) = (told.retry.clone(), props.onchange.clone());
        Callback::from(move |()| {
            retry.emit(());
            onchange.emit(());
        })
    };
    html! {
        <section id={Section::Authentication.path()}>
            <h2>{ "Authentication" }</h2>
            { fetched("Authentication", 4, &told, |told| html! { <Form needs_token={told.needs_token()} {onchange} /> }) }
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct FormProps {
    needs_token: bool,
    onchange: Callback<()>,
}

#[component]
fn Form(props: &FormProps) -> Html {
    let shown = use_shown();
    let tell = use_context::<Tell>();
    let needs = props.needs_token;
    let wants = use_state_eq(|| needs);
    let typed = use_state_eq(String::new);
    let keep = use_state_eq(token::is_kept);
    let asks = use_state_eq(|| false);
    let doing = use_doing();
    {
        // Saved, here or elsewhere: the form shows what is.
        let (wants, typed) = (wants.clone(), typed.clone());
        use_effect_with(needs, move |needs| {
            wants.set(*needs);
            typed.set(String::new());
        });
    }
    let oninput = {
        let (typed, doing) = (typed.clone(), doing.clone());
        Callback::from(move |text: String| {
            doing.forget();
            typed.set(text);
        })
    };
    let ongenerate = {
        let oninput = oninput.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(made) = secret::made() {
                oninput.emit(made);
            }
        })
    };
    let onmode = {
        let (wants, doing) = (wants.clone(), doing.clone());
        Callback::from(move |mode: &'static str| {
            doing.forget();
            wants.set(mode == "token");
        })
    };
    let onkeep = {
        let keep = keep.clone();
        Callback::from(move |_: Event| keep.set(!*keep))
    };
    let save = {
        let (doing, onchange, typed, keep, wants) =
            (doing.clone(), props.onchange.clone(), typed.clone(), *keep, *wants);
        Callback::from(move |()| {
            let token = typed.trim().to_owned();
            let body = if wants {
                json!({ "mode": "token", "token": token })
            } else {
                json!({ "mode": "none", "confirm": "DISABLE_AUTH" })
            };
            let (tell, onchange, typed) = (tell.clone(), onchange.clone(), typed.clone());
            doing.start(async move { ask::post::<Told>(PATH, &body).await }, move |_| {
                hold(wants.then_some(token.as_str()), keep);
                typed.set(String::new());
                onchange.emit(());
                if let Some(Tell(toasts)) = tell {
                    let said = if wants {
                        "Token saved. Other pages are asked for it"
                    } else {
                        "Authentication is off"
                    };
                    toasts.dispatch(Act::Add(Toast::done(said)));
                }
            });
        })
    };
    let fault = (*wants && !typed.is_empty()).then(|| secret::fault(&typed)).flatten();
    let why_not = shown
        .why_not()
        .map(AttrValue::Static)
        .or_else(|| unready(needs, *wants, &typed).map(AttrValue::Static));
    let onsave = {
        let (save, asks, wants) = (save.clone(), asks.clone(), *wants);
        Callback::from(move |_: MouseEvent| if wants { save.emit(()) } else { asks.set(true) })
    };
    let close = {
        let asks = asks.clone();
        Callback::from(move |()| asks.set(false))
    };
    let onoff = {
        let (save, asks) = (save, asks.clone());
        Callback::from(move |_: MouseEvent| {
            asks.set(false);
            save.emit(());
        })
    };
    html! { <>
        <p class="lede">{ if needs {
            "Every request needs a token. This one may do everything; the server keeps it in auth.json, which only its own user can read."
        } else {
            "No token is asked for: whoever reaches this address may read and change everything."
        } }</p>
        <div class="setting">
            <span class="setting-name">{ "Mode" }</span>
            <Segmented label="Mode" choices={vec![Choice::new("none", "None"), Choice::new("token", "Token")]} value={if *wants { "token" } else { "none" }} onchange={onmode} />
        </div>
        if *wants {
            <Field id="new-token" label="New token" value={(*typed).clone()} {oninput} fault={fault.map(AttrValue::from)}
                help={needs.then_some("The one that holds now is not shown. A new one takes its place.")}>
                <Button onclick={ongenerate}>{ "Generate" }</Button>
            </Field>
            <div class="setting">
                <span class="setting-name">{ "Remember" }</span>
                <label class="check"><input type="checkbox" checked={*keep} onchange={onkeep} />{ "in this tab until it is closed" }</label>
            </div>
        }
        <div class="setting">
            <span class="setting-name"></span>
            <div class="setting-act"><Button busy={doing.is_busy()} kind={if why_not.is_none() { Kind::Primary } else { Kind::Plain }} {why_not} onclick={onsave}>{ "Save" }</Button>
            if *wants { <span class="help">{ "Open pages are asked for the new token." }</span> }</div>
            </div>
        if let Some(fault) = doing.fault() {
            <p class="fault" role="alert"><StateMark state={State::Down} size={10} quiet=true />{ fault }</p>
        }
        if *asks {
            <Dialog title="Switch authentication off?" onclose={close.clone()} buttons={html! { <>
                <Button focus=true onclick={close.reform(|_| ())}>{ "Keep the token" }</Button>
                <Button kind={Kind::Danger} onclick={onoff}>{ "Switch off" }</Button>
            </> }}>
                { "Whoever reaches this address may then read the fleet and change it, and the token is forgotten. Bridges go on with their own tokens." }
            </Dialog>
        }
    </> }
}

/// Why there is nothing to save.
fn unready(needs: bool, wants: bool, typed: &str) -> Option<&'static str> {
    match (needs, wants) {
        (false, false) => Some("Authentication is off already"),
        (true, true) if typed.trim().is_empty() => Some("Type or generate a new token first"),
        (_, true) if secret::fault(typed).is_some() => Some("The token is too short, or cannot be sent"),
        _ => None,
    }
}

/// This page goes on with what holds now. A token of its own that was made for it still tells who it is.
fn hold(new: Option<&str>, keep: bool) {
    match new {
        Some(new) => token::set(new, keep),
        None if token::get().is_some_and(|token| !token.starts_with("pz_")) => token::set("", false),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::unready;

    #[test]
    fn only_what_changes_something_is_saved() {
        assert!(unready(false, false, "").is_some());
        assert!(unready(true, true, " ").is_some());
        assert!(unready(false, true, "too short").is_some());
        assert_eq!(unready(false, true, "long enough for it"), None);
        assert_eq!(unready(true, false, ""), None);
    }
}
