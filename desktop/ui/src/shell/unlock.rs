//! What stands there while the server asks for a token.

use yew::prelude::*;

use crate::client::token;
use crate::parts::button::{Button, Kind};
use crate::parts::field::Field;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct UnlockProps {
    /// Whether the server has refused one.
    pub tried: bool,
    /// Connects with what was typed.
    pub try_now: Callback<()>,
}

/// Asks for the token.
#[component]
pub fn Unlock(props: &UnlockProps) -> Html {
    let typed = use_state(String::new);
    let keep = use_state(token::is_kept);
    let changed = use_state(|| false);
    let unlock = {
        let (typed, keep, changed, try_now) =
            (typed.clone(), keep.clone(), changed.clone(), props.try_now.clone());
        Callback::from(move |()| {
            if !typed.trim().is_empty() {
                token::set(typed.trim(), *keep);
                changed.set(false);
                try_now.emit(());
            }
        })
    };
    let oninput = {
        let (typed, changed) = (typed.clone(), changed.clone());
        Callback::from(move |text| {
            typed.set(text);
            changed.set(true);
        })
    };
    let onkeep = {
        let keep = keep.clone();
        Callback::from(move |_: Event| keep.set(!*keep))
    };
    let fault = (props.tried && !*changed)
        .then(|| AttrValue::from("This token is not taken. It is wrong, revoked or expired."));
    html! {
        <section class="unlock">
            <h2>{ "This control plane asks for a token." }</h2>
            <p>{ "Somebody who may use it can make one: " }<code>{ "patze token create --name me --scope read" }</code></p>
            <Field id="token" label="Token" kind="password" value={(*typed).clone()} {oninput} onenter={unlock.clone()} {fault} focus=true>
                <Button kind={Kind::Primary} onclick={unlock.reform(|_| ())}>{ "Open" }</Button>
            </Field>
            <label class="check"><input type="checkbox" checked={*keep} onchange={onkeep} />{ "Remember in this tab until it is closed" }</label>
        </section>
    }
}
