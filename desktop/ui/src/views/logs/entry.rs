//! What is drawn of a line, in the list and around another one: time, level, machine, from, message.

use patze_core::event::Severity;
use patze_core::history::Piece;
use patze_core::time::{DAY, Timestamp};
use yew::prelude::*;

use super::line::Line;
use crate::parts::mark::StateMark;
use crate::say::clock;
use crate::say::word::State;

/// The class that colours a line.
pub const fn class(level: Severity) -> &'static str {
    match level {
        Severity::Debug => "debug",
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Error | Severity::Critical => "error",
    }
}

/// The cells of a line.
pub fn cells(line: &Line, machine: &AttrValue, today: Timestamp, message: Html) -> Html {
    let (word, mark) = match line.level {
        Severity::Debug | Severity::Info => (line.level.name(), None),
        Severity::Warn => ("warn", Some(State::Degraded)),
        Severity::Error => ("error", Some(State::Down)),
        // Eight letters do not fit where the others do.
        Severity::Critical => ("crit", Some(State::Down)),
    };
    let from =
        if line.agent_id.is_empty() && line.run_id.is_empty() { "gateway" } else { line.agent_id.as_str() };
    html! { <>
        <time class="entry-time" datetime={line.ts.to_string()} data-tip={clock::with_millis(line.ts)} data-tip-more={clock::zoned(line.ts)}>
            { when(line.ts, today) }
        </time>
        <span class="entry-level" aria-label={line.level.name()}>
            if let Some(state) = mark { <StateMark {state} size={9} quiet=true /> }
            { word }
        </span>
        <bdi class="entry-machine">{ machine }</bdi>
        <bdi class="entry-from">{ from }</bdi>
        { message }
    </> }
}

/// A message on one line: the part around what was searched for, or its begin.
pub fn message(line: &Line) -> Html {
    if line.context.is_empty() {
        html! { <bdi class="entry-text">{ line.message.as_str() }</bdi> }
    } else {
        html! { <bdi class="entry-text">{ pieces(&line.context) }</bdi> }
    }
}

/// Text with what was found in it marked.
pub fn pieces(pieces: &[Piece]) -> Html {
    html! { <>
        { for pieces.iter().map(|piece| if piece.hit {
            html! { <mark>{ &piece.text }</mark> }
        } else {
            html! { { &piece.text } }
        }) }
    </> }
}

/// The time of day with milliseconds; within a week the day of the week as well, before that the date.
pub fn when(at: Timestamp, today: Timestamp) -> String {
    if clock::day_begin(at) == today {
        clock::with_millis(at)
    } else if at < today && today.since(at) < 6 * DAY {
        format!("{} {}", clock::day_of_week(at), clock::time(at))
    } else {
        clock::near(at, today)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_day_is_told() {
        let at = |text| Timestamp::parse(text).unwrap();
        let today = at("2026-10-23T00:00:00Z");
        assert_eq!(when(at("2026-10-23T14:24:10.551Z"), today), "14:24:10.551");
        assert_eq!(when(at("2026-10-22T14:24:10.551Z"), today), "Thu 14:24:10");
        assert_eq!(when(at("2026-10-02T14:24:10.551Z"), today), "2 Oct 14:24");
        assert_eq!(when(at("2025-10-22T14:24:10.551Z"), today), "22 Oct 2025");
        assert_eq!(when(at("2026-10-24T14:24:10.551Z"), today), "24 Oct 14:24", "a clock that is ahead");
    }
}
