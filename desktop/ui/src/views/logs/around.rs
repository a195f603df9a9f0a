//! The lines around one: how they are asked for, which are shown, and how many are not.

use patze_core::time::{MINUTE, SECOND, Timestamp};

use super::line::Line;
use super::query::push;

/// The times within which lines around one are looked for, ms: a shorter one if there are too many.
const WITHIN: [i64; 4] = [10 * MINUTE, 2 * MINUTE, 10 * SECOND, SECOND];

/// Which lines are around one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Around {
    /// Of its run, not of all that its machine wrote.
    pub run: bool,
    /// Within so many ms, or whenever.
    pub within: Option<i64>,
}

impl Around {
    /// All lines of the run, if the line is of one; else those of its machine, within the widest time.
    pub const fn first(has_run: bool) -> Self {
        if has_run { Self { run: true, within: None } } else { Self { run: false, within: Some(WITHIN[0]) } }
    }

    /// The next choice: a shorter time where there are too many lines, the machine where the run has no other.
    pub fn next(self, too_many: bool, found: usize) -> Option<Self> {
        let shorter = WITHIN.into_iter().find(|ms| self.within.is_none_or(|within| *ms < within));
        if too_many {
            return shorter.map(|within| Self { within: Some(within), ..self });
        }
        (self.run && self.within.is_none() && found <= 1).then_some(Self::first(false))
    }

    /// The path of these lines.
    pub fn path(
        self,
        machine: &str,
        run: &str,
        at: Timestamp,
        moment: Option<Timestamp>,
        limit: usize,
    ) -> String {
        let mut path = format!("/history/logs?limit={limit}");
        push(&mut path, "machineId", machine);
        push(&mut path, "runId", if self.run { run } else { "" });
        if let Some(within) = self.within {
            push(&mut path, "from", &at.plus(-within).to_string());
        }
        let end = moment.map(|moment| moment.plus(1));
        let to = match (self.within.map(|within| at.plus(within + 1)), end) {
            (Some(to), Some(end)) => Some(to.min(end)),
            (to, end) => to.or(end),
        };
        // A line that is shown was there, whatever its own clock said.
        if let Some(to) = to.map(|to| to.max(at.plus(1))) {
            push(&mut path, "to", &to.to_string());
        }
        path
    }
}

/// What stands around a line, the newest first.
#[derive(Clone, PartialEq, Debug)]
pub struct Parted<'a> {
    /// Newer lines that are shown.
    pub above: &'a [Line],
    /// Older ones.
    pub below: &'a [Line],
    /// Newer lines that are not shown.
    pub more_above: usize,
    /// Older ones.
    pub more_below: usize,
}

/// Parts `lines`, the newest first, at a position; at most `most.0` and `most.1` of them are shown.
pub fn parted(lines: &[Line], position: u64, most: (usize, usize)) -> Parted<'_> {
    let begin = lines.partition_point(|line| line.position > position);
    let end = lines.partition_point(|line| line.position >= position);
    let first = begin.saturating_sub(most.0);
    let last = (end + most.1).min(lines.len());
    Parted {
        above: &lines[first..begin],
        below: &lines[end..last],
        more_above: first,
        more_below: lines.len() - last,
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::{Roll, tests::item};
    use super::*;

    #[test]
    fn some_are_shown_and_the_rest_is_counted() {
        let lines = Roll::of((1..=20).rev().map(item).collect());
        let positions = |lines: &[Line]| lines.iter().map(|line| line.position).collect::<Vec<_>>();
        let found = parted(&lines, 12, (1, 2));
        assert_eq!((positions(found.above), positions(found.below)), (vec![13], vec![11, 10]));
        assert_eq!((found.more_above, found.more_below), (7, 9));
        let end = parted(&lines, 1, (3, 3));
        assert_eq!((end.above.len(), end.below.len(), end.more_above, end.more_below), (3, 0, 16, 0));
        let missing = parted(&lines[..5], 12, (9, 9));
        assert_eq!(
            (missing.above.len(), missing.below.len()),
            (5, 0),
            "the line itself need not be among them"
        );
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn lines_around_one_end_at_the_moment() {
        let (line, moment) = (at("2026-10-23T12:00:00Z"), at("2026-10-23T12:00:30Z"));
        let all = Around::first(true).path("m", "r", line, None, 9);
        assert_eq!(all, "/history/logs?limit=9&machineId=m&runId=r");
        let path = Around { run: false, within: Some(60_000) }.path("m", "r", line, Some(moment), 9);
        assert!(path.contains("from=2026-10-23T11:59:00.000Z") && !path.contains("runId"), "{path}");
        assert!(path.ends_with("to=2026-10-23T12:00:30.001Z"), "{path}");
    }

    #[test]
    fn where_there_are_too_many_lines_a_shorter_time_is_looked_at() {
        let run = Around::first(true);
        assert_eq!(run.next(false, 40), None);
        assert_eq!(
            run.next(false, 1),
            Some(Around::first(false)),
            "a run of one line tells nothing around it"
        );
        let mut around = run;
        let mut times = Vec::new();
        while let Some(next) = around.next(true, 200) {
            around = next;
            times.extend(around.within);
        }
        assert_eq!((times, around.run), (WITHIN.to_vec(), true));
        assert_eq!(Around::first(false).next(false, 1), None);
    }
}
