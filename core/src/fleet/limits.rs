//! The bounds of the hot state (design §7). The log keeps all.

use smol_str::SmolStr;

use crate::time::{DAY, MINUTE};

/// Machines; one more is the rejection `machine_limit`.
pub const MAX_MACHINES: usize = 1_000;
/// Agents, the least recently touched go first.
pub const MAX_AGENTS: usize = 2_000;
/// Sessions that are not over, the least recently touched go first.
pub const MAX_OPEN_SESSIONS: usize = 5_000;
/// Sessions that are over, the oldest end goes first.
pub const MAX_ENDED_SESSIONS: usize = 5_000;
/// Runs that are not over, the least recently touched go first.
pub const MAX_OPEN_RUNS: usize = 20_000;
/// Runs that are over, the oldest end goes first.
pub const MAX_ENDED_RUNS: usize = 20_000;
/// Runs that are over in one session, the oldest end goes first.
pub const MAX_ENDED_RUNS_PER_SESSION: usize = 200;
/// Runs that are over and keep what `runDetails` shows: tool calls, spans and peaks, and usage by run.
pub const MAX_DETAILED_ENDED_RUNS: usize = 500;
/// Sessions, runs and agents without an event for so much log time go, over or not.
pub const IDLE: i64 = 7 * DAY;
/// Tool calls that are kept of a run (contract §6.4).
pub const MAX_TOOL_CALLS_PER_RUN: usize = 50;
/// Spans that are kept of a run.
pub const MAX_SPANS_PER_RUN: usize = 100;
/// Rows of usage of one machine. What would be one more is booked in the machine's row without names, so that a machine
/// that makes up model names loses its own detail and nobody else's.
pub const MAX_USAGE_ROWS_PER_MACHINE: usize = 200;
/// Rows of usage of all machines; once there are so many, only rows without names are added, one a machine.
pub const MAX_USAGE_ROWS: usize = 4_000;
/// Log lines (contract §7.1).
pub const MAX_LOGS: usize = 200;
/// Recent events (contract §7.1).
pub const MAX_RECENT: usize = 50;
/// Tokens that are known to the attention rules.
pub const MAX_TOKENS: usize = 1_000;
/// Events that are older than this on arrival are backfill: no alarm (design §5).
pub const BACKFILL_AFTER: i64 = 10 * MINUTE;
/// Characters that are kept of an id or name.
const MAX_NAME_CHARS: usize = crate::ids::MAX_ID_CHARS;
/// Bytes that are kept of a message.
const MAX_MESSAGE_BYTES: usize = 2_048;

/// The first characters of a text.
pub fn first_chars(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    match text.char_indices().nth(most) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// An id or name, cut.
pub fn cut(text: &str) -> &str {
    first_chars(text, MAX_NAME_CHARS)
}

/// An id or name to keep, cut.
pub fn cut_name(text: &str) -> SmolStr {
    SmolStr::new(cut(text))
}

/// Whether [`cut_message`] would cut the text.
pub fn is_long_message(text: &str) -> bool {
    text.len() > MAX_MESSAGE_BYTES
}

/// A message, cut.
pub fn cut_message(text: &str) -> SmolStr {
    if !is_long_message(text) {
        return SmolStr::new(text);
    }
    SmolStr::new(&text[..text.floor_char_boundary(MAX_MESSAGE_BYTES)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_fall_between_characters() {
        assert_eq!(cut_name(&"é".repeat(300)).chars().count(), 256);
        assert_eq!(cut_name(&"é".repeat(200)).chars().count(), 200);
        let message = cut_message(&"漢".repeat(1_000));
        assert_eq!(message.len(), 2_046, "2048 falls inside a character of three bytes");
    }
}
