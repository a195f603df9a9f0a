//! The chosen line in full: its error, what more is known of it, and the ways on from there.

use std::rc::Rc;

use patze_core::fleet::lifecycle::LifeState;
use patze_core::time::{SECOND, Timestamp};
use yew::prelude::*;

use super::super::entry::Entry;
use super::tree::{End, Kind, Line};
use crate::parts::link::Link;
use crate::parts::mark::{RunMark, StateMark};
use crate::route::{Route, View};
use crate::say::typed::At;
use crate::say::word::State;
use crate::say::{clock, span};
use crate::world::use_place;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct FootProps {
    /// The line.
    pub line: Rc<Line>,
    /// The run.
    pub entry: Rc<Entry>,
    /// Whether it still runs is not known.
    pub unsure: bool,
}

/// A line in full.
#[component]
pub fn Foot(props: &FootProps) -> Html {
    let place = use_place();
    let FootProps { line, entry, unsure } = props;
    let at = interest(line);
    let facts = facts(line);
    let around = Route::to(View::Logs).filter("machine", entry.machine_id.as_str());
    let around = match line.position {
        Some(position) => around.select([position.to_string().as_str()]),
        // The list begins with what was written before: half a minute later, so that it stands among what followed.
        None => around.filter("until", &at.plus(30 * SECOND).to_string()),
    };
    // Shown as it was once the second was over.
    let there = Timestamp::from_millis(at.millis().saturating_add(SECOND - 1).div_euclid(SECOND) * SECOND);
    let there = (*place.route).clone().at(Some(At::Time(there)));
    html! {
        <div class="wf-foot">
            { mark(line, entry, *unsure) }
            <p class="wf-said">
                <bdi class={classes!("wf-title", line.error.as_ref().map(|_| "is-down"))}>{ title(line, entry) }</bdi>
                if !facts.is_empty() { <bdi class="wf-facts">{ facts }</bdi> }
            </p>
            <p class="wf-links">
                if let Some((machine, run)) = &line.run {
                    <Link to={Route::to(View::Runs).select([machine.as_str(), run.as_str()])}>{ "Open run" }</Link>
                } else if line.kind == Kind::Run && !entry.session_id.is_empty() {
                    <Link to={Route::to(View::Sessions).select([entry.machine_id.as_str(), entry.session_id.as_str()])}>{ "Open session" }</Link>
                }
                <Link to={around}>{ format!("Log around {}", clock::time(at)) }</Link>
                <Link to={there}>{ "Travel there" }</Link>
            </p>
        </div>
    }
}

/// The moment that somebody wants to see: the end of what failed, the begin of all else.
fn interest(line: &Line) -> Timestamp {
    match line.end {
        End::At(end) if line.error.is_some() => end,
        _ => line.start,
    }
}

fn title(line: &Line, entry: &Entry) -> String {
    match (line.kind, &line.error) {
        (Kind::Run, Some(error)) => format!("Run failed: {error}"),
        (Kind::Run, None) => format!("Run {}", crate::say::word::life(entry.state).to_lowercase()),
        (_, Some(error)) => format!("{}: {error}", line.name),
        (_, None) => line.name.clone(),
    }
}

/// "after 15 s, exit code 1"
fn facts(line: &Line) -> String {
    let took = line.took.filter(|ms| *ms > 0).map(span::duration);
    let before = match (line.kind, line.error.is_some()) {
        (_, true) => "after",
        (Kind::Run, false) => "in",
        (_, false) => "took",
    };
    let took = took.map(|took| format!("{before} {took}"));
    // The run's own state is in its title.
    let facts = line.facts.iter().filter(|_| line.kind != Kind::Run).cloned();
    took.into_iter().chain(facts).collect::<Vec<_>>().join(", ")
}

fn mark(line: &Line, entry: &Entry, unsure: bool) -> Html {
    match line.kind {
        _ if line.error.is_some() => html! { <StateMark state={State::Down} quiet=true /> },
        Kind::Run => html! { <RunMark state={Some(entry.state)} {unsure} quiet=true /> },
        Kind::Wait => html! { <RunMark state={Some(LifeState::Queued)} quiet=true /> },
        _ if line.end == End::Unknown => html! { <StateMark state={State::Unknown} quiet=true /> },
        _ if line.end == End::GoesOn => {
            html! { <RunMark state={Some(LifeState::Running)} {unsure} quiet=true /> }
        }
        _ => html! { <RunMark state={Some(LifeState::Completed)} quiet=true /> },
    }
}
