//! History of any stream, in any pages, stopped and started and deleted on the way, is what plain loops say.

use std::collections::BTreeMap;
use std::time::Duration;

use patze_actors::history::query::{DensityQuery, ListQuery, LogQuery, Paging, SeriesQuery, UsageQuery};
use patze_actors::log::StoredEvent;
use patze_core::event::{Event, Severity};
use patze_core::history::{RunItem, SessionItem, UsageBucket, UsageBy};
use patze_core::ids::{AgentId, MachineId};
use patze_core::prices::PriceTable;
use patze_core::time::{DAY, MINUTE};
use patze_supervise::clock::Clock;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::naive::Naive;
use crate::support::{Running, START, all, block_on, event};

/// One event, by numbers that choose among few ids and words, so that events meet.
#[derive(Clone, Copy, Debug)]
struct Told {
    kind: u8,
    machine: bool,
    seed: u64,
    /// ms before the control plane took it; negative: in its future.
    ago: i64,
}

/// What happens between two pages.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Between {
    Nothing,
    Restart,
    Delete,
}

fn made(number: usize, told: Told, clock: &Clock) -> Event {
    const STATES: [&str; 9] = [
        "created",
        "queued",
        "running",
        "waiting_tool",
        "streaming",
        "completed",
        "failed",
        "cancelled",
        "odd",
    ];
    let Told { kind, machine, seed, ago } = told;
    let machine = if machine { "m1" } else { "m2" };
    let mut payload = json!({
        "machineId": machine, "runId": format!("r{}", seed % 5), "sessionId": format!("s{}", seed % 3),
        "agentId": format!("a{}", seed / 3 % 2), "from": "x", "to": STATES[(seed / 7 % 9) as usize], "reason": "why",
    });
    let set = |payload: &mut Value, more: Value| {
        for (key, value) in more.as_object().unwrap() {
            payload[key] = value.clone();
        }
    };
    let type_name = match kind {
        0 | 1 => {
            payload["channel"] = json!(["telegram", "slack"][(seed % 2) as usize]);
            "session.state.changed"
        }
        2..=5 => "run.state.changed",
        6 | 7 => {
            let levels = ["debug", "info", "warn", "error", "critical"];
            let words = ["alpha", "beta", "gamma"];
            let message =
                format!("{} {} n{number}", words[(seed % 3) as usize], words[(seed / 3 % 3) as usize]);
            set(
                &mut payload,
                json!({"logEntryId": "l", "level": levels[(seed % 5) as usize], "message": message, "ts": "x"}),
            );
            "run.log.emitted"
        }
        8 | 9 => {
            let cost = [0.0, 0.25, 0.000_000_001][(seed % 3) as usize];
            set(
                &mut payload,
                json!({"provider": "p", "model": format!("x{}", seed % 2), "inputTokens": seed, "outputTokens": 3, "estimatedCostUsd": cost}),
            );
            if seed % 4 == 0 {
                payload.as_object_mut().unwrap().retain(|key, _| key != "sessionId" && key != "agentId");
            }
            "run.model.usage"
        }
        10 => {
            set(
                &mut payload,
                json!({"toolCallId": format!("t{}", seed % 4), "toolName": "exec", "startedAt": "x"}),
            );
            "run.tool.started"
        }
        11 => {
            let ok = seed % 3 > 0;
            set(
                &mut payload,
                json!({"toolCallId": format!("t{}", seed % 4), "toolName": "exec", "status": if ok { "completed" } else { "failed" }, "durationMs": 5, "success": ok}),
            );
            "run.tool.completed"
        }
        _ => {
            set(
                &mut payload,
                json!({"status": "online", "resource": {"cpuPct": seed as f64, "memoryBytes": 1, "memoryPct": 1}}),
            );
            "machine.heartbeat"
        }
    };
    event(&format!("e{number}"), machine, type_name, clock.now().plus(-ago), &payload)
}

fn stream() -> impl Strategy<Value = Vec<(Vec<Told>, i64, Between)>> {
    let told = (0..13_u8, any::<bool>(), 0..400_u64, prop_oneof![4 => -5_000..60_000_i64, 1 => 0..3 * DAY])
        .prop_map(|(kind, machine, seed, ago)| Told { kind, machine, seed, ago });
    let between =
        prop_oneof![4 => Just(Between::Nothing), 2 => Just(Between::Restart), 1 => Just(Between::Delete)];
    prop::collection::vec((prop::collection::vec(told, 1..25), 0..40 * MINUTE, between), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn history_is_what_plain_loops_say(stream in stream()) {
        let dir = tempfile::tempdir().unwrap();
        let (clock, time) = Clock::virtual_at(START);
        let mut running = Running::open(dir.path(), &clock);
        let mut number = 0;
        for (page, step, between) in stream {
            block_on(time.advance(Duration::from_millis(step.unsigned_abs())));
            running.append(page.into_iter().map(|told| { number += 1; made(number, told, &clock) }).collect());
            if between == Between::Nothing {
                running.catch_up();
                continue;
            }
            // Wherever the projector is just now.
            running.close();
            if between == Between::Delete {
                std::fs::remove_file(dir.path().join("history.db")).unwrap();
            }
            running = Running::open(dir.path(), &clock);
        }
        running.catch_up();
        let events = block_on(running.log.read_after(0, usize::MAX, usize::MAX)).unwrap();
        let naive = Naive::of(&events);
        runs(&running, &naive);
        sessions(&running, &naive);
        lines(&running, &naive);
        usage(&running, &naive, &clock);
        gauges(&running, &naive, &clock);
        rail(&running, &naive, &events);
        running.close();
    }
}

fn paging(cursor: Option<String>) -> Paging {
    Paging { limit: 3, cursor }
}

fn runs(running: &Running, naive: &Naive) {
    let items: Vec<RunItem> =
        all(|cursor| async { running.history.runs(ListQuery::default(), paging(cursor)).await.unwrap() });
    assert!(items.is_sorted_by(|a, b| a.created_at >= b.created_at), "newest first");
    let listed: BTreeMap<_, _> =
        items.iter().map(|item| ((item.machine_id.to_string(), item.run_id.to_string()), item)).collect();
    assert_eq!(listed.len(), items.len(), "each once");
    let expected = naive.runs.iter().filter(|(_, run)| !run.state.is_empty());
    assert_eq!(listed.len(), expected.clone().count());
    for (key, run) in expected {
        let item = listed[key];
        let told = crate::naive::Run {
            state: item.state.name().to_owned(),
            state_at: item.updated_at.millis(),
            created: item.created_at.millis(),
            session: item.session_id.to_string(),
            agent: item.agent_id.to_string(),
            reason: item.failure_reason.as_deref().unwrap_or_default().to_owned(),
            calls: item.usage.calls,
            tokens: item.usage.total_tokens,
            nanos: (item.usage.cost_usd * 1e9).round() as i64,
            tools: u64::from(item.tool_calls),
            failed_tools: u64::from(item.failed_tool_calls),
        };
        assert_eq!(&told, run, "{key:?}");
    }
    let query = ListQuery { machine: Some("m1".into()), agent: Some("a1".into()), ..ListQuery::default() };
    let of_agent: Vec<RunItem> =
        all(|cursor| async { running.history.runs(query.clone(), paging(cursor)).await.unwrap() });
    let expected = naive
        .runs
        .iter()
        .filter(|((machine, _), run)| machine == "m1" && run.agent == "a1" && !run.state.is_empty());
    assert_eq!(of_agent.len(), expected.count());
}

fn sessions(running: &Running, naive: &Naive) {
    let items: Vec<SessionItem> =
        all(|cursor| async { running.history.sessions(ListQuery::default(), paging(cursor)).await.unwrap() });
    let expected = naive.sessions.iter().filter(|(_, session)| !session.state.is_empty());
    assert_eq!(items.len(), expected.clone().count());
    for (key, session) in expected {
        let found: Vec<_> = items
            .iter()
            .filter(|item| (item.machine_id.as_str(), item.session_id.as_str()) == (&key.0, &key.1))
            .collect();
        assert_eq!(found.len(), 1, "{key:?}");
        let item = found[0];
        let told = crate::naive::Session {
            state: item.state.name().to_owned(),
            state_at: item.updated_at.millis(),
            created: item.created_at.millis(),
            channel: item.channel.as_deref().unwrap_or_default().to_owned(),
            runs: item.total_runs,
            failed: item.failed_runs,
            calls: item.usage.calls,
        };
        assert_eq!(&told, session, "{key:?}");
    }
}

fn lines(running: &Running, naive: &Naive) {
    let found = |query: LogQuery| -> Vec<u64> {
        let items =
            all(|cursor| async { running.history.logs(query.clone(), paging(cursor)).await.unwrap() });
        items.iter().map(|item| item.position).rev().collect()
    };
    let expected = |of: &dyn Fn(&crate::naive::Line) -> bool| -> Vec<u64> {
        naive.lines.iter().filter(|line| of(line)).map(|line| line.position).collect()
    };
    let default = LogQuery::default();
    assert_eq!(found(default.clone()), expected(&|_| true));
    for word in ["alpha", "beta"] {
        let query = LogQuery { text: Some(word.to_uppercase()), ..default.clone() };
        assert_eq!(found(query), expected(&|line| line.message.contains(word)), "{word}");
    }
    let phrase = LogQuery { text: Some("\"alpha beta\"".to_owned()), ..default.clone() };
    assert_eq!(found(phrase), expected(&|line| line.message.contains("alpha beta")));
    let query = LogQuery {
        text: Some("alp*".to_owned()),
        levels: vec![Severity::Error, Severity::Warn],
        machine: Some(MachineId::new("m2")),
        ..default.clone()
    };
    let of = |line: &crate::naive::Line| {
        line.message.contains("alp")
            && line.machine == "m2"
            && ["error", "warn"].contains(&line.level.as_str())
    };
    assert_eq!(found(query), expected(&of));
    for agent in ["a0", "a1"] {
        let query = LogQuery { agent: Some(AgentId::new(agent)), ..default.clone() };
        assert_eq!(found(query), naive.lines_of(agent), "{agent}: also of runs whose agent was told later");
    }
}

fn usage(running: &Running, naive: &Naive, clock: &Clock) {
    let ask = |by, bucket| {
        let (from, to) = (START.plus(-5 * DAY), clock.now().plus(DAY));
        let query =
            UsageQuery { by, bucket, tz: "UTC".to_owned(), from, to, prices: Ok(PriceTable::default()) };
        block_on(running.history.usage(query)).unwrap().answer.series
    };
    let mut told = BTreeMap::new();
    for series in ask(UsageBy::Model, UsageBucket::Hour) {
        for point in series.buckets {
            let used = used(&point.booked);
            told.insert((series.model.clone().unwrap().to_string(), point.start.millis() / 3_600_000), used);
        }
    }
    assert_eq!(told, naive.usage);
    let told: BTreeMap<_, _> = ask(UsageBy::Agent, UsageBucket::Day)
        .into_iter()
        .map(|series| {
            let key = (series.machine_id.unwrap().to_string(), series.agent_id.unwrap().to_string());
            (key, used(&series.total))
        })
        .collect();
    assert_eq!(told, naive.by_agent);
}

fn used(booked: &patze_core::history::Booked) -> crate::naive::Used {
    let nanos = (booked.all.cost_usd * 1e9).round() as i64;
    (booked.all.calls, booked.all.total_tokens, nanos, booked.unpriced.calls)
}

fn gauges(running: &Running, naive: &Naive, clock: &Clock) {
    for (machine, beats) in &naive.gauges {
        let (from, to) = (START.plus(-4 * DAY), clock.now().plus(1));
        let query = SeriesQuery { machine: MachineId::new(machine), from, to, points: 50 };
        let series = block_on(running.history.series(query)).unwrap().answer;
        let mut expected = BTreeMap::<i64, Vec<f64>>::new();
        for (at, cpu) in beats {
            expected.entry((at - from.millis()) / series.bucket_ms).or_default().push(*cpu);
        }
        assert_eq!(series.points.len(), expected.len());
        for (point, (place, cpus)) in series.points.iter().zip(&expected) {
            assert_eq!(point.start.millis(), from.millis() + place * series.bucket_ms);
            assert_eq!(point.n, cpus.len() as u64);
            let min = cpus.iter().copied().fold(f64::MAX, f64::min);
            let max = cpus.iter().copied().fold(f64::MIN, f64::max);
            assert_eq!((point.min.cpu_pct, point.max.cpu_pct), (min, max));
            let mean = cpus.iter().sum::<f64>() / cpus.len() as f64;
            assert!((point.mean.cpu_pct - mean).abs() < 1e-9);
        }
    }
}

fn rail(running: &Running, naive: &Naive, events: &[StoredEvent]) {
    let (first, last) = (events[0].recorded_at, events[events.len() - 1].recorded_at);
    for buckets in [3, 40, 1_000] {
        let query = DensityQuery { from: Some(first), to: last.plus(1), buckets };
        let rail = block_on(running.history.density(query)).unwrap().answer;
        assert!(rail.buckets.len() <= buckets, "{} of {buckets}", rail.buckets.len());
        for bucket in &rail.buckets {
            let minutes =
                (bucket.start.millis() / MINUTE)..((bucket.start.millis() + rail.bucket_ms) / MINUTE);
            let sum = naive.minutes.range(minutes).fold((0, 0), |sum, (_, m)| (sum.0 + m.0, sum.1 + m.1));
            assert_eq!((bucket.events, bucket.failures), sum, "{bucket:?} of {} ms", rail.bucket_ms);
        }
        let total: u64 = rail.buckets.iter().map(|bucket| bucket.events).sum();
        assert_eq!(total, events.len() as u64);
    }
}

/// The lines of a run are its agent's, also where it was another's for a while within one page of the log.
#[test]
fn lines_follow_a_run_that_comes_back_to_its_agent() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, _time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    let state = |id: &str, at: i64, agent: &str, to: &str| {
        let payload = json!({"runId": "r", "sessionId": "s", "agentId": agent, "from": "x", "to": to});
        event(id, "m", "run.state.changed", START.plus(at), &payload)
    };
    let line =
        json!({"logEntryId": "l", "runId": "r", "sessionId": "s", "level": "info", "message": "x", "ts": ""});
    let line = event("line", "m", "run.log.emitted", START.plus(2), &line);
    running.append(vec![state("1", 0, "a0", "created")]);
    running.catch_up();
    running.append(vec![state("2", 1, "a1", "queued"), line, state("3", 3, "a0", "running")]);
    running.catch_up();
    for (agent, found) in [("a0", 1), ("a1", 0)] {
        let query = LogQuery { agent: Some(AgentId::new(agent)), ..LogQuery::default() };
        let page = block_on(running.history.logs(query, Paging::default())).unwrap().answer;
        assert_eq!(page.items.len(), found, "{agent}");
    }
    running.close();
}
