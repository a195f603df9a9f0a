//! The body of `GET /snapshot` at 5,000 sessions and 20,000 runs: what it takes to build, and what the cache saves.

use std::time::Duration;

use patze_core::event::{Event, Origin, Parts, Severity};
use patze_core::fleet::Fleet;
use patze_core::fleet::snapshot::Snapshot;
use patze_core::ids::{MachineId, ulid};
use patze_core::time::{HOUR, Timestamp};
use patze_supervise::clock::Clock;

use crate::Bench;
use crate::events::{BATCH, MACHINES};
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
    of_process(bench, report, &fleet(&bench.clock, &usual), "500 runs open", true);
    let open = events(&bench.clock, 1);
    of_process(bench, report, &fleet(&bench.clock, &open), "all runs open, details of each", false);
    drop(open);
    over_http(bench, report, &usual);
}

fn of_process(bench: &Bench, report: &mut Report, fleet: &Fleet, which: &str, has_goal: bool) {
    let rounds = bench.size(41, 11);
    let (mut views, mut texts, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        let (view, took) = timed_here(&bench.clock, || Snapshot::of(fleet));
        views.push(took.cpu);
        let (text, took) = timed_here(&bench.clock, || serde_json::to_vec(&view).unwrap());
        texts.push(took.cpu);
        bytes = text.len();
    }
    let (view, text) = (millis(median(views)), millis(median(texts)));
    let what = format!("CPU of a body, {which}");
    if has_goal {
        report.below(what, view + text, 10.0, " ms");
    } else {
        report.note(what, format!("{:.2} ms", view + text));
    }
    report.note(
        "  of which the view, the text; its size",
        format!("{view:.1} ms, {text:.1} ms; {:.1} MB", bytes as f64 / 1e6),
    );
}

/// The server's CPU for an answer that must be built, one from the cache, and a 304.
fn over_http(bench: &Bench, report: &mut Report, events: &[Event]) {
    let server = Server::start(&bench.folder("snapshot"));
    let requests: Vec<_> = events.chunks(BATCH).map(http::post_batch).collect();
    block_on(ingest::deliver(&server.address, &requests));
    let again = &events[0];
    let (mut built, mut cached, mut known) = (Vec::new(), Vec::new(), Vec::new());
    block_on(async {
        let mut client = Client::open(&server.address).await;
        for n in 0..bench.size(30, 8) {
            // Something new, so that the body must be built anew.
            let id = ulid(again.occurred_at, n + (1 << 40));
            let (machine, severity) = (again.machine.clone(), again.severity);
            let (type_name, trace, payload) = (again.type_name(), again.trace(), again.payload());
            let occurred_at = again.occurred_at;
            let event = Event::new(Parts { id, machine, type_name, severity, occurred_at, trace, payload });
            assert_eq!(client.ask(&http::post_one(&event)).await.status, 200);
            let before = server.process.cpu();
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
    });
    let figure = |times: Vec<Duration>| format!("{:.0} µs", micros(median(times), 1));
    report.note("over HTTP, server's CPU: built and sent", figure(built));
    report.note("  from the cache, sent whole", figure(cached));
    report.note("  known to the client: 304", figure(known));
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
