//! The lines that a run logged, oldest first.

use std::rc::Rc;

use patze_core::event::Severity;
use patze_core::history::{LogItem, Page};
use yew::prelude::*;

use super::entry::Entry;
use crate::parts::link::Link;
use crate::parts::mark::StateMark;
use crate::route::{Route, View};
use crate::say::clock;
use crate::say::word::State;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct LinesProps {
    /// The lines, the newest first.
    pub lines: Rc<Page<LogItem>>,
    /// The run.
    pub entry: Rc<Entry>,
}

/// The lines of a run.
#[component]
pub fn Lines(props: &LinesProps) -> Html {
    let LinesProps { lines, entry } = props;
    if lines.items.is_empty() {
        return html! { <p class="run-no-line">{ "This run logged nothing." }</p> };
    }
    let all = Route::to(View::Logs)
        .filter("machine", entry.machine_id.as_str())
        .filter("run", entry.run_id.as_str());
    html! {
        <div class="run-log">
            if lines.next.is_some() {
                <p class="run-earlier">{ "There are earlier lines. " }<Link to={all.clone()}>{ "Open in Logs" }</Link></p>
            }
            <div role="log" aria-live="off" aria-label="Log of the run">
                <ol>{ for lines.items.iter().rev().map(|line| html! { <LineView key={line.position.to_string()} line={Rc::new(line.clone())} /> }) }</ol>
            </div>
            if lines.next.is_none() { <p class="run-earlier"><Link to={all}>{ "Open in Logs" }</Link></p> }
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct LineViewProps {
    line: Rc<LogItem>,
}

/// A line; a click shows all of it.
#[component]
fn LineView(props: &LineViewProps) -> Html {
    let line = &props.line;
    let open = use_state_eq(|| false);
    let onclick = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let onkeydown = {
        let open = open.clone();
        Callback::from(move |event: KeyboardEvent| {
            let wanted = match event.key().as_str() {
                "Enter" => true,
                "ArrowRight" => !*open,
                "ArrowLeft" => *open,
                _ => false,
            };
            if wanted {
                event.prevent_default();
                event.stop_propagation();
                open.set(!*open);
            }
        })
    };
    let (class, mark) = match line.level {
        Severity::Debug => ("is-quiet", None),
        Severity::Info => ("", None),
        Severity::Warn => ("warn", Some(State::Degraded)),
        Severity::Error | Severity::Critical => ("failed", Some(State::Down)),
    };
    html! {
        <li class={classes!("run-line", class, open.then_some("open"))} tabindex="0" {onclick} {onkeydown}>
            <time datetime={line.ts.to_string()} data-tip={clock::time(line.ts)} data-tip-more={clock::zoned(line.ts)}>{ clock::with_millis(line.ts) }</time>
            <span class="run-level">if let Some(state) = mark { <StateMark {state} size={9} quiet=true /> }{ line.level.name() }</span>
            <bdi>{ line.message.to_string() }if line.truncated { { " …" } }</bdi>
        </li>
    }
}
