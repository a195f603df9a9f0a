//! The command palette: runs and sessions by name, moments by how people write them, log lines, views and acts.

use patze_core::fleet::lifecycle::LifeState;
use patze_core::time::{MINUTE, Timestamp};
use wasm_bindgen::JsCast as _;
use yew::prelude::*;

use super::appearance;
use crate::fleet::Reading;
use crate::parts::badge::Key;
use crate::parts::mark::{FlagMark, RunMark};
use crate::route::{Route, View};
use crate::say::typed::{self, At};
use crate::say::word::{self, state_of};
use crate::say::{clock, number, span};
use crate::world::{use_now_by, use_place, use_shown};

/// Runs and sessions that are offered.
const MOST: usize = 6;
/// Rows that are looked through for them, the newest first.
const LOOKED_THROUGH: usize = 5_000;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct PaletteProps {
    /// Closes it.
    pub onclose: Callback<()>,
    /// What stands in it at first; `@` asks for a time.
    pub text: &'static str,
}

/// What can be chosen.
#[derive(Clone, PartialEq)]
struct Item {
    group: &'static str,
    mark: Mark,
    name: String,
    note: String,
    to: To,
    /// Where `Shift ↵` travels.
    travel: Option<At>,
    age: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Run(Option<LifeState>),
    Flag,
    Letter(char),
}

#[derive(Clone, PartialEq)]
enum To {
    Place(Route),
    Moment(Option<At>),
    Theme,
    Nothing,
}

/// The palette.
#[component]
pub fn Palette(props: &PaletteProps) -> Html {
    let (shown, place, now) = (use_shown(), use_place(), use_now_by(MINUTE));
    let typed = use_state(|| props.text.trim_start_matches('@').to_owned());
    let asks_time = props.text == "@";
    let chosen = use_state(|| 0_usize);
    let input = use_node_ref();
    {
        let input = input.clone();
        use_effect_with((), move |()| {
            let before = web_sys::window()
                .and_then(|window| window.document())
                .and_then(|document| document.active_element());
            if let Some(input) = input.cast::<web_sys::HtmlElement>() {
                let _ = input.focus();
            }
            move || {
                if let Some(before) = before.and_then(|before| before.dyn_into::<web_sys::HtmlElement>().ok())
                {
                    let _ = before.focus();
                }
            }
        });
    }
    let items = use_memo((typed.to_string(), shown.reading.clone(), now), |(typed, reading, now)| {
        items(typed, reading.as_deref(), *now, asks_time)
    });
    let at = (*chosen).min(items.len().saturating_sub(1));
    let open = {
        let (items, place, onclose) = (items.clone(), place.clone(), props.onclose.clone());
        Callback::from(move |(i, travel): (usize, bool)| {
            let Some(item) = items.get(i) else { return };
            let here = (*place.route).clone();
            match (&item.to, item.travel) {
                (To::Place(route), Some(at)) if travel => place.go.emit(route.clone().at(Some(at))),
                (To::Place(route), _) => place.go.emit(route.clone().at(here.at)),
                (To::Moment(at), _) => place.go.emit(here.at(*at)),
                (To::Theme, _) => appearance::toggle(),
                (To::Nothing, _) => return,
            }
            onclose.emit(());
        })
    };
    let oninput = {
        let (typed, chosen) = (typed.clone(), chosen.clone());
        Callback::from(move |event: InputEvent| {
            let text = event.target_dyn_into::<web_sys::HtmlInputElement>().map(|input| input.value());
            typed.set(text.unwrap_or_default());
            chosen.set(0);
        })
    };
    let onkeydown = {
        let (chosen, open, onclose, n) =
            (chosen.clone(), open.clone(), props.onclose.clone(), items.len().max(1));
        Callback::from(move |event: KeyboardEvent| {
            match event.key().as_str() {
                "ArrowDown" => chosen.set((at + 1) % n),
                "ArrowUp" => chosen.set((at + n - 1) % n),
                "Enter" => open.emit((at, event.shift_key())),
                "Escape" => onclose.emit(()),
                // The list is reached by arrows; focus stays in the field.
                "Tab" => {}
                _ => return,
            }
            event.prevent_default();
            event.stop_propagation();
        })
    };
    let close = props.onclose.reform(|_: MouseEvent| ());
    let stop = Callback::from(|event: MouseEvent| event.stop_propagation());
    let mut group = "";
    html! {
        <div class="scrim" onclick={close}>
            <div class="palette" role="dialog" aria-modal="true" aria-label="Search or jump" onclick={stop}>
                <div class="palette-field">
                    <span class="letter" aria-hidden="true">{ "›" }</span>
                    <input ref={input} role="combobox" aria-expanded="true" aria-controls="palette-list" aria-label="Search or jump"
                        aria-activedescendant={format!("palette-{at}")} autocomplete="off" spellcheck="false"
                        placeholder={if asks_time { "A time: yesterday 18:00, 2 h ago, #4771310" } else { "Search or jump" }}
                        value={(*typed).clone()} {oninput} {onkeydown} />
                </div>
                <div id="palette-list" class="palette-list" role="listbox" aria-label="Results">
                    { for items.iter().enumerate().map(|(i, item)| {
                        let head = (group != item.group).then(|| html! { <p class="palette-group" role="presentation">{ item.group }</p> });
                        group = item.group;
                        let onclick = open.reform(move |event: MouseEvent| (i, event.shift_key()));
                        html! { <>
                            { head.unwrap_or_default() }
                            <Row {i} item={item.clone()} here={i == at} typed={(*typed).clone()} {onclick} />
                        </> }
                    }) }
                    if items.is_empty() { <p class="palette-none">{ format!("Nothing for “{}”.", *typed) }</p> }
                </div>
                <p class="palette-foot" aria-hidden="true">
                    <span><Key text="↑" /><Key text="↓" />{ " choose" }</span><span><Key text="↵" />{ " open" }</span>
                    <span><Key text="Shift" /><Key text="↵" />{ " travel there" }</span><span><Key text="Esc" />{ " close" }</span>
                </p>
            </div>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct RowProps {
    i: usize,
    item: Item,
    here: bool,
    typed: String,
    onclick: Callback<MouseEvent>,
}

#[component]
fn Row(props: &RowProps) -> Html {
    let Item { mark, name, note, travel, age, .. } = &props.item;
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(props.here, move |here| {
            if *here && let Some(row) = node.cast::<web_sys::Element>() {
                let nearest = web_sys::ScrollIntoViewOptions::new();
                nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
                row.scroll_into_view_with_scroll_into_view_options(&nearest);
            }
        });
    }
    html! {
        <div ref={node} id={format!("palette-{}", props.i)} class="palette-item" role="option" aria-selected={props.here.to_string()} onclick={props.onclick.clone()}>
            { match *mark {
                Mark::Run(state) => html! { <RunMark {state} /> },
                Mark::Flag => html! { <FlagMark /> },
                Mark::Letter(letter) => html! { <span class="letter" aria-hidden="true">{ letter }</span> },
            } }
            <bdi>{ highlighted(name, &props.typed) }</bdi><bdi class="note">{ note }</bdi>
            <span class="keys">
                { age }
                if props.here { <Key text={if travel.is_some() { "↵  Shift ↵" } else { "↵" }} /> }
            </span>
        </div>
    }
}

/// The name with what was typed marked in it.
fn highlighted(name: &str, typed: &str) -> Html {
    let typed = typed.trim();
    let Some(at) = (!typed.is_empty()).then(|| name.to_lowercase().find(&typed.to_lowercase())).flatten()
    else {
        return html! { { name } };
    };
    // Lower case may have another length: then nothing is marked.
    match (name.get(..at), name.get(at..at + typed.len()), name.get(at + typed.len()..)) {
        (Some(before), Some(hit), Some(after)) => html! { <>{ before }<mark>{ hit }</mark>{ after }</> },
        _ => html! { { name } },
    }
}

fn items(typed: &str, reading: Option<&Reading>, now: Timestamp, asks_time: bool) -> Vec<Item> {
    let wanted = typed.trim().to_lowercase();
    let mut items = if asks_time { Vec::new() } else { views(&wanted) };
    if let Some(reading) = reading
        && !asks_time
        && !wanted.is_empty()
    {
        items.extend(runs(reading, &wanted, now));
        items.extend(machines(reading, &wanted));
    }
    items.extend(moments(&wanted, now));
    if !wanted.is_empty() && !asks_time {
        items.push(Item {
            group: "Logs",
            mark: Mark::Letter('l'),
            name: format!("Search all log lines for “{}”", typed.trim()),
            note: String::new(),
            to: To::Place(Route::to(View::Logs).filter("q", typed.trim())),
            travel: None,
            age: String::new(),
        });
    }
    if !asks_time {
        items.extend(acts(&wanted));
    }
    items
}

fn runs<'a>(reading: &'a Reading, wanted: &'a str, now: Timestamp) -> impl Iterator<Item = Item> + 'a {
    let named = reading.runs().take(LOOKED_THROUGH).filter_map(move |run| {
        let session = reading.session_of(run);
        let lane =
            word::lane(session.and_then(|session| session.session_key.as_deref()), run.session_id.as_str());
        let name = format!("{}, {lane}", run.agent_id);
        let is = name.to_lowercase().contains(wanted) || run.run_id.as_str().to_lowercase().contains(wanted);
        is.then_some((run, name))
    });
    named.take(MOST).map(move |(run, name)| {
        let state = state_of(&run.life);
        let at = run.life.ended_at().unwrap_or(run.created_at);
        Item {
            group: "Runs and sessions",
            mark: Mark::Run(state),
            name,
            note: format!(
                "{} {}, {}",
                state.map_or("", word::life).to_lowercase(),
                clock::near(at, now),
                reading.machine_name(&run.machine_id)
            ),
            to: To::Place(Route::to(View::Runs).select([run.machine_id.as_str(), run.run_id.as_str()])),
            travel: Some(At::Time(at)),
            age: span::age(now.since(at)),
        }
    })
}

fn machines<'a>(reading: &'a Reading, wanted: &'a str) -> impl Iterator<Item = Item> + 'a {
    reading.machines().into_iter().filter_map(move |machine| {
        let name = reading.machine_name(&machine.machine_id);
        name.to_lowercase().contains(wanted).then(|| Item {
            group: "Machines",
            mark: Mark::Letter('m'),
            name,
            note: word::kind(machine.kind.as_deref()).to_owned(),
            to: To::Place(Route::to(View::Machines).select([machine.machine_id.as_str()])),
            travel: None,
            age: String::new(),
        })
    })
}

fn moments(wanted: &str, now: Timestamp) -> Vec<Item> {
    let item = |name: String, note: &str, to| Item {
        group: "Moments",
        mark: Mark::Flag,
        name,
        note: note.to_owned(),
        to,
        travel: None,
        age: String::new(),
    };
    match typed::moment(wanted, now) {
        Some(at @ At::Position(position)) => {
            vec![item(format!("Travel to {}", number::position(position)), "", To::Moment(Some(at)))]
        }
        Some(at @ At::Time(time)) => {
            vec![item(
                format!("Travel to {}", clock::full(time)),
                &format!("{} ago", span::duration(now.since(time).max(0))),
                To::Moment(Some(at)),
            )]
        }
        None if "travel to a time".contains(wanted) || wanted.is_empty() => {
            vec![item(
                "Travel to a time".to_owned(),
                "type “yesterday 18:00”, “2 h ago” or #4771310",
                To::Nothing,
            )]
        }
        None => Vec::new(),
    }
}

/// Views whose name begins with what is typed: whoever types a name wants to go there. All of them if nothing is.
fn views(wanted: &str) -> Vec<Item> {
    let named = View::ALL.into_iter().map(|view| (view, format!("Go to {}", view.title())));
    let fits = named.filter(|(view, name)| {
        view.title().to_lowercase().starts_with(wanted) || name.to_lowercase().starts_with(wanted)
    });
    fits.map(|(view, name)| Item {
        group: "Views",
        mark: Mark::Letter(view.letter()),
        name,
        note: String::new(),
        to: To::Place(Route::to(view)),
        travel: None,
        age: String::new(),
    })
    .collect()
}

fn acts(wanted: &str) -> Vec<Item> {
    let acts = [
        (Mark::Letter('.'), "Back to live".to_owned(), To::Moment(None)),
        (Mark::Letter('D'), "Light or dark".to_owned(), To::Theme),
        (
            Mark::Letter(','),
            "Create a bridge token".to_owned(),
            To::Place(Route::to(View::Settings).select(["tokens"])),
        ),
    ];
    let fits = acts.into_iter().filter(|(_, name, _)| name.to_lowercase().contains(wanted));
    fits.map(|(mark, name, to)| Item {
        group: "Do",
        mark,
        name,
        note: String::new(),
        to,
        travel: None,
        age: String::new(),
    })
    .collect()
}
