//! What is drawn of the rail: bars, failures, the lane of the fleet's worst state, ticks, and the head.

use patze_core::fleet::snapshot::HealthWord;
use patze_core::history::{Density, DensityBucket};
use patze_core::time::{DAY, MINUTE, Timestamp};
use yew::prelude::*;

use super::range::Range;
use crate::client::live::Link;
use crate::say::clock::{self, Local};
use crate::say::number;
use crate::say::span;
use crate::say::typed::At;
use crate::world::Shown;

/// The base line, the greatest height of a bar, the gap between bars: px.
const BASE: f64 = 33.0;
const TALL: f64 = 24.0;
const GAP: f64 = 1.6;

/// Where things are on the line.
#[derive(Clone, PartialEq)]
pub(super) struct Line {
    pub(super) width: f64,
    from: Timestamp,
    to: Timestamp,
    bucket_ms: i64,
    buckets: Vec<DensityBucket>,
    empty: bool,
}

impl Line {
    pub(super) fn of(
        shown: &Shown,
        density: Option<&Density>,
        range: Range,
        width: f64,
        minute: Timestamp,
    ) -> Self {
        let to = minute.plus(MINUTE);
        let from = range.span().map_or_else(|| to.plus(-DAY), |span| to.plus(-span));
        let empty = shown.live.as_ref().is_some_and(|live| live.fleet.position() == 0);
        match density {
            Some(density) => Self {
                width,
                from: if range.span().is_some() { from.max(density.from) } else { density.from },
                to,
                bucket_ms: density.bucket_ms.max(1),
                buckets: density.buckets.clone(),
                empty,
            },
            None => Self { width, from, to, bucket_ms: MINUTE, buckets: Vec::new(), empty },
        }
    }

    fn x(&self, at: Timestamp) -> f64 {
        let span = self.to.since(self.from).max(1) as f64;
        (at.since(self.from) as f64 / span).clamp(0.0, 1.0) * self.width
    }

    fn time(&self, x: f64) -> Timestamp {
        let span = self.to.since(self.from) as f64;
        self.from.plus((x / self.width.max(1.0) * span) as i64)
    }

    /// The moment at a place; the right end is now.
    pub(super) fn at(&self, x: f64) -> Option<At> {
        (x < self.width - 2.0).then(|| At::Time(self.time(x)))
    }

    /// Events in the last whole minute or so.
    pub(super) fn rate(&self) -> Option<u64> {
        let whole = self.buckets.iter().rev().find(|bucket| bucket.start.plus(self.bucket_ms) <= self.to)?;
        let minutes = (self.bucket_ms / MINUTE).max(1).unsigned_abs();
        Some(whole.events.div_ceil(minutes))
    }

    pub(super) fn value_text(&self, shown: &Shown) -> String {
        let Some(moment) = shown.moment() else { return "Live".to_owned() };
        let now = shown.live.as_ref().map_or(moment, |live| live.fleet.log_time());
        let ago = span::duration(now.since(moment).max(0) / 1_000 * 1_000);
        let worst = self.bucket(moment).map_or("", |bucket| match bucket.worst {
            HealthWord::Critical => ", something was down",
            HealthWord::Degraded => ", something was degraded",
            HealthWord::Healthy | HealthWord::Unknown => "",
        });
        format!("{}, {ago} ago{worst}", clock::date_and_time(moment))
    }

    fn bucket(&self, at: Timestamp) -> Option<&DensityBucket> {
        let i = self.buckets.partition_point(|bucket| bucket.start <= at).checked_sub(1)?;
        self.buckets.get(i)
    }

    pub(super) fn draw(&self, shown: &Shown, pointed: Option<f64>) -> Html {
        let head = shown.moment().map_or(self.width, |moment| self.x(moment));
        let offline = shown.is_stale();
        let end = if offline {
            shown.live.as_ref().map_or(self.width, |live| self.x(live.fleet.log_time()))
        } else {
            self.width
        };
        let future = if shown.is_past() { head } else { end };
        html! { <>
            <svg width="100%" height="68" aria-hidden="true">
                if self.empty {
                    <text class="rail-tick" x="0" y="28">{ "The log is empty. Its first event will appear at the right edge." }</text>
                }
                { for self.bars(future) }
                if future < self.width - 1.0 {
                    <rect x={format!("{future:.1}")} y="8" width={format!("{:.1}", self.width - future)} height={(BASE - 8.0).to_string()} fill="url(#hatch)" />
                }
                <path class="rail-base" d={format!("M0 {}.5H{:.1}", BASE as i32 + 3, self.width)} />
                { for self.lane() }
                { for self.ticks() }
                { self.head(shown, head, end) }
                if let Some(x) = pointed { { ghost(x) } }
            </svg>
            if let Some(x) = pointed {
                <Plate {x} text={self.plate(x)} />
            }
        </> }
    }

    fn bars(&self, future: f64) -> Vec<Html> {
        let most = self.buckets.iter().map(|bucket| bucket.events).max().unwrap_or(0);
        let scale = TALL / ((most + 1) as f64).ln().max(f64::MIN_POSITIVE);
        let mut drawn = Vec::with_capacity(self.buckets.len() * 2);
        for bucket in &self.buckets {
            let (x, end) = (self.x(bucket.start), self.x(bucket.start.plus(self.bucket_ms)));
            let wide = (end - x - GAP).max(0.8);
            if bucket.events > 0 && end > 0.0 {
                let tall = (((bucket.events + 1) as f64).ln() * scale).max(1.0);
                let class = if x >= future - 0.5 { "rail-bar hollow" } else { "rail-bar" };
                drawn.push(html! {
                    <rect {class} x={format!("{x:.1}")} y={format!("{:.1}", BASE - tall)} width={format!("{wide:.1}")} height={format!("{tall:.1}")} />
                });
            }
            if bucket.failures > 0 {
                let middle = x + wide / 2.0;
                let class =
                    if x >= future - 0.5 { "rail-failure is-down faint" } else { "rail-failure is-down" };
                drawn.push(html! {
                    <path {class} d={format!("M{:.1} 1H{:.1}L{middle:.1} 6Z", middle - 3.0, middle + 3.0)} fill="currentColor" />
                });
            }
        }
        drawn
    }

    /// The worst state of the fleet, drawn only where it is not ok; hatched where nobody knows.
    fn lane(&self) -> Vec<Html> {
        let runs = self.buckets.chunk_by(|a, b| a.worst == b.worst);
        runs.filter_map(|run| {
            let (first, last) = (run.first()?, run.last()?);
            let (x, end) = (self.x(first.start), self.x(last.start.plus(self.bucket_ms)));
            let (class, fill) = match first.worst {
                HealthWord::Healthy => return None,
                HealthWord::Degraded => ("is-degraded", "currentColor"),
                HealthWord::Critical => ("is-down", "currentColor"),
                HealthWord::Unknown => ("is-unknown", "url(#hatch-ink)"),
            };
            Some(html! {
                <rect {class} x={format!("{x:.1}")} y={(BASE + 2.0).to_string()} width={format!("{:.1}", (end - x).max(2.0))} height="3" {fill} />
            })
        })
        .collect()
    }

    fn ticks(&self) -> Vec<Html> {
        let step = Range::tick(self.to.since(self.from));
        let mut at = clock::day_begin(self.from);
        let mut ticks = Vec::new();
        while at < self.to && ticks.len() < 40 {
            let x = self.x(at);
            if at > self.from && x > 24.0 && x < self.width - 28.0 {
                ticks.push(html! { <>
                    <path class="rail-base" d={format!("M{x:.1} {}v3", BASE + 4.0)} />
                    <text class="rail-tick middle" x={format!("{x:.1}")} y={(BASE + 19.0).to_string()}>{ clock::tick(at) }</text>
                </> });
            }
            at = at.plus(step);
            // A day of 23 or 25 hours shifts the ticks; whole days begin at midnight.
            let wall = Local::of(at);
            if step >= DAY && wall.hour != 0 {
                at = clock::day_begin(at.plus(12 * 3_600_000));
            }
        }
        ticks
    }

    fn head(&self, shown: &Shown, x: f64, end: f64) -> Html {
        let foot = BASE + 12.0;
        if shown.is_past() {
            let class = classes!("rail-head", "past", shown.travelling.then_some("hollow"));
            return html! {
                <g {class}>
                    <path class="stem" d={format!("M{x:.1} 8V{foot}")} />
                    <path class="flag" d={format!("M{:.1} 0h12v6l-6 5.4-6-5.4z", x - 6.0)} />
                </g>
            };
        }
        let (class, at) = match shown.link {
            _ if self.empty => ("rail-head waiting", self.width - 1.0),
            Link::Offline { .. } => ("rail-head offline", end),
            _ => ("rail-head live", self.width - 1.0),
        };
        html! {
            <g {class}>
                <path class="stem" d={format!("M{at:.1} 4V{foot}")} />
                <circle cx={format!("{at:.1}")} cy="4" r="4" />
            </g>
        }
    }

    fn plate(&self, x: f64) -> String {
        let at = self.time(x);
        let time =
            if self.to.since(self.from) > 2 * DAY { clock::date_and_time(at) } else { clock::time(at) };
        match self.bucket(at) {
            Some(bucket) => {
                let failed = match bucket.failures {
                    0 => "none failed".to_owned(),
                    n => format!("{} failed", number::count(n)),
                };
                format!("{time}  {}, {failed}", number::of(bucket.events as usize, "event", "events"))
            }
            None => time,
        }
    }
}

fn ghost(x: f64) -> Html {
    html! {
        <g class="rail-ghost">
            <path d={format!("M{x:.1} 8V45")} />
            <path d={format!("M{:.1} 1h11v5.6l-5.5 5-5.5-5z", x - 5.5)} />
        </g>
    }
}

#[derive(Properties, PartialEq)]
struct PlateProps {
    x: f64,
    text: AttrValue,
}

/// The plate above the head; its place is set through the object model, as the page's policy allows no style attribute.
#[component]
fn Plate(props: &PlateProps) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(props.x, move |x| {
            let Some(plate) = node.cast::<web_sys::HtmlElement>() else { return };
            let room = plate.parent_element().map_or(0.0, |line| line.get_bounding_client_rect().width());
            let wide = f64::from(plate.offset_width());
            let left = if *x + 14.0 + wide > room { *x - 14.0 - wide } else { *x + 14.0 };
            let _ = plate.style().set_property("left", &format!("{:.0}px", left.max(0.0)));
        });
    }
    html! { <div ref={node} class="plate rail-plate">{ &props.text }</div> }
}
