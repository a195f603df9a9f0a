//! Actors: what runs in the server, live; first what is not at rest.

use std::rc::Rc;

use patze_core::time::SECOND;
use yew::prelude::*;

use super::actor_words::{is_interesting, key, state, words};
use super::answers::{Actor, Actors as Told};
use super::sections::Section;
use crate::client::history::use_fetched;
use crate::parts::mark::StateMark;
use crate::parts::panel::fetched;
use crate::parts::segmented::{Choice, Segmented};
use crate::say::number;
use crate::say::sentence::{capital, sentence};
use crate::say::word::State;
use crate::world::{use_now_by, use_place};

/// They are asked for anew this often, ms.
const AGAIN: i64 = 10 * SECOND;
/// Rows at first, and how many more each time.
const ROWS: usize = 40;

/// Actors.
#[component]
pub fn Actors() -> Html {
    let place = use_place();
    let told = use_fetched::<Told>(Some("/actors".to_owned()));
    {
        let (beat, retry) = (use_now_by(AGAIN), told.retry.clone());
        let first = use_mut_ref(|| true);
        use_effect_with(beat, move |_| {
            if !first.replace(false) {
                retry.emit(());
            }
        });
    }
    let most = use_state_eq(|| ROWS);
    let all = place.route.get("actors") == "all";
    let actors = told.value.as_deref().map(|told| told.actors.as_slice()).unwrap_or_default();
    let interesting = actors.iter().filter(|actor| is_interesting(actor)).count();
    let onchange = {
        let most = most.clone();
        Callback::from(move |value: &'static str| {
            most.set(ROWS);
            place.go.emit(place.with_filter("actors", value));
        })
    };
    let choices = vec![
        Choice::new("all", "All"),
        Choice { count: Some(number::count(interesting as u64).into()), ..Choice::new("", "Interesting") },
    ];
    html! {
        <section id={Section::Actors.path()} class="wide">
            <h2>{ "Actors" }<i>{ number::count(actors.len() as u64) }</i><span class="aside"></span>
                <Segmented label="Actors" {choices} value={if all { "all" } else { "" }} {onchange} />
            </h2>
            { fetched("The list of actors", 6, &told, |told| table(told, all, &most)) }
        </section>
    }
}

fn table(told: &Told, all: bool, most: &UseStateHandle<usize>) -> Html {
    let shown: Vec<&Actor> = told.actors.iter().filter(|actor| all || is_interesting(actor)).collect();
    let more = shown.len().saturating_sub(**most);
    let onmore = {
        let most = most.clone();
        Callback::from(move |_: MouseEvent| most.set(*most + 10 * ROWS))
    };
    html! { <>
        <table class="table plain">
            <thead><tr>
                <th scope="col" class="actor-kind">{ "Kind" }</th><th scope="col" class="actor-key">{ "Key" }</th><th scope="col" class="actor-state">{ "State" }</th>
                <th scope="col" class="number actor-count">{ "Mailbox" }</th><th scope="col" class="number actor-count">{ "Restarts" }</th>
            </tr></thead>
            <tbody>
                { for shown.iter().take(**most).map(|actor| html! {
                    <Row key={format!("{} {}", actor.kind, actor.key)} actor={Rc::new((*actor).clone())} />
                }) }
            </tbody>
        </table>
        if more > 0 {
            <p class="more"><button type="button" class="link" onclick={onmore}>{ format!("{} more", number::count(more as u64)) }</button></p>
        }
        { for shown.iter().filter_map(|actor| Some((actor, actor.last_error.as_deref()?))).take(3).map(|(actor, error)| html! {
            <p class="note">{ format!("Last error of {} ", capital(&actor.kind)) }<bdi>{ key(actor) }</bdi>{ format!(": {}", sentence(error)) }</p>
        }) }
    </> }
}

#[derive(Properties, PartialEq)]
struct RowProps {
    actor: Rc<Actor>,
}

#[component]
fn Row(props: &RowProps) -> Html {
    let (actor, state) = (&props.actor, state(&props.actor));
    let (key, words) = (key(actor), words(actor));
    let class = if state == State::Ok { "" } else { state.class() };
    html! {
        <tr>
            <td><span class="lead"><StateMark {state} /><b>{ capital(&actor.kind) }</b></span></td>
            <td class="second" data-tip={actor.key.clone()}><bdi>{ key }</bdi></td>
            <td class={classes!("second", class)} data-tip={words.clone()}><bdi>{ words }</bdi></td>
            <td class="number quiet">{ format!("{} / {}", number::count(actor.mailbox.depth), number::count(actor.mailbox.capacity)) }</td>
            <td class={classes!("number", (actor.restarts == 0).then_some("quiet"))}>{ number::count(actor.restarts) }</td>
        </tr>
    }
}
