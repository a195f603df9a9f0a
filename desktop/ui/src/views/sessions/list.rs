//! The list: open sessions, then a rule, then those that are over.

use std::rc::Rc;

use patze_core::fleet::rows::SessionKey;
use yew::prelude::*;

use super::entry::Entry;
use super::filter::Group;
use super::row::Row;
use crate::fleet::Reading;
use crate::parts::held::Held;
use crate::say::word::State;

/// What the list is drawn from.
pub struct List<'a> {
    /// The state.
    pub reading: &'a Reading,
    /// The rows.
    pub held: &'a Held<(SessionKey, Group)>,
    /// How many there are, drawn or not.
    pub all: usize,
    /// The chosen one.
    pub selected: Option<&'a SessionKey>,
    /// What is shown may be old.
    pub stale: bool,
}

impl List<'_> {
    /// Draws it.
    pub fn draw(&self) -> Html {
        if self.held.rows.is_empty() {
            return Html::default();
        }
        let at = self.selected.and_then(|key| self.held.rows.iter().position(|(row, _)| row == key));
        let mut rows = Vec::with_capacity(self.held.rows.len() + 2);
        let mut group = Group::Open;
        let mut has_today = false;
        for (i, (key, under)) in self.held.rows.iter().enumerate() {
            let Some(entry) = self.reading.session(key).and_then(Entry::of) else { continue };
            if group != *under {
                group = *under;
                rows.push(head(group, has_today));
                has_today |= group == Group::Today;
            }
            rows.push(self.row(entry, at == Some(i), i == at.unwrap_or(0)));
        }
        html! {
            <table class="table sessions-table" aria-label="Sessions" aria-rowcount={(self.all + 1).to_string()}>
                <colgroup>
                    <col /><col class="session-channel" /><col class="session-machine" /><col class="session-runs" />
                    <col class="session-cost" /><col class="session-updated" />
                </colgroup>
                <thead><tr>
                    <th scope="col">{ "Session" }if self.held.new > 0 { <span class="run-new">{ format!("{} new", self.held.new) }</span> }</th>
                    <th scope="col" class="session-channel">{ "Channel" }</th>
                    <th scope="col" class="session-machine">{ "Machine" }</th>
                    <th scope="col" class="number session-runs">{ "Runs" }</th>
                    <th scope="col" class="number">{ "Cost" }</th>
                    <th scope="col" class="number">{ "Updated" }</th>
                </tr></thead>
                <tbody onpointerenter={self.held.onenter.clone()} onpointerleave={self.held.onleave.clone()}>{ for rows }</tbody>
            </table>
        }
    }

    fn row(&self, entry: Entry, selected: bool, tab: bool) -> Html {
        let machine = self.reading.machine_name(&entry.machine_id);
        let unsure =
            entry.is_open() && (self.stale || self.reading.machine_state(&entry.machine_id) == State::Down);
        let key = format!("{} {}", entry.machine_id, entry.session_id);
        html! { <Row {key} entry={Rc::new(entry)} {machine} {unsure} {selected} {tab} /> }
    }
}

fn head(group: Group, has_today: bool) -> Html {
    let text = match (group, has_today) {
        (Group::Open, _) => "Open",
        (Group::Today, _) => "Ended today",
        (Group::Before, true) => "Ended before",
        (Group::Before, false) => "Ended",
    };
    html! { <tr class="group" key={text}><td colspan="6">{ text }</td></tr> }
}
