//! The lines of a list: cheap to hand on, and told apart by where they are.

use std::ops::Deref;
use std::rc::Rc;

use patze_core::history::{LogItem, Piece};

/// A line. Two are equal if they are of the same place and agent: an agent may be told later.
#[derive(Clone, Debug)]
pub struct Line(pub Rc<LogItem>);

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
            || (self.position == other.position
                && self.agent_id == other.agent_id
                && self.context == other.context)
    }
}

impl Deref for Line {
    type Target = LogItem;

    fn deref(&self) -> &LogItem {
        &self.0
    }
}

/// The lines that are loaded, the newest first. Two are equal if they are the very same list.
#[derive(Clone, Debug, Default)]
pub struct Roll(Rc<Vec<Line>>);

impl PartialEq for Roll {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Roll {
    type Target = [Line];

    fn deref(&self) -> &[Line] {
        &self.0
    }
}

impl Roll {
    /// The lines of a page.
    pub fn of(items: Vec<LogItem>) -> Self {
        Self(Rc::new(items.into_iter().map(|item| Line(Rc::new(item))).collect()))
    }

    /// Where the line of a position is.
    pub fn find(&self, position: u64) -> Option<usize> {
        self.binary_search_by(|line| position.cmp(&line.position)).ok()
    }

    /// The same with older lines after it. What it has already does not come twice.
    pub fn with_older(&self, items: Vec<LogItem>) -> Self {
        let oldest = self.last().map_or(u64::MAX, |line| line.position);
        let older = items.into_iter().filter(|item| item.position < oldest).map(|item| Line(Rc::new(item)));
        Self(Rc::new(self.iter().cloned().chain(older).collect()))
    }

    /// The same with newer lines before it. None if there may be others between.
    pub fn with_newer(&self, items: Vec<LogItem>, is_all: bool) -> Option<Self> {
        let newest = self.first().map_or(0, |line| line.position);
        let meets = is_all || items.last().is_some_and(|item| item.position <= newest);
        if !meets {
            return None;
        }
        let newer = items.into_iter().filter(|item| item.position > newest).map(|item| Line(Rc::new(item)));
        let mut lines: Vec<Line> = newer.collect();
        if lines.is_empty() {
            return Some(self.clone());
        }
        lines.extend(self.iter().cloned());
        Some(Self(Rc::new(lines)))
    }
}

/// A whole line with what was found in it marked: the words that its context marks, wherever they stand.
pub fn marked(message: &str, context: &[Piece]) -> Vec<Piece> {
    let mut hits: Vec<&str> =
        context.iter().filter(|piece| piece.hit).map(|piece| piece.text.as_str()).collect();
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.len()));
    let mut pieces = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let found = hits
            .iter()
            .filter_map(|hit| Some((rest.find(hit)?, *hit)))
            .min_by_key(|(at, hit)| (*at, usize::MAX - hit.len()));
        let Some((at, hit)) = found.filter(|(_, hit)| !hit.is_empty()) else { break };
        if at > 0 {
            pieces.push(Piece { text: rest[..at].to_owned(), hit: false });
        }
        pieces.push(Piece { text: hit.to_owned(), hit: true });
        rest = &rest[at + hit.len()..];
    }
    if !rest.is_empty() {
        pieces.push(Piece { text: rest.to_owned(), hit: false });
    }
    pieces
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A line at a position.
    pub fn item(position: u64) -> LogItem {
        serde_json::from_value(serde_json::json!({
            "position": position, "id": format!("l{position}"), "ts": "2026-10-23T12:00:00Z", "machineId": "m",
            "level": "info", "message": "text",
        }))
        .unwrap()
    }

    fn positions(roll: &Roll) -> Vec<u64> {
        roll.iter().map(|line| line.position).collect()
    }

    fn roll(positions: &[u64]) -> Roll {
        Roll::of(positions.iter().map(|position| item(*position)).collect())
    }

    #[test]
    fn lines_come_once_and_without_a_hole() {
        let known = roll(&[9, 7, 5]);
        assert_eq!(known.find(7), Some(1));
        assert_eq!(known.find(6), None);
        assert_eq!(positions(&known.with_older(vec![item(5), item(3)])), [9, 7, 5, 3]);
        let newer = known.with_newer(vec![item(12), item(11), item(9)], false);
        assert_eq!(positions(&newer.unwrap()), [12, 11, 9, 7, 5]);
        assert_eq!(known.with_newer(vec![item(20), item(18)], false), None, "there may be lines between");
        assert_eq!(positions(&known.with_newer(vec![item(12)], true).unwrap()), [12, 9, 7, 5]);
        assert!(
            known.with_newer(vec![item(9)], false).unwrap() == known,
            "nothing is drawn anew for nothing"
        );
    }

    #[test]
    fn a_whole_line_is_marked_by_what_its_context_found() {
        let piece = |text: &str, hit| Piece { text: text.to_owned(), hit };
        let context =
            [piece("…the ", false), piece("timed out", true), piece(" by", false), piece("out", true)];
        let marked = marked("it timed out: out of time", &context);
        let expected = [
            piece("it ", false),
            piece("timed out", true),
            piece(": ", false),
            piece("out", true),
            piece(" of time", false),
        ];
        assert_eq!(marked, expected);
        assert_eq!(super::marked("ärger", &[]), [piece("ärger", false)]);
        assert_eq!(super::marked("", &context), []);
        assert_eq!(super::marked("x", &[piece("", true)]), [piece("x", false)]);
    }
}
