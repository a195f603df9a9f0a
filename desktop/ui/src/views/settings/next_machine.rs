//! A token that was just made, shown this once, and what to type on the machine that it is for.

use std::rc::Rc;

use yew::prelude::*;

use super::answers::Created;
use super::command::{Address, bridge, opened};
use crate::parts::button::Button;
use crate::parts::code::Code;
use crate::parts::mark::StateMark;
use crate::say::word::State;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct NextMachineProps {
    /// The token.
    pub created: Rc<Created>,
    /// Whether requests need a token.
    pub needs_token: bool,
    /// Hides it.
    pub onclose: Callback<()>,
}

/// What to type.
#[component]
pub fn NextMachine(props: &NextMachineProps) -> Html {
    let Created { about, token } = &*props.created;
    let here = Address::of_page();
    let is_bridge = about.scope == "bridge";
    html! {
        <div class="made" role="status">
            <p class="made-head"><b>{ "The token of " }<bdi>{ &about.name }</bdi>{ " is shown only now." }</b>
                <Button onclick={props.onclose.reform(|_| ())}>{ "Hide it" }</Button></p>
            if !is_bridge {
                <p>{ "Type it where a page asks for a token, or send it as authorization: Bearer." }</p>
                <Code text={token.clone()} prompt="" />
            } else if here.is_loopback() {
                <p><StateMark state={State::Degraded} size={10} />{ format!(" This page was opened at {}, which only this computer can reach. ", here.host) }
                    { "Nothing needs to be opened if the machine can sign in here: on it, first run" }</p>
                <Code text={here.tunnel()} />
                <p>{ "and beside it" }</p>
                <Code text={bridge("http://127.0.0.1:9700", token, about.expires_at)} />
                <p>{ "Or let the server listen wider. In its .env" }
                    if !props.needs_token { { " (a wider one must ask for tokens)" } }{ ", then start it again:" }</p>
                <Code text={opened(props.needs_token)} prompt="" />
                <p class="help">{ "Where no token is asked for, a name instead of an address has to stand in PATZE_ALLOWED_HOSTS as well." }</p>
                <p>{ "and on the machine" }</p>
                <Code text={bridge(&here.for_others(), token, about.expires_at)} />
            } else {
                <p>{ "On that machine:" }</p>
                <Code text={bridge(&here.for_others(), token, about.expires_at)} />
            }
        </div>
    }
}
