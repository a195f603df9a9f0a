//! The open line: whole, in the middle of what its run or its machine wrote around it.

use std::rc::Rc;

use patze_core::time::Timestamp;
use yew::prelude::*;

use super::around::{Around, parted};
use super::book::{Lines, PAGE};
use super::entry;
use super::line::{Line, Roll, marked};
use crate::client::history::use_fetched;
use crate::parts::link::Link;
use crate::parts::mark::StateMark;
use crate::parts::width::use_size;
use crate::route::{Route, View};
use crate::say::typed::At;
use crate::say::word::{self, State};
use crate::say::{clock, number, span};
use crate::world::use_place;

/// Lines that are shown before and after at first, and how many more each time.
const FIRST: usize = 3;
const STEP: usize = 20;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct ContextProps {
    /// The line.
    pub line: Line,
    /// The name of its machine.
    pub machine: AttrValue,
    /// When today began.
    pub today: Timestamp,
    /// The moment that is shown, if it is not now: what came later is not shown.
    pub moment: Option<Timestamp>,
    /// `2 of 7`, if it was searched for.
    pub hit: Option<AttrValue>,
    /// It is the one that Tab comes to.
    pub active: bool,
    /// Tells how high it is, px.
    pub onheight: Callback<f64>,
    /// Closes it.
    pub onclose: Callback<()>,
}

/// The open line.
#[component]
pub fn Context(props: &ContextProps) -> Html {
    let ContextProps { line, machine, today, .. } = props;
    let (node, _, height) = use_size();
    {
        let onheight = props.onheight.clone();
        use_effect_with(height, move |height| {
            if *height > 0.0 {
                onheight.emit(*height);
            }
        });
    }
    let within = use_state_eq(|| Around::first(!line.run_id.is_empty()));
    let path = within.path(line.machine_id.as_str(), line.run_id.as_str(), line.ts, props.moment, PAGE);
    let found = use_fetched::<Lines>(Some(path));
    {
        let answer = found.value.as_ref().filter(|_| !found.loading);
        let answer = answer.map(|lines| (lines.answer.next.is_some(), lines.answer.items.len()));
        let within = within.clone();
        use_effect_with(answer, move |answer| {
            if let Some(next) = answer.and_then(|(too_many, found)| within.next(too_many, found)) {
                within.set(next);
            }
        });
    }
    let lines = use_memo(found.value.clone().map(ByAddress), |value| {
        value.as_ref().map(|lines| Roll::of(lines.0.answer.items.clone())).unwrap_or_default()
    });
    let most = use_state(|| (FIRST, FIRST));
    let shown = parted(&lines, line.position, *most);
    let row = |line: &Line| {
        html! {
            <div key={line.position} class={classes!("entry", entry::class(line.level))}>
                { entry::cells(line, machine, *today, entry::message(line)) }
            </div>
        }
    };
    let more = |add: (usize, usize), n: usize, word: &'static str| {
        let most = most.clone();
        let onclick = Callback::from(move |event: MouseEvent| {
            event.stop_propagation();
            most.set((most.0 + add.0, most.1 + add.1));
        });
        let lines = number::of(n, "line", "lines");
        (n > 0).then(
            || html! { <button type="button" class="link" {onclick}>{ format!("{lines} {word}") }</button> },
        )
    };
    html! {
        <li ref={node} class="context" data-context="true">
            <p class="context-head">
                { title(props, *within) }
                if let Some(problem) = &found.problem {
                    <span class="is-down"><StateMark state={State::Down} size={9} quiet=true />{ problem.to_string() }
                        <button type="button" class="link" onclick={found.retry.reform(|_| ())}>{ "Try again" }</button></span>
                }
                <span class="spring"></span>
                { more((STEP, 0), shown.more_above, "above") }
                <button type="button" class="context-close" aria-label="Close" onclick={props.onclose.reform(|_: MouseEvent| ())}>{ "×" }</button>
            </p>
            { for shown.above.iter().map(row) }
            <div class={classes!("entry", "whole", entry::class(line.level))} tabindex={if props.active { "0" } else { "-1" }}
                data-line={line.position.to_string()} aria-current="true">
                { entry::cells(line, machine, *today, whole(line)) }
            </div>
            { for shown.below.iter().map(row) }
            <p class="context-foot">
                { more((0, STEP), shown.more_below, "below") }
                <span class="spring"></span>
                <Ways line={line.clone()} />
            </p>
        </li>
    }
}

/// What the lines around are of.
fn title(props: &ContextProps, around: Around) -> Html {
    let line = &props.line;
    let of_hit = props.hit.as_ref().map_or_else(String::new, |hit| format!(" of hit {hit}"));
    let within = around
        .within
        .map_or_else(String::new, |within| format!(", {} before and after", span::duration(within)));
    html! {
        <span class="context-title">
            if around.run {
                { format!("Context{of_hit}, run ") }
                <bdi class="mono" data-tip={line.run_id.to_string()}>{ word::middle(line.run_id.as_str(), 24) }</bdi>{ within }
            } else {
                { format!("Context{of_hit}, ") }<bdi>{ &props.machine }</bdi>{ within }
            }
        </span>
    }
}

/// The whole message, with what was found marked.
fn whole(line: &Line) -> Html {
    html! {
        <span class="entry-text">
            <bdi>{ entry::pieces(&marked(&line.message, &line.context)) }</bdi>
            if line.truncated { <span class="quiet" data-tip="The log keeps all of it">{ " … and more" }</span> }
        </span>
    }
}

#[derive(Properties, PartialEq)]
struct WaysProps {
    line: Line,
}

/// Ways on from a line.
#[component]
fn Ways(props: &WaysProps) -> Html {
    let (place, line) = (use_place(), &props.line);
    let there = (*place.route).clone().at(Some(At::Time(line.ts)));
    html! { <>
        if !line.run_id.is_empty() {
            <Link to={Route::to(View::Runs).select([line.machine_id.as_str(), line.run_id.as_str()])}>{ "Open run" }</Link>
        }
        <a class="link" href={place.href(there)}>{ format!("Travel to {}", clock::time(line.ts)) }</a>
    </> }
}

/// An answer that is the same as long as it is the same one.
struct ByAddress(Rc<Lines>);

impl PartialEq for ByAddress {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
