//! The fold of a whole log, as a ratio of what any reader must do: fetch every row and parse its payload.

use std::ops::ControlFlow;

use patze_actors::log::{Log, LogConfig};
use patze_core::event::payload::{
    AgentState, MachineHeartbeat, MachineRegistered, ModelUsage, ResourceUsage, RunLog, RunState,
    SessionState, Span, ToolCompleted, ToolStarted,
};
use patze_core::event::{EventType, Recorded};
use patze_core::fleet::Fleet;
use serde::de::IgnoredAny;
use serde_json::from_str;

use crate::Bench;
use crate::meter::{Took, ratio, timed_here};
use crate::report::Report;

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let filled = bench.filled();
    let log = Log::open(LogConfig::new(&filled.dir, bench.clock.clone())).unwrap();
    let scan = |each: &mut dyn FnMut(&Recorded<'_>)| {
        let (read, took) = timed_here(&bench.clock, || {
            log.scan(0, |event| {
                each(event);
                ControlFlow::Continue(())
            })
        });
        read.unwrap();
        took
    };
    let (mut rows, mut typed, mut values, mut folded) =
        (Took::default(), Took::default(), Took::default(), Took::default());
    let rounds = 3;
    for _ in 0..rounds {
        rows += scan(&mut |event| assert!(std::hint::black_box(event.position) > 0));
        typed += scan(&mut |event| assert!(is_sound(event)));
        values += scan(&mut |event| {
            let value: serde_json::Value = from_str(event.payload).unwrap();
            assert!(std::hint::black_box(value).is_object());
        });
        let (mut fleet, mut changes) = (Fleet::default(), Vec::new());
        folded += scan(&mut |event| {
            fleet.apply(event, &mut changes);
            changes.clear();
        });
        assert_eq!(fleet.position(), log.fleet().position());
        assert_eq!(fleet.hash(), log.fleet().hash(), "FO-1");
    }
    log.close().unwrap();
    let count = filled.events * rounds;
    let figure =
        |took: Took| format!("{:.2} µs an event, {:.2} CPU", took.micros(count), took.cpu_micros(count));
    report.note(format!("reading {} rows", filled.events), figure(rows));
    report.note("reading and parsing into the payload types", figure(typed));
    report.note("reading and parsing into any JSON value", figure(values));
    report.note("rebuild", figure(folded));
    report.at_least("rebuild : reading and parsing, types", ratio(typed.cpu, folded.cpu), 0.5, "");
    report.at_least("rebuild : reading and parsing, any value", ratio(values.cpu, folded.cpu), 0.5, "");
}

/// Parses the payload into the type that the fold reads it with.
fn is_sound(event: &Recorded<'_>) -> bool {
    let payload = event.payload;
    let parsed = match EventType::of(event.type_name) {
        Some(EventType::MachineRegistered) => from_str::<MachineRegistered<'_>>(payload).map(see),
        Some(EventType::MachineHeartbeat) => from_str::<MachineHeartbeat<'_>>(payload).map(see),
        Some(EventType::AgentState) => from_str::<AgentState<'_>>(payload).map(see),
        Some(EventType::SessionState) => from_str::<SessionState<'_>>(payload).map(see),
        Some(EventType::RunState) => from_str::<RunState<'_>>(payload).map(see),
        Some(EventType::RunLog) => from_str::<RunLog<'_>>(payload).map(see),
        Some(EventType::ToolStarted) => from_str::<ToolStarted<'_>>(payload).map(see),
        Some(EventType::ToolCompleted) => from_str::<ToolCompleted<'_>>(payload).map(see),
        Some(EventType::ModelUsage) => from_str::<ModelUsage<'_>>(payload).map(see),
        Some(EventType::ResourceUsage) => from_str::<ResourceUsage<'_>>(payload).map(see),
        Some(EventType::Span) => from_str::<Span<'_>>(payload).map(see),
        _ => from_str::<IgnoredAny>(payload).map(see),
    };
    parsed.is_ok()
}

/// Keeps the compiler from leaving the parsing out.
fn see<T>(parsed: T) {
    drop(std::hint::black_box(parsed));
}
