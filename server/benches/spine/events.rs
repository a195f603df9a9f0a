//! The events that are measured with: what 50 machines with one agent each send, in the shapes of our own bridge.

use std::sync::Arc;

use patze_core::event::{Event, Parts, Severity};
use patze_core::ids::{EventId, MachineId, ulid};
use patze_core::time::{HOUR, Timestamp};
use patze_supervise::clock::Clock;

/// Events of a batch: the most that our bridge sends.
pub const BATCH: usize = 500;
/// Each batch is of one machine, as bridges send them.
pub const MACHINES: usize = 50;
/// Events of one run.
const OF_RUN: usize = 20;
/// Runs of one session.
const OF_SESSION: usize = 5;

/// How event ids are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// As our bridge does: time first.
    TimeOrdered,
    /// As original bridges do.
    Random,
}

/// An endless supply. The same `start` gives the same events.
#[derive(Clone, Copy)]
pub struct Supply {
    /// The time of the first event; one follows each millisecond.
    start: Timestamp,
    ids: Ids,
}

impl Supply {
    /// Events of the last two hours: old enough for five million, young enough for nothing to count as idle.
    pub fn new(clock: &Clock, ids: Ids) -> Self {
        Self::from(clock.now().plus(-2 * HOUR), ids)
    }

    /// Events from `start` on.
    pub fn from(start: Timestamp, ids: Ids) -> Self {
        Self { start, ids }
    }

    /// Batch number `batch`.
    pub fn batch(self, batch: usize) -> Arc<[Event]> {
        (0..BATCH).map(|n| self.event(batch, n)).collect()
    }

    /// Event `n` of a batch: 25 runs of a machine, one after the other.
    fn event(self, batch: usize, n: usize) -> Event {
        let number = batch * BATCH + n;
        let at = self.start.plus(i64::try_from(number).unwrap_or(i64::MAX));
        let bits = scrambled(number as u64);
        let machine = format!("7f9c2ba4-e88f-4d31-9f45-{:012}", batch % MACHINES);
        let run = format!("r_{:026}", number / OF_RUN);
        let session = format!("s_{:026}", number / OF_RUN / OF_SESSION);
        let place =
            format!(r#""machineId":"{machine}","sessionId":"{session}","agentId":"main","home":"default""#);
        let (type_name, payload) = of_run(number % OF_RUN, number, &run, &place, at);
        let id = match self.ids {
            Ids::TimeOrdered => ulid(at, u128::from(bits)),
            Ids::Random => EventId::from(format!("{bits:016x}{:010x}", scrambled(bits) >> 24)),
        };
        Event::new(Parts {
            id,
            machine: MachineId::from(machine),
            type_name,
            severity: Severity::Info,
            occurred_at: at,
            trace: &format!(r#"{{"traceId":"{run}"}}"#),
            payload: &payload,
        })
    }
}

/// The step-th event of a run, in place of which now and then something of its session or machine is told.
fn of_run(step: usize, number: usize, run: &str, place: &str, at: Timestamp) -> (&'static str, String) {
    let state = |from: &str, to: &str| {
        format!(r#"{{{place},"runId":"{run}","from":"{from}","to":"{to}","sessionKey":"agent:main:main"}}"#)
    };
    // Every 25th run fails, and every 5th is the last of its session.
    let failed = (number / OF_RUN).is_multiple_of(25);
    match step {
        0 => (
            "machine.heartbeat",
            format!(
                r#"{{{place},"status":"online","resource":{{"cpuPct":{}.5,"memoryBytes":{},"memoryPct":41.25,"diskPct":63.5}}}}"#,
                number % 100,
                1_000_000 + number
            ),
        ),
        1 => ("session.state.changed", state("created", "running")),
        2 => ("run.state.changed", state("created", "running")),
        18 if number / OF_RUN % OF_SESSION == OF_SESSION - 1 => {
            ("session.state.changed", state("running", "completed"))
        }
        19 => ("run.state.changed", state("running", if failed { "failed" } else { "completed" })),
        _ => match step % 4 {
            0 => (
                "run.log.emitted",
                format!(
                    r#"{{{place},"logEntryId":"l{number}","runId":"{run}","level":"info","message":"compaction of the conversation ended after {number} ms","ts":"{at}"}}"#
                ),
            ),
            1 => (
                "run.model.usage",
                format!(
                    r#"{{{place},"runId":"{run}","provider":"anthropic","model":"claude-sonnet-4-5","inputTokens":{},"outputTokens":321,"totalTokens":{},"estimatedCostUsd":0.0125}}"#,
                    number % 9_000,
                    number % 9_000 + 321
                ),
            ),
            2 => (
                "run.tool.started",
                format!(
                    r#"{{{place},"runId":"{run}","toolCallId":"call_{number:012}","toolName":"exec","startedAt":"{at}"}}"#
                ),
            ),
            _ => (
                "run.tool.completed",
                format!(
                    r#"{{{place},"runId":"{run}","toolCallId":"call_{:012}","toolName":"exec","status":"completed","durationMs":{}.25,"success":true}}"#,
                    number - 1,
                    number % 3_000
                ),
            ),
        },
    }
}

/// SplitMix64: no two numbers give the same bits.
pub fn scrambled(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
