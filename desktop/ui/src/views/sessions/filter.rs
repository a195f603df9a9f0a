//! Which sessions are shown, as the address says it, kept up to date by what changes.

use std::rc::Rc;

use patze_core::fleet::rows::SessionKey;
use patze_core::ids::LogId;
use patze_core::time::Timestamp;
use yew::prelude::*;

use crate::fleet::picked::Picked;
use crate::fleet::{Order, Reading};
use crate::route::Route;

/// In which state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// Open.
    Open,
    /// Over.
    Ended,
    /// Failed.
    Failed,
    /// Any.
    All,
}

impl Which {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Ended, Self::Failed, Self::All];

    /// The word in the address; nothing for all.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Failed => "failed",
            Self::All => "",
        }
    }

    /// What is shown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Ended => "Ended",
            Self::Failed => "Failed",
            Self::All => "All",
        }
    }
}

/// Which sessions are shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// In which state.
    pub which: Which,
    /// Through this channel; empty for any.
    pub channel: String,
}

impl Filter {
    /// What the address says.
    pub fn of(route: &Route) -> Self {
        let state = route.get("state");
        Self {
            which: Which::ALL.into_iter().find(|which| which.word() == state).unwrap_or(Which::All),
            channel: route.get("channel").to_owned(),
        }
    }
}

/// Under which head a session stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// It is open.
    Open,
    /// It ended today.
    Today,
    /// It ended before.
    Before,
}

/// The sessions that a filter takes.
pub struct Lists {
    open: Order<SessionKey>,
    ended: Order<SessionKey>,
    failed: Order<SessionKey>,
}

impl Lists {
    /// How many there are in a state.
    pub fn count(&self, which: Which) -> usize {
        match which {
            Which::Open => self.open.len(),
            Which::Ended => self.ended.len(),
            Which::Failed => self.failed.len(),
            Which::All => self.open.len() + self.ended.len(),
        }
    }

    /// The first `most` of those in a state, open ones first, and under which head each stands. `day` is today's begin.
    pub fn rows(&self, which: Which, most: usize, day: Timestamp) -> Vec<(SessionKey, Group)> {
        let nothing = Order::default();
        let (open, ended) = match which {
            Which::Open => (&self.open, &nothing),
            Which::Ended => (&nothing, &self.ended),
            Which::Failed => (&nothing, &self.failed),
            Which::All => (&self.open, &self.ended),
        };
        let open = open.iter().map(|(_, key)| (key.clone(), Group::Open));
        let ended = ended
            .iter()
            .map(|(end, key)| (key.clone(), if end.0 >= day { Group::Today } else { Group::Before }));
        open.chain(ended).take(most).collect()
    }

    /// How many ended since a time.
    pub fn ended_since(&self, since: Timestamp) -> usize {
        self.ended.iter().take_while(|(end, _)| end.0 >= since).count()
    }
}

#[derive(Clone, PartialEq)]
struct Question {
    log_id: LogId,
    channel: String,
}

#[derive(Default)]
struct Kept {
    open: Picked<SessionKey, Question>,
    ended: Picked<SessionKey, Question>,
    failed: Picked<SessionKey, Question>,
}

/// The sessions of `reading` that `filter` takes.
#[hook]
pub fn use_lists(reading: &Rc<Reading>, filter: &Filter) -> Lists {
    let kept = use_mut_ref(Kept::default);
    if filter.channel.is_empty() {
        return Lists {
            open: reading.open_sessions.clone(),
            ended: reading.ended_sessions.clone(),
            failed: reading.failed_sessions.clone(),
        };
    }
    let kept = &mut *kept.borrow_mut();
    let question = Question { log_id: reading.log_id.clone(), channel: filter.channel.clone() };
    let fits = |key: &SessionKey| {
        reading.session(key).is_some_and(|session| session.channel.as_deref() == Some(&filter.channel))
    };
    Lists {
        open: kept.open.follow(&reading.open_sessions, &question, None, fits),
        ended: kept.ended.follow(&reading.ended_sessions, &question, None, fits),
        failed: kept.failed.follow(&reading.failed_sessions, &question, None, fits),
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use super::*;
    use crate::route::View;

    #[test]
    fn open_ones_come_first_then_by_end() {
        let order = |rows: &[(i64, &str)]| -> Order<SessionKey> {
            let row =
                |(at, id): &(i64, &str)| (Reverse(Timestamp::from_millis(*at)), ("m".into(), (*id).into()));
            rows.iter().map(row).collect()
        };
        let lists = Lists {
            open: order(&[(10, "a"), (50, "b")]),
            ended: order(&[(20, "c"), (90, "d"), (40, "e")]),
            failed: order(&[(40, "e")]),
        };
        let day = Timestamp::from_millis(30);
        let rows = |which, most| {
            let rows = lists.rows(which, most, day).into_iter();
            rows.map(|((_, id), group)| format!("{id} {group:?}")).collect::<Vec<_>>()
        };
        assert_eq!(rows(Which::All, 9), ["b Open", "a Open", "d Today", "e Today", "c Before"]);
        assert_eq!(rows(Which::All, 3).len(), 3);
        assert_eq!(rows(Which::Failed, 9), ["e Today"]);
        assert_eq!(rows(Which::Open, 9).len(), lists.count(Which::Open));
        assert_eq!((lists.count(Which::All), lists.ended_since(day)), (5, 2));
    }

    #[test]
    fn the_address_says_which() {
        let filter =
            Filter::of(&Route::to(View::Sessions).filter("state", "ended").filter("channel", "slack"));
        assert_eq!((filter.which, filter.channel.as_str()), (Which::Ended, "slack"));
        assert_eq!(Filter::of(&Route::to(View::Sessions).filter("state", "odd")).which, Which::All);
    }
}
