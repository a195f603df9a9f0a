//! When they worked: a lane for each agent, a mark for each run of a day.

use std::rc::Rc;

use patze_core::ids::AgentId;
use patze_core::time::{DAY, MINUTE, Timestamp};
use yew::prelude::*;

use super::blocks::{Block, Kind, blocks};
use super::book::Day;
use crate::parts::chart::round_times;
use crate::parts::width::use_width;
use crate::say::{clock, number, span};

/// Height of a lane, of a mark, and where the mark begins, px.
const LANE: f64 = 22.0;
const MARK: f64 = 10.0;
const TOP: f64 = 6.0;

/// A lane.
#[derive(Clone, PartialEq)]
pub struct Lane {
    /// Whose.
    pub name: AgentId,
    /// What is on it.
    pub day: Rc<Day>,
    /// Since when nothing is known.
    pub silent_from: Option<Timestamp>,
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct LanesProps {
    /// In the order of the table.
    pub lanes: Vec<Lane>,
    /// Agents without a lane here.
    pub rest: usize,
    /// Where the day ends.
    pub to: Timestamp,
    /// It ends now.
    pub live: bool,
}

/// The lanes.
#[component]
pub fn Lanes(props: &LanesProps) -> Html {
    let LanesProps { lanes, rest, to, live } = props;
    let (node, width) = use_width();
    let from = to.plus(-DAY);
    let ticks: Vec<(f64, Timestamp)> = round_times(from, *to, 4)
        .into_iter()
        .map(|at| (at.since(from) as f64 / DAY as f64 * width, at))
        .collect();
    html! {
        <section class="lanes">
            <h3>{ "When they worked" }<i>{ "24\u{a0}h" }</i><span class="aside">{ "each mark a run, its width the duration" }</span></h3>
            <ul>
                { for lanes.iter().map(|lane| html! {
                    <LaneView key={lane.name.to_string()} lane={lane.clone()} {from} to={*to} {width} ticks={ticks.iter().map(|(x, _)| *x).collect::<Vec<_>>()} />
                }) }
            </ul>
            <div class="lane axis">
                <span>{ if *rest > 0 { format!("and {} more", number::count(*rest as u64)) } else { String::new() } }</span>
                <div ref={node}>
                    <svg width="100%" height="18" aria-hidden="true">
                        { for ticks.iter().filter(|(x, _)| *x > 20.0 && *x < width - 58.0).map(|(x, at)| html! {
                            <text class="middle" x={format!("{x:.1}")} y="14">{ clock::short(*at) }</text>
                        }) }
                        <text class="end" x={format!("{width:.1}")} y="14">{ if *live { "now".to_owned() } else { clock::short(*to) } }</text>
                    </svg>
                </div>
            </div>
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct LaneViewProps {
    lane: Lane,
    from: Timestamp,
    to: Timestamp,
    width: f64,
    ticks: Vec<f64>,
}

/// One lane.
#[component]
fn LaneView(props: &LaneViewProps) -> Html {
    let LaneViewProps { lane, from, to, width, ticks } = props;
    let until = lane.silent_from.unwrap_or(*to);
    let day = &lane.day;
    let label = format!(
        "{}: {} in 24 h, {} failed",
        lane.name,
        number::of(day.runs, "run", "runs"),
        if day.failed == 0 { "none".to_owned() } else { number::count(day.failed as u64) }
    );
    let x = |at: Timestamp| (at.since(*from) as f64 / DAY as f64).clamp(0.0, 1.0) * width;
    html! {
        <li class="lane">
            <bdi>{ lane.name.to_string() }</bdi>
            <svg width="100%" height={LANE.to_string()} role="img" aria-label={label}>
                { for ticks.iter().map(|x| html! { <path class="tick" d={format!("M{x:.1} 0V{LANE}")} /> }) }
                <path class="base" d={format!("M0 {}H{width:.1}", TOP + MARK + 0.5)} />
                if let Some(silent) = lane.silent_from {
                    <rect class="gap" x={format!("{:.1}", x(silent))} width={format!("{:.1}", (width - x(silent)).max(2.0))} y={TOP.to_string()} height={MARK.to_string()}
                        fill="url(#hatch)" data-tip={format!("Not known since {}", clock::near(silent, *to))} />
                }
                { for Kind::ALL.into_iter().flat_map(|kind| {
                    blocks(&day.marks, kind, (*from, *to), until, *width).into_iter().map(move |block| draw(kind, &block, *to))
                }) }
            </svg>
        </li>
    }
}

fn draw(kind: Kind, block: &Block, now: Timestamp) -> Html {
    let (class, word) = match kind {
        Kind::Ended => ("run", ""),
        Kind::Failed => ("run failed", "failed, "),
        Kind::Active => ("run active", "goes on, "),
    };
    let long = span::duration(block.end.since(block.begin).max(0));
    let tip = match block.runs {
        1 => format!("{}, {word}{long}", clock::near_to_the_second(block.begin, now)),
        n => format!(
            "{}–{}, {n} runs",
            clock::near(block.begin, now),
            clock::near(block.end.plus(MINUTE / 2), now)
        ),
    };
    html! {
        <rect {class} x={format!("{:.1}", block.x)} width={format!("{:.1}", block.width)} y={TOP.to_string()} height={MARK.to_string()} data-tip={tip} />
    }
}
