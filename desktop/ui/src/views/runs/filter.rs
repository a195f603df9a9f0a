//! Which runs are shown, as the address says it.

use patze_core::time::{DAY, HOUR};

use crate::route::Route;

/// In which state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// Any.
    All,
    /// Going on.
    Active,
    /// Failed.
    Failed,
}

impl Which {
    /// The word in the address; nothing for all.
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Active => "active",
            Self::Failed => "failed",
        }
    }
}

/// Begun within.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Range {
    /// The last hour.
    Hour,
    /// The last 24 hours.
    Day,
    /// The last seven days, which is as far as the fleet reaches.
    Week,
}

impl Range {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// The word in the address; nothing for the usual one.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "",
            Self::Week => "7d",
        }
    }

    /// What is shown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hour => "1\u{a0}h",
            Self::Day => "24\u{a0}h",
            Self::Week => "7\u{a0}d",
        }
    }

    /// In a sentence: "no run in …".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Hour => "this hour",
            Self::Day => "these 24\u{a0}h",
            Self::Week => "these 7\u{a0}d",
        }
    }

    /// Its length, ms.
    pub const fn span(self) -> i64 {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
        }
    }

    /// The next longer one.
    pub const fn longer(self) -> Option<Self> {
        match self {
            Self::Hour => Some(Self::Day),
            Self::Day => Some(Self::Week),
            Self::Week => None,
        }
    }
}

/// Which runs are shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// In which state.
    pub which: Which,
    /// Of this agent; empty for any.
    pub agent: String,
    /// On this machine; empty for any.
    pub machine: String,
    /// Begun within.
    pub range: Range,
}

impl Filter {
    /// The name of the range in the address; `range` is the rail's.
    pub const RANGE: &str = "last";

    /// What the address says.
    pub fn of(route: &Route) -> Self {
        let which = [Which::Active, Which::Failed];
        let (state, range) = (route.get("state"), route.get(Self::RANGE));
        Self {
            which: which.into_iter().find(|which| which.word() == state).unwrap_or(Which::All),
            agent: route.get("agent").to_owned(),
            machine: route.get("machine").to_owned(),
            range: Range::ALL.into_iter().find(|one| one.word() == range).unwrap_or(Range::Day),
        }
    }

    /// Whether only some agents' or machines' runs are shown.
    pub fn is_of_some(&self) -> bool {
        !self.agent.is_empty() || !self.machine.is_empty()
    }

    /// The same route without filters.
    pub fn cleared(route: &Route) -> Route {
        ["state", "agent", "machine"].into_iter().fold(route.clone(), |route, name| route.filter(name, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::View;

    #[test]
    fn the_address_says_which_and_what_it_does_not_know_is_all() {
        let route =
            Route::to(View::Runs).filter("state", "failed").filter("agent", "main").filter("last", "7d");
        let filter = Filter::of(&route);
        assert_eq!((filter.which, filter.range), (Which::Failed, Range::Week));
        assert!(filter.is_of_some());
        assert_eq!(Filter::of(&Filter::cleared(&route)).which, Which::All);
        let odd = Filter::of(&Route::to(View::Runs).filter("state", "late").filter("last", "9y"));
        assert_eq!((odd.which, odd.range, odd.is_of_some()), (Which::All, Range::Day, false));
    }
}
