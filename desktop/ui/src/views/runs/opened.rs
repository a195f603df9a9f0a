//! The row under an opened run: its steps and its lines, read from history, and again when it has changed.

use std::rc::Rc;

use patze_core::history::{Answer, Timeline};
use patze_core::ids::{MachineId, RunId};
use patze_core::time::{MINUTE, Timestamp};
use yew::prelude::*;

use super::entry::Entry;
use super::panel::Panel;
use super::row::{About, Row};
use super::table::COLUMNS;
use super::waterfall::branches::path;
use crate::client::ask::Problem;
use crate::client::history::{Fetched, use_fetched_at};
use crate::fleet::Reading;
use crate::parts::empty::Empty;
use crate::parts::panel::PanelError;
use crate::parts::same::Same;
use crate::parts::skeleton::Skeleton;
use crate::world::use_shown;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct OpenedProps {
    /// The run, as the list has it.
    pub entry: Rc<Entry>,
    /// What is known of it through others.
    pub about: About,
    /// The position that is shown.
    pub position: u64,
    /// Its time.
    pub log_time: Timestamp,
}

/// What is under an opened run.
#[component]
pub fn Opened(props: &OpenedProps) -> Html {
    let OpenedProps { entry, about, position, log_time } = props;
    // What history must know of: all that the run did. Of one that has been quiet, it does.
    let needed =
        use_memo(
            Rc::clone(entry),
            |entry| if log_time.since(entry.touched) < MINUTE { *position } else { 0 },
        );
    let moment = use_shown().moment();
    let timeline = use_fetched_at::<Timeline>(Some(path(&entry.key())), *needed);
    html! {
        <tr class="opened"><td colspan={COLUMNS}>
            { body(&timeline, |told| html! { <Panel entry={Rc::clone(entry)} about={about.clone()} {told} {moment} needed={*needed} /> }) }
        </td></tr>
    }
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct LinkedProps {
    /// The machine.
    pub machine: MachineId,
    /// The run.
    pub run: RunId,
    /// The state.
    pub reading: Rc<Reading>,
    /// The minute.
    pub minute: Timestamp,
}

/// A run that the fleet does not keep: its row too is read from history, so that a link to it still opens.
#[component]
pub fn Linked(props: &LinkedProps) -> Html {
    let LinkedProps { machine, run, reading, minute } = props;
    let moment = use_shown().moment();
    let timeline = use_fetched_at::<Timeline>(Some(path(&(machine.clone(), run.clone()))), 0);
    let entry = timeline
        .value
        .as_ref()
        .and_then(|answer| Entry::of_item(&answer.answer.run).until(moment))
        .map(Rc::new);
    let (entry, about) = match entry {
        Some(entry) => {
            let about = About { unsure: false, ..About::of(reading, &entry, false) };
            (entry, about)
        }
        None => {
            let is_later = timeline.value.is_some();
            let unknown = is_later || matches!(timeline.problem, Some(Problem::Refused { status: 404, .. }));
            let content = if unknown {
                let title = if is_later { "This run had not begun." } else { "No such run." };
                html! { <Empty {title} why={format!("{run} on {}: neither the fleet nor its history has it.", reading.machine_name(machine))} /> }
            } else {
                body(&timeline, |_| Html::default())
            };
            return html! { <tr class="opened"><td colspan={COLUMNS}>{ content }</td></tr> };
        }
    };
    html! { <>
        <Row entry={Rc::clone(&entry)} about={about.clone()} selected=true tab=true minute={*minute} />
        <tr class="opened"><td colspan={COLUMNS}>
            { body(&timeline, |told| html! { <Panel {entry} {about} {told} {moment} needed=0 /> }) }
        </td></tr>
    </> }
}

/// The panel, or why there is none yet.
fn body(timeline: &Fetched<Answer<Timeline>>, draw: impl FnOnce(Same<Answer<Timeline>>) -> Html) -> Html {
    match (&timeline.value, &timeline.problem) {
        (Some(answer), None) => draw(Same(Rc::clone(answer))),
        (_, Some(problem)) => {
            html! { <PanelError what="The steps of this run" problem={problem.clone()} retry={timeline.retry.clone()} /> }
        }
        (None, None) => html! { <Skeleton rows={8} /> },
    }
}
