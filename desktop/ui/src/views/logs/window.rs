//! Which rows of a long list are in the document: those in view and a few around them.

use std::ops::Range;

/// Rows before and after those in view that are kept ready.
const SPARE: usize = 12;
/// The first and last row move by so many, so that scrolling draws now and then and not always.
const STEP: usize = 8;

/// Where rows are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rows {
    /// How many there are.
    pub count: usize,
    /// The height of one, px.
    pub row: f64,
    /// Which one is open, and how much higher than the others it is, px.
    pub open: Option<(usize, f64)>,
}

impl Rows {
    /// Where a row begins, px; that of `count` is the end of all.
    pub fn top(&self, i: usize) -> f64 {
        let extra = self.open.filter(|(open, _)| i > *open).map_or(0.0, |(_, extra)| extra);
        i as f64 * self.row + extra
    }

    /// The row at a height.
    pub fn at(&self, y: f64) -> usize {
        let plain = |y: f64| (y.max(0.0) / self.row) as usize;
        let i = match self.open {
            Some((open, extra)) if y >= self.top(open + 1) => plain(y - extra),
            Some((open, _)) if y >= self.top(open) => open,
            _ => plain(y),
        };
        i.min(self.count.saturating_sub(1))
    }

    /// The rows in view.
    pub fn seen(&self, scroll: f64, view: f64) -> Range<usize> {
        if self.count == 0 {
            return 0..0;
        }
        self.at(scroll)..self.at(scroll + (view - 1.0).max(0.0)) + 1
    }

    /// The rows that are in the document.
    pub fn kept(&self, scroll: f64, view: f64) -> Range<usize> {
        let seen = self.seen(scroll, view);
        let first = seen.start.saturating_sub(SPARE) / STEP * STEP;
        let last = (seen.end + SPARE).div_ceil(STEP) * STEP;
        first..last.min(self.count)
    }

    /// Where to scroll so that a row is in view, if it is not.
    pub fn reveal(&self, i: usize, scroll: f64, view: f64) -> Option<f64> {
        let (top, end) = (self.top(i), self.top(i + 1));
        if top < scroll {
            Some(top)
        } else if end > scroll + view {
            // What is higher than the view shows its begin.
            Some((end - view).min(top))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: Rows = Rows { count: 1_000, row: 24.0, open: None };
    const OPEN: Rows = Rows { open: Some((10, 100.0)), ..ROWS };

    #[test]
    fn an_open_row_pushes_those_below() {
        assert_eq!((OPEN.top(10), OPEN.top(11)), (240.0, 364.0));
        for i in [0, 9, 10, 11, 500, 999] {
            assert_eq!(OPEN.at(OPEN.top(i)), i);
            assert_eq!(OPEN.at(OPEN.top(i + 1) - 1.0), i);
        }
        assert_eq!(ROWS.at(1e9), 999);
        assert_eq!(ROWS.at(-5.0), 0);
    }

    #[test]
    fn what_is_in_view_is_in_the_document() {
        for scroll in (0..24_000).step_by(37).map(f64::from) {
            let (seen, kept) = (OPEN.seen(scroll, 600.0), OPEN.kept(scroll, 600.0));
            assert!(kept.start <= seen.start && seen.end <= kept.end, "{scroll}: {seen:?} {kept:?}");
            assert!(kept.len() <= 26 + 2 * SPARE + 2 * STEP, "{kept:?}");
        }
        assert_eq!(Rows { count: 0, ..ROWS }.kept(0.0, 600.0), 0..0);
        assert_eq!(Rows { count: 3, ..ROWS }.kept(0.0, 600.0), 0..3);
    }

    #[test]
    fn a_row_is_revealed_with_the_least_movement() {
        assert_eq!(ROWS.reveal(5, 0.0, 600.0), None);
        assert_eq!(ROWS.reveal(5, 240.0, 600.0), Some(120.0));
        assert_eq!(ROWS.reveal(30, 0.0, 600.0), Some(31.0 * 24.0 - 600.0));
        assert_eq!(Rows { open: Some((30, 900.0)), ..ROWS }.reveal(30, 0.0, 600.0), Some(720.0));
    }
}
