//! The timeline of a session, drawn: a mark for each thing that happened, and lines between them.

use std::rc::Rc;

use patze_core::time::MINUTE;
use yew::prelude::*;

use super::super::runs::lasts::Since;
use super::entry::Entry;
use super::happenings::{Happening, Mark, happenings};
use super::runs_of::use_runs_of;
use crate::fleet::Reading;
use crate::parts::button::Button;
use crate::parts::link::Link;
use crate::parts::mark::{RunMark, StateMark};
use crate::parts::panel::PanelError;
use crate::parts::skeleton::Skeleton;
use crate::route::{Route, View};
use crate::say::clock;
use crate::say::word::State;
use crate::world::{use_now_by, use_shown};

/// So near to the end is at it, px.
const NEAR: i32 = 40;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct TimelineProps {
    /// The state.
    pub reading: Rc<Reading>,
    /// The session.
    pub entry: Rc<Entry>,
}

/// The timeline.
#[component]
pub fn Timeline(props: &TimelineProps) -> Html {
    let TimelineProps { reading, entry } = props;
    let (moment, minute) = (use_shown().moment(), use_now_by(MINUTE));
    let told = use_runs_of(reading, entry, moment);
    let all = happenings(entry, &told.runs, told.from_start, moment.unwrap_or(minute));
    let (end, onscroll) = use_end((told.known, all.len()));
    let mut day = clock::day_begin(minute);
    let body = match (&told.problem, told.known) {
        (Some(problem), _) => {
            html! { <PanelError what="The runs of this session" problem={problem.clone()} retry={told.retry.clone()} /> }
        }
        (None, false) => html! { <Skeleton rows={6} /> },
        (None, true) if all.is_empty() => html! { <p class="quiet-line">{ "No run yet." }</p> },
        (None, true) => html! {
            <ol class="happenings">
                if !told.from_start {
                    <li class="happening-more"><Button onclick={told.earlier.clone()} busy={told.loading}>{ "Show earlier" }</Button></li>
                }
                { for all.into_iter().enumerate().map(|(i, happening)| {
                    let key = happening.run.as_ref().map_or_else(|| format!("{:?} {i}", happening.mark), |(_, run)| format!("{run} {:?}", happening.mark));
                    let begin = happening.at.map(clock::day_begin);
                    let shows_day = begin.is_some_and(|begin| begin != day);
                    day = begin.unwrap_or(day);
                    html! { <HappeningView {key} {happening} {shows_day} /> }
                }) }
            </ol>
        },
    };
    html! {
        <section class="session-timeline">
            <h3>{ "Timeline" }<span class="aside">{ "oldest first" }</span></h3>
            <div class="session-scroll" ref={end} {onscroll}>{ body }</div>
        </section>
    }
}

/// What scrolls shows its end, where the newest is, until somebody scrolls away from it.
#[hook]
fn use_end<D: PartialEq + 'static>(content: D) -> (NodeRef, Callback<Event>) {
    let (node, at_end) = (use_node_ref(), use_mut_ref(|| true));
    {
        let (node, at_end) = (node.clone(), Rc::clone(&at_end));
        use_effect_with(content, move |_| {
            if let Some(element) = node.cast::<web_sys::Element>().filter(|_| *at_end.borrow()) {
                element.set_scroll_top(element.scroll_height());
            }
        });
    }
    let onscroll = {
        let node = node.clone();
        Callback::from(move |_: Event| {
            let Some(element) = node.cast::<web_sys::Element>() else { return };
            let left = element.scroll_height() - element.scroll_top() - element.client_height();
            *at_end.borrow_mut() = left < NEAR;
        })
    };
    (node, onscroll)
}

#[derive(Properties, PartialEq)]
struct HappeningViewProps {
    happening: Happening,
    shows_day: bool,
}

#[component]
fn HappeningView(props: &HappeningViewProps) -> Html {
    let HappeningViewProps { happening, shows_day } = props;
    let Happening { at, mark, title, text, since, run } = happening;
    let class = match mark {
        Mark::Quiet => "is-gap",
        Mark::Error | Mark::State(patze_core::fleet::lifecycle::LifeState::Failed) => "failed",
        Mark::Silent => "silent",
        Mark::Opened | Mark::State(_) => "",
    };
    let time = at.map(|at| {
        html! {
            <time class="mono" datetime={at.to_string()} data-tip={clock::with_millis(at)} data-tip-more={clock::zoned(at)}>
                { clock::time(at) }if *shows_day { <span class="happening-day">{ clock::date(at) }</span> }
            </time>
        }
    });
    html! {
        <li class={classes!("happening", class)}>
            { time.unwrap_or_else(|| html! { <span></span> }) }
            <span class="happening-mark">{ drawn(*mark) }</span>
            <div class="happening-said">
                <p class="happening-title"><bdi>{ title }</bdi></p>
                if since.is_some() || !text.is_empty() {
                    <p class="happening-text">
                        if let Some(since) = since { <Since at={*since} />if !text.is_empty() { { if *mark == Mark::Silent { " " } else { ", " } } } }
                        <bdi>{ text }</bdi>
                    </p>
                }
            </div>
            if let Some((machine, run)) = run.as_ref().filter(|_| *mark != Mark::Error) {
                <Link to={Route::to(View::Runs).select([machine.as_str(), run.as_str()])}>{ "Open run" }</Link>
            }
        </li>
    }
}

fn drawn(mark: Mark) -> Html {
    match mark {
        Mark::Opened => html! {
            <svg class="mark" width="12" height="12" viewBox="0 0 12 12" aria-hidden="true"><circle class="in" cx="6" cy="6" r="3.6" fill="none" stroke-width="2" /></svg>
        },
        Mark::State(state) => html! { <RunMark state={Some(state)} quiet=true /> },
        Mark::Error => html! { <StateMark state={State::Down} quiet=true /> },
        Mark::Silent => html! { <StateMark state={State::Degraded} quiet=true /> },
        Mark::Quiet => Html::default(),
    }
}
