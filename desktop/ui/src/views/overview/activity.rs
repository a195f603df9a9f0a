//! When it was busy: events by hour of the last seven days, with the hours in which a run failed.

use patze_core::history::{Answer, Density};
use patze_core::time::{DAY, HOUR, Timestamp};
use yew::prelude::*;

use super::OverviewProps;
use crate::client::history::use_fetched;
use crate::parts::panel::fetched;
use crate::route::encoded;
use crate::say::{clock, number};
use crate::world::use_now_by;

/// Rows, cells of a row; height of a cell and between cells; room for the names of days; px.
const DAYS: i64 = 7;
const CELL: f64 = 16.0;
const GAP: f64 = 2.0;
const NAMES: f64 = 5.5;

/// The heat map.
#[component]
pub fn Activity(_: &OverviewProps) -> Html {
    let hour = use_now_by(HOUR);
    let from = clock::day_begin(clock::day_begin(hour).plus(-(DAYS - 1) * DAY + DAY / 2));
    let path = format!(
        "/history/density?from={}&to={}&buckets={}",
        encoded(&from.to_string()),
        encoded(&hour.plus(HOUR).to_string()),
        DAYS * 24
    );
    let density = use_fetched::<Answer<Density>>(Some(path));
    html! {
        <section class="activity">
            <h3>{ "Activity by hour" }<i>{ "events, 7\u{a0}d" }</i>
                <span class="legend" aria-hidden="true">{ "less" }
                    { for (1..=5).map(|level| html! { <svg width="12" height="12"><rect class={format!("heat-{level}")} width="12" height="12" /></svg> }) }
                    { "more" }<svg width="12" height="12"><rect class="heat-failed" x="3" y="3" width="6" height="6" /></svg>{ "failed run" }
                </span>
            </h3>
            { fetched("The history of seven days", 7, &density, |answer| draw(&answer.answer, from, hour)) }
        </section>
    }
}

/// One cell: events, failures.
type Cell = (u64, u64);

fn draw(density: &Density, from: Timestamp, now: Timestamp) -> Html {
    let rows: Vec<(Timestamp, Vec<Option<Cell>>)> = (0..DAYS)
        .map(|day| {
            let begin = clock::day_begin(from.plus(day * DAY + DAY / 2));
            let cells = (0..24)
                .map(|hour| (begin.plus(hour * HOUR) <= now).then(|| sum(density, begin.plus(hour * HOUR))))
                .collect();
            (begin, cells)
        })
        .collect();
    let mut busy: Vec<u64> = rows
        .iter()
        .flat_map(|(_, cells)| cells.iter().flatten())
        .map(|cell| cell.0)
        .filter(|n| *n > 0)
        .collect();
    busy.sort_unstable();
    let height = (CELL + GAP) * DAYS as f64 + 18.0;
    let step = (100.0 - NAMES) / 24.0;
    html! {
        <svg class="heat" height={height.to_string()} role="img" aria-label="Events by hour of the last seven days">
            { for rows.iter().enumerate().map(|(row, (begin, cells))| {
                let y = row as f64 * (CELL + GAP);
                html! { <>
                    <text class="axis" x="0" y={format!("{}", y + 12.0)}>{ clock::day_of_week(*begin) }</text>
                    { for cells.iter().enumerate().map(|(hour, cell)| {
                        let x = format!("{:.3}%", NAMES + hour as f64 * step);
                        let at = begin.plus(hour as i64 * HOUR);
                        html! {
                            <svg {x} y={y.to_string()} width={format!("{:.3}%", step)} height={CELL.to_string()} data-tip={cell.map(|cell| told(at, cell))}>
                                <rect class={level(*cell, &busy)} x="1" width="94%" height={CELL.to_string()} />
                                if cell.is_some_and(|(_, failures)| failures > 0) { <rect class="heat-failed" x="84%" y="2" width="5" height="5" /> }
                            </svg>
                        }
                    }) }
                </> }
            }) }
            { for (0..8).map(|i| html! {
                <text class="axis" x={format!("{:.3}%", NAMES + f64::from(i) * 3.0 * step)} y={(height - 3.0).to_string()}>{ format!("{:02}", i * 3) }</text>
            }) }
        </svg>
    }
}

fn sum(density: &Density, hour: Timestamp) -> Cell {
    let first = density.buckets.partition_point(|bucket| bucket.start < hour);
    let within = density.buckets[first..].iter().take_while(|bucket| bucket.start < hour.plus(HOUR));
    within.fold((0, 0), |(events, failures), bucket| (events + bucket.events, failures + bucket.failures))
}

/// Five levels by rank among the hours that are shown: heartbeats come at all hours, and one very busy hour must not make
/// all others pale.
fn level(cell: Option<Cell>, busy: &[u64]) -> &'static str {
    let Some((events, _)) = cell else { return "heat-future" };
    if events == 0 {
        return "heat-0";
    }
    let below = busy.partition_point(|n| *n < events);
    match below * 5 / busy.len().max(1) {
        0 => "heat-1",
        1 => "heat-2",
        2 => "heat-3",
        3 => "heat-4",
        _ => "heat-5",
    }
}

fn told(at: Timestamp, (events, failures): Cell) -> String {
    format!(
        "{} {}, {}, {} failed",
        clock::day_of_week(at),
        clock::short(at),
        number::of(events as usize, "event", "events"),
        if failures == 0 { "none".to_owned() } else { number::count(failures) }
    )
}
