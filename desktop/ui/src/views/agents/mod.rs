//! Agents: who is active and what each cost, when they worked, and one of them in full. Those of one name are one line, on
//! however many machines and homes (design §5).
//!
//! | to find out | open |
//! |---|---|
//! | the table | [`lines`] (what it says), [`sort`], [`table`], [`row`] |
//! | runs by agent, kept up to date | [`book`] |
//! | tokens and models | [`tokens`] |
//! | costs by day | [`spend`], [`range`] |
//! | when they worked | [`lanes`], [`blocks`] |
//! | one in full | [`detail`] |

mod blocks;
mod book;
mod by_model;
mod cost;
mod detail;
mod doing;
mod lanes;
mod latest;
mod lines;
mod range;
mod row;
mod sort;
mod spend;
mod table;
mod tokens;

use std::rc::Rc;

use patze_core::history::{Answer, Usage};
use patze_core::ids::AgentId;
use patze_core::time::{DAY, HOUR, MINUTE, Timestamp};
use yew::prelude::*;

use self::book::Book;
use self::lanes::{Lane, Lanes};
use self::lines::Totals;
use self::range::{Range, day_begins};
use self::sort::Sort;
use self::spend::Spends;
use crate::client::history::use_fetched;
use crate::fleet::Reading;
use crate::parts::code::Code;
use crate::parts::empty::Empty;
use crate::parts::link::Link;
use crate::parts::same::Same;
use crate::parts::segmented::{Choice, Segmented};
use crate::route::{Route, View};
use crate::shell::header::HeaderEnd;
use crate::views::overview::cost::usage_path;
use crate::world::{use_now_by, use_place, use_shown};

/// Lines that are shown at first, and more each time; lanes that are drawn.
const STEP: usize = 100;
const LANES: usize = 24;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct AgentsProps {
    /// The state.
    pub reading: Rc<Reading>,
}

/// What is kept from one drawing to the next.
#[derive(Default)]
struct Kept {
    book: Book,
    /// The pointer is in the table: its order is held.
    inside: bool,
    /// The order, and what it was the order of.
    order: Option<(Sort, Range, Vec<AgentId>)>,
}

/// The view. It hears of every second, and passes on what changes by the minute.
#[component]
pub fn Agents(props: &AgentsProps) -> Html {
    let minute = use_now_by(MINUTE);
    html! { <ByMinute reading={Rc::clone(&props.reading)} {minute} /> }
}

#[derive(Properties, PartialEq)]
struct ByMinuteProps {
    reading: Rc<Reading>,
    minute: Timestamp,
}

/// All of it, drawn when something has happened or a minute has passed.
#[component]
fn ByMinute(props: &ByMinuteProps) -> Html {
    let ByMinuteProps { reading, minute } = props;
    let minute = *minute;
    let (place, shown) = (use_place(), use_shown());
    let facts = reading.fleet.facts();
    let range = Range::of(place.route.get("cost"));
    let sort = Sort::of(place.route.get("sort"), range);
    let to = shown.moment().unwrap_or_else(|| minute.plus(MINUTE));
    let begins = use_memo(minute, |now| day_begins(*now));
    let first_day = begins.first().copied().unwrap_or(to.plus(-DAY));
    let usage = use_fetched::<Answer<Usage>>(Some(usage_path("agent", first_day, to, 0)));
    let spends = use_memo((usage.value.clone().map(Same), Same(Rc::clone(&begins))), |(usage, begins)| {
        usage.as_ref().map_or_else(Spends::default, |Same(answer)| Spends::of(&answer.answer, &begins.0))
    });
    let priced = usage.value.is_some();
    // What was known stays while there is no connection.
    let problem = usage.problem.clone().filter(|_| !priced || !shown.is_stale());
    let tokens = {
        // Nothing but usage changes them; of the past, each moment has its own.
        let stamp = if shown.is_past() { facts.position } else { facts.spent.lifetime.calls };
        let reading = Rc::clone(reading);
        use_memo((stamp, shown.is_past(), minute.millis().div_euclid(HOUR)), move |_| {
            tokens::by_agent(reading.fleet.facts().usage.iter(), minute)
        })
    };
    let kept = use_mut_ref(Kept::default);
    let steps = use_state(|| 1_usize);
    let update = use_force_update();
    let onselect = use_callback(place.clone(), |name: AgentId, place| {
        place.go.emit((*place.route).clone().filter("name", "").select([name.as_str()]));
    });
    let onpointer = {
        let kept = Rc::clone(&kept);
        use_callback((), move |inside: bool, ()| {
            kept.borrow_mut().inside = inside;
            if !inside {
                update.force_update();
            }
        })
    };
    let onmore = {
        let steps = steps.clone();
        Callback::from(move |_: MouseEvent| steps.set(*steps + 1))
    };
    let onsort = {
        let place = place.clone();
        Callback::from(move |sort: Sort| place.go.emit(place.with_filter("sort", &sort.word(range))))
    };
    if facts.agents.is_empty() {
        return html! {
            <Empty title="No agent yet" why="Agents are read from the sessions and runs of your machines.">
                <Code text="openclaw agent --agent main --message \"hello\"" />
            </Empty>
        };
    }
    let mut kept = kept.borrow_mut();
    kept.book.update(&facts.runs, to.plus(-DAY));
    let mut all = lines::summaries(reading, &mut kept.book, &tokens, &spends, range);
    lines::sort(&mut all, sort);
    match &kept.order {
        Some((by, of, held)) if kept.inside && (*by, *of) == (sort, range) => lines::hold(&mut all, held),
        _ => {}
    }
    kept.order = Some((sort, range, lines::order(&all)));
    let name = place.route.selected.first().map_or_else(|| place.route.get("name"), String::as_str);
    let found = lines::chosen(&all, name);
    let most = *steps * STEP;
    let line = |summary: &lines::Summary<'_>| {
        lines::line(reading, summary, tokens.get(summary.name), priced, minute)
    };
    let lanes = all.iter().take(LANES).map(|summary| Lane {
        name: summary.name.clone(),
        day: kept.book.day(summary.name),
        silent_from: summary.silent_from,
    });
    let lanes: Vec<Lane> = lanes.collect();
    let selected = found.map(|summary| summary.name.clone()).unwrap_or_default();
    html! {
        <div class={classes!("agents", (!name.is_empty()).then_some("chosen"))}>
            <Head counted={lines::counted(&all)} {range} />
            <div class="agents-main">
                <table::AgentTable lines={all.iter().take(most).map(line).collect::<Vec<_>>()} totals={Totals::of(&all, &spends, range, priced)} rest={all.len().saturating_sub(most)}
                    selected={selected.clone()} {sort} {range} failed={problem.is_some()} {onselect} {onsort} {onmore} {onpointer} />
                <Lanes {lanes} rest={all.len().saturating_sub(LANES)} {to} live={!shown.is_past()} />
            </div>
            <aside class="agent-side" aria-label="The selected agent">
                <p class="phone-back"><Link to={Route::to(View::Agents)}>{ "← All agents" }</Link></p>
                if let Some(summary) = found {
                    <detail::Detail key={selected.to_string()} reading={Rc::clone(reading)} line={line(summary)} {range} {to}
                        machines={detail::machines(reading, summary)} latest={kept.book.latest(summary.name).take(latest::MOST).cloned().collect::<Vec<_>>()}
                        days={spends.days(selected.as_str()).cloned().unwrap_or_default()} begins={Same(begins)} usage={problem} retry={usage.retry.clone()} />
                } else {
                    <Empty title="This agent is not here." why="It left with its machine, or it is not known at this moment."><bdi>{ name }</bdi></Empty>
                }
            </aside>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct HeadProps {
    counted: String,
    range: Range,
}

/// What this view puts into the header: who does what, and how far back costs go.
#[component]
fn Head(props: &HeadProps) -> Html {
    let place = use_place();
    let onchange = Callback::from(move |word: &'static str| {
        let word = if word == Range::default().word() { "" } else { word };
        place.go.emit(place.with_filter("cost", word));
    });
    html! {
        <HeaderEnd>
            <p class="agents-counted">{ &props.counted }</p>
            <Segmented label="Cost of" choices={Range::ALL.map(|range| Choice::new(range.word(), range.label())).to_vec()} value={props.range.word()} {onchange} />
        </HeaderEnd>
    }
}
