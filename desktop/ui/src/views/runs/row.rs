//! A row of the table: one line, or two where the page is narrow.

use std::rc::Rc;

use patze_core::fleet::lifecycle::LifeState;
use patze_core::time::Timestamp;
use yew::prelude::*;

use super::entry::Entry;
use super::lasts::Lasts;
use crate::fleet::Reading;
use crate::parts::badge::Badge;
use crate::parts::mark::RunMark;
use crate::parts::reveal::use_reveal;
use crate::parts::run_bar::RunBar;
use crate::route::{Route, View};
use crate::say::word::{self, State};
use crate::say::{clock, number};
use crate::world::{Place, use_place};

/// The properties.
#[derive(Properties, PartialEq)]
pub struct RowProps {
    /// The run.
    pub entry: Rc<Entry>,
    /// What is known of it through others.
    pub about: About,
    /// It is opened.
    pub selected: bool,
    /// Tab stops here.
    pub tab: bool,
    /// The minute: what decides whether a date is today's.
    pub minute: Timestamp,
}

/// What is known of a run through its session and its machine.
#[derive(Clone, PartialEq)]
pub struct About {
    /// What it is about.
    pub title: AttrValue,
    /// The channel that its session talks through.
    pub channel: AttrValue,
    /// Its machine's name.
    pub machine: AttrValue,
    /// Whether it still runs is not known.
    pub unsure: bool,
}

impl About {
    /// What a fleet knows.
    pub fn of(reading: &Reading, entry: &Entry, stale: bool) -> Self {
        let session = reading.session(&entry.session_key());
        let key = session.and_then(|session| session.session_key.as_deref());
        let channel = session.and_then(|session| session.channel.as_deref());
        Self {
            title: word::lane(key, entry.session_id.as_str()).into(),
            channel: channel.map(word::channel).unwrap_or_default().into(),
            machine: reading.machine_name(&entry.machine_id).into(),
            unsure: entry.is_active() && (stale || reading.machine_state(&entry.machine_id) == State::Down),
        }
    }
}

/// The place where a run is opened, or closed again.
pub fn toggled(place: &Place, entry: &Entry) -> Route {
    let route = (*place.route).clone().filter("step", "");
    let is_open = route.is_selected(entry.address());
    Route { view: View::Runs, ..route }.select(entry.address().into_iter().filter(|_| !is_open))
}

/// A row.
#[component]
pub fn Row(props: &RowProps) -> Html {
    let place = use_place();
    let RowProps { entry, about, selected, tab, minute } = props;
    let node = use_node_ref();
    use_reveal(&node, *selected, ".sheet");
    let to = toggled(&place, entry);
    let href = place.href(to.clone());
    let onclick = {
        let (go, to) = (place.go.clone(), to.clone());
        Callback::from(move |event: MouseEvent| {
            // A new tab is the browser's own affair.
            if event.ctrl_key() || event.meta_key() || event.shift_key() {
                return;
            }
            event.prevent_default();
            go.emit(to.clone());
        })
    };
    let onkeydown = {
        let (go, selected) = (place.go.clone(), *selected);
        Callback::from(move |event: KeyboardEvent| {
            let wanted = match event.key().as_str() {
                "Enter" | " " => true,
                "ArrowRight" => !selected,
                "ArrowLeft" | "Escape" => selected,
                _ => false,
            };
            if wanted && !event.ctrl_key() && !event.meta_key() && !event.alt_key() && !event.shift_key() {
                event.prevent_default();
                go.emit(to.clone());
            }
        })
    };
    let began = if clock::day_begin(entry.began) == clock::day_begin(*minute) {
        clock::time(entry.began)
    } else {
        clock::near(entry.began, *minute)
    };
    let note = note(entry, about.unsure);
    html! {
        <tr ref={node} class={classes!("run", selected.then_some("selected"))} data-row="true" tabindex={if *tab { "0" } else { "-1" }}
            aria-selected={selected.to_string()} {onclick} {onkeydown}>
            <td class="run-who">
                <span class="lead">
                    <RunMark state={Some(entry.state)} unsure={about.unsure} />
                    <a class="run-link" {href} tabindex="-1" aria-expanded={selected.to_string()}>
                        <b><bdi>{ entry.agent_id.to_string() }</bdi></b><bdi class="what">{ &about.title }</bdi>
                    </a>
                </span>
                <span class="run-under">
                    { match &entry.reason {
                        Some(reason) => html! { <bdi class="is-down">{ reason.to_string() }</bdi> },
                        None => html! { <bdi>{ under(about, &clock::near(entry.began, *minute)) }</bdi> },
                    } }
                </span>
            </td>
            <td class="run-machine"><bdi>{ &about.machine }</bdi></td>
            <td class="run-channel"><Badge text={about.channel.clone()} /></td>
            <td class="run-began"><time class="mono" datetime={entry.began.to_string()} data-tip={format!("Began {}", clock::time(entry.began))}
                data-tip-more={clock::zoned(entry.began)}>{ began }</time></td>
            <td class="run-lately">{ note }</td>
            <td class="number run-lasts"><Lasts entry={Rc::clone(entry)} unsure={about.unsure} /></td>
            <td class="number run-tokens" data-tip={(entry.tokens > 0).then(|| format!("{} tokens", number::count(entry.tokens)))}>
                { if entry.calls == 0 { String::new() } else { number::tokens(entry.tokens) } }
            </td>
            <td class="number run-cost">{ number::cost(entry.calls, entry.cost) }</td>
        </tr>
    }
}

/// The last two minutes of a run that goes on, or why it failed.
fn note(entry: &Entry, unsure: bool) -> Html {
    if entry.is_active() {
        return html! { <RunBar begin={entry.began} waits={entry.state == LifeState::WaitingTool} {unsure} /> };
    }
    let reason = entry.reason.as_ref().map(ToString::to_string);
    match reason {
        Some(reason) => html! { <bdi class="is-down" data-tip={reason.clone()}>{ reason }</bdi> },
        None if entry.has_failed() => html! { <bdi class="is-down">{ "no reason told" }</bdi> },
        None => Html::default(),
    }
}

/// The second line of a narrow page: "larch, Slack, 14:31".
fn under(about: &About, began: &str) -> String {
    let parts = [about.machine.as_str(), about.channel.as_str(), began];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}
