//! Connection: where this page came from, how it is connected, and the token that it holds.

use yew::prelude::*;

use super::command::Address;
use super::sections::Section;
use crate::client::live::Link;
use crate::client::token;
use crate::parts::button::Button;
use crate::parts::mark::StateMark;
use crate::say::word::State;
use crate::say::{clock, number, span};
use crate::world::{use_now, use_shown};

/// Connection.
#[component]
pub fn Connection() -> Html {
    let (shown, now) = (use_shown(), use_now());
    let drawn_again = use_state(|| 0_u32);
    let (state, word) = match &shown.link {
        Link::Live => (State::Ok, "Live".to_owned()),
        Link::Asleep => (State::Ok, "Asleep while the tab is hidden".to_owned()),
        Link::Starting => (State::Unknown, "Connecting".to_owned()),
        Link::CatchingUp { at, to, .. } => {
            (State::Unknown, format!("Catching up, {} of {}", number::position(*at), number::position(*to)))
        }
        Link::Offline { since, .. } => {
            (State::Unknown, format!("Offline since {}", clock::near_to_the_second(*since, now)))
        }
        Link::Locked { .. } => (State::Unknown, "A token is needed".to_owned()),
    };
    let position = shown.live.as_ref().map_or(0, |live| live.fleet.position());
    let last = shown.live.as_ref().filter(|_| position > 0).map(|live| live.fleet.log_time());
    let server_now = crate::client::live::now().plus(shown.ahead);
    let held = match (token::get().is_some(), token::is_kept()) {
        (false, _) => "none",
        (true, false) => "in memory, until this page is loaded anew",
        (true, true) => "in this tab, until it is closed",
    };
    let forget = Callback::from(move |_: MouseEvent| {
        token::set("", false);
        drawn_again.set(*drawn_again + 1);
    });
    html! {
        <section id={Section::Connection.path()}>
            <h2>{ "Connection" }</h2>
            <dl class="facts">
                <dt>{ "Server" }</dt><dd><code>{ Address::of_page().origin() }</code></dd>
                <dt>{ "State" }</dt><dd><StateMark {state} quiet=true />{ word }</dd>
                <dt>{ "Last event" }</dt>
                <dd>
                    { number::position(position) }
                    if let Some(last) = last { <span class="quiet">{ ago(server_now.since(last)) }</span> }
                </dd>
                <dt>{ "Token of this page" }</dt>
                <dd>{ held }if token::get().is_some() { <Button onclick={forget}>{ "Forget it" }</Button> }</dd>
            </dl>
        </section>
    }
}

fn ago(ms: i64) -> String {
    if ms < 2_000 { "now".to_owned() } else { format!("{} ago", span::duration(ms / 1_000 * 1_000)) }
}
