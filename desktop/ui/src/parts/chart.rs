//! A chart of one gauge: mean as a line, least to greatest as a band, what is not known hatched.

use std::rc::Rc;

use patze_core::time::{DAY, HOUR, MINUTE, Timestamp};
use yew::prelude::*;

use super::width::use_width;
use crate::say::word::State;
use crate::say::{THIN, clock, number, span};

/// Height in all, of the plot, and where the plot begins; room for the labels at the right. px
const HEIGHT: f64 = 186.0;
const PLOT: f64 = 146.0;
const TOP: f64 = 18.0;
const RIGHT: f64 = 40.0;

/// A bucket with data.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    /// Where it begins.
    pub start: Timestamp,
    /// The least.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The greatest.
    pub max: f64,
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// A share from 0 to 100.
    Percent,
    /// Bytes a second.
    Rate,
}

impl Unit {
    /// A value with its unit.
    pub fn value(self, value: f64) -> String {
        match self {
            Self::Percent => number::percent(value),
            Self::Rate => number::rate(value),
        }
    }

    /// A value on an axis that ends at `top`: without its unit, for [`Self::of_axis`] says that once.
    fn axis(self, value: f64, top: f64) -> String {
        match self {
            Self::Percent => format!("{value:.0}"),
            Self::Rate => {
                let power = 1_000_f64.powi((top.max(1.0).log10() / 3.0).floor() as i32);
                let text = format!("{:.2}", value / power);
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        }
    }

    /// The unit of an axis that ends at `top`.
    fn of_axis(self, top: f64) -> String {
        match self {
            Self::Percent => String::new(),
            Self::Rate => number::rate(top).split(THIN).next_back().unwrap_or_default().to_owned(),
        }
    }
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct ChartProps {
    /// Its name.
    pub title: &'static str,
    /// The newest value.
    #[prop_or_default]
    pub value: AttrValue,
    /// The value is high.
    #[prop_or_default]
    pub value_state: Option<State>,
    /// The value is old.
    #[prop_or_default]
    pub stale: bool,
    /// What stands beside it.
    #[prop_or_default]
    pub more: AttrValue,
    /// The buckets that have data, by start.
    pub points: Vec<Point>,
    /// The length of a bucket, ms.
    pub bucket_ms: i64,
    /// Where the time begins.
    pub from: Timestamp,
    /// Where it ends.
    pub to: Timestamp,
    /// It ends now.
    #[prop_or_default]
    pub live: bool,
    /// Where nothing is known, if that is known better than from the points.
    #[prop_or_default]
    pub gaps: Option<Rc<Vec<(Timestamp, Timestamp)>>>,
    /// The value at the top; a round number above the greatest if it is not told.
    #[prop_or_default]
    pub top: Option<f64>,
    /// How a value is written.
    pub unit: Unit,
    /// A line across, in the colour of a state.
    #[prop_or_default]
    pub threshold: Option<(f64, State)>,
    /// The first answer is awaited.
    #[prop_or_default]
    pub loading: bool,
}

/// A chart.
#[component]
pub fn Chart(props: &ChartProps) -> Html {
    let (node, width) = use_width();
    let hovered = use_state(|| None::<usize>);
    let plot = Plot::of(props, (width - RIGHT).max(1.0));
    let point = hovered.and_then(|i| props.points.get(i)).copied();
    let onpointermove = {
        let (hovered, node, plot, starts) = (hovered.clone(), node.clone(), plot, starts(&props.points));
        Callback::from(move |event: PointerEvent| {
            let Some(element) = node.cast::<web_sys::Element>() else { return };
            let x = f64::from(event.client_x()) - element.get_bounding_client_rect().left();
            hovered.set(nearest(&starts, plot.time(x)));
        })
    };
    let onpointerleave = {
        let hovered = hovered.clone();
        Callback::from(move |_: PointerEvent| hovered.set(None))
    };
    let onkeydown = {
        let n = props.points.len();
        Callback::from(move |event: KeyboardEvent| {
            let now = hovered.unwrap_or(n);
            let next = match event.key().as_str() {
                "ArrowLeft" => now.saturating_sub(1),
                "ArrowRight" => (now + 1).min(n.saturating_sub(1)),
                _ => return,
            };
            event.prevent_default();
            event.stop_propagation();
            hovered.set((n > 0).then_some(next));
        })
    };
    let label = match props.points.last() {
        Some(last) => format!(
            "{} from {} to {}: now {}, mean {}, greatest {}",
            props.title,
            clock::date_and_time(props.from),
            clock::date_and_time(props.to),
            props.unit.value(last.mean),
            props.unit.value(mean(&props.points)),
            props.unit.value(greatest(&props.points)),
        ),
        None => format!("{}: no data in this range", props.title),
    };
    let gaps = plot.gaps(props);
    html! {
        <section class="chart">
            <p class="chart-head">
                <b>{ props.title }</b>
                <span class={classes!("chart-value", props.value_state.map(State::class), props.stale.then_some("stale"))}>{ &props.value }</span>
                <span class="chart-more">{ &props.more }</span>
            </p>
            <div ref={node} class="chart-body" tabindex="0" role="img" aria-label={label} {onpointermove} {onpointerleave} {onkeydown}>
                <svg width="100%" height={HEIGHT.to_string()} aria-hidden="true">
                    { for [0.0, 0.5, 1.0].into_iter().map(|share| {
                        let y = TOP + PLOT * (1.0 - share);
                        html! { <>
                            <path class="grid" d={format!("M0 {y:.1}H{:.1}", plot.width)} />
                            <text class="axis" x={format!("{:.1}", plot.width + 8.0)} y={format!("{:.1}", y + 4.0)}>{ props.unit.axis(plot.top * share, plot.top) }</text>
                        </> }
                    }) }
                    if !props.points.is_empty() {
                        <text class="axis" x={format!("{:.1}", plot.width + 8.0)} y={format!("{:.1}", TOP + 18.0)}>{ props.unit.of_axis(plot.top) }</text>
                    }
                    { for gaps.iter().map(|&(from, to)| {
                        let (x, wide) = (plot.x(from), plot.x(to) - plot.x(from));
                        let middle = (x + wide / 2.0).clamp(46.0, (plot.width - 46.0).max(46.0));
                        html! { <>
                            <rect class="gap" x={format!("{x:.1}")} y={TOP.to_string()} width={format!("{wide:.1}")} height={PLOT.to_string()} fill="url(#hatch)" />
                            if !props.loading && wide > 4.0 {
                                <text class="axis middle" x={format!("{middle:.1}")} y="12">{ format!("no data {}", span::duration(to.since(from))) }</text>
                            }
                        </> }
                    }) }
                    <path class="band" d={plot.band(props)} />
                    if let Some((at, state)) = props.threshold {
                        <path class={classes!("threshold", state.class())} d={format!("M0 {:.1}H{:.1}", plot.y(at), plot.width)} />
                    }
                    <path class="line" d={plot.line(props)} />
                    if let Some(last) = props.points.last() {
                        <circle class="dot" cx={format!("{:.1}", plot.middle(last, props.bucket_ms))} cy={format!("{:.1}", plot.y(last.mean))} r="3" />
                    }
                    { for plot.ticks(props).into_iter().map(|(x, text, class)| html! {
                        <text class={classes!("axis", class)} x={format!("{x:.1}")} y={(HEIGHT - 4.0).to_string()}>{ text }</text>
                    }) }
                    if let Some(point) = point {
                        <path class="cursor" d={format!("M{:.1} {TOP}V{:.1}", plot.middle(&point, props.bucket_ms), TOP + PLOT)} />
                    }
                </svg>
                if let Some(point) = point {
                    <div class={if plot.middle(&point, props.bucket_ms) > plot.width / 2.0 { "plate at-left" } else { "plate at-right" }} role="status">
                        <span class="mono">{ clock::near_to_the_second(point.start, props.to) }</span>
                        <span>{ "mean " }<b>{ props.unit.value(point.mean) }</b>
                            if point.min < point.max { { format!("  min {}, max {}", props.unit.value(point.min), props.unit.value(point.max)) } }
                        </span>
                    </div>
                }
                if props.points.is_empty() && !props.loading {
                    <p class="chart-empty">{ "No data in this range" }</p>
                }
            </div>
        </section>
    }
}

/// The mean of the means.
pub fn mean(points: &[Point]) -> f64 {
    points.iter().map(|point| point.mean).sum::<f64>() / points.len().max(1) as f64
}

/// The greatest of all.
pub fn greatest(points: &[Point]) -> f64 {
    points.iter().map(|point| point.max).fold(0.0, f64::max)
}

/// A round number that is not less: 1, 2 or 5 times a power of ten.
pub fn round_up(value: f64) -> f64 {
    if !(value.is_finite() && value > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|round| *round >= value)
        .unwrap_or(10.0 * power)
}

fn starts(points: &[Point]) -> Vec<Timestamp> {
    points.iter().map(|point| point.start).collect()
}

fn nearest(starts: &[Timestamp], at: Timestamp) -> Option<usize> {
    let i = starts.partition_point(|start| *start <= at);
    (!starts.is_empty()).then(|| i.saturating_sub(1))
}

/// Where things are on the plot.
#[derive(Clone, Copy, PartialEq)]
struct Plot {
    width: f64,
    top: f64,
    from: Timestamp,
    span: f64,
}

impl Plot {
    fn of(props: &ChartProps, width: f64) -> Self {
        let top = props.top.unwrap_or_else(|| round_up(greatest(&props.points)));
        Self { width, top, from: props.from, span: (props.to.since(props.from) as f64).max(1.0) }
    }

    fn x(&self, at: Timestamp) -> f64 {
        (at.since(self.from) as f64 / self.span).clamp(0.0, 1.0) * self.width
    }

    fn time(&self, x: f64) -> Timestamp {
        self.from.plus((x / self.width * self.span) as i64)
    }

    fn y(&self, value: f64) -> f64 {
        TOP + PLOT * (1.0 - (value / self.top).clamp(0.0, 1.0))
    }

    fn middle(&self, point: &Point, bucket_ms: i64) -> f64 {
        self.x(point.start.plus(bucket_ms / 2))
    }

    /// Where nothing is known between or after what is; a bucket or two without a heartbeat is no gap.
    fn gaps(&self, props: &ChartProps) -> Vec<(Timestamp, Timestamp)> {
        if let Some(gaps) = &props.gaps {
            return gaps.to_vec();
        }
        let most = props.bucket_ms * 5 / 2;
        let mut gaps = Vec::new();
        for pair in props.points.windows(2) {
            if pair[1].start.since(pair[0].start) > most {
                gaps.push((pair[0].start.plus(props.bucket_ms), pair[1].start));
            }
        }
        match props.points.last() {
            Some(last) if props.to.since(last.start) > most + props.bucket_ms => {
                gaps.push((last.start.plus(props.bucket_ms), props.to));
            }
            None => gaps.push((props.from, props.to)),
            _ => {}
        }
        gaps
    }

    fn pieces<'a>(&self, props: &'a ChartProps) -> impl Iterator<Item = &'a [Point]> {
        let most = props.bucket_ms * 5 / 2;
        let gaps = props.gaps.as_deref();
        props.points.chunk_by(move |a, b| match gaps {
            Some(gaps) => !gaps.iter().any(|&(from, _)| from > a.start && from <= b.start),
            None => b.start.since(a.start) <= most,
        })
    }

    fn line(&self, props: &ChartProps) -> String {
        let mut d = String::new();
        for piece in self.pieces(props) {
            for (i, point) in piece.iter().enumerate() {
                d.push(if i == 0 { 'M' } else { 'L' });
                d.push_str(&format!("{:.1} {:.1}", self.middle(point, props.bucket_ms), self.y(point.mean)));
            }
        }
        d
    }

    fn band(&self, props: &ChartProps) -> String {
        let mut d = String::new();
        for piece in self.pieces(props) {
            for (i, point) in piece.iter().enumerate() {
                d.push(if i == 0 { 'M' } else { 'L' });
                d.push_str(&format!("{:.1} {:.1}", self.middle(point, props.bucket_ms), self.y(point.max)));
            }
            for point in piece.iter().rev() {
                d.push_str(&format!("L{:.1} {:.1}", self.middle(point, props.bucket_ms), self.y(point.min)));
            }
            d.push('Z');
        }
        d
    }

    /// The begin, round times between, and the end.
    fn ticks(&self, props: &ChartProps) -> Vec<(f64, String, &'static str)> {
        /// About how wide a character is, and how far texts stand apart, px.
        const CHAR: f64 = 6.2;
        const APART: f64 = 12.0;
        let days = props.to.since(props.from) / DAY;
        let text = |at: Timestamp| match days {
            0..=2 => clock::short(at),
            3..=10 => clock::day_of_week(at).to_owned(),
            _ => clock::date(at).split_once(' ').map_or_else(String::new, |(_, date)| date.to_owned()),
        };
        let wide = |text: &str| text.chars().count() as f64 * CHAR;
        let first = if days > 2 { clock::date(props.from) } else { text(props.from) };
        let last = if props.live { "now".to_owned() } else { text(props.to) };
        let (left, right) = (wide(&first) + APART, self.width - wide(&last) - APART);
        let most = (self.width / (wide(&text(props.to)) + 2.0 * APART)).floor().max(1.0) as i64;
        let mut ticks = vec![(0.0, first, "")];
        for at in round_times(props.from, props.to, most) {
            let (x, text) = (self.x(at), text(at));
            let half = wide(&text) / 2.0;
            if x - half >= left && x + half <= right {
                ticks.push((x, text, "middle"));
            }
        }
        ticks.push((self.width, last, "end"));
        ticks
    }
}

/// Round times of the viewer's clock within a range, at most about `most` of them.
pub fn round_times(from: Timestamp, to: Timestamp, most: i64) -> Vec<Timestamp> {
    const STEPS: [i64; 10] =
        [10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY];
    let span = to.since(from).max(1);
    let step = STEPS.into_iter().find(|step| span / step <= most).unwrap_or(30 * DAY);
    let mut times = Vec::new();
    let mut at = clock::day_begin(from);
    while at < to {
        if at > from {
            times.push(at);
        }
        // A day of 23 or 25 hours is a day too.
        at = if step < DAY { at.plus(step) } else { clock::day_begin(at.plus(step + 6 * HOUR)) };
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_is_round() {
        for (value, top) in
            [(0.0, 1.0), (0.7, 1.0), (3.0, 4.0), (31.0, 40.0), (99.0, 100.0), (101.0, 200.0), (f64::NAN, 1.0)]
        {
            assert!((round_up(value) - top).abs() < 1e-9, "{value} {}", round_up(value));
        }
    }

    #[test]
    fn an_axis_has_one_unit() {
        assert_eq!(Unit::Rate.axis(20e6, 40e6), "20");
        assert_eq!(Unit::Rate.axis(2.5e6, 5e6), "2.5");
        assert_eq!(Unit::Rate.axis(0.0, 400.0), "0");
        assert_eq!(Unit::Rate.of_axis(40e6), "MB/s");
        assert_eq!(Unit::Rate.of_axis(1e6), "MB/s");
        assert_eq!(Unit::Rate.axis(1e6, 1e6), "1");
        assert_eq!(Unit::Percent.of_axis(100.0), "");
    }

    #[test]
    fn ticks_are_at_round_times() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let times = |from, to, most| {
            round_times(at(from), at(to), most).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            times("2026-10-22T14:32:00Z", "2026-10-23T14:32:00Z", 5),
            [
                "2026-10-22T18:00:00.000Z",
                "2026-10-23T00:00:00.000Z",
                "2026-10-23T06:00:00.000Z",
                "2026-10-23T12:00:00.000Z"
            ]
        );
        assert_eq!(
            times("2026-10-16T14:32:00Z", "2026-10-23T14:32:00Z", 4),
            ["2026-10-18T00:00:00.000Z", "2026-10-20T00:00:00.000Z", "2026-10-22T00:00:00.000Z"]
        );
        assert_eq!(times("2026-10-23T14:32:00Z", "2026-10-23T14:32:00Z", 4), Vec::<String>::new());
    }

    #[test]
    fn the_nearest_bucket_is_the_one_before() {
        let at = Timestamp::from_millis;
        assert_eq!(nearest(&[at(0), at(10), at(20)], at(15)), Some(1));
        assert_eq!(nearest(&[at(10)], at(0)), Some(0));
        assert_eq!(nearest(&[], at(0)), None);
    }
}
