//! What the fleet of the simulated year does.

use patze_core::event::Event;
use patze_core::time::{DAY, SECOND, Timestamp};

use crate::events::scrambled;
use crate::history::{MACHINES, RUNS, event, machine};

/// Runs of a session.
const OF_SESSION: u64 = 5;
/// A run begins so long after the last one, and has ended by then.
const RUN: i64 = DAY / RUNS as i64;

/// What has been told.
pub struct Story {
    start: Timestamp,
    beat: i64,
    beats: i64,
    runs: u64,
    number: u64,
}

impl Story {
    /// Nothing yet. Machines send heartbeats so many ms apart.
    pub fn new(start: Timestamp, beat: i64) -> Self {
        Self { start, beat, beats: 0, runs: 0, number: 0 }
    }

    /// Where it begins.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Heartbeats of all machines so far.
    pub fn heartbeats(&self) -> i64 {
        self.beats * MACHINES as i64
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.number
    }

    /// What has happened until `now` and was not told yet, in the order of its times.
    pub fn until(&mut self, now: Timestamp) -> Vec<Event> {
        let passed = now.since(self.start);
        let mut events = Vec::new();
        while (self.beats + 1) * self.beat <= passed {
            self.beats += 1;
            let at = self.start.plus(self.beats * self.beat);
            for of in 0..MACHINES {
                events.push(self.beat(at, of));
            }
        }
        while (self.runs as i64 + 1) * RUN <= passed {
            events.extend(self.run());
            self.runs += 1;
        }
        events.sort_by_key(|event| event.occurred_at);
        events
    }

    fn beat(&mut self, at: Timestamp, of: usize) -> Event {
        let bits = scrambled(self.number);
        let payload = format!(
            r#"{{"machineId":"{}","status":"online","resource":{{"cpuPct":{}.{},"memoryBytes":{},"memoryPct":{}.5,"memoryTotalBytes":17179869184,"netRxBytes":{},"netTxBytes":{},"diskUsageBytes":{},"diskTotalBytes":512110190592,"diskPct":63.5}}}}"#,
            machine(of),
            bits % 100,
            bits / 100 % 10,
            4_000_000_000 + bits % 1_000_000_000,
            20 + bits % 40,
            self.number * 1_500,
            self.number * 700,
            325_000_000_000_u64 + self.number,
        );
        event(at, &machine(of), "machine.heartbeat", &payload, &mut self.number)
    }

    /// Eleven events, and for the first and the last of its session one more: its states, three model calls, two tool
    /// calls, two log lines.
    fn run(&mut self) -> Vec<Event> {
        let n = self.runs;
        let bits = scrambled(n);
        let session = n / OF_SESSION;
        let of = machine(session as usize);
        let begun = self.start.plus(n as i64 * RUN);
        let place = format!(
            r#""machineId":"{of}","sessionId":"s_{session:026}","agentId":"agent-{}","home":"default""#,
            session % 8
        );
        let run = format!(r#"{place},"runId":"r_{n:026}""#);
        let session = |from: &str, to: &str| {
            let text = format!(r#"{{{place},"from":"{from}","to":"{to}","sessionKey":"agent:main:main"}}"#);
            ("session.state.changed", text)
        };
        let state = |from: &str, to: &str| {
            (
                "run.state.changed",
                format!(r#"{{{run},"from":"{from}","to":"{to}","sessionKey":"agent:main:main"}}"#),
            )
        };
        let usage = |call: u64| {
            let tokens = bits % 9_000 + call;
            let text = format!(
                r#"{{{run},"provider":"anthropic","model":"claude-{}","inputTokens":{tokens},"outputTokens":321,"totalTokens":{},"estimatedCostUsd":0.0125}}"#,
                n % 4,
                tokens + 321
            );
            ("run.model.usage", text)
        };
        let tool = |call: u64, at: Timestamp| {
            let id = format!(r#"{run},"toolCallId":"call_{:012}","toolName":"exec""#, n * 2 + call);
            [
                ("run.tool.started", format!(r#"{{{id},"startedAt":"{at}"}}"#)),
                (
                    "run.tool.completed",
                    format!(
                        r#"{{{id},"status":"completed","durationMs":{}.25,"success":true}}"#,
                        bits % 3_000
                    ),
                ),
            ]
        };
        let line = |at: Timestamp, message: &str| {
            let text = format!(
                r#"{{{run},"logEntryId":"l{n}-{}","level":"info","message":"{message} after {} ms","ts":"{at}"}}"#,
                at.since(begun),
                bits % 20_000
            );
            ("run.log.emitted", text)
        };
        let at = |step: usize| begun.plus(3 * SECOND * step as i64);
        let mut all = Vec::new();
        if n.is_multiple_of(OF_SESSION) {
            all.push(session("created", "running"));
        }
        all.extend([state("created", "running"), usage(1), line(at(2), "the context was compacted")]);
        all.extend(tool(0, at(4)));
        all.push(usage(2));
        all.extend(tool(1, at(7)));
        all.extend([line(at(9), "the gateway answered"), usage(3)]);
        // Every 25th fails.
        all.push(state("running", if n.is_multiple_of(25) { "failed" } else { "completed" }));
        if n % OF_SESSION == OF_SESSION - 1 {
            all.push(session("running", "completed"));
        }
        let number = &mut self.number;
        let sent = all.into_iter().enumerate();
        sent.map(|(step, (name, payload))| event(at(step), &of, name, &payload, number)).collect()
    }
}
