//! The density strip: when the log was busy, where the hits are, and what of it is in view. A press leads to that time.

use patze_core::history::{Answer, Density};
use patze_core::time::{DAY, MINUTE, Timestamp};
use yew::prelude::*;

use super::density::{Scale, TALL};
use super::line::Roll;
use crate::client::history::use_fetched;
use crate::parts::width::use_width;
use crate::route::encoded;
use crate::say::{clock, number};
use crate::world::use_now_by;

/// Bars of the strip.
const BARS: usize = 96;
/// The line under the bars, and the least width of the frame round what is in view, px.
const BASE: f64 = 26.5;
const FRAME: f64 = 8.0;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct StripProps {
    /// Of the whole log, not of a day.
    pub all: bool,
    /// The moment that is shown, if it is not now.
    pub moment: Option<Timestamp>,
    /// What was found, if something is searched for.
    pub hits: Option<Roll>,
    /// The times of the first and last line in view.
    pub in_view: Option<(Timestamp, Timestamp)>,
    /// Goes to a time.
    pub ongo: Callback<Timestamp>,
}

/// The strip.
#[component]
pub fn Strip(props: &StripProps) -> Html {
    let (node, width) = use_width();
    let minute = use_now_by(MINUTE);
    let to = props.moment.map_or_else(|| minute.plus(MINUTE), |moment| moment.plus(1));
    let mut path = format!("/history/density?buckets={BARS}&to={}", encoded(&to.to_string()));
    if !props.all {
        path.push_str(&format!("&from={}", encoded(&to.plus(-DAY).to_string())));
    }
    let fetched = use_fetched::<Answer<Density>>(Some(path));
    let density = fetched.value.as_deref().map(|answer| &answer.answer);
    let from = if props.all { density.map_or(to.plus(-DAY), |density| density.from) } else { to.plus(-DAY) };
    let scale = Scale { width, from, to };
    let onclick = {
        let (ongo, node) = (props.ongo.clone(), node.clone());
        Callback::from(move |event: MouseEvent| {
            if let Some(element) = node.cast::<web_sys::Element>() {
                let x = f64::from(event.client_x()) - element.get_bounding_client_rect().left();
                ongo.emit(scale.time(x));
            }
        })
    };
    let label = match &props.hits {
        Some(hits) => format!(
            "Events from {} to {}, with {} hits",
            clock::date_and_time(from),
            clock::date_and_time(to),
            hits.len()
        ),
        None => format!("Events from {} to {}", clock::date_and_time(from), clock::date_and_time(to)),
    };
    html! {
        <div ref={node} class="logs-strip" role="img" aria-label={label} {onclick}>
            <svg width="100%" height="46" aria-hidden="true">
                if let Some(density) = density {
                    { for scale.bars(density).into_iter().map(|bar| {
                        let tip = format!("{}, {}", clock::near(bar.start, to), number::of(bar.events as usize, "event", "events"));
                        html! { <>
                            <rect class="bar" x={format!("{:.1}", bar.x)} y={format!("{:.1}", BASE - 0.5 - bar.tall)} width={format!("{:.1}", bar.wide)} height={format!("{:.1}", bar.tall)} />
                            <rect class="pad" x={format!("{:.1}", bar.x)} y={(BASE - TALL).to_string()} width={format!("{:.1}", bar.wide + 2.0)} height={TALL.to_string()} data-tip={tip} />
                        </> }
                    }) }
                }
                <path class="base" d={format!("M0 {BASE}H{width:.0}")} />
                { for scale.ticks().into_iter().map(|(x, label)| html! { <text class="middle" x={format!("{x:.1}")} y="42">{ label }</text> }) }
                { for places(&scale, props.hits.as_ref()).into_iter().map(|x| html! {
                    <rect class="hit-line" x={format!("{:.1}", x - 1.0)} y="0" width="2" height={BASE.to_string()} />
                }) }
                { props.in_view.map(|(first, last)| frame(&scale, first, last)).unwrap_or_default() }
            </svg>
        </div>
    }
}

/// Where hits are, each place once.
fn places(scale: &Scale, hits: Option<&Roll>) -> Vec<f64> {
    let within = |at: Timestamp| at >= scale.from && at <= scale.to;
    let hits = hits.into_iter().flat_map(|hits| hits.iter()).filter(|line| within(line.ts));
    let mut places: Vec<f64> =
        hits.map(|line| scale.x(line.ts).clamp(1.0, (scale.width - 1.0).max(1.0)).round()).collect();
    places.dedup();
    places
}

/// The frame round what is in view.
fn frame(scale: &Scale, first: Timestamp, last: Timestamp) -> Html {
    let (left, right) = (scale.x(first), scale.x(last));
    let wide = (right - left).max(0.0) + FRAME;
    let x = (left - FRAME / 2.0).clamp(1.0, (scale.width - wide - 1.0).max(1.0));
    html! { <rect class="frame" x={format!("{x:.1}")} y="-1" width={format!("{wide:.1}")} height={(BASE + 2.5).to_string()} /> }
}
