//! The selected machine: its state, how much of it was heard, and its charts; beside them what was missed.

use std::rc::Rc;

use patze_core::fleet::rows::{Machine, Status};
use patze_core::history::{MachineItem, Page, Series};
use patze_core::time::{DAY, MINUTE, SECOND, Timestamp};
use yew::prelude::*;

use super::charts::Charts;
use super::edges::use_edges;
use super::known::{self, Gap, Now};
use super::name_of;
use super::outages::{Outages, merged};
use super::range::{Range, Window};
use super::series::{of_window, until, use_series};
use crate::client::history::use_fetched;
use crate::parts::mark::StateWord;
use crate::parts::panel::PanelError;
use crate::parts::same::Same;
use crate::parts::segmented::{Choice, Segmented};
use crate::parts::strip::Strip;
use crate::route::encoded;
use crate::say::word::State;
use crate::say::{clock, span};
use crate::world::{use_now_by, use_place};

/// The list of gaps goes back so far, in buckets of so long.
const LONG: i64 = 30 * DAY;
const LONG_BUCKET: i64 = 30 * MINUTE;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct DetailProps {
    /// The machine.
    pub machine: Rc<Machine>,
    /// The moment, if it is past.
    pub moment: Option<Timestamp>,
    /// A past moment is shown, or looked up.
    pub past: bool,
    /// The page is offline: values are old.
    pub offline: bool,
}

/// The selected machine.
#[component]
pub fn Detail(props: &DetailProps) -> Html {
    let DetailProps { machine, moment, past, offline } = props;
    let id = &machine.machine_id;
    let place = use_place();
    let range = Range::of(place.route.get("span"));
    let minute = use_now_by(MINUTE);
    let to = moment.unwrap_or_else(|| minute.plus(MINUTE));
    let now = now_of(machine, to);

    let window = Window::new(to, range.span(), range.bucket(), *past);
    let day = Window::new(to, DAY, Range::Day.bucket(), *past);
    let long = Window::new(to, LONG, LONG_BUCKET, *past);
    let chosen = use_series(Some(id), window, *past);
    let of_day = use_series((range != Range::Day).then_some(id), day, *past);
    let of_long = use_series(Some(id), long, *past);
    let known_from = use_fetched::<Page<MachineItem>>(Some(format!(
        "/history/machines?machineId={}&limit=1",
        encoded(id.as_str())
    )));

    let series = of_window(chosen.value.as_ref(), id, &window);
    let day_series =
        if range == Range::Day { series.clone() } else { of_window(of_day.value.as_ref(), id, &day) };
    let long_series = of_window(of_long.value.as_ref(), id, &long);
    let first_at = known_from
        .value
        .as_ref()
        .and_then(|answer| answer.items.iter().find(|item| item.machine_id == *id))
        .map(|item| item.first_at);
    // A machine that sent what it had spooled has heartbeats from before it was first heard of.
    let first_point = long_series.as_ref().and_then(|series| series.points.first()).map(|point| point.start);
    let since = match (first_at, first_point) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, _) => a,
    };
    let gaps = use_memo((series.clone().map(Same), window, since), gaps_of);
    let day_gaps = use_memo((day_series.map(Same), day, since), gaps_of);
    let long_gaps = use_memo((long_series.clone().map(Same), long, since), gaps_of);
    let silences = use_edges(id, window.bucket, Rc::clone(&gaps));
    let day_silences = use_edges(id, day.bucket, Rc::clone(&day_gaps));
    let long_silences = use_edges(id, long.bucket, Rc::clone(&long_gaps));

    // The buckets of long ranges are too long to show what was missed.
    let missed = match range {
        Range::Hour | Range::Day => (*silences).clone(),
        Range::Week | Range::Month => merged(&day_silences, &long_silences),
    };
    let spans: Vec<(Timestamp, Timestamp)> = missed
        .iter()
        .filter(|silence| silence.to > window.from)
        .map(|silence| (silence.from.max(window.from), silence.to))
        .collect();
    let heard = series.as_ref().and_then(|_| known::heard(&spans, now, window.from, to, since));
    let stretches = match &series {
        Some(_) => known::stretches(&spans, now, window.from, to, since),
        None => Vec::new(),
    };
    let onchange = {
        Callback::from(move |word: &'static str| {
            let word = if word == Range::default().word() { "" } else { word };
            place.go.emit(place.with_filter("span", word));
        })
    };
    let label = format!("Availability {}", range.label());
    let heard_text = heard.map_or_else(String::new, |heard| format!("{} heard", known::share(heard)));
    html! { <>
        <div class="machine-main">
            <section class="machine-title">
                <h2><bdi>{ name_of(machine) }</bdi></h2>
                <StateWord state={now.state} />
                <Told machine={Rc::clone(machine)} />
                <Segmented label="Range" choices={Range::ALL.map(|range| Choice::new(range.word(), range.label())).to_vec()} value={range.word()} {onchange} />
            </section>
            <section class="machine-availability">
                <p><span>{ &label }</span><span>{ &heard_text }</span></p>
                <Strip {stretches} label={format!("{label}: {heard_text}")} />
            </section>
            if let Some(problem) = chosen.problem.as_ref().filter(|_| series.is_none() || !*offline) {
                <PanelError what="The gauges" problem={problem.clone()} retry={chosen.retry.clone()} />
            } else {
                <Charts machine={Rc::clone(machine)} series={series.map(Same)} {window} gaps={spans} stale={*offline || is_down(machine)}
                    live={!*past} moment={*moment} {range} />
            }
        </div>
        <Outages machine={Rc::clone(machine)} {now} {to} day={day_silences} long={long_silences} series={long_series.map(Same)}
            waiting={of_long.loading} problem={of_long.problem.clone().filter(|_| !*offline)} retry={of_long.retry} />
    </> }
}

type Known = (Option<Same<Series>>, Window, Option<Timestamp>);

/// The gaps of what is drawn; none are known before it is there.
fn gaps_of((series, window, since): &Known) -> Vec<Gap> {
    let Some(Same(answer)) = series else { return Vec::new() };
    let points = until(&answer.points, window.to);
    known::gaps(points, window.bucket, window.from.max(answer.from), window.to, *since)
}

/// Whether it was silent for so long that nothing of it is new.
pub fn is_down(machine: &Machine) -> bool {
    machine.pulse.as_ref().is_none_or(|pulse| pulse.status == Status::Offline)
}

/// The present state, and since when. One that is down has been silent since its last heartbeat.
fn now_of(machine: &Machine, to: Timestamp) -> Now {
    let pulse = machine.pulse.as_ref();
    let since = match pulse {
        Some(pulse) if pulse.status == Status::Offline => pulse.last_seen_at,
        Some(pulse) => pulse.since,
        None => to,
    };
    Now { state: State::of_machine(machine), since }
}

#[derive(Properties, PartialEq)]
struct ToldProps {
    machine: Rc<Machine>,
}

/// "for 41 d 6 h, heard 4 s ago"; "since 11:47:20, last heard 11:45:18".
#[component]
fn Told(props: &ToldProps) -> Html {
    let now = use_now_by(SECOND);
    let Some(pulse) = &props.machine.pulse else { return Html::default() };
    let whole = |ms: i64| if ms < MINUTE { ms / SECOND * SECOND } else { ms / MINUTE * MINUTE };
    let (held, age) = (now.since(pulse.since).max(0), now.since(pulse.last_seen_at).max(0));
    let text = if pulse.status == Status::Offline {
        format!(
            "since {}, last heard {}",
            clock::near_to_the_second(pulse.since, now),
            clock::near_to_the_second(pulse.last_seen_at, now)
        )
    } else if age < 2_000 {
        format!("for {}, heard now", span::duration(whole(held)))
    } else {
        format!("for {}, heard {} ago", span::duration(whole(held)), span::age(age))
    };
    html! {
        <span class="machine-told" data-tip={format!("Since {}", clock::full(pulse.since))} data-tip-more={format!("Heard {}", clock::full(pulse.last_seen_at))}>{ text }</span>
    }
}
