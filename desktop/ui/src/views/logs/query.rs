//! What is asked of the log, as the route says it, and the paths that ask it.

use patze_core::fleet::LogLine;
use patze_core::time::{DAY, Timestamp};

use super::levels::Levels;
use crate::route::{Route, encoded};

/// What is asked of the log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    /// What is searched for; empty for all lines.
    pub text: String,
    /// Of these levels.
    pub levels: Levels,
    /// Of this machine; empty for any.
    pub machine: String,
    /// Of this run; empty for any.
    pub run: String,
    /// Of this session; empty for any.
    pub session: String,
    /// Of agents of this name; empty for any.
    pub agent: String,
    /// The whole log, not the last day of it.
    pub all: bool,
    /// The list begins with what was written before.
    pub until: Option<Timestamp>,
}

/// The time that a list is of: `from` is in, `to` is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bounds {
    /// Where it begins; none for the log's begin.
    pub from: Option<Timestamp>,
    /// Where it ends; none for what comes.
    pub to: Option<Timestamp>,
}

impl Query {
    /// What a route asks.
    pub fn of(route: &Route) -> Self {
        Self {
            text: route.get("q").trim().to_owned(),
            levels: Levels::of(route.get("level")),
            machine: route.get("machine").to_owned(),
            run: route.get("run").to_owned(),
            session: route.get("session").to_owned(),
            agent: route.get("agent").to_owned(),
            all: route.get("span") == "all",
            until: Timestamp::parse(route.get("until")),
        }
    }

    /// Whether anything but time and words narrows it.
    pub fn is_narrowed(&self) -> bool {
        let ids = [&self.machine, &self.run, &self.session, &self.agent];
        !self.levels.are_all() || ids.into_iter().any(|id| !id.is_empty())
    }

    /// The time it is of, at the moment that is shown, or now.
    pub fn bounds(&self, moment: Option<Timestamp>, now: Timestamp) -> Bounds {
        let end = moment.map(|moment| moment.plus(1));
        let to = match (self.until, end) {
            (Some(until), Some(end)) => Some(until.min(end)),
            (until, end) => until.or(end),
        };
        let from = end.unwrap_or(now).plus(-DAY);
        // An old link may name a time that has left the last day.
        let from = to.filter(|to| *to <= from).map_or(from, |to| to.plus(-DAY));
        Bounds { from: (!self.all).then_some(from), to }
    }

    /// The path of a page of lines.
    pub fn path(&self, bounds: Bounds, limit: usize, cursor: Option<&str>) -> String {
        let mut path = format!("/history/logs?limit={limit}");
        let texts = [
            ("q", self.text.as_str()),
            ("level", &self.levels.asked()),
            ("machineId", &self.machine),
            ("runId", &self.run),
            ("sessionId", &self.session),
            ("agentId", &self.agent),
        ];
        for (name, text) in texts {
            push(&mut path, name, text);
        }
        for (name, at) in [("from", bounds.from), ("to", bounds.to)] {
            push(&mut path, name, &at.map_or_else(String::new, |at| at.to_string()));
        }
        push(&mut path, "cursor", cursor.unwrap_or_default());
        path
    }

    /// The path of the lines of some levels, whatever is searched for and shown: what levels are counted from.
    pub fn level_path(
        &self,
        levels: Levels,
        moment: Option<Timestamp>,
        now: Timestamp,
        limit: usize,
    ) -> String {
        let all = Self { text: String::new(), levels, until: None, ..self.clone() };
        all.path(all.bounds(moment, now), limit, None)
    }

    /// Whether a line of the live fleet is one of these, but for the words. Which agent a line is of is not known there.
    pub fn takes(&self, line: &LogLine) -> bool {
        let is = |wanted: &str, id: &str| wanted.is_empty() || wanted == id;
        self.levels.has(line.level)
            && is(&self.machine, line.machine_id.as_str())
            && is(&self.run, line.run_id.as_str())
            && is(&self.session, line.session_id.as_str())
    }
}

/// Adds a parameter that has a value.
pub(super) fn push(path: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        path.push('&');
        path.push_str(name);
        path.push('=');
        path.push_str(&encoded(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::View;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_list_is_of_a_day_that_ends_now_or_at_the_moment() {
        let now = at("2026-10-23T12:00:00Z");
        let query = |route: Route| Query::of(&route);
        let logs = || Route::to(View::Logs);
        let live = query(logs()).bounds(None, now);
        assert_eq!(live, Bounds { from: Some(at("2026-10-22T12:00:00Z")), to: None });
        let moment = at("2026-10-20T08:00:00Z");
        let past = query(logs()).bounds(Some(moment), now);
        assert_eq!((past.from, past.to), (Some(at("2026-10-19T08:00:00.001Z")), Some(moment.plus(1))));
        let jumped = query(logs().filter("until", "2026-10-23T09:00:00Z")).bounds(None, now);
        assert_eq!(jumped, Bounds { from: live.from, to: Some(at("2026-10-23T09:00:00Z")) });
        let old = query(logs().filter("until", "2026-10-01T09:00:00Z")).bounds(None, now);
        assert_eq!(old.from, Some(at("2026-09-30T09:00:00Z")), "a begin is before its end");
        let future = query(logs().filter("until", "2026-10-23T09:00:00Z")).bounds(Some(moment), now);
        assert_eq!(future.to, past.to, "the past knows nothing of what came");
        assert_eq!(query(logs().filter("span", "all")).bounds(None, now), Bounds::default());
    }

    #[test]
    fn paths_are_encoded_and_leave_out_what_is_not_asked() {
        let route = Route::to(View::Logs).filter("q", "\"timed out\" a&b").filter("machine", "m/1");
        let query = Query::of(&route);
        assert_eq!(
            query.path(Bounds::default(), 50, Some("c")),
            "/history/logs?limit=50&q=%22timed%20out%22%20a%26b&level=info,warn,error,critical&machineId=m%2F1&cursor=c"
        );
        let all = Query::of(&Route::to(View::Logs).filter("level", "debug,info,warn,error"));
        let to = Bounds { from: None, to: Some(at("2026-10-23T12:00:00Z")) };
        assert_eq!(all.path(to, 1, None), "/history/logs?limit=1&to=2026-10-23T12:00:00.000Z");
        assert!(!all.is_narrowed() && query.is_narrowed());
        let severe = query.level_path(Levels::of("warn,error"), None, at("2026-10-23T12:00:00Z"), 200);
        assert!(severe.contains("level=warn,error,critical") && !severe.contains("q="), "{severe}");
    }
}
