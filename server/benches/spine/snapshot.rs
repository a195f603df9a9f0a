//! The bodies of `GET /snapshot` and `/state` at 5,000 sessions and 20,000 runs: what it takes to build one from nothing,
//! what the next one takes after some events, and what the cache saves.

use std::collections::HashSet;
use std::time::Duration;

use patze_core::event::{Event, Origin, Parts, Severity};
use patze_core::fleet::snapshot::SnapshotWriter;
use patze_core::fleet::state::StateWriter;
use patze_core::fleet::{Fleet, Text};
use patze_core::ids::{MachineId, ulid};
use patze_core::time::{HOUR, Timestamp};
use patze_supervise::clock::Clock;

use crate::Bench;
use crate::events::{BATCH, Ids, MACHINES, Supply};
use crate::http::{self, Client, header};
use crate::ingest;
use crate::meter::{median, micros, millis, timed_here};
use crate::process::{Server, block_on};
use crate::report::Report;

/// Sessions, all open.
const SESSIONS: usize = 5_000;
/// Runs of each session.
const RUNS: usize = 4;

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    // Most runs of a hot state are over: 500 are open here.
    let usual = events(&bench.clock, 40);
    let full = fleet(&bench.clock, &usual);
    of_process(bench, report, &full, "500 runs open", true, SnapshotWriter::write);
    of_process(bench, report, &full, "/state", false, StateWriter::write);
    let open = events(&bench.clock, 1);
    let full = fleet(&bench.clock, &open);
    of_process(bench, report, &full, "all runs open, details of each", false, SnapshotWriter::write);
    drop((open, full));
    over_http(bench, report, &usual);
}

/// The CPU of bodies of the same fleet from nothing and by one writer that wrote the body before, a batch ago: 500 events of
/// one machine, 25 new runs in five or six sessions of it, each time another machine. Both must be the same text.
fn of_process<W: Default>(
    bench: &Bench,
    report: &mut Report,
    full: &Fleet,
    which: &str,
    has_goal: bool,
    write: fn(&mut W, &Fleet) -> serde_json::Result<Text>,
) {
    let (mut fleet, mut changes) = (full.clone(), Vec::new());
    let (start, supply) = (full.log_time(), Supply::from(full.log_time(), Ids::TimeOrdered));
    let (mut cold, mut warm, mut shared, mut size) = (Vec::new(), Vec::new(), 0, 0);
    let mut writer = W::default();
    let mut before = write(&mut writer, &fleet).unwrap();
    for batch in 0..bench.size(41, 11) {
        let recorded_at = start.plus((batch as i64 + 1) * BATCH as i64);
        for event in supply.batch(batch).iter() {
            let position = fleet.position() + 1;
            fleet.apply(&event.recorded(position, recorded_at, Origin::INGEST), &mut changes);
            changes.clear();
        }
        let (text, took) = timed_here(&bench.clock, || write(&mut writer, &fleet).unwrap());
        warm.push(took.cpu);
        let mut new = W::default();
        let (whole, took) = timed_here(&bench.clock, || write(&mut new, &fleet).unwrap());
        cold.push(took.cpu);
        assert!(text.to_vec() == whole.to_vec(), "a body is what is written from nothing");
        let known: HashSet<_> = before.pieces.iter().map(|piece| piece.as_ptr()).collect();
        let same = text.pieces.iter().filter(|piece| known.contains(&piece.as_ptr()));
        (shared, size) = (same.map(|piece| piece.len()).sum::<usize>(), text.len);
        before = text;
    }
    let mut row = |what: String, times: Vec<Duration>| {
        let value = millis(median(times));
        if has_goal {
            report.below(what, value, 10.0, " ms");
        } else {
            report.note(what, format!("{value:.2} ms"));
        }
    };
    row(format!("CPU of a body, {which}: a batch after the last"), warm);
    row("  from nothing".to_owned(), cold);
    report.note(
        "  its size, shared with the last one",
        format!("{:.1} MB, {:.0} %", size as f64 / 1e6, 100.0 * shared as f64 / size as f64),
    );
}

/// The server's CPU for the first answer, for one after a batch of events, for one from the cache, and for a 304.
fn over_http(bench: &Bench, report: &mut Report, events: &[Event]) {
    let server = Server::start(&bench.folder("snapshot"));
    let requests: Vec<_> = events.chunks(BATCH).map(http::post_batch).collect();
    block_on(ingest::deliver(&server.address, &requests));
    let supply = Supply::from(bench.clock.now(), Ids::TimeOrdered);
    let (mut built, mut cached, mut known) = (Vec::new(), Vec::new(), Vec::new());
    let first = block_on(async {
        let mut client = Client::open(&server.address).await;
        let before = at_rest(bench, &server).await;
        assert_eq!(client.get("/snapshot", "").await.status, 200);
        let first = server.process.cpu() - before;
        for batch in 0..bench.size(30, 8) {
            // Something new, so that the body must be built anew.
            assert_eq!(client.ask(&http::post_batch(&supply.batch(batch))).await.status, 200);
            let before = at_rest(bench, &server).await;
            let answer = client.get("/snapshot", "").await;
            assert_eq!(answer.status, 200);
            let (tag, middle) = (header(&answer.head, "etag").unwrap(), server.process.cpu());
            let same = client.get("/snapshot", "").await;
            assert_eq!(same.body, answer.body);
            let after = server.process.cpu();
            let nothing = client.get("/snapshot", &format!("If-None-Match: {tag}\r\n")).await;
            assert_eq!((nothing.status, nothing.body.len()), (304, 0));
            built.push(middle - before);
            cached.push(after - middle);
            known.push(server.process.cpu() - after);
        }
        first
    });
    let figure = |times: Vec<Duration>| format!("{:.0} µs", micros(median(times), 1));
    report.note("over HTTP, server's CPU: the first, built and sent", figure(vec![first]));
    report.note("  a batch after the last, built and sent", figure(built));
    report.note("  from the cache, sent whole", figure(cached));
    report.note("  known to the client: 304", figure(known));
}

/// The server's CPU so far, once it has done what follows an answer: the prover's fold, the write-ahead log.
async fn at_rest(bench: &Bench, server: &Server) -> Duration {
    let mut before = server.process.cpu();
    for _ in 0..100 {
        bench.clock.sleep(Duration::from_millis(20)).await;
        let now = server.process.cpu();
        if now.saturating_sub(before) < Duration::from_micros(200) {
            return now;
        }
        before = now;
    }
    before
}

/// Sessions with their runs, each with usage and a tool call; one in `open_in` runs is left open.
pub fn events(clock: &Clock, open_in: usize) -> Vec<Event> {
    let start = clock.now().plus(-HOUR);
    let mut events = Vec::with_capacity(SESSIONS * (1 + 5 * RUNS));
    for session in 0..SESSIONS {
        let machine = format!("7f9c2ba4-e88f-4d31-9f45-{:012}", session % MACHINES);
        let place = format!(
            r#""machineId":"{machine}","sessionId":"s_{session:026}","agentId":"main","home":"default","sessionKey":"agent:main:telegram:direct:{session}""#
        );
        let mut tell = |type_name, payload: String| {
            let at = start.plus(i64::try_from(events.len()).unwrap_or(0) * 10);
            events.push(event(events.len(), &machine, at, type_name, &payload));
        };
        tell("session.state.changed", format!(r#"{{{place},"from":"created","to":"running"}}"#));
        for run in session * RUNS..(session + 1) * RUNS {
            let run_id = format!(r#""runId":"r_{run:026}""#);
            tell("run.state.changed", format!(r#"{{{place},{run_id},"from":"created","to":"running"}}"#));
            tell(
                "run.tool.started",
                format!(
                    r#"{{{place},{run_id},"toolCallId":"call_{run}","toolName":"exec","startedAt":"{start}"}}"#
                ),
            );
            tell(
                "run.tool.completed",
                format!(
                    r#"{{{place},{run_id},"toolCallId":"call_{run}","toolName":"exec","status":"completed","durationMs":12.5,"success":true}}"#
                ),
            );
            tell(
                "run.model.usage",
                format!(
                    r#"{{{place},{run_id},"provider":"anthropic","model":"claude-sonnet-4-5","inputTokens":{run},"outputTokens":321,"totalTokens":{},"estimatedCostUsd":0.0125}}"#,
                    run + 321
                ),
            );
            if run % open_in != 0 {
                tell(
                    "run.state.changed",
                    format!(r#"{{{place},{run_id},"from":"running","to":"completed"}}"#),
                );
            }
        }
    }
    events
}

fn event(number: usize, machine: &str, at: Timestamp, type_name: &str, payload: &str) -> Event {
    Event::new(Parts {
        id: ulid(at, number as u128),
        machine: MachineId::new(machine),
        type_name,
        severity: Severity::Info,
        occurred_at: at,
        trace: r#"{"traceId":"bench"}"#,
        payload,
    })
}

/// The fleet that these events make.
pub fn fleet(clock: &Clock, events: &[Event]) -> Fleet {
    let (mut fleet, mut changes, now) = (Fleet::default(), Vec::new(), clock.now());
    for (position, event) in (1..).zip(events) {
        fleet.apply(&event.recorded(position, now, Origin::INGEST), &mut changes);
        changes.clear();
    }
    assert_eq!((fleet.facts().sessions.len(), fleet.facts().runs.len()), (SESSIONS, SESSIONS * RUNS));
    fleet
}
