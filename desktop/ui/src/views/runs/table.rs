//! The table: its head, the rows with what is opened among them, and how it goes on at its end.

use std::rc::Rc;

use patze_core::fleet::rows::RunKey;
use patze_core::time::Timestamp;
use yew::prelude::*;

use super::entry::Entry;
use super::older::Older;
use super::opened::{Linked, Opened};
use super::row::{About, Row};
use crate::fleet::Reading;
use crate::parts::button::Button;
use crate::parts::held::Held;

/// How many columns there are.
pub const COLUMNS: &str = "8";

/// What the table is drawn from.
pub struct Table<'a> {
    /// The state.
    pub reading: &'a Rc<Reading>,
    /// The run that is opened.
    pub selected: Option<RunKey>,
    /// What is shown may be old.
    pub stale: bool,
    /// The minute.
    pub minute: Timestamp,
    /// The list's own rows.
    pub held: &'a Held<RunKey>,
    /// What follows them.
    pub older: &'a Older,
    /// How it goes on.
    pub end: End,
}

/// How the table goes on at its end.
pub struct End {
    /// Draws more of the list's own rows, if there are more.
    pub more: Option<Callback<()>>,
    /// The begin of the oldest one.
    pub before: Timestamp,
    /// Where the list's own rows end.
    pub since: Timestamp,
    /// Older ones can be asked for.
    pub has_older: bool,
}

impl Table<'_> {
    /// Draws it.
    pub fn draw(&self) -> Html {
        let own =
            self.held.rows.iter().filter_map(|key| self.reading.run(key)).filter_map(Entry::of).map(Rc::new);
        // What goes on is on top already.
        let is_on_top =
            |entry: &Rc<Entry>| self.reading.run(&entry.key()).is_some_and(|run| run.life.is_active());
        let older = self.older.rows.iter().filter(|entry| !is_on_top(entry)).cloned();
        let shows_older = self.end.more.is_none();
        let entries: Vec<Rc<Entry>> = own.chain(older.filter(|_| shows_older)).collect();
        let is = |entry: &Entry| {
            self.selected.as_ref().is_some_and(|key| key.0 == entry.machine_id && key.1 == entry.run_id)
        };
        let at = entries.iter().position(|entry| is(entry));
        let mut rows = Vec::with_capacity(entries.len() + 2);
        if let (Some(key), None) = (&self.selected, at) {
            self.pin(&mut rows, key);
        }
        for (i, entry) in entries.iter().enumerate() {
            self.push(&mut rows, entry, at == Some(i), i == at.unwrap_or(0));
        }
        if rows.is_empty() {
            return Html::default();
        }
        html! {
            <table class="table runs-table" aria-label="Runs" aria-rowcount={(entries.len() + 1).to_string()}>
                <colgroup>
                    <col /><col class="run-machine" /><col class="run-channel" /><col class="run-began" /><col class="run-lately" />
                    <col class="run-lasts" /><col class="run-tokens" /><col class="run-cost" />
                </colgroup>
                <thead><tr>
                    <th scope="col">{ "Run" }if self.held.new > 0 { <span class="run-new">{ format!("{} new", self.held.new) }</span> }</th>
                    <th scope="col" class="run-machine">{ "Machine" }</th>
                    <th scope="col" class="run-channel">{ "Channel" }</th>
                    <th scope="col" class="run-began" aria-sort="descending">{ "Started ↓" }</th>
                    <th scope="col" class="run-lately">{ "Last 2\u{a0}min" }</th>
                    <th scope="col" class="number">{ "Duration" }</th>
                    <th scope="col" class="number run-tokens">{ "Tokens" }</th>
                    <th scope="col" class="number">{ "Cost" }</th>
                </tr></thead>
                <tbody onpointerenter={self.held.onenter.clone()} onpointerleave={self.held.onleave.clone()}>{ for rows }</tbody>
            </table>
        }
    }

    /// A row, and what is under it if it is opened.
    fn push(&self, rows: &mut Vec<Html>, entry: &Rc<Entry>, selected: bool, tab: bool) {
        let key = format!("{} {}", entry.machine_id, entry.run_id);
        let about = About::of(self.reading, entry, self.stale);
        rows.push(html! { <Row key={key.clone()} entry={Rc::clone(entry)} about={about.clone()} {selected} {tab} minute={self.minute} /> });
        if selected {
            rows.push(html! {
                <Opened key={format!("{key} opened")} entry={Rc::clone(entry)} {about} position={self.reading.fleet.position()} log_time={self.reading.fleet.log_time()} />
            });
        }
    }

    /// The opened run, if it is not in the list: above it, wherever it comes from.
    fn pin(&self, rows: &mut Vec<Html>, key: &RunKey) {
        let group = |text: &'static str| html! { <tr class="group" key={text}><td colspan={COLUMNS}>{ text }</td></tr> };
        rows.push(group("Opened"));
        match self.reading.run(key).and_then(Entry::of) {
            Some(entry) => self.push(rows, &Rc::new(entry), true, true),
            None => rows.push(html! {
                <Linked key={format!("{} {} linked", key.0, key.1)} machine={key.0.clone()} run={key.1.clone()} reading={Rc::clone(self.reading)} minute={self.minute} />
            }),
        }
        if !self.held.rows.is_empty() {
            rows.push(group("The list"));
        }
    }

    /// What stands under the table.
    pub fn end(&self) -> Html {
        let End { more, before, since, has_older } = &self.end;
        let (text, act) = match (more, &self.older.problem) {
            (Some(more), _) => ("Show more".to_owned(), more.reform(|_: MouseEvent| ())),
            (None, _) if !has_older || self.older.done => return Html::default(),
            (None, problem) => {
                let (older, before, since) = (self.older.loader(), *before, *since);
                let text = if problem.is_some() { "Try again" } else { "Show older" };
                (text.to_owned(), Callback::from(move |_: MouseEvent| older.emit((before, since))))
            }
        };
        html! {
            <div class="run-end">
                <Button onclick={act} busy={self.older.loading}>{ text }</Button>
                if let Some(problem) = &self.older.problem { <span class="is-down">{ format!("Older runs did not arrive. {problem}") }</span> }
            </div>
        }
    }
}
