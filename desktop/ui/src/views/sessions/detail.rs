//! The chosen session: what it is, its figures, and what happened in it.

use std::rc::Rc;

use patze_core::history::{Page, SessionItem};
use patze_core::ids::{MachineId, SessionId};
use patze_core::time::{SECOND, Timestamp};
use yew::prelude::*;

use super::entry::Entry;
use super::timeline::Timeline;
use crate::client::history::use_fetched_at;
use crate::fleet::Reading;
use crate::parts::badge::Badge;
use crate::parts::code::Copy;
use crate::parts::empty::Empty;
use crate::parts::link::Link;
use crate::parts::mark::RunMark;
use crate::parts::panel::fetched;
use crate::route::{Route, View, encoded};
use crate::say::word::{self, State};
use crate::say::{NONE, clock, number, span};
use crate::world::{use_now_by, use_place, use_shown};

/// The properties.
#[derive(Properties, PartialEq)]
pub struct DetailProps {
    /// The state.
    pub reading: Rc<Reading>,
    /// The session.
    pub entry: Rc<Entry>,
}

/// A session.
#[component]
pub fn Detail(props: &DetailProps) -> Html {
    let (place, shown) = (use_place(), use_shown());
    let DetailProps { reading, entry } = props;
    let unsure =
        entry.is_open() && (shown.is_stale() || reading.machine_state(&entry.machine_id) == State::Down);
    let link = address(&place.href(Route::to(View::Sessions).select(entry.address())));
    let id = entry.session_id.to_string();
    // A bridge that tells of no call tells no tokens either.
    let is_told = entry.calls > 0;
    let exact = |n: u64| is_told.then(|| number::count(n));
    let tokens = |n: u64| if is_told { number::tokens(n) } else { NONE.to_owned() };
    let cached = (entry.cached > 0).then(|| format!("and {} from the cache", number::tokens(entry.cached)));
    html! { <>
        <section class="session-head">
            <div class="session-name">
                <h2><bdi data-tip={entry.title.clone()}>{ &entry.title }</bdi></h2>
                <span class="session-state">
                    <RunMark state={Some(entry.state)} {unsure} quiet=true />
                    { if unsure { "Unknown" } else { word::life(entry.state) } }
                </span>
                <Copy text={link} label="Copy link" />
            </div>
            <p class="session-place">
                <Link class="name" to={Route::to(View::Agents).filter("name", entry.agent_id.as_str())}><bdi>{ entry.agent_id.to_string() }</bdi></Link>
                { " on " }
                <Link class="name" to={Route::to(View::Machines).select([entry.machine_id.as_str()])}><bdi>{ reading.machine_name(&entry.machine_id) }</bdi></Link>
                <Badge text={entry.channel_name()} />
                if let Some(parent) = &entry.parent { <bdi class="quiet">{ format!("spawned by {parent}") }</bdi> }
                <bdi class="mono quiet session-id" data-tip={id.clone()}>{ word::middle(&id, 24) }</bdi>
            </p>
            <dl class="session-figures">
                <div><dt>{ if entry.is_open() { "Open for" } else { "Lasted" } }</dt><dd data-tip={format!("Since {}", clock::full(entry.opened))}><Open entry={Rc::clone(entry)} /></dd></div>
                <div><dt>{ "Runs" }</dt><dd>{ runs(entry) }</dd></div>
                <div><dt>{ "Tokens in" }</dt><dd data-tip={exact(entry.input)} data-tip-more={cached}>{ tokens(entry.input) }</dd></div>
                <div><dt>{ "Tokens out" }</dt><dd data-tip={exact(entry.output)}>{ tokens(entry.output) }</dd></div>
                <div><dt>{ "Cost" }</dt><dd>{ number::cost(entry.calls, entry.cost) }</dd></div>
            </dl>
        </section>
        <Timeline reading={Rc::clone(reading)} entry={Rc::clone(entry)} />
    </> }
}

/// "4, 1 failed"
fn runs(entry: &Entry) -> Html {
    if entry.failed_runs == 0 {
        return html! { { number::count(entry.runs) } };
    }
    html! { <>{ number::count(entry.runs) }{ ", " }<span class="is-down">{ format!("{} failed", number::count(entry.failed_runs)) }</span></> }
}

#[derive(Properties, PartialEq)]
struct OpenProps {
    entry: Rc<Entry>,
}

/// How long it has been open, or was.
#[component]
fn Open(props: &OpenProps) -> Html {
    let now = use_now_by(SECOND);
    let ms = props.entry.ended.unwrap_or(now).since(props.entry.opened).max(0);
    html! { { span::duration(ms - ms % SECOND) } }
}

/// The whole address of a route.
fn address(hash: &str) -> String {
    let location = web_sys::window().map(|window| window.location());
    let base = location
        .and_then(|location| Some(format!("{}{}", location.origin().ok()?, location.pathname().ok()?)));
    format!("{}{hash}", base.unwrap_or_default())
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct LinkedProps {
    /// The state.
    pub reading: Rc<Reading>,
    /// The machine.
    pub machine: MachineId,
    /// The session.
    pub session: SessionId,
}

/// A session that the fleet does not keep: it is read from history, so that a link to it still opens.
#[component]
pub fn Linked(props: &LinkedProps) -> Html {
    let LinkedProps { reading, machine, session } = props;
    let moment: Option<Timestamp> = use_shown().moment();
    let mut path = format!(
        "/history/sessions?machineId={}&sessionId={}&limit=1",
        encoded(machine.as_str()),
        encoded(session.as_str())
    );
    if let Some(moment) = moment {
        path.push_str(&format!("&to={}", encoded(&moment.plus(1).to_string())));
    }
    let page = use_fetched_at::<Page<SessionItem>>(Some(path), 0);
    fetched("This session", 8, &page, |page| match page.answer.items.first() {
        Some(item) => html! { <Detail reading={Rc::clone(reading)} entry={Rc::new(Entry::of_item(item))} /> },
        None => {
            let why = format!(
                "{session} on {}: neither the fleet nor its history has it.",
                reading.machine_name(machine)
            );
            html! { <Empty title="No such session." {why} /> }
        }
    })
}
