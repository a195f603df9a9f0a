//! What the fuzzers begin with: rows as OpenClaw left them, the events that they become, and a fleet that was told those.

use patze_core::event::{Event, Origin};
use patze_core::fleet::Fleet;
use patze_core::time::Timestamp;

use crate::source;

/// Rows of a seed: fuzzers like theirs small.
const ROWS: usize = 12;
/// Seeds of a target that each source gives.
const OF_A_TARGET: usize = 40;

/// A seed.
#[derive(Debug)]
pub struct Seed {
    /// Whose it is.
    pub target: &'static str,
    /// The input.
    pub bytes: String,
}

/// The seeds that rows of OpenClaw's make, one row a line.
pub fn of(rows: &str) -> Vec<Seed> {
    let rows: Vec<&str> = rows.lines().collect();
    let mut seeds = Vec::new();
    for rows in rows.chunks(ROWS).take(OF_A_TARGET) {
        seeds.push(Seed { target: "openclaw", bytes: rows.join("\n") });
        let lines: Vec<String> = source::events(rows, rows.len()).iter().map(line).collect();
        seeds.push(Seed { target: "batch", bytes: format!("{{\"events\":[{}]}}", lines.join(",")) });
        seeds.push(Seed { target: "fold", bytes: lines.join("\n") });
    }
    let events = source::events(&rows, rows.len());
    for event in events.iter().take(OF_A_TARGET) {
        seeds.push(Seed { target: "envelope", bytes: line(event) });
    }
    let (mut fleet, mut changes) = (Fleet::default(), Vec::new());
    for (event, position) in events.iter().zip(1..) {
        let at = event.occurred_at.max(Timestamp::from_millis(1));
        fleet.apply(&event.recorded(position, at, Origin::INGEST), &mut changes);
        if position.is_power_of_two()
            && let Ok(stored) = serde_json::to_string(&fleet)
        {
            seeds.push(Seed { target: "checkpoint", bytes: format!("{stored}\n{}", line(event)) });
        }
    }
    seeds
}

fn line(event: &Event) -> String {
    let mut json = String::new();
    event.push_json(&mut json);
    json
}
