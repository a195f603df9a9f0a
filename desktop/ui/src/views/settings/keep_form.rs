//! The fields that change what is kept.

use serde_json::json;
use yew::prelude::*;

use super::answers::{Keeps, Kept};
use super::doing::use_doing;
use super::scales::{is_less, keep_fault, size_fault};
use crate::client::ask;
use crate::parts::button::{Button, Kind};
use crate::parts::dialog::Dialog;
use crate::parts::field::Field;
use crate::parts::mark::StateMark;
use crate::say::sentence::sentence;
use crate::say::word::State;
use crate::shell::toasts::{Act, Tell, Toast};
use crate::world::use_shown;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct KeepFormProps {
    /// What is kept now.
    pub keep: Keeps,
    /// It was set here, which wins over the environment.
    pub by_user: bool,
    /// Tells what is kept then.
    pub onkept: Callback<Kept>,
}

/// The fields.
#[component]
pub fn KeepForm(props: &KeepFormProps) -> Html {
    let shown = use_shown();
    let tell = use_context::<Tell>();
    let typed = use_state_eq(|| props.keep.clone());
    let asks = use_state_eq(|| false);
    let doing = use_doing();
    {
        let typed = typed.clone();
        use_effect_with(props.keep.clone(), move |keep| typed.set(keep.clone()));
    }
    let set = |change: fn(&mut Keeps, String)| {
        let (typed, doing) = (typed.clone(), doing.clone());
        Callback::from(move |text: String| {
            let mut keeps = (*typed).clone();
            change(&mut keeps, text);
            doing.forget();
            typed.set(keeps);
        })
    };
    let save = {
        let (doing, typed, onkept) = (doing.clone(), typed.clone(), props.onkept.clone());
        Callback::from(move |()| {
            let body = json!({ "heartbeats": typed.heartbeats.trim(), "logs": typed.logs.trim(), "maxSize": typed.max_size.trim() });
            let (tell, onkept) = (tell.clone(), onkept.clone());
            doing.start(async move { ask::post::<Kept>(super::retention::PATH, &body).await }, move |kept| {
                onkept.emit(kept);
                if let Some(Tell(toasts)) = tell {
                    toasts.dispatch(Act::Add(Toast::done("Retention saved")));
                }
            });
        })
    };
    let faults = [keep_fault(&typed.heartbeats), keep_fault(&typed.logs), size_fault(&typed.max_size)];
    let why_not = shown.why_not().or_else(|| {
        if faults.iter().any(Option::is_some) {
            Some("One of the fields cannot be read")
        } else {
            (*typed == props.keep).then_some("Nothing was changed")
        }
    });
    let fault = |i: usize| faults[i].as_deref().map(|fault| AttrValue::from(sentence(fault)));
    let is_less = is_less(texts(&props.keep), texts(&typed));
    let onsave = {
        let (save, asks) = (save.clone(), asks.clone());
        Callback::from(move |_: MouseEvent| if is_less { asks.set(true) } else { save.emit(()) })
    };
    let close = {
        let asks = asks.clone();
        Callback::from(move |()| asks.set(false))
    };
    let ondelete = {
        let asks = asks.clone();
        Callback::from(move |_: MouseEvent| {
            asks.set(false);
            save.emit(());
        })
    };
    html! {
        <div class="keep-form">
            <Field id="keep-heartbeats" label="Heartbeats" value={typed.heartbeats.clone()} oninput={set(|keeps, text| keeps.heartbeats = text)} fault={fault(0)}
                help="48h, 30d, 1y or forever; charts keep their minima, means and maxima" />
            <Field id="keep-logs" label="Log lines" value={typed.logs.clone()} oninput={set(|keeps, text| keeps.logs = text)} fault={fault(1)} help="48h, 30d, 1y or forever" />
            <Field id="keep-size" label="Most in all" value={typed.max_size.clone()} oninput={set(|keeps, text| keeps.max_size = text)} fault={fault(2)}
                help="2GB, 500MB or unlimited; over it the oldest history goes" />
            <div class="setting">
                <span class="setting-name"></span>
                <div class="setting-act"><Button busy={doing.is_busy()} kind={if why_not.is_none() { Kind::Primary } else { Kind::Plain }} why_not={why_not.map(AttrValue::Static)} onclick={onsave}>{ "Save" }</Button>
                <span class="help">{ if props.by_user { "Set here; wins over the environment." } else { "Set by the server's environment." } }</span></div>
            </div>
            if let Some(fault) = doing.fault() {
                <p class="fault" role="alert"><StateMark state={State::Down} size={10} quiet=true />{ fault }</p>
            }
            if *asks {
                <Dialog title="Keep less than now?" onclose={close.clone()} buttons={html! { <>
                    <Button focus=true onclick={close.reform(|_| ())}>{ "Keep as it is" }</Button>
                    <Button kind={Kind::Danger} onclick={ondelete}>{ "Keep less" }</Button>
                </> }}>
                    { "What is too old or too much by these begins to leave at once, and does not come back. Runs, tools and usage stay, unless the size needs them." }
                </Dialog>
            }
        </div>
    }
}

fn texts(keeps: &Keeps) -> [&str; 3] {
    [&keeps.heartbeats, &keeps.logs, &keeps.max_size]
}
