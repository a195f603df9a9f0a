//! Sessions: those that are open, a rule, those that are over; and what happened in the chosen one.
//!
//! | to find out | open |
//! |---|---|
//! | what is shown of a session | [`entry`], [`row`] |
//! | which sessions are shown, and in which order | [`filter`], [`list`] |
//! | how the timeline is built from runs | [`happenings`], [`runs_of`] |

mod detail;
mod entry;
mod filter;
mod filters;
mod happenings;
mod list;
mod row;
mod runs_of;
mod timeline;

use std::rc::Rc;

use patze_core::fleet::rows::SessionKey;
use patze_core::ids::{MachineId, SessionId};
use patze_core::time::{DAY, MINUTE, Timestamp};
use yew::prelude::*;

use crate::fleet::Reading;
use crate::parts::button::Button;
use crate::parts::code::Code;
use crate::parts::empty::Empty;
use crate::parts::held::use_held;
use crate::parts::link::Link;
use crate::parts::more::use_more;
use crate::parts::rows::use_row_keys;
use crate::parts::same::Same;
use crate::route::Route;
use crate::say::{clock, number};
use crate::world::{use_now_by, use_place, use_shown};
use detail::{Detail, Linked};
use entry::Entry;
use filter::{Filter, Lists, Which, use_lists};
use filters::Filters;
use list::List;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct SessionsProps {
    /// The state.
    pub reading: Rc<Reading>,
}

/// The view.
#[component]
pub fn Sessions(props: &SessionsProps) -> Html {
    let (place, shown, minute) = (use_place(), use_shown(), use_now_by(MINUTE));
    let reading = &props.reading;
    let filter = Filter::of(&place.route);
    let lists = use_lists(reading, &filter);
    let all = lists.count(filter.which);
    let node = use_node_ref();
    use_row_keys(&node);
    let question = (filter.clone(), place.route.at);
    let (drawn, more) = use_more(&node, question.clone(), all);
    let day = clock::day_begin(minute);
    let held = use_held((question.clone(), drawn, day), all, || lists.rows(filter.which, drawn, day));
    let named = named(&place.route);
    // Without a choice it is the first one of the list as it was then.
    let first = use_memo((question, reading.log_id.clone(), all == 0), |_| {
        held.rows.first().map(|(key, _)| key.clone())
    });
    let selected = named.clone().or((*first).clone());
    let list = List { reading, held: &held, all, selected: selected.as_ref(), stale: shown.is_stale() };
    let total = reading.open_sessions.len() + reading.ended_sessions.len();
    let channels = use_memo((reading.log_id.clone(), total), |_| filters::channels(reading));
    let counts = Which::ALL.map(|which| lists.count(which));
    html! {
        <div class={classes!("sessions", named.is_some().then_some("has-named"))}>
            <div class="session-list" ref={node}>
                <Filters channels={Same(channels)} filter={filter.clone()} {counts} />
                { list.draw() }
                if drawn < all { <div class="run-end"><Button onclick={more.reform(|_| ())}>{ "Show more" }</Button></div> }
                if all == 0 { <NoSession filter={filter.clone()} {total} ended={ended(&lists, minute)} /> }
            </div>
            if let Some(key) = selected {
                <div class="session-detail">
                    <p class="session-back"><Link to={(*place.route).clone().select([])}>{ "All sessions" }</Link></p>
                    { detail(reading, &key) }
                </div>
            }
        </div>
    }
}

fn detail(reading: &Rc<Reading>, key: &SessionKey) -> Html {
    let id = format!("{} {}", key.0, key.1);
    match reading.session(key).and_then(Entry::of) {
        Some(entry) => html! { <Detail key={id} reading={Rc::clone(reading)} entry={Rc::new(entry)} /> },
        None => {
            html! { <Linked key={id} reading={Rc::clone(reading)} machine={key.0.clone()} session={key.1.clone()} /> }
        }
    }
}

/// The session that the address names.
fn named(route: &Route) -> Option<SessionKey> {
    match route.selected.as_slice() {
        [machine, session] => Some((MachineId::new(machine), SessionId::new(session))),
        _ => None,
    }
}

/// How many ended in the last 24 hours.
fn ended(lists: &Lists, now: Timestamp) -> usize {
    lists.ended_since(now.plus(-DAY))
}

#[derive(Properties, PartialEq)]
struct NoSessionProps {
    filter: Filter,
    total: usize,
    ended: usize,
}

/// No session to show.
#[component]
fn NoSession(props: &NoSessionProps) -> Html {
    let place = use_place();
    let NoSessionProps { filter, total, ended } = props;
    if *total == 0 {
        return html! {
            <Empty title="No session yet." why="Sessions appear when an agent of one of your machines is given something to do.">
                <Code text="openclaw agent --message \"hello\"" />
            </Empty>
        };
    }
    let via = if filter.channel.is_empty() {
        String::new()
    } else {
        format!(" through {}", crate::say::word::channel(&filter.channel))
    };
    let (title, why, state, button) = match filter.which {
        Which::Open => {
            let ended = format!("{} ended in the last 24\u{a0}h.", number::count(*ended as u64));
            (format!("No open session{via}."), ended, "ended", "Show ended")
        }
        Which::Ended => (format!("No session{via} has ended."), String::new(), "", "Show all"),
        Which::Failed => (format!("No session{via} has failed."), String::new(), "", "Show all"),
        Which::All => (format!("No session{via}."), String::new(), "", "Show all"),
    };
    let to = if filter.which == Which::All {
        place.with_filter("channel", "")
    } else {
        place.with_filter("state", state)
    };
    let onclick = {
        let go = place.go.clone();
        Callback::from(move |_: MouseEvent| go.emit(to.clone()))
    };
    html! { <Empty {title} {why}><Button {onclick}>{ button }</Button></Empty> }
}
