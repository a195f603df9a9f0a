//! Lines that have come since a list was asked for: counted in the live fleet, not shown until somebody wants them.

use std::sync::Arc;

use imbl::Vector;
use patze_core::fleet::LogLine;
use patze_core::fleet::limits::MAX_LOGS;
use patze_core::ids::MachineId;
use smol_str::SmolStr;

use super::query::Query;
use crate::say::number;

/// What tells a line of the live fleet from others.
pub type LineKey = (MachineId, SmolStr);

/// How many have come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Newer {
    /// At least so many.
    pub count: usize,
    /// There may be more: the fleet keeps no more than these.
    pub at_least: bool,
}

impl Newer {
    /// `214 newer lines`
    pub fn words(self) -> String {
        let lines = number::of(self.count, "newer line", "newer lines");
        if self.at_least { format!("At least {lines}") } else { lines }
    }
}

/// The key of a line.
pub fn key(line: &LogLine) -> LineKey {
    (line.machine_id.clone(), line.id.clone())
}

/// Counts the lines after those that are known: `anchor` is the newest one when the list was asked for, `top` is the
/// newest one in it.
pub fn count(
    ring: &Vector<Arc<LogLine>>,
    anchor: Option<&LineKey>,
    top: Option<&LineKey>,
    query: &Query,
) -> Newer {
    let is = |line: &LogLine, known: Option<&LineKey>| {
        known.is_some_and(|(machine, id)| line.machine_id == *machine && line.id == *id)
    };
    let mut count = 0;
    for line in ring.iter().rev() {
        if is(line, anchor) || is(line, top) {
            return Newer { count, at_least: false };
        }
        count += usize::from(query.takes(line));
    }
    Newer { count, at_least: ring.len() >= MAX_LOGS && count > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(ids: impl IntoIterator<Item = usize>) -> Vector<Arc<LogLine>> {
        let line = |id: usize| {
            let level = if id.is_multiple_of(2) { "info" } else { "debug" };
            let line = serde_json::json!({
                "id": format!("l{id}"), "runId": "r", "sessionId": "s", "machineId": "m", "level": level, "message": "",
                "ts": "2026-10-23T12:00:00Z",
            });
            Arc::new(serde_json::from_value(line).unwrap())
        };
        ids.into_iter().map(line).collect()
    }

    fn at(id: usize) -> LineKey {
        (MachineId::new("m"), SmolStr::new(format!("l{id}")))
    }

    #[test]
    fn what_came_since_is_counted_if_it_would_be_shown() {
        let query = Query::default();
        let ring_of_ten = ring(0..10);
        let counted = count(&ring_of_ten, Some(&at(3)), None, &query);
        assert_eq!(counted, Newer { count: 3, at_least: false }, "4, 6, 8: debug lines are not shown");
        assert_eq!(
            count(&ring_of_ten, Some(&at(3)), Some(&at(7)), &query).count,
            1,
            "the list has some of them"
        );
        assert_eq!(count(&ring_of_ten, Some(&at(9)), None, &query).count, 0);
        assert_eq!(count(&ring_of_ten, None, None, &query), Newer { count: 5, at_least: false });
        let other = Query { machine: "x".to_owned(), ..Query::default() };
        assert_eq!(count(&ring_of_ten, None, None, &other).count, 0);
    }

    #[test]
    fn the_fleet_keeps_only_so_many() {
        let counted = count(&ring(1_000..1_000 + MAX_LOGS), Some(&at(3)), None, &Query::default());
        assert_eq!(counted, Newer { count: MAX_LOGS / 2, at_least: true });
        assert_eq!(counted.words(), "At least 100 newer lines");
        assert_eq!(Newer { count: 1, at_least: false }.words(), "1 newer line");
    }
}
