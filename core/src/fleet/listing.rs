//! Rows in the order in which they are shown, with their JSON text, which is kept for as long as a row stays the same.
//!
//! # Constraints
//! 1. What it costs to bring a listing up to date grows with the rows that changed, not with those that stand in it.
//! 2. The text is what would be written of the same rows from nothing, to the byte.
//! 3. No more is kept than the text that is shown and a few words a row; what a row was before is dropped.
//! 4. A text that was given out stays valid: answers share it while they are sent.
//!
//! # Shape
//! A listing is a list of [`Sheet`]s of about [`Order::SHEET`] bytes, each the rows of a stretch of the order and one text.
//! A changed row has its sheet written anew: its neighbours' texts are copied, its own is serialised. The other sheets stay
//! as they are, and a body is made of them without a copy.
//!
//! # What a change does
//! [`Listing::change`] walks over the sheets once, with the rows that go and those that come beside it in the same order. A
//! sheet that none of them concerns is passed over after two comparisons. The rows of one that is concerned, and of
//! the next one where too little is left, are laid out anew.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use bytes::Bytes;
use serde::de::Error as _;
use serde_json::{Error, Result};

/// How rows are listed and written.
pub trait Order {
    /// What is listed.
    type Row;
    /// What comes first in the order. It is kept beside the row, so that most comparisons need not look at the row.
    type Place: Ord + Copy;
    /// Bytes of a sheet's text from which on the next row starts another. What an answer takes at a time.
    const SHEET: usize = if cfg!(test) { 600 } else { 32 * 1024 };

    /// The row's place, if it is listed.
    fn place(row: &Self::Row) -> Option<Self::Place>;
    /// The order of rows of one place. No two rows are equal.
    fn then(a: &Self::Row, b: &Self::Row) -> Ordering;
    /// Whether two neighbours are shown as one: the first of them.
    fn is_same(_a: &Self::Row, _b: &Self::Row) -> bool {
        false
    }
    /// Appends the row's JSON.
    fn write(row: &Self::Row, out: &mut Vec<u8>) -> Result<()>;
}

/// See the module.
pub struct Listing<O: Order> {
    sheets: Vec<Sheet<O>>,
    rows: usize,
}

/// Some neighbours. All rows that are shown as one are in the same sheet, so that its text depends on its rows alone.
struct Sheet<O: Order> {
    /// Never empty.
    lines: Vec<Line<O>>,
    /// The rows' JSON, a comma before each.
    text: Bytes,
}

/// A row in its sheet.
struct Line<O: Order> {
    place: O::Place,
    row: Arc<O::Row>,
    /// Where in the sheet's text it ends; where it begins, if it is not shown.
    end: u32,
}

/// A row that waits to be laid out.
struct Loose<O: Order> {
    place: O::Place,
    row: Arc<O::Row>,
    /// Its JSON with the comma, if it was shown before.
    text: Option<Bytes>,
}

impl<O: Order> Default for Listing<O> {
    fn default() -> Self {
        Self { sheets: Vec::new(), rows: 0 }
    }
}

impl<O: Order> fmt::Debug for Listing<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows on {} sheets", self.rows, self.sheets.len())
    }
}

impl<O: Order> Listing<O> {
    /// The number of rows, those that are not shown included.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// The first row.
    pub fn first(&self) -> Option<&O::Row> {
        Some(&self.sheets.first()?.lines.first()?.row)
    }

    /// The rows' JSON, separated by commas.
    pub fn texts(&self) -> impl Iterator<Item = Bytes> {
        self.sheets.iter().enumerate().map(|(i, sheet)| sheet.text.slice(usize::from(i == 0)..))
    }

    /// Rows that were listed `go`, others `come`; those of either that are not listed are passed over.
    ///
    /// # Errors
    /// If a row that goes does not stand here, or one that comes cannot be written. The listing is then of no use.
    pub fn change<'a>(
        &mut self,
        go: impl IntoIterator<Item = &'a Arc<O::Row>>,
        come: impl IntoIterator<Item = &'a Arc<O::Row>>,
    ) -> Result<()>
    where
        O::Row: 'a,
    {
        let (mut go, mut come) = (sorted::<O>(go), sorted::<O>(come));
        if go.peek().is_none() && come.peek().is_none() {
            return Ok(());
        }
        self.rows = (self.rows + come.len()).saturating_sub(go.len());
        let mut sheets = Vec::with_capacity(self.sheets.len() + 1);
        let mut loose = Vec::new();
        let mut old = std::mem::take(&mut self.sheets).into_iter().peekable();
        while let Some(sheet) = old.next() {
            let next = old.peek().and_then(|next| next.lines.first());
            // What is shown as one with the next sheet's first row belongs there.
            let is_here = |row: &Loose<O>| {
                next.is_none_or(|next| {
                    order::<O>((row.place, &row.row), (next.place, &next.row)).is_lt()
                        && !O::is_same(&row.row, &next.row)
                })
            };
            if !go.peek().is_some_and(is_here) && !come.peek().is_some_and(is_here) {
                if is_little(&loose) {
                    loose.extend(sheet.loosen());
                } else {
                    lay_out(&mut loose, &mut sheets)?;
                    sheets.push(sheet);
                }
                continue;
            }
            for line in sheet.loosen() {
                let before =
                    |row: &Loose<O>| order::<O>((row.place, &row.row), (line.place, &line.row)).is_lt();
                while let Some(row) = come.next_if(before) {
                    loose.push(row);
                }
                if go.next_if(|row| Arc::ptr_eq(&row.row, &line.row)).is_none() {
                    loose.push(line);
                }
            }
            while let Some(row) = come.next_if(is_here) {
                loose.push(row);
            }
        }
        if go.next().is_some() {
            return Err(Error::custom("a row that goes was not listed"));
        }
        loose.extend(come);
        lay_out(&mut loose, &mut sheets)?;
        self.sheets = sheets;
        Ok(())
    }
}

impl<O: Order> Sheet<O> {
    fn loosen(self) -> impl Iterator<Item = Loose<O>> {
        let (text, mut start) = (self.text, 0);
        self.lines.into_iter().map(move |line| {
            let end = line.end as usize;
            let text = (start < end).then(|| text.slice(start..end));
            start = end;
            Loose { place: line.place, row: line.row, text }
        })
    }
}

/// The rows that are listed, in order.
fn sorted<'a, O: Order<Row: 'a>>(
    rows: impl IntoIterator<Item = &'a Arc<O::Row>>,
) -> Peekable<IntoIter<Loose<O>>> {
    let place = |row: &Arc<O::Row>| Some(Loose { place: O::place(row)?, row: Arc::clone(row), text: None });
    let mut rows: Vec<Loose<O>> = rows.into_iter().filter_map(place).collect();
    // Stable, because it is the faster one where there are long stretches in order: rows come in the order of their keys.
    rows.sort_by(|a, b| order::<O>((a.place, &a.row), (b.place, &b.row)));
    rows.into_iter().peekable()
}

fn order<O: Order>(a: (O::Place, &O::Row), b: (O::Place, &O::Row)) -> Ordering {
    a.0.cmp(&b.0).then_with(|| O::then(a.1, b.1))
}

/// Whether these rows would make a sheet of less than a quarter.
fn is_little<O: Order>(loose: &[Loose<O>]) -> bool {
    // As many bytes as a session or run usually takes.
    const USUAL: usize = 400;
    let text = loose.iter().map(|row| row.text.as_ref().map_or(USUAL, Bytes::len)).sum::<usize>();
    (1..O::SHEET / 4).contains(&text)
}

/// Makes sheets of rows, none of them little unless these rows are.
fn lay_out<O: Order>(loose: &mut Vec<Loose<O>>, sheets: &mut Vec<Sheet<O>>) -> Result<()> {
    let mut new: Vec<(Vec<Line<O>>, Vec<u8>)> = Vec::new();
    for Loose { place, row, text } in loose.drain(..) {
        let is_hidden =
            new.last().and_then(|(lines, _)| lines.last()).is_some_and(|last| O::is_same(&last.row, &row));
        if new.last().is_none_or(|(_, text)| text.len() >= O::SHEET && !is_hidden) {
            new.push((Vec::new(), Vec::with_capacity(O::SHEET + O::SHEET / 32)));
        }
        let Some((lines, out)) = new.last_mut() else { continue };
        if !is_hidden {
            match text {
                Some(text) => out.extend_from_slice(&text),
                None => {
                    out.push(b',');
                    O::write(&row, out)?;
                }
            }
        }
        let end = u32::try_from(out.len()).map_err(Error::custom)?;
        lines.push(Line { place, row, end });
    }
    if let Some((lines, text)) = new.pop_if(|(_, text)| text.len() < O::SHEET / 4) {
        match new.last_mut() {
            Some((all, out)) => {
                let start = u32::try_from(out.len()).map_err(Error::custom)?;
                all.extend(lines.into_iter().map(|line| Line { end: line.end + start, ..line }));
                out.extend_from_slice(&text);
            }
            None => new.push((lines, text)),
        }
    }
    sheets.extend(new.into_iter().map(|(mut lines, mut text)| {
        lines.shrink_to_fit();
        text.shrink_to_fit();
        Sheet { lines, text: text.into() }
    }));
    Ok(())
}

#[cfg(test)]
mod tests;
