//! Logs: lines of the last day or of the whole log, the newest first, searched, in their context.
//!
//! | to find out | open |
//! |---|---|
//! | what the route asks, and by which paths | [`query`] |
//! | how pages are loaded and newer lines added | [`book`] |
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
mod foot;
mod keys;
mod line;
mod list;
mod newer;
mod nothing;
mod query;
mod row;
mod search;
mod strip;
mod top;
mod window;

use std::rc::Rc;

use gloo_timers::callback::Timeout;
use patze_core::time::{MINUTE, SECOND, Timestamp};
use yew::prelude::*;

use crate::fleet::Reading;
use crate::parts::panel::PanelError;
use crate::parts::skeleton::Skeleton;
use crate::say::{clock, number};
use crate::world::{use_now, use_now_by, use_place, use_shown};
use bar::Bar;
use book::{Ask, Book, Head, Lines, PAGE, use_book};
use foot::End;
use list::{List, Names};
use newer::Newer;
use nothing::Nothing;
use query::{Levels, Query};
use strip::Strip;
use top::{Top, TopRow};

/// While the newest is followed, it is asked for so long after it was heard of, ms.
const FOLLOW_MS: u32 = 400;
/// Lines of gateways are not in the live fleet: while the newest is followed, they are looked for this often.
const LOOK: i64 = 5 * SECOND;
/// History that is further behind than this is told of, events.
const FAR_BEHIND: u64 = 1_000;

/// A machine's name of so many characters fits its column.
const SHORT_NAME: usize = 9;

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
    let counts = counts::counts(&book, [(&severe, &[2, 3][..]), (&debug, &[0][..])]);
    let fault = book.search_fault().map(|fault| AttrValue::from(fault.to_owned()));
    let hits = (searching && !book.stale && fault.is_none()).then(|| {
        format!("{}{}", number::count(book.lines.len() as u64), if book.is_whole() { "" } else { "+" })
    });
    let at = open.and_then(|position| book.lines.find(position));
    html! {
        <div class={classes!("logs", machines.are_long().then_some("long-names"))}>
            <Bar query={query.clone()} found={found(hits.as_deref(), at, query.all)} some={hits.is_some() && !book.lines.is_empty()} {fault} {counts} machines={machines.choices.clone()} {follow}
                why_not={shown.why_not().map(AttrValue::Static)} {onstep} />
            <Strip all={query.all} {moment} hits={hits.is_some().then(|| book.lines.clone())} in_view={in_view.filter(|_| !book.lines.is_empty())} {ongo} />
            <div class="logs-head" aria-hidden="true">
                <span>{ "Time ↓" }</span><span>{ "Level" }</span><span>{ "Machine" }</span><span>{ "From" }</span><span>{ "Message" }</span>
                <span class="logs-sum">{ sum(&book, &query) }</span>
            </div>
            <TopRow top={top(&query, moment, follow, || newer_of(&book, reading, &query))} behind={behind(&book)} onnewest={onnewest.clone()} />
            if let (Some(problem), true) = (&book.problem, book.stale && book.search_fault().is_none()) {
                <PanelError what="Log lines" problem={problem.clone()} retry={ask.anew.clone()} />
            } else if book.lines.is_empty() && book.stale {
                <div class="logs-scroll waiting">if book.loading { <Skeleton rows={12} /> }</div>
            } else if book.lines.is_empty() {
                <div class="logs-scroll"><Nothing query={query.clone()} took={book.took} machine={machines.name(&query.machine)} /></div>
            } else {
                <List lines={book.lines.clone()} turn={book.turn} names={machines.names.clone()} today={clock::day_begin(now)} {moment} {open}
                    hits={hits.map(AttrValue::from)} end={end(&book, &query)} {follow} {onopen} onolder={ask.older.clone()} {onwiden} {onnewest} {onleave} {onsee} />
            }
        </div>
    }
}

/// `7 hits in 24 h`, `2 of 7 hits in 24 h`.
fn found(hits: Option<&str>, at: Option<usize>, all: bool) -> AttrValue {
    let Some(hits) = hits else { return AttrValue::default() };
    let words = if hits == "1" { "hit" } else { "hits" };
    let of = at.map_or_else(String::new, |at| format!("{} of ", number::count(at as u64 + 1)));
    let span = if all { "the whole log" } else { "24\u{a0}h" };
    format!("{of}{hits} {words} in {span}").into()
}

/// How many lines there are, where that is known.
fn sum(book: &Book, query: &Query) -> String {
    let span = if query.all { "whole log" } else { "24\u{a0}h" };
    if book.is_whole() && query.until.is_none() && query.text.is_empty() {
        format!("{}, {span}", number::of(book.lines.len(), "line", "lines"))
    } else {
        span.to_owned()
    }
}

fn end(book: &Book, query: &Query) -> End {
    match (&book.problem, &book.next) {
        (Some(problem), _) if book.search_fault().is_none() => End::Failed(problem.clone()),
        (_, Some(_)) if book.loading => End::Waiting,
        (_, Some(_)) => End::More,
        (_, None) => End::Whole { all: query.all },
    }
}

fn top(query: &Query, moment: Option<Timestamp>, follow: bool, newer: impl FnOnce() -> Newer) -> Top {
    match (query.until, moment) {
        (Some(until), _) if moment.is_none_or(|moment| until < moment) => Top::Until(until),
        (_, Some(moment)) => Top::Moment(moment),
        _ if follow => Top::Follows,
        _ => Top::Newest(newer()),
    }
}

fn newer_of(book: &Book, reading: &Reading, query: &Query) -> Newer {
    if book.stale || !query.agent.is_empty() {
        return Newer::default();
    }
    let top = book.lines.first().map(|line| (line.machine_id.clone(), line.id.clone()));
    newer::count(&reading.fleet.facts().logs, book.anchor.as_ref(), top.as_ref(), query)
}

fn behind(book: &Book) -> u64 {
    if book.progress.behind > FAR_BEHIND { book.progress.behind } else { 0 }
}

/// Asks for what is newer soon after it was heard of, as long as the newest is followed.
#[hook]
fn use_follow(follow: bool, newest: Option<newer::LineKey>, ask: &Ask) {
    let look = use_now_by(LOOK);
    let soon = use_mut_ref(|| None::<Timeout>);
    let newer = ask.newer.clone();
    use_effect_with((follow, newest, look), move |(follow, ..)| {
        if !*follow {
            soon.borrow_mut().take();
        } else if soon.borrow().is_none() {
            let waiting = soon.clone();
            *soon.borrow_mut() = Some(Timeout::new(FOLLOW_MS, move || {
                waiting.borrow_mut().take();
                newer.emit(());
            }));
        }
    });
}

/// All lines of some levels in the time that is shown, if they are no more than a page.
#[hook]
fn use_level(
    levels: &'static str,
    book: &Book,
    query: &Query,
    moment: Option<Timestamp>,
    now: Timestamp,
) -> Option<Rc<Lines>> {
    // Asked when a list is, and not while somebody types.
    let narrowed = Query { text: String::new(), until: None, levels: Levels::default(), ..query.clone() };
    let path = use_memo((narrowed, moment, book.turn > 0), |(narrowed, moment, asked)| {
        asked.then(|| narrowed.level_path(Levels::of(levels), *moment, now, PAGE))
    });
    let lines = crate::client::history::use_fetched::<Lines>((*path).clone());
    lines.value.filter(|lines| lines.answer.next.is_none())
}

/// The names of machines.
#[derive(PartialEq)]
struct Machines {
    names: Rc<Names>,
    choices: Vec<(AttrValue, AttrValue)>,
}

impl Machines {
    fn of(reading: &Reading) -> Self {
        let known = |machine: &patze_core::fleet::rows::Machine| {
            let name = reading.machine_name(&machine.machine_id);
            (AttrValue::from(machine.machine_id.to_string()), AttrValue::from(name))
        };
        let machines = reading.machines();
        let names = machines.iter().map(|machine| (machine.machine_id.clone(), known(machine).1)).collect();
        let any = (AttrValue::Static(""), AttrValue::Static("any"));
        let choices = std::iter::once(any).chain(machines.into_iter().map(known)).collect();
        Self { names: Rc::new(names), choices }
    }

    /// Whether names need more room than the drawing gives them.
    fn are_long(&self) -> bool {
        self.names.values().any(|name| name.chars().count() > SHORT_NAME)
    }

    fn name(&self, id: &str) -> AttrValue {
        self.choices
            .iter()
            .find(|(known, _)| !id.is_empty() && known == id)
            .map_or_else(AttrValue::default, |(_, name)| name.clone())
    }
}

/// The names of machines: looked at now and then, as they seldom change.
#[hook]
fn use_machines(reading: &Rc<Reading>, moment: Option<Timestamp>) -> Rc<Machines> {
    let minute = use_now_by(MINUTE);
    let n = reading.fleet.facts().machines.len();
    let reading = Rc::clone(reading);
    use_memo((minute, moment, n), move |_| Machines::of(&reading))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_told() {
        assert_eq!(found(Some("7"), None, false), "7 hits in 24\u{a0}h");
        assert_eq!(found(Some("7"), Some(1), false), "2 of 7 hits in 24\u{a0}h");
        assert_eq!(found(Some("1"), None, true), "1 hit in the whole log");
        assert_eq!(found(Some("200+"), None, false), "200+ hits in 24\u{a0}h");
        assert_eq!(found(None, Some(1), false), "");
    }

    #[test]
    fn the_top_says_where_the_list_begins() {
        let at = Timestamp::from_millis;
        let query = |until: Option<i64>| Query { until: until.map(at), ..Query::default() };
        let top = |query: &Query, moment, follow| super::top(query, moment, follow, Newer::default);
        assert_eq!(top(&query(None), None, false), Top::Newest(Newer::default()));
        assert_eq!(top(&query(None), None, true), Top::Follows);
        assert_eq!(top(&query(Some(5)), None, false), Top::Until(at(5)));
        assert_eq!(top(&query(Some(5)), Some(at(9)), false), Top::Until(at(5)));
        assert_eq!(top(&query(Some(9)), Some(at(5)), false), Top::Moment(at(5)));
    }
}
