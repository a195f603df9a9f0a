//! Where runs stand on a lane. Runs that lie over each other at this width are one block, so that a busy day is not drawn
//! more often than it has pixels.

use patze_core::fleet::lifecycle::LifeState;
use patze_core::time::Timestamp;

use super::book::Mark;

/// A run that is too short to be seen is drawn so wide, px.
const LEAST: f64 = 2.0;

/// How a block is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Over, and not failed.
    Ended,
    /// Failed.
    Failed,
    /// Goes on.
    Active,
}

impl Kind {
    /// In the order in which they are drawn: what matters most lies on top.
    pub const ALL: [Self; 3] = [Self::Ended, Self::Failed, Self::Active];

    fn of(mark: &Mark) -> Self {
        match mark.state {
            LifeState::Failed => Self::Failed,
            LifeState::Completed | LifeState::Cancelled => Self::Ended,
            _ => Self::Active,
        }
    }
}

/// Some runs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Block {
    /// Where it begins, px.
    pub x: f64,
    /// How wide it is, px.
    pub width: f64,
    /// How many runs.
    pub runs: usize,
    /// The first begin.
    pub begin: Timestamp,
    /// The last end.
    pub end: Timestamp,
}

/// The blocks of one kind on a lane of `width` px from `from` to `to`. A run that goes on reaches to `until`: what came
/// after, nobody knows. The marks are ordered by begin.
pub fn blocks(
    marks: &[Mark],
    kind: Kind,
    (from, to): (Timestamp, Timestamp),
    until: Timestamp,
    width: f64,
) -> Vec<Block> {
    let span = to.since(from).max(1) as f64;
    let x = |at: Timestamp| (at.since(from) as f64 / span).clamp(0.0, 1.0) * width;
    let mut blocks: Vec<Block> = Vec::new();
    for mark in marks.iter().filter(|mark| Kind::of(mark) == kind) {
        let end = mark.end.unwrap_or(until).max(mark.begin);
        if end < from || mark.begin > to {
            continue;
        }
        let wide = (x(end) - x(mark.begin)).max(LEAST);
        let left = x(mark.begin).min(width - wide).max(0.0);
        match blocks.last_mut() {
            Some(last) if left < last.x + last.width => {
                last.width = (left + wide - last.x).max(last.width);
                last.runs += 1;
                last.end = last.end.max(end);
            }
            _ => blocks.push(Block { x: left, width: wide, runs: 1, begin: mark.begin, end }),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    fn mark(begin: i64, end: Option<i64>, state: LifeState) -> Mark {
        Mark { begin: at(begin), end: end.map(at), state }
    }

    fn shapes(marks: &[Mark], kind: Kind) -> Vec<(f64, f64, usize)> {
        blocks(marks, kind, (at(0), at(100)), at(100), 100.0)
            .iter()
            .map(|block| (block.x.round(), block.width.round(), block.runs))
            .collect()
    }

    #[test]
    fn runs_over_each_other_are_one_block() {
        let done = LifeState::Completed;
        let marks = [
            mark(10, Some(20), done),
            mark(15, Some(18), done),
            mark(30, Some(30), done),
            mark(31, Some(31), done),
        ];
        assert_eq!(shapes(&marks, Kind::Ended), [(10.0, 10.0, 2), (30.0, 3.0, 2)]);
    }

    #[test]
    fn failed_and_active_ones_are_apart() {
        let marks = [
            mark(10, Some(20), LifeState::Failed),
            mark(12, Some(14), LifeState::Completed),
            mark(95, None, LifeState::Running),
        ];
        assert_eq!(shapes(&marks, Kind::Failed), [(10.0, 10.0, 1)]);
        assert_eq!(shapes(&marks, Kind::Ended), [(12.0, 2.0, 1)]);
        assert_eq!(shapes(&marks, Kind::Active), [(95.0, 5.0, 1)]);
    }

    #[test]
    fn what_reaches_in_is_cut_and_what_does_not_is_left_out() {
        let done = LifeState::Completed;
        let marks = [mark(-50, Some(-10), done), mark(-5, Some(5), done), mark(100, Some(100), done)];
        assert_eq!(shapes(&marks, Kind::Ended), [(0.0, 5.0, 1), (98.0, 2.0, 1)]);
    }
}
