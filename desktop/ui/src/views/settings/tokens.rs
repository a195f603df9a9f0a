//! Bridge tokens: who else is let in, until when; new ones, shown once; and an end to old ones.

use std::rc::Rc;

use yew::prelude::*;

use super::answers::{Auth, Created, Token, Tokens as Told};
use super::doing::use_doing;
use super::new_token::NewToken;
use super::next_machine::NextMachine;
use super::sections::Section;
use super::token_row::TokenRow;
use super::use_ready;
use crate::client::ask;
use crate::client::history::use_fetched;
use crate::fleet::Reading;
use crate::parts::button::{Button, Kind};
use crate::parts::dialog::Dialog;
use crate::parts::mark::StateMark;
use crate::parts::panel::fetched;
use crate::route::encoded;
use crate::say::number;
use crate::say::word::State;
use crate::shell::toasts::{Act, Tell, Toast};
use crate::world::use_shown;

/// The path of all this.
pub const PATH: &str = "/settings/tokens";

/// The properties.
#[derive(Properties, PartialEq)]
pub struct TokensProps {
    /// The newest state.
    pub reading: Rc<Reading>,
    /// Counts the changes of authentication, which decide how another machine gets in.
    pub changed: u32,
    /// Tells that they are there.
    pub onready: Callback<()>,
}

/// Bridge tokens.
#[component]
pub fn Tokens(props: &TokensProps) -> Html {
    let shown = use_shown();
    let told = use_fetched::<Told>(Some(PATH.to_owned()));
    use_ready(told.value.is_some(), &props.onready);
    let auth = use_fetched::<Auth>(Some(super::auth::PATH.to_owned()));
    let making = use_state_eq(|| false);
    let made = use_state(|| None::<Rc<Created>>);
    let ending = use_state(|| None::<Token>);
    let with_ended = use_state_eq(|| false);
    {
        let retry = auth.retry.clone();
        use_effect_with(props.changed, move |changed| {
            if *changed > 0 {
                retry.emit(());
            }
        });
    }
    let set = |state: &UseStateHandle<bool>, value: bool| {
        let state = state.clone();
        Callback::from(move |()| state.set(value))
    };
    let onmade = {
        let (made, making, retry) = (made.clone(), making.clone(), told.retry.clone());
        Callback::from(move |created: Created| {
            making.set(false);
            made.set(Some(Rc::new(created)));
            retry.emit(());
        })
    };
    let onend = {
        let ending = ending.clone();
        Callback::from(move |token: Token| ending.set(Some(token)))
    };
    let onended = {
        let (ending, retry) = (ending.clone(), told.retry.clone());
        Callback::from(move |done: bool| {
            ending.set(None);
            if done {
                retry.emit(());
            }
        })
    };
    let onread = {
        let made = made.clone();
        Callback::from(move |()| made.set(None))
    };
    let needs_token = auth.value.as_ref().is_some_and(|auth| auth.needs_token());
    html! {
        <section id={Section::Tokens.path()} class="wide">
            <h2>{ "Bridge tokens" }<span class="aside"></span>
                <Button why_not={shown.why_not().map(AttrValue::Static)} onclick={set(&making, true).reform(|_: MouseEvent| ())}>{ "Create" }</Button>
            </h2>
            if let Some(created) = &*made { <NextMachine created={Rc::clone(created)} {needs_token} onclose={onread} /> }
            { fetched("Tokens", 4, &told, |told| table(told, &props.reading, &onend, &with_ended)) }
            if *making { <NewToken reading={Rc::clone(&props.reading)} {onmade} onclose={set(&making, false)} /> }
            if let Some(token) = &*ending { <EndToken token={token.clone()} onclose={onended} /> }
        </section>
    }
}

fn table(
    told: &Told,
    reading: &Rc<Reading>,
    onend: &Callback<Token>,
    with_ended: &UseStateHandle<bool>,
) -> Html {
    let mut shown: Vec<&Token> = told.tokens.iter().filter(|token| token.is_live()).collect();
    let ended = told.tokens.len() - shown.len();
    if **with_ended {
        shown.extend(told.tokens.iter().filter(|token| !token.is_live()));
    }
    let onmore = {
        let with_ended = with_ended.clone();
        Callback::from(move |_: MouseEvent| with_ended.set(!*with_ended))
    };
    html! { <>
        if shown.is_empty() {
            <p class="none">{ "No token yet. A bridge on another machine needs one where this server asks for tokens." }</p>
        } else {
            <table class="table plain">
                <thead><tr>
                    <th scope="col">{ "Name" }</th><th scope="col">{ "May" }</th><th scope="col">{ "Expires" }</th>
                    <th scope="col" data-tip="The last event of its machine" data-tip-more="By which token it came is not recorded">{ "Last heard" }</th>
                    <th scope="col" class="token-act"><span class="unseen">{ "Revoke" }</span></th>
                </tr></thead>
                <tbody>
                    { for shown.into_iter().map(|token| html! {
                        <TokenRow key={token.id.clone()} token={token.clone()} machine={machine(token, reading)} heard={heard(token, reading)} onend={onend.clone()} />
                    }) }
                </tbody>
            </table>
        }
        if ended > 0 {
            <p class="more"><button type="button" class="link" onclick={onmore}>
                { if **with_ended { "Hide those that ended".to_owned() } else { format!("{} ended", number::of(ended, "token", "tokens")) } }
            </button></p>
        }
    </> }
}

/// The name of its machine, where the token is called otherwise.
fn machine(token: &Token, reading: &Reading) -> Option<AttrValue> {
    let id = token.machine_id.as_deref()?;
    let name = reading.machine_name(&id.into());
    (name != token.name).then(|| name.into())
}

fn heard(token: &Token, reading: &Reading) -> Option<patze_core::time::Timestamp> {
    let id = token.machine_id.as_deref()?;
    reading.fleet.facts().machines.get(&id.into()).map(|machine| machine.touched)
}

#[derive(Properties, PartialEq)]
struct EndTokenProps {
    token: Token,
    /// Whether it was revoked.
    onclose: Callback<bool>,
}

/// Asks before a token is revoked.
#[component]
fn EndToken(props: &EndTokenProps) -> Html {
    let EndTokenProps { token, onclose } = props;
    let tell = use_context::<Tell>();
    let doing = use_doing();
    let keep = onclose.reform(|()| false);
    let onrevoke = {
        let (doing, onclose, token) = (doing.clone(), onclose.clone(), token.clone());
        Callback::from(move |_: MouseEvent| {
            let path = format!("{PATH}/{}", encoded(&token.id));
            let (tell, onclose, name) = (tell.clone(), onclose.clone(), token.name.clone());
            doing.start(async move { ask::delete(&path).await }, move |()| {
                onclose.emit(true);
                if let Some(Tell(toasts)) = tell {
                    toasts.dispatch(Act::Add(Toast::done(&format!("The token of {name} is revoked"))));
                }
            });
        })
    };
    let what = if token.scope == "bridge" {
        "Its bridge keeps collecting and spools on disk until it gets a new one. Nothing is lost."
    } else {
        "Pages and programs that use it are refused at once, and its open streams end within a second."
    };
    html! {
        <Dialog title={format!("Revoke the token of {}?", token.name)} onclose={keep.clone()} buttons={html! { <>
            <Button focus=true onclick={keep.reform(|_: MouseEvent| ())}>{ "Keep" }</Button>
            <Button kind={Kind::Danger} busy={doing.is_busy()} onclick={onrevoke}>{ "Revoke" }</Button>
        </> }}>
            { what }
            if let Some(fault) = doing.fault() {
                <p class="fault" role="alert"><StateMark state={State::Down} size={10} quiet=true />{ fault }</p>
            }
        </Dialog>
    }
}
