//! The same answers by plain loops over all events: no rows of the fleet, no SQL, nothing of the projector's.

use std::collections::BTreeMap;

use patze_actors::log::StoredEvent;
use serde_json::Value;

const STATES: [&str; 8] =
    ["created", "queued", "running", "waiting_tool", "streaming", "completed", "failed", "cancelled"];

#[derive(Clone, Default, PartialEq, Debug)]
pub struct Run {
    pub state: String,
    pub state_at: i64,
    pub created: i64,
    pub session: String,
    pub agent: String,
    pub reason: String,
    pub calls: u64,
    pub tokens: u64,
    pub nanos: i64,
    pub tools: u64,
    pub failed_tools: u64,
}

#[derive(Clone, Default, PartialEq, Debug)]
pub struct Session {
    pub state: String,
    pub state_at: i64,
    pub created: i64,
    pub channel: String,
    pub runs: u64,
    pub failed: u64,
    pub calls: u64,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    pub position: u64,
    pub machine: String,
    pub run: String,
    pub level: String,
    pub message: String,
}

/// (calls, tokens, nano-dollars, calls without a cost)
pub type Used = (u64, u64, i64, u64);

#[derive(Default)]
pub struct Naive {
    pub runs: BTreeMap<(String, String), Run>,
    pub sessions: BTreeMap<(String, String), Session>,
    /// By position.
    pub lines: Vec<Line>,
    /// By (model, hour since 1970).
    pub usage: BTreeMap<(String, i64), Used>,
    /// By (machine, agent).
    pub by_agent: BTreeMap<(String, String), Used>,
    /// (effective time, cpu) by machine.
    pub gauges: BTreeMap<String, Vec<(i64, f64)>>,
    /// (events, failures) by minute since 1970.
    pub minutes: BTreeMap<i64, (u64, u64)>,
    /// The ends of tool calls by (machine, run, call): whether one was told.
    tools: BTreeMap<(String, String, String), bool>,
    agents_of_sessions: BTreeMap<(String, String), String>,
}

impl Naive {
    pub fn of(events: &[StoredEvent]) -> Self {
        let mut naive = Self::default();
        for stored in events {
            naive.event(stored);
        }
        naive
    }

    /// The lines of an agent: those of the runs that it has in the end.
    pub fn lines_of(&self, agent: &str) -> Vec<u64> {
        let of_agent = |line: &&Line| {
            let run = self.runs.get(&(line.machine.clone(), line.run.clone()));
            run.is_some_and(|run| run.agent == agent)
        };
        self.lines.iter().filter(of_agent).map(|line| line.position).collect()
    }

    fn event(&mut self, stored: &StoredEvent) {
        let event = &stored.event;
        let machine = event.machine.as_str().to_owned();
        let recorded = stored.recorded_at.millis();
        let at = event.occurred_at.millis().min(recorded);
        self.minutes.entry(recorded.div_euclid(60_000)).or_default().0 += 1;
        let Ok(p) = serde_json::from_str::<Value>(event.payload()) else { return };
        let text = |key: &str| p[key].as_str().unwrap_or_default().to_owned();
        let (run_key, session_key) = ((machine.clone(), text("runId")), (machine.clone(), text("sessionId")));
        match event.type_name() {
            "session.state.changed" => {
                if !STATES.contains(&text("to").as_str()) {
                    return;
                }
                let known = self.sessions.entry(session_key.clone()).or_default();
                known.created = if known.created == 0 { at } else { known.created.min(at) };
                if known.state.is_empty() || at >= known.state_at {
                    (known.state, known.state_at, known.channel) = (text("to"), at, text("channel"));
                    self.agents_of_sessions.insert(session_key, text("agentId"));
                }
            }
            "run.state.changed" => {
                let to = text("to");
                if !STATES.contains(&to.as_str()) {
                    return;
                }
                let run = self.runs.entry(run_key).or_default();
                let is_new = run.state.is_empty();
                run.created = if run.created == 0 { at } else { run.created.min(at) };
                let over = ["completed", "failed", "cancelled"].contains(&run.state.as_str());
                let counts = is_new || (at >= run.state_at && !over);
                if counts {
                    run.reason = if to == "failed" { text("reason") } else { String::new() };
                    (run.state, run.state_at) = (to.clone(), at);
                    (run.session, run.agent) = (text("sessionId"), text("agentId"));
                }
                let failed = counts && to == "failed";
                if failed && recorded - at <= 600_000 {
                    self.minutes.entry(recorded.div_euclid(60_000)).or_default().1 += 1;
                }
                let session = self.sessions.entry(session_key).or_default();
                session.runs += u64::from(is_new);
                session.failed += u64::from(failed);
            }
            "run.log.emitted" => {
                self.sessions.entry(session_key).or_default();
                self.runs.entry(run_key).or_default();
                self.lines.push(Line {
                    position: stored.position,
                    machine,
                    run: text("runId"),
                    level: text("level"),
                    message: text("message"),
                });
            }
            "run.model.usage" => {
                let run = self.runs.entry(run_key).or_default();
                place(run, &p);
                let (input, output) =
                    (p["inputTokens"].as_u64().unwrap(), p["outputTokens"].as_u64().unwrap());
                let nanos = (p["estimatedCostUsd"].as_f64().unwrap_or(0.0) * 1e9).round() as i64;
                run.calls += 1;
                run.tokens += input + output;
                run.nanos += nanos;
                let (session, agent) = (run.session.clone(), run.agent.clone());
                if !session.is_empty() {
                    self.sessions.entry((machine.clone(), session)).or_default().calls += 1;
                }
                let hour = at.div_euclid(3_600_000);
                for used in [
                    self.usage.entry((text("model"), hour)).or_default(),
                    self.by_agent.entry((machine, agent)).or_default(),
                ] {
                    used.0 += 1;
                    used.1 += input + output;
                    used.2 += nanos;
                    used.3 += u64::from(nanos == 0);
                }
            }
            "run.tool.started" | "run.tool.completed" => {
                let run = self.runs.entry(run_key).or_default();
                place(run, &p);
                let call = (machine, text("runId"), text("toolCallId"));
                let ended = event.type_name() == "run.tool.completed";
                let was = self.tools.get(&call).copied();
                run.tools += u64::from(was.is_none());
                if ended && was != Some(true) {
                    run.failed_tools += u64::from(p["status"] == "failed" || p["success"] == false);
                }
                self.tools.insert(call, ended || was == Some(true));
            }
            "machine.heartbeat" => {
                self.gauges.entry(machine).or_default().push((at, p["resource"]["cpuPct"].as_f64().unwrap()));
            }
            _ => {}
        }
    }
}

/// Until its own state came, a run is where others say.
fn place(run: &mut Run, p: &Value) {
    if run.state.is_empty() {
        if let Some(session) = p["sessionId"].as_str() {
            run.session = session.to_owned();
        }
        if let Some(agent) = p["agentId"].as_str() {
            run.agent = agent.to_owned();
        }
    }
}
