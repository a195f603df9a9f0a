//! Retention: what is kept and how long, how large that is, what it will come to, what was deleted.

use std::rc::Rc;

use yew::prelude::*;

use super::answers::{Deleted, Forecast, Gone, Kept};
use super::keep_form::KeepForm;
use super::scales::{HEARTBEATS, line, share};
use super::sections::Section;
use super::use_ready;
use crate::client::history::use_fetched;
use crate::parts::mark::StateMark;
use crate::parts::panel::fetched;
use crate::say::sentence::{list, sentence};
use crate::say::word::State;
use crate::say::{clock, number};
use crate::world::use_now_by;

/// The path of all this.
pub const PATH: &str = "/settings/retention";
/// Deletions that are listed.
const LISTED: usize = 5;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct RetentionProps {
    /// Tells that it is there.
    pub onready: Callback<()>,
}

/// Retention.
#[component]
pub fn Retention(props: &RetentionProps) -> Html {
    // A change here answers with what is then.
    let changed = use_state(|| None::<Rc<Kept>>);
    let mut told = use_fetched::<Kept>(Some(PATH.to_owned()));
    if let Some(changed) = &*changed {
        told.value = Some(Rc::clone(changed));
    }
    use_ready(told.value.is_some(), &props.onready);
    let onkept = Callback::from(move |kept: Kept| changed.set(Some(Rc::new(kept))));
    let now = use_now_by(60_000);
    html! {
        <section id={Section::Retention.path()}>
            <h2>{ "Retention" }if let Some(kept) = &told.value { <i>{ size(kept) }</i> }</h2>
            { fetched("Retention", 6, &told, |kept| html! { <>
                <ul class="keeps">
                    { bar("Runs, tools, usage, control", 1.0, "kept".to_owned()) }
                    { bar("Log lines", share(&kept.keep.logs), line(&kept.keep.logs)) }
                    { bar("Heartbeats, every one", share(&kept.keep.heartbeats), line(&kept.keep.heartbeats)) }
                    { for HEARTBEATS.iter().map(|(name, kept)| bar(name, share(kept), line(kept))) }
                </ul>
                <p class="note">{ history_back(kept) }{ kept.forecast.as_ref().map_or_else(|| " There is less than an hour to foretell from.".to_owned(), foretold) }</p>
                <KeepForm keep={kept.keep.clone()} by_user={kept.set_by == "user"} onkept={onkept.clone()} />
                if !kept.runs.is_empty() {
                    <h3>{ "What was deleted" }</h3>
                    <ul class="deleted">{ for kept.runs.iter().rev().take(LISTED).map(|run| html! {
                        <li key={run.ended_at.millis()}>
                            <time class="mono" datetime={run.ended_at.to_string()}>{ clock::near(run.ended_at, now) }</time>
                            <span>{ deleted(run) }
                                if let Some(error) = &run.error { <span class="is-down"><StateMark state={State::Down} size={9} quiet=true />{ sentence(error) }</span> }</span>
                        </li>
                    }) }</ul>
                }
            </> }) }
        </section>
    }
}

fn bar(name: &str, share: f64, word: String) -> Html {
    html! {
        <li>
            <span>{ name }</span>
            <svg class="gauge-track" height="4" aria-hidden="true">
                <rect class="track" width="100%" height="4" /><rect class="fill" width={format!("{:.1}%", share * 100.0)} height="4" />
            </svg>
            <span class="number">{ word }</span>
        </li>
    }
}

/// `2.3 GiB of 20 GiB`
fn size(kept: &Kept) -> String {
    let is = number::bytes(kept.files_bytes as f64);
    match kept.keep.max_size.as_str() {
        "unlimited" => format!("log and history {is}"),
        most => format!("log and history {is} of {}", line(most)),
    }
}

fn history_back(kept: &Kept) -> String {
    match &kept.horizon {
        Some(horizon) => format!("What was before {} was cut to keep the size.", clock::full(horizon.time)),
        None => "Nothing was cut: the log goes back to its first event.".to_owned(),
    }
}

fn foretold(forecast: &Forecast) -> String {
    let day = |bytes: u64| number::bytes(bytes as f64);
    format!(
        " A day brings {} of heartbeats, {} of log lines and {} of all else: {}",
        day(forecast.heartbeats_per_day),
        day(forecast.logs_per_day),
        day(forecast.others_per_day),
        if forecast.text.ends_with('.') { forecast.text.clone() } else { format!("{}.", forecast.text) },
    )
}

/// `34,560 heartbeats, 8.7 MiB`
fn deleted(run: &Deleted) -> String {
    let part = |gone: Gone, one: &str, many: &str| {
        (gone.rows > 0).then(|| {
            format!("{}, {}", number::of(gone.rows as usize, one, many), number::bytes(gone.bytes as f64))
        })
    };
    let parts = [
        part(run.heartbeats, "heartbeat", "heartbeats"),
        part(run.logs, "log line", "log lines"),
        part(run.cut, "event of the oldest", "events of the oldest"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!("{}. ", list(&parts)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_left_is_told_in_words() {
        let gone = |rows, bytes| Gone { rows, bytes };
        let run = Deleted {
            ended_at: patze_core::time::Timestamp::EPOCH,
            heartbeats: gone(34_560, 9_123_456),
            logs: gone(1, 100),
            cut: Gone::default(),
            error: None,
        };
        assert_eq!(deleted(&run), "34,560 heartbeats, 8.7\u{a0}MiB and 1 log line, 100\u{a0}B. ");
        assert_eq!(deleted(&Deleted { heartbeats: Gone::default(), logs: Gone::default(), ..run }), "");
    }
}
