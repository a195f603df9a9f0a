//! Words for states (docs/page.md): sentence case, the vocabulary of the project.

use patze_core::event::Severity;
use patze_core::fleet::lifecycle::{Life, LifeState};
use patze_core::fleet::rows::{Machine, Status};

/// The five states of a thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// All is well.
    Ok,
    /// It works, and something is wrong.
    Degraded,
    /// It does not work.
    Down,
    /// Nobody knows.
    Unknown,
    /// The user paused it.
    Paused,
}

impl State {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "Ok",
            Self::Degraded => "Degraded",
            Self::Down => "Down",
            Self::Unknown => "Unknown",
            Self::Paused => "Paused",
        }
    }

    /// The class that colours it.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Ok => "is-ok",
            Self::Degraded => "is-degraded",
            Self::Down => "is-down",
            Self::Unknown => "is-unknown",
            Self::Paused => "is-paused",
        }
    }

    /// A machine's state.
    pub fn of_machine(machine: &Machine) -> Self {
        if machine.paused {
            return Self::Paused;
        }
        match machine.pulse.as_ref().map(|pulse| pulse.status) {
            Some(Status::Online) => Self::Ok,
            Some(Status::Degraded) => Self::Degraded,
            Some(Status::Offline) => Self::Down,
            None => Self::Unknown,
        }
    }

    /// How a finding of this severity is marked.
    pub const fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Debug | Severity::Info => Self::Unknown,
            Severity::Warn => Self::Degraded,
            Severity::Error | Severity::Critical => Self::Down,
        }
    }
}

/// The word for where a session or run stands.
pub const fn life(state: LifeState) -> &'static str {
    match state {
        LifeState::Created | LifeState::Queued => "Queued",
        LifeState::Running => "Running",
        LifeState::WaitingTool => "Waits for tool",
        LifeState::Streaming => "Streams",
        LifeState::Completed => "Completed",
        LifeState::Failed => "Failed",
        LifeState::Cancelled => "Cancelled",
    }
}

/// The state of a life, if one was told.
pub fn state_of(life: &Life) -> Option<LifeState> {
    life.state().map(|(state, _)| state)
}

/// `slack` is shown as `Slack`: channels are told in lower case.
pub fn channel(name: &str) -> String {
    match name {
        "whatsapp" => "WhatsApp".to_owned(),
        "imessage" => "iMessage".to_owned(),
        "webchat" => "Web".to_owned(),
        "irc" => "IRC".to_owned(),
        _ => {
            let mut chars = name.chars();
            chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
        }
    }
}

/// `local` and `vps` for people.
pub fn kind(kind: Option<&str>) -> &'static str {
    match kind {
        Some("local") => "Local",
        Some("vps") => "VPS",
        _ => "",
    }
}

/// A run's or session's own name: without captured content it is the tail of its session key.
pub fn lane(session_key: Option<&str>, id: &str) -> String {
    let Some(key) = session_key.filter(|key| !key.is_empty()) else { return middle(id, 16) };
    // `agent:<id>:<rest>`: the agent stands beside it.
    let mut parts = key.splitn(3, ':');
    let rest = match (parts.next(), parts.next(), parts.next()) {
        (Some("agent"), Some(_), Some(rest)) if !rest.is_empty() => rest,
        _ => key,
    };
    rest.to_owned()
}

/// The text with its middle left out, if it is longer than `most` characters: for ids, whose ends tell them apart.
pub fn middle(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most || most < 3 {
        return text.to_owned();
    }
    let head = (most - 1).div_ceil(2);
    let tail = most - 1 - head;
    let (start, end): (String, String) =
        (text.chars().take(head).collect(), text.chars().skip(length - tail).collect());
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_tell_apart() {
        assert_eq!(lane(Some("agent:main:telegram:direct:42"), "s_1"), "telegram:direct:42");
        assert_eq!(lane(Some("agent:main:main"), "s_1"), "main");
        assert_eq!(lane(None, "s_01"), "s_01");
        assert_eq!(middle("machine_7c1e55aae04b", 13), "machin…aae04b");
        assert_eq!(middle("häßlich-ünicode-näme", 9), "häßl…näme");
        assert_eq!(channel("slack"), "Slack");
        assert_eq!(channel("whatsapp"), "WhatsApp");
        assert_eq!(channel(""), "");
    }
}
