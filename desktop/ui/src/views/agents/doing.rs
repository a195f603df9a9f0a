//! What an agent does, over all machines that it is on.

use patze_core::fleet::lifecycle::LifeState;
use yew::prelude::*;

use crate::parts::mark::RunMark;

/// What an agent does. In the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Doing {
    /// A run of it works.
    Active,
    /// Its runs wait for a tool.
    Waits,
    /// Its runs have not begun.
    Queued,
    /// It has no run.
    Idle,
    /// No machine that it is on was heard of lately.
    Unknown,
}

impl Doing {
    /// From the states of its runs that go on, each with whether its machine is down; and whether all machines are.
    pub fn of(runs: impl Iterator<Item = (LifeState, bool)>, all_down: bool) -> Self {
        let told = runs.filter(|(_, is_down)| !is_down).map(|(state, _)| match state {
            LifeState::Running | LifeState::Streaming => Self::Active,
            LifeState::WaitingTool => Self::Waits,
            LifeState::Created | LifeState::Queued => Self::Queued,
            LifeState::Completed | LifeState::Failed | LifeState::Cancelled => Self::Idle,
        });
        told.min().unwrap_or(if all_down { Self::Unknown } else { Self::Idle })
    }

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Waits => "Waits for tool",
            Self::Queued => "Queued",
            Self::Idle => "Idle",
            Self::Unknown => "Unknown",
        }
    }

    /// The word after a number.
    pub const fn counted(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Waits => "waiting",
            Self::Queued => "queued",
            Self::Idle => "idle",
            Self::Unknown => "unknown",
        }
    }

    /// The state of a run that is marked alike; none for what has no mark.
    const fn mark(self) -> Option<LifeState> {
        match self {
            Self::Active => Some(LifeState::Running),
            Self::Waits => Some(LifeState::WaitingTool),
            Self::Queued => Some(LifeState::Queued),
            Self::Idle | Self::Unknown => None,
        }
    }
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct DoingWordProps {
    /// What it does.
    pub doing: Doing,
}

/// Mark and word. Who is idle has no mark, and its word stands where the others' do.
#[component]
pub fn DoingWord(props: &DoingWordProps) -> Html {
    let doing = props.doing;
    let class = match doing {
        Doing::Idle | Doing::Unknown => "quiet",
        _ => "",
    };
    html! {
        <span class={classes!("doing", class)}>
            <span class="doing-mark" aria-hidden="true">
                if doing != Doing::Idle { <RunMark state={doing.mark()} /> }
            </span>
            { doing.word() }
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_run_that_is_heard_of_counts() {
        let of = |runs: &[(LifeState, bool)], all_down| Doing::of(runs.iter().copied(), all_down);
        assert_eq!(of(&[], false), Doing::Idle);
        assert_eq!(of(&[], true), Doing::Unknown);
        assert_eq!(
            of(&[(LifeState::WaitingTool, false), (LifeState::Streaming, false)], false),
            Doing::Active
        );
        assert_eq!(of(&[(LifeState::Running, true), (LifeState::WaitingTool, false)], false), Doing::Waits);
        assert_eq!(of(&[(LifeState::Running, true)], true), Doing::Unknown);
    }
}
