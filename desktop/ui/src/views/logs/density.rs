//! Where things are on the density strip: pure, so that each rule has its test.

use patze_core::history::Density;
use patze_core::time::{DAY, HOUR, Timestamp};

use crate::rail::Range;
use crate::say::clock::{self, Local};

/// The greatest height of a bar, and the gap between bars, px.
pub const TALL: f64 = 24.0;
const GAP: f64 = 2.0;
/// Room that the label of a tick needs to each side, px.
const LABEL: f64 = 24.0;

/// The strip's time on its width.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Scale {
    /// Its width, px.
    pub width: f64,
    /// Where it begins.
    pub from: Timestamp,
    /// Where it ends.
    pub to: Timestamp,
}

/// A bar.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bar {
    /// Its left edge, px.
    pub x: f64,
    /// Its width, px.
    pub wide: f64,
    /// Its height, px.
    pub tall: f64,
    /// What it stands for.
    pub events: u64,
    /// When that began.
    pub start: Timestamp,
}

impl Scale {
    /// Where a time is.
    pub fn x(&self, at: Timestamp) -> f64 {
        let span = self.to.since(self.from).max(1) as f64;
        (at.since(self.from) as f64 / span).clamp(0.0, 1.0) * self.width
    }

    /// The time of a place.
    pub fn time(&self, x: f64) -> Timestamp {
        let span = self.to.since(self.from) as f64;
        self.from.plus((x.clamp(0.0, self.width) / self.width.max(1.0) * span) as i64)
    }

    /// The bars: by the square root, so that a quiet night is seen beside a busy noon.
    pub fn bars(&self, density: &Density) -> Vec<Bar> {
        let most = density.buckets.iter().map(|bucket| bucket.events).max().unwrap_or(0);
        let unit = TALL / (most.max(1) as f64).sqrt();
        let bars = density.buckets.iter().filter(|bucket| bucket.events > 0).map(|bucket| {
            let (x, end) = (self.x(bucket.start), self.x(bucket.start.plus(density.bucket_ms)));
            let tall = ((bucket.events as f64).sqrt() * unit).max(1.0);
            Bar { x, wide: end - x - GAP, tall, events: bucket.events, start: bucket.start }
        });
        bars.filter(|bar| bar.wide > -GAP).map(|bar| Bar { wide: bar.wide.max(1.0), ..bar }).collect()
    }

    /// Times under the line.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        // On a narrow strip every second or third time has room.
        let most = (self.width / 72.0).clamp(2.0, 9.0) as i64;
        let span = self.to.since(self.from);
        let step =
            [1, 2, 4].map(|times| Range::tick(span) * times).into_iter().find(|step| span / step <= most);
        let step = step.unwrap_or_else(|| Range::tick(span) * 8);
        let mut at = clock::day_begin(self.from);
        let mut ticks = Vec::new();
        while at < self.to && ticks.len() < 40 {
            let x = self.x(at);
            if at > self.from && x >= LABEL && x <= self.width - LABEL {
                ticks.push((x, label(at)));
            }
            at = at.plus(step);
            // A day of 23 or 25 hours shifts the ticks; whole days begin at midnight.
            if step >= DAY && Local::of(at).hour != 0 {
                at = clock::day_begin(at.plus(12 * HOUR));
            }
        }
        ticks
    }
}

/// `14:30`, `Fri 00:00` at midnight.
fn label(at: Timestamp) -> String {
    let wall = Local::of(at);
    if (wall.hour, wall.minute) == (0, 0) { clock::date(at) } else { clock::short(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn day() -> Scale {
        Scale { width: 1_200.0, from: at("2026-10-22T14:30:00Z"), to: at("2026-10-23T14:30:00Z") }
    }

    #[test]
    fn a_place_is_a_time_and_back() {
        let scale = day();
        assert_eq!(scale.x(at("2026-10-23T02:30:00Z")), 600.0);
        assert_eq!(scale.time(600.0), at("2026-10-23T02:30:00Z"));
        assert_eq!(scale.x(at("2026-10-29T00:00:00Z")), 1_200.0);
        assert_eq!(scale.time(-7.0), scale.from);
    }

    #[test]
    fn bars_have_room_and_what_is_not_on_the_strip_has_none() {
        let bucket = |start: &str, events: u64| serde_json::json!({ "start": start, "events": events, "failures": 0, "worst": "healthy" });
        let density: Density = serde_json::from_value(serde_json::json!({
            "from": "2026-10-22T12:00:00Z", "to": "2026-10-23T14:30:00Z", "bucketMs": 900_000,
            "buckets": [bucket("2026-10-22T13:00:00Z", 9), bucket("2026-10-22T14:30:00Z", 99), bucket("2026-10-22T14:45:00Z", 0),
                bucket("2026-10-23T02:30:00Z", 1)],
        }))
        .unwrap();
        let bars = day().bars(&density);
        let drawn: Vec<_> =
            bars.iter().map(|bar| (bar.x.round(), bar.wide.round(), bar.tall.round())).collect();
        assert_eq!(drawn, [(0.0, 11.0, 24.0), (600.0, 11.0, 2.0)]);
    }

    #[test]
    fn ticks_have_room() {
        let ticks = day().ticks();
        let labels: Vec<_> = ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["15:00", "18:00", "21:00", "Fri 23 Oct", "03:00", "06:00", "09:00", "12:00"]);
        let narrow = Scale { width: 358.0, ..day() }.ticks();
        assert!(narrow.len() <= 5 && !narrow.is_empty(), "{narrow:?}");
    }
}
