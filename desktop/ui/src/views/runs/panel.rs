//! An opened run: its waterfall or its log, and the chosen step in full.

use std::collections::BTreeMap;
use std::rc::Rc;

use patze_core::history::{Answer, LogItem, Page, Timeline};
use patze_core::time::Timestamp;
use yew::prelude::*;

use super::entry::Entry;
use super::log::Lines;
use super::row::About;
use super::waterfall::branches::use_branches;
use super::waterfall::foot::Foot;
use super::waterfall::tree::{Branches, Whole, notable};
use super::waterfall::{Legend, Waterfall, cut, words};
use crate::client::history::use_fetched_at;
use crate::parts::panel::fetched;
use crate::parts::same::Same;
use crate::parts::segmented::{Choice, Segmented};
use crate::route::encoded;
use crate::world::use_place;

/// Lines of the log that are read.
const LINES: usize = 200;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct PanelProps {
    /// The run.
    pub entry: Rc<Entry>,
    /// What is known of it through others.
    pub about: About,
    /// Its steps.
    pub told: Same<Answer<Timeline>>,
    /// The moment, if it is not now.
    pub moment: Option<Timestamp>,
    /// What history must know of.
    pub needed: u64,
}

/// An opened run.
#[component]
pub fn Panel(props: &PanelProps) -> Html {
    let place = use_place();
    let PanelProps { entry, about, told, moment, needed } = props;
    let toggled = use_state_eq(BTreeMap::<String, bool>::new);
    let timeline = use_memo((told.clone(), *moment), |(told, moment)| until(&told.0.answer, *moment));
    let branches = use_branches(|known| {
        Whole { entry, lane: "", timeline: &timeline, branches: known, toggled: &toggled }.wanted()
    });
    let lines = use_memo(
        (Rc::clone(entry), about.title.clone(), told.clone(), *moment, branches.clone(), (*toggled).clone()),
        |_| {
            let known = branches.0.iter().map(|(key, branch)| (key.clone(), Rc::new(until(branch, *moment))));
            let known: Branches = known.collect();
            let whole =
                Whole { entry, lane: &about.title, timeline: &timeline, branches: &known, toggled: &toggled };
            whole.lines().into_iter().map(Rc::new).collect::<Vec<_>>()
        },
    );
    let log = use_fetched_at::<Page<LogItem>>(Some(log_path(entry, *moment)), *needed);
    let shows_log = place.route.get("tab") == "log";
    let chosen = place.route.get("step");
    let named = lines.iter().find(|line| line.id == chosen && !chosen.is_empty());
    let line = named.or_else(|| notable(&lines)).or(lines.first()).cloned();
    let is_marked = named.is_some() || notable(&lines).is_some();
    let selected = line.as_ref().filter(|_| is_marked).map(|line| line.id.clone()).unwrap_or_default();
    let set = |name: &'static str| {
        let place = place.clone();
        move |value: &str| place.go.emit(place.with_filter(name, value))
    };
    let (set_tab, set_step) = (set("tab"), set("step"));
    let ontoggle = {
        let toggled = toggled.clone();
        Callback::from(move |(id, open): (String, bool)| {
            let mut all = (*toggled).clone();
            all.insert(id, open);
            toggled.set(all);
        })
    };
    let count = log.value.as_ref().map(|page| {
        let more = if page.answer.next.is_some() { "+" } else { "" };
        AttrValue::from(format!("{}{more}", page.answer.items.len()))
    });
    let tabs = vec![Choice::new("", "Waterfall"), Choice { count, ..Choice::new("log", "Log") }];
    html! {
        <div class="run-panel">
            <div class="run-tabs">
                <Segmented label="What is shown of the run" choices={tabs} value={if shows_log { "log" } else { "" }}
                    onchange={Callback::from(move |tab: &'static str| set_tab(tab))} />
                if !shows_log { <Legend /> }
                <span class="run-summary">{ words::summary(&timeline.steps) }</span>
            </div>
            if shows_log {
                { fetched("The log of this run", 6, &log, |page| html! { <Lines lines={Rc::new(page.answer.clone())} entry={Rc::clone(entry)} /> }) }
            } else {
                <Waterfall lines={Rc::clone(&lines)} heard={about.unsure.then_some(entry.touched)} {selected}
                    onselect={Callback::from(move |id: String| set_step(&id))} {ontoggle} />
                if timeline.truncated { <p class="quiet-line">{ "The first 2,000 steps of each kind are shown." }</p> }
                if let Some(line) = line { <Foot {line} entry={Rc::clone(entry)} unsure={about.unsure} /> }
            }
        </div>
    }
}

fn until(timeline: &Timeline, moment: Option<Timestamp>) -> Timeline {
    moment.map_or_else(|| timeline.clone(), |moment| cut::until(timeline, moment))
}

fn log_path(entry: &Entry, moment: Option<Timestamp>) -> String {
    let mut path = format!(
        "/history/logs?machineId={}&runId={}&limit={LINES}",
        encoded(entry.machine_id.as_str()),
        encoded(entry.run_id.as_str())
    );
    if let Some(moment) = moment {
        path.push_str(&format!("&to={}", encoded(&moment.plus(1).to_string())));
    }
    path
}
