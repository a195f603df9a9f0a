//! Where things are on a waterfall's line of time: pure, so that each rule has its test.

use std::rc::Rc;

use patze_core::time::{HOUR, MINUTE, SECOND, Timestamp};

use super::tree::{End, Kind, Line};
use crate::say::THIN;

/// Ticks are at least so far apart, px.
const TICK_ROOM: f64 = 92.0;
/// No bar is narrower, px.
const LEAST: f64 = 2.0;
/// Between ticks, ms.
const STEPS: [i64; 22] = [
    10,
    20,
    50,
    100,
    200,
    500,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    20 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    24 * HOUR,
];

/// A line of time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Scale {
    /// Where it begins.
    begin: Timestamp,
    /// Its length, ms.
    span: f64,
    /// Its width, px.
    width: f64,
    /// Between ticks, ms.
    step: i64,
}

/// A tick.
#[derive(Clone, PartialEq, Debug)]
pub struct Tick {
    /// Where, px.
    pub x: f64,
    /// What stands there.
    pub text: String,
}

/// A bar; what is not known of its end is hatched and fades.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bar {
    /// Where it begins, px.
    pub x: f64,
    /// How wide it is, px.
    pub width: f64,
    /// How wide what follows is of which nothing is known, px.
    pub unknown: f64,
}

impl Scale {
    /// A line from the begin of the lines to their end. While something goes on it reaches to the next tick after `now`, so
    /// that bars grow and the rest stays where it is.
    pub fn of(lines: &[Rc<Line>], now: Option<Timestamp>, width: f64) -> Self {
        let begin = lines.iter().map(|line| line.start).min().unwrap_or(Timestamp::EPOCH);
        let ends = lines.iter().map(|line| match line.end {
            End::At(end) => end,
            End::GoesOn | End::Unknown => line.start,
        });
        let end = ends.chain(now).max().unwrap_or(begin);
        let span = end.since(begin).max(1);
        let step = step(span, width);
        let span = if now.is_some() { (span / step + 1) * step } else { span };
        Self { begin, span: span as f64, width: width.max(0.0), step }
    }

    /// Where a moment is, px.
    pub fn x(&self, at: Timestamp) -> f64 {
        (at.since(self.begin) as f64 / self.span).clamp(0.0, 1.0) * self.width
    }

    /// Round seconds, minutes or hours.
    pub fn ticks(&self) -> Vec<Tick> {
        let unit = match self.step {
            HOUR.. => (HOUR, "h"),
            MINUTE.. => (MINUTE, "min"),
            SECOND.. => (SECOND, "s"),
            _ => (1, "ms"),
        };
        let n = (self.span / self.step as f64) as i64;
        let tick = |i: i64| Tick {
            x: self.x(self.begin.plus(i * self.step)),
            text: format!("{}{THIN}{}", i * self.step / unit.0, unit.1),
        };
        (0..=n).map(tick).collect()
    }

    /// A line's bar. `now` is where what goes on has come to; `heard` is until when anything is known, if that is not now.
    pub fn bar(&self, line: &Line, now: Timestamp, heard: Option<Timestamp>) -> Bar {
        let x = self.x(line.start);
        let (known, end) = match (line.end, heard) {
            (End::At(end), _) => (end, end),
            (End::GoesOn, None) => (now, now),
            (End::GoesOn, Some(heard)) => (heard.max(line.start), now),
            // It lasted no longer than what it is part of.
            (End::Unknown, _) => (line.start, self.begin.plus(self.span as i64)),
        };
        let least = if line.kind == Kind::Error { LEAST + 1.0 } else { LEAST };
        let width = (self.x(known) - x).max(least);
        // What is at the very end stays within.
        let x = x.min((self.width - width).max(0.0));
        Bar { x, width, unknown: (self.x(end) - x - width).max(0.0) }
    }
}

/// The least step that leaves room for what stands at the ticks.
fn step(span: i64, width: f64) -> i64 {
    let most = (width / TICK_ROOM).floor().clamp(1.0, 8.0) as i64;
    let days = 24 * HOUR;
    STEPS.into_iter().find(|step| span / step <= most).unwrap_or((span / most / days + 1) * days)
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::line;
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn texts(scale: &Scale) -> Vec<String> {
        scale.ticks().into_iter().map(|tick| tick.text.replace(THIN, " ")).collect()
    }

    #[test]
    fn ticks_are_round_seconds_and_minutes() {
        let of = |ms: i64, width: f64| {
            texts(&Scale::of(&[Rc::new(line(Kind::Run, 0, End::At(at(ms))))], None, width))
        };
        assert_eq!(of(102_000, 664.0), ["0 s", "20 s", "40 s", "60 s", "80 s", "100 s"]);
        assert_eq!(
            of(102_000, 200.0),
            ["0 s", "60 s"].map(|text| text.replace("60 s", "1 min").replace("0 s", "0 min"))
        );
        assert_eq!(of(900, 664.0), ["0 ms", "200 ms", "400 ms", "600 ms", "800 ms"]);
        assert_eq!(of(25 * MINUTE, 664.0), ["0 min", "5 min", "10 min", "15 min", "20 min", "25 min"]);
        assert_eq!(of(0, 664.0), ["0 ms"]);
        assert!(of(400 * 24 * HOUR, 664.0).len() <= 9, "however long");
    }

    #[test]
    fn bars_are_never_too_narrow_to_see_and_stay_within() {
        let scale = Scale::of(&[Rc::new(line(Kind::Run, 0, End::At(at(100_000))))], None, 500.0);
        let bar = |start, end| scale.bar(&line(Kind::Tool, start, end), at(0), None);
        assert_eq!(bar(10_000, End::At(at(30_000))), Bar { x: 50.0, width: 100.0, unknown: 0.0 });
        assert_eq!(bar(10_000, End::At(at(10_001))).width, 2.0);
        assert_eq!(bar(100_000, End::At(at(100_000))), Bar { x: 498.0, width: 2.0, unknown: 0.0 });
        assert_eq!(bar(90_000, End::Unknown), Bar { x: 450.0, width: 2.0, unknown: 48.0 });
        assert_eq!(bar(-5_000, End::At(at(200_000))), Bar { x: 0.0, width: 500.0, unknown: 0.0 });
    }

    #[test]
    fn what_goes_on_grows_towards_the_next_tick() {
        let lines = [Rc::new(line(Kind::Run, 0, End::GoesOn))];
        let (early, late) =
            (Scale::of(&lines, Some(at(41_000)), 500.0), Scale::of(&lines, Some(at(49_000)), 500.0));
        assert_eq!(early, late, "the line of time stands still meanwhile");
        assert_eq!(early.bar(&lines[0], at(41_000), None).width, 410.0);
        let unsure = early.bar(&lines[0], at(41_000), Some(at(30_000)));
        assert_eq!((unsure.width, unsure.unknown), (300.0, 110.0));
    }
}
