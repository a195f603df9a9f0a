//! Logs: lines of the last day or of the whole log, the newest first, searched, in their context.
//!
//! | to find out | open |
//! |---|---|
//! | what the route asks, and by which paths | [`query`] |
//! | how pages are asked for, and newer lines added | [`paging`], [`book`] |
//! | which rows are in the document | [`window`], [`list`] |
//! | the open line and what is around it | [`context`] |
//! | how newer lines are counted | [`newer`] |
//! | the strip under the search | [`strip`] |

mod around;
mod bar;
mod book;
mod context;
mod counts;
mod density;
mod entry;
mod follow;
mod foot;
mod keys;
mod levels;
mod line;
mod list;
mod machines;
mod newer;
mod nothing;
mod paging;
mod query;
mod row;
mod said;
mod scroller;
mod search;
mod strip;
mod top;
mod window;

use std::rc::Rc;

use patze_core::time::Timestamp;
use yew::prelude::*;

use crate::fleet::Reading;
use crate::parts::panel::PanelError;
use crate::parts::skeleton::Skeleton;
use crate::say::{clock, number};
use crate::world::{use_now, use_place, use_shown};
use bar::Bar;
use counts::{counts, use_level};
use follow::{use_again, use_follow};
use list::List;
use machines::use_machines;
use nothing::Nothing;
use paging::{Head, use_book};
use query::Query;
use strip::Strip;
use top::TopRow;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct LogsProps {
    /// The state.
    pub reading: Rc<Reading>,
}

/// The view.
#[component]
pub fn Logs(props: &LogsProps) -> Html {
    let (place, shown, now) = (use_place(), use_shown(), use_now());
    let reading = &props.reading;
    let query = Query::of(&place.route);
    let moment = shown.moment();
    let ring = &reading.fleet.facts().logs;
    let newest = ring.back().map(|line| newer::key(line));
    let head = Head { position: reading.fleet.position(), newest: newest.clone() };
    let (book, ask) = use_book(&query, moment, now, head);
    let follow = place.route.get("follow") == "on" && moment.is_none() && query.until.is_none();
    use_follow(follow, newest, &ask);
    use_again(&shown.link, book.problem.is_some() && book.search_fault().is_none(), &ask);
    let in_view = use_state_eq(|| None::<(Timestamp, Timestamp)>);
    let machines = use_machines(reading, moment);

    let searching = !query.text.is_empty();
    let open = place.route.selected.first().and_then(|position| position.parse::<u64>().ok());
    let onopen = use_callback(place.clone(), |position: Option<u64>, place| {
        let position = position.map(|position| position.to_string());
        // What is being read does not run away.
        let route = (*place.route).clone().filter("follow", "");
        place.go.emit(route.select(position.as_deref()));
    });
    let onstep = {
        let (lines, onopen, ask) = (book.lines.clone(), onopen.clone(), ask.clone());
        Callback::from(move |by: i32| {
            let next = match open.and_then(|position| lines.find(position)) {
                Some(at) => at.checked_add_signed(by as isize).filter(|at| *at < lines.len()),
                None => (by > 0 && !lines.is_empty()).then_some(0),
            };
            match next.and_then(|at| lines.get(at)) {
                Some(line) => onopen.emit(Some(line.position)),
                None if by > 0 => ask.older.emit(()),
                None => {}
            }
        })
    };
    let onnewest = use_callback((place.clone(), ask.anew.clone()), |(), (place, anew)| {
        if place.route.get("until").is_empty() {
            anew.emit(());
        } else {
            place.go.emit(place.with_filter("until", ""));
        }
    });
    let onwiden = use_callback(place.clone(), |(), place| place.go.emit(place.with_filter("span", "all")));
    let onleave = use_callback(place.clone(), |(), place| place.go.emit(place.with_filter("follow", "")));
    let ongo = use_callback(place, |at: Timestamp, place| {
        place.go.emit(place.with_filter("until", &at.to_string()).filter("follow", "").select([]));
    });
    let onsee = {
        let in_view = in_view.clone();
        use_callback((), move |times, ()| in_view.set(times))
    };

    let severe = use_level("warn,error", &book, &query, moment, now);
    let debug = use_level("debug", &book, &query, moment, now);
    let counts = counts(&book, [(&severe, &[2, 3][..]), (&debug, &[0][..])]);
    let fault = book.search_fault().map(|fault| AttrValue::from(fault.to_owned()));
    let hits = (searching && !book.stale && fault.is_none()).then(|| {
        format!("{}{}", number::count(book.lines.len() as u64), if book.is_whole() { "" } else { "+" })
    });
    let at = open.and_then(|position| book.lines.find(position));
    html! {
        <div class={classes!("logs", machines.are_long().then_some("long-names"))}>
            <Bar query={query.clone()} found={said::found(hits.as_deref(), at, query.all)} some={hits.is_some() && !book.lines.is_empty()} {fault} {counts} machines={machines.choices.clone()} {follow}
                why_not={shown.why_not().map(AttrValue::Static)} {onstep} />
            <Strip all={query.all} {moment} hits={hits.is_some().then(|| book.lines.clone())} in_view={in_view.filter(|_| !book.lines.is_empty())} {ongo} />
            <div class="logs-head" aria-hidden="true">
                <span>{ "Time ↓" }</span><span>{ "Level" }</span><span>{ "Machine" }</span><span>{ "From" }</span><span>{ "Message" }</span>
                <span class="logs-sum">{ said::sum(&book, &query) }</span>
            </div>
            <TopRow top={said::top(&query, moment, shown.is_stale(), follow, || said::newer_of(&book, reading, &query))} behind={said::behind(&book)} onnewest={onnewest.clone()} />
            if let (Some(problem), true) = (&book.problem, book.stale && book.search_fault().is_none()) {
                <PanelError what="Log lines" problem={problem.clone()} retry={ask.anew.clone()} />
            } else if book.lines.is_empty() && book.stale {
                <div class="logs-scroll waiting">if book.loading { <Skeleton rows={12} /> }</div>
            } else if book.lines.is_empty() {
                <div class="logs-scroll"><Nothing query={query.clone()} took={book.took} machine={machines.name(&query.machine)} /></div>
            } else {
                <List lines={book.lines.clone()} turn={book.turn} names={machines.names.clone()} today={clock::day_begin(now)} {moment} {open}
                    hits={hits.map(AttrValue::from)} end={said::end(&book, &query)} {follow} {onopen} onolder={ask.older.clone()} {onwiden} {onnewest} {onleave} {onsee} />
            }
        </div>
    }
}
