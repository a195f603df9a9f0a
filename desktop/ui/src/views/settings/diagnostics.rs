//! Diagnostics: what was checked, and what to do about what is not well.

use std::rc::Rc;

use patze_core::time::Timestamp;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::answers::{Actors, Readiness};
use super::checks::{Check, Told, checks};
use super::sections::Section;
use super::use_ready;
use crate::client::ask::{self, Problem};
use crate::client::live;
use crate::fleet::Reading;
use crate::parts::button::Button;
use crate::parts::code::Copy;
use crate::parts::link::Link;
use crate::parts::mark::StateMark;
use crate::parts::panel::PanelError;
use crate::parts::skeleton::Skeleton;
use crate::say::word::State;
use crate::say::{clock, number};
use crate::world::use_shown;

/// What was found, and when.
#[derive(Clone, PartialEq)]
struct Found {
    ready: Rc<Readiness>,
    told: Told,
    at: Timestamp,
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct DiagnosticsProps {
    /// The newest state.
    pub reading: Rc<Reading>,
    /// Tells that it is there.
    pub onready: Callback<()>,
}

/// Diagnostics.
#[component]
pub fn Diagnostics(props: &DiagnosticsProps) -> Html {
    let shown = use_shown();
    let answer = use_state(|| None::<Result<Found, Problem>>);
    let busy = use_state_eq(|| false);
    use_ready(matches!(&*answer, Some(Ok(_))), &props.onready);
    let check = {
        let (answer, busy) = (answer.clone(), busy.clone());
        Callback::from(move |()| {
            let (answer, busy) = (answer.clone(), busy.clone());
            busy.set(true);
            spawn_local(async move {
                let found = look().await;
                busy.set(false);
                answer.set(Some(found));
            });
        })
    };
    {
        let check = check.clone();
        use_effect_with((), move |()| check.emit(()));
    }
    let found = match &*answer {
        Some(Ok(Found { ready, told, at })) => {
            Some((checks(ready, told, &props.reading, shown.ahead), at.plus(shown.ahead)))
        }
        _ => None,
    };
    html! {
        <section id={Section::Diagnostics.path()}>
            <h2>
                { "Diagnostics" }
                if let Some((checks, at)) = &found {
                    <i>{ summary(checks) }</i>
                    <span class="aside">{ format!("checked {}", clock::time(*at)) }</span>
                } else {
                    <span class="aside"></span>
                }
                <Button busy={*busy} onclick={check.reform(|_: MouseEvent| ())}>{ "Check again" }</Button>
            </h2>
            if let Some(Err(problem)) = &*answer {
                <PanelError what="The server's state" problem={problem.clone()} retry={check.clone()} />
            } else if let Some((checks, _)) = &found {
                <ul class="checks">{ for checks.iter().map(row) }</ul>
            } else {
                <Skeleton rows={9} />
            }
        </section>
    }
}

/// `6 checks, 4 pass`
fn summary(checks: &[Check]) -> String {
    let well = checks.iter().filter(|check| check.state == State::Ok).count();
    let all = number::of(checks.len(), "check", "checks");
    if well == checks.len() {
        format!("{all}, all pass")
    } else {
        format!("{all}, {} pass", number::count(well as u64))
    }
}

fn row(check: &Check) -> Html {
    html! {
        <li key={check.name} class="check-row">
            <StateMark state={check.state} />
            <b>{ check.name }</b>
            <span class="check-fact">
                <span class={(check.state == State::Ok).then_some("quiet")}>{ &check.fact }</span>
                if !check.cure.is_empty() { <span class="check-cure">{ check.cure }</span> }
            </span>
            if let Some((route, word)) = &check.way { <Link to={route.clone()}>{ *word }</Link> }
            if let Some(text) = &check.copy { <Copy text={text.clone()} /> }
        </li>
    }
}

async fn look() -> Result<Found, Problem> {
    let ready = ask::get_whatever::<Readiness>("/readyz").await?;
    // What actors tell are words of two lines; without them all lines stand.
    let actors = ask::get::<Actors>("/actors").await.map(|told| told.actors).unwrap_or_default();
    Ok(Found { ready: Rc::new(ready), told: Told::of(&actors), at: live::now() })
}
