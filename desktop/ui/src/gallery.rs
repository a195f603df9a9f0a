//! Every component in every state, to look at while it is made (`scripts/build-web --dev`, `#/gallery`).

use patze_core::fleet::lifecycle::LifeState;
use patze_core::time::{MINUTE, Timestamp};
use yew::prelude::*;

use crate::client::ask::Problem;
use crate::parts::badge::{Badge, Key};
use crate::parts::button::{Button, Kind};
use crate::parts::chart::{Chart, Point, Unit};
use crate::parts::code::Code;
use crate::parts::columns::{Column, Columns};
use crate::parts::empty::Empty;
use crate::parts::field::Field;
use crate::parts::gauge::Gauge;
use crate::parts::mark::{RunMark, StateWord};
use crate::parts::panel::PanelError;
use crate::parts::segmented::{Choice, Segmented};
use crate::parts::skeleton::Skeleton;
use crate::parts::sparkline::Sparkline;
use crate::parts::strip::{Stretch, Strip};
use crate::parts::switch::Switch;
use crate::parts::toggles::{Toggle, Toggles};
use crate::say::word::{self, State};

const STATES: [State; 5] = [State::Ok, State::Degraded, State::Down, State::Unknown, State::Paused];

/// The gallery.
#[component]
pub fn Gallery() -> Html {
    let wave = |i: i64| 30.0 + 20.0 * ((i as f64) / 9.0).sin();
    let begin = Timestamp::from_millis(1_790_000_000_000);
    let points: Vec<Point> = (0..144)
        .filter(|i| !(70..80).contains(i))
        .map(|i| Point {
            start: begin.plus(i * 10 * MINUTE),
            min: wave(i) - 6.0,
            mean: wave(i),
            max: wave(i) + 9.0,
        })
        .collect();
    let values = (0..60).map(|i| (!(30..36).contains(&i)).then(|| wave(i))).collect::<Vec<_>>();
    let columns = (0..7)
        .map(|i| Column {
            value: wave(i * 7),
            tip: AttrValue::default(),
            label: ["Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"][i as usize].into(),
        })
        .collect::<Vec<_>>();
    let part = |title: &'static str, body: Html| html! { <section class="gallery-part"><h3>{ title }</h3>{ body }</section> };
    let nothing = Callback::noop();
    html! {
        <div class="gallery">
            { part("States", html! { { for STATES.map(|state| html! { <p><StateWord {state} /></p> }) } }) }
            { part("Runs", html! { <>
                { for LifeState::ALL.map(|state| html! { <p class="lead"><RunMark state={Some(state)} />{ word::life(state) }</p> }) }
                <p class="lead"><RunMark state={None} />{ "Unknown" }</p>
            </> }) }
            { part("Badges and keys", html! { <p><Badge text="Telegram" /><Badge text="claude-haiku-4-5" mono=true /><Key text="Ctrl K" /></p> }) }
            { part("Buttons", html! { <p class="lead">
                <Button kind={Kind::Primary} onclick={nothing.clone()}>{ "Save" }</Button>
                <Button onclick={nothing.clone()}>{ "Cancel" }</Button>
                <Button kind={Kind::Quiet} onclick={nothing.clone()}>{ "Details" }</Button>
                <Button kind={Kind::Danger} onclick={nothing.clone()}>{ "Delete" }</Button>
                <Button busy=true onclick={nothing.clone()}>{ "Saving" }</Button>
                <Button why_not="Back to live to do this" onclick={nothing.clone()}>{ "Disabled" }</Button>
            </p> }) }
            { part("Fields", html! { <>
                <Field id="g1" label="Name" value="cellar" oninput={Callback::noop()} help="As it is shown" />
                <Field id="g2" label="Token" value="ab" oninput={Callback::noop()} fault="At least 16 characters, 2 so far." />
            </> }) }
            { part("Choices", html! {
                <Segmented label="Range" value="7d" onchange={Callback::noop()} choices={vec![Choice::new("24h", "24 h"), Choice::new("7d", "7 d"), Choice::new("30d", "30 d")]} />
            }) }
            { part("Toggles and switches", html! { <>
                <p class="lead"><Toggles label="Levels" ontoggle={Callback::noop()} toggles={vec![
                    Toggle { value: "info", label: "info".into(), count: None, mark: None, on: false },
                    Toggle { value: "warn", label: "warn".into(), count: Some("96".into()), mark: Some(State::Degraded), on: true },
                    Toggle { value: "error", label: "error".into(), count: Some("14".into()), mark: Some(State::Down), on: true },
                ]} /></p>
                <p class="lead"><Switch label="On" on=true onswitch={Callback::noop()} /><Switch label="Off" on=false onswitch={Callback::noop()} /></p>
            </> }) }
            { part("Gauges", html! { <>
                <Gauge label="Rest" value={Some(31.0)} /><Gauge label="High" value={Some(94.0)} /><Gauge label="Full" value={Some(99.0)} />
                <Gauge label="Stale" value={Some(27.0)} stale=true /><Gauge label="Never" value={None} />
            </> }) }
            { part("Lines", html! { <>
                <Sparkline {values} label="A line with a gap" width={120.0} />
                <Strip label="A day" stretches={vec![
                    Stretch { from: 0.0, to: 0.5, state: Some(State::Ok), tip: "Ok".into() },
                    Stretch { from: 0.5, to: 0.6, state: None, tip: "No data".into() },
                    Stretch { from: 0.6, to: 0.7, state: Some(State::Down), tip: "Down".into() },
                    Stretch { from: 0.7, to: 1.0, state: Some(State::Degraded), tip: "Degraded".into() },
                ]} />
                <Columns {columns} labels=true label="A week" />
            </> }) }
            { part("Chart", html! {
                <Chart title="CPU" value="31 %" more="mean 30, max 59" {points} bucket_ms={10 * MINUTE} from={begin} to={begin.plus(144 * 10 * MINUTE)} top={Some(100.0)} unit={Unit::Percent} threshold={Some((90.0, State::Degraded))} />
            }) }
            { part("Chart, loading and empty", html! { <>
                <Chart title="CPU" points={Vec::new()} bucket_ms={MINUTE} from={begin} to={begin.plus(144 * MINUTE)} unit={Unit::Percent} loading=true />
                <Chart title="CPU" points={Vec::new()} bucket_ms={MINUTE} from={begin} to={begin.plus(144 * MINUTE)} unit={Unit::Rate} />
            </> }) }
            { part("Skeleton", html! { <Skeleton /> }) }
            { part("A command", html! { <Code text="patze-bridge doctor" /> }) }
            { part("Panel error", html! { <PanelError what="The history of 16–22 Oct" problem={Problem::Late} retry={Callback::noop()} /> }) }
            { part("Empty", html! { <Empty title="No machine yet" why="A machine appears with its first heartbeat."><Code text="patze-bridge" /></Empty> }) }
        </div>
    }
}
