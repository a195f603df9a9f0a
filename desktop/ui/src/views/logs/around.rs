//! The lines around one: which are shown, and how many are not.

use super::line::Line;

/// What stands around a line, the newest first.
#[derive(Clone, PartialEq, Debug)]
pub struct Around<'a> {
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
pub fn around(lines: &[Line], position: u64, most: (usize, usize)) -> Around<'_> {
    let begin = lines.partition_point(|line| line.position > position);
    let end = lines.partition_point(|line| line.position >= position);
    let first = begin.saturating_sub(most.0);
    let last = (end + most.1).min(lines.len());
    Around {
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
        let found = around(&lines, 12, (1, 2));
        assert_eq!((positions(found.above), positions(found.below)), (vec![13], vec![11, 10]));
        assert_eq!((found.more_above, found.more_below), (7, 9));
        let end = around(&lines, 1, (3, 3));
        assert_eq!((end.above.len(), end.below.len(), end.more_above, end.more_below), (3, 0, 16, 0));
        let missing = around(&lines[..5], 12, (9, 9));
        assert_eq!(
            (missing.above.len(), missing.below.len()),
            (5, 0),
            "the line itself need not be among them"
        );
    }
}
