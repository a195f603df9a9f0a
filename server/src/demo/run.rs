//! What one run of the demo tells, from its start to its end, in the shapes of our own bridge.

use patze_core::event::{Event, EventType, Parts, Severity};
use patze_core::ids::event_id;
use patze_core::time::{MINUTE, Timestamp};
use serde_json::{Map, Value, json};

use super::cast::{AGENTS, Agent, CODER, Model};
use super::chance::Chance;
use super::incidents::Incidents;

const HOME: &str = "default";

/// Why runs fail when no incident is to blame.
const REASONS: [&str; 4] = [
    "rate limit (HTTP 429), 5 attempts",
    "timed out after 600 s",
    "the context window is full and could not be compacted",
    "the model's answer was no valid tool call, 3 attempts",
];

/// A run that begins.
pub(super) struct Run {
    /// Index into the cast.
    pub(super) agent: usize,
    /// Names it, and decides all that happens in it.
    pub(super) id: String,
    pub(super) at: Timestamp,
    /// The lane that it runs in, and the one that spawned that.
    pub(super) lane: String,
    pub(super) parent: Option<String>,
    pub(super) chance: Chance,
    /// Waits for a tool that never answers, and tells nothing more.
    pub(super) hangs: bool,
}

impl Run {
    /// All its events, by time.
    pub(super) fn events(self, incidents: Incidents) -> Vec<Event> {
        let mut telling = Telling { run: &self, at: self.at, events: Vec::new() };
        telling.all(incidents, self.chance.clone());
        let mut events = telling.events;
        events.sort_by_key(|event| event.occurred_at);
        events
    }

    fn agent(&self) -> &'static Agent {
        &AGENTS[self.agent]
    }
}

/// A run while it is told.
struct Telling<'a> {
    run: &'a Run,
    at: Timestamp,
    events: Vec<Event>,
}

impl Telling<'_> {
    fn all(&mut self, incidents: Incidents, mut chance: Chance) {
        let agent = self.run.agent();
        self.session("created", "running");
        self.state("created", "running", None);
        let steps = chance.within(1, 7);
        let fails = chance.happens(agent.fails).then(|| chance.one(&REASONS.each_ref().map(|text| *text)));
        for step in 0..steps {
            let model = incidents.model(self.run.agent, self.at);
            self.model_call(step, model, &mut chance);
            if let Some(reason) = incidents.fails(self.run.agent, self.at) {
                return self.end("failed", Some(reason));
            }
            if chance.happens(250) {
                let line = chance.one(agent.lines);
                self.line(step, Severity::Info, line);
            }
            if let Some(reason) = fails.filter(|_| step == steps / 2) {
                return self.end("failed", Some(reason));
            }
            if self.run.hangs && step == 0 {
                let tool = agent.tools[0];
                self.state("running", "waiting_tool", None);
                self.tool_started("call-hanging", tool);
                return;
            }
            if step + 1 < steps {
                if self.run.agent == CODER && self.run.parent.is_none() && chance.happens(60) {
                    self.sub_agent(step, incidents, &mut chance);
                } else {
                    self.tool_call(step, &mut chance);
                }
            }
        }
        if chance.happens(12) {
            return self.end("cancelled", Some("stopped by its user"));
        }
        self.end("completed", None);
    }

    fn model_call(&mut self, step: i64, model: Model, chance: &mut Chance) {
        self.at = self.at.plus(chance.within(1_500, 14_000));
        let [cached, fresh, output] =
            [chance.within(4_000, 60_000), chance.within(300, 9_000), chance.within(60, 1_800)];
        let [in_price, out_price] = model.dollars;
        let dollars =
            (cached as f64 * in_price * 0.1 + fresh as f64 * in_price + output as f64 * out_price) / 1e6;
        let usage = json!({
            "provider": model.provider, "model": model.name, "inputTokens": fresh, "outputTokens": output,
            "cacheReadTokens": cached, "cacheWriteTokens": 0, "totalTokens": cached + fresh + output,
            "estimatedCostUsd": dollars, "measuredAt": self.at,
        });
        self.tell(EventType::ModelUsage, Severity::Info, &format!("usage:{step}"), usage);
    }

    fn tool_call(&mut self, step: i64, chance: &mut Chance) {
        let tool = chance.one(self.run.agent().tools);
        let call = format!("call-{step}");
        self.state("running", "waiting_tool", None);
        self.tool_started(&call, tool);
        let took =
            if chance.happens(40) { chance.within(30_000, 120_000) } else { chance.within(120, 9_000) };
        self.at = self.at.plus(took);
        let fails = chance.happens(if tool == "exec" { 90 } else { 25 });
        let mut done = json!({
            "toolCallId": call, "toolName": tool, "durationMs": took, "success": !fails,
            "status": if fails { "failed" } else { "completed" }, "resultBytes": chance.within(40, 20_000),
        });
        if fails {
            let error = if tool == "exec" { "exit code 1" } else { "no answer within 30 s" };
            done["errorMessage"] = json!(error);
            if tool == "exec" {
                done["exitCode"] = json!(1);
            }
        }
        let severity = if fails { Severity::Warn } else { Severity::Info };
        self.tell(EventType::ToolCompleted, severity, &format!("{call}:end"), done);
        if fails {
            self.line(step, Severity::Warn, &format!("{tool} failed, trying another way"));
        }
        self.state("waiting_tool", "running", None);
    }

    fn tool_started(&mut self, call: &str, tool: &str) {
        let started = json!({"toolCallId": call, "toolName": tool, "startedAt": self.at, "argumentsBytes": 64 + call.len()});
        self.tell(EventType::ToolStarted, Severity::Info, &format!("{call}:start"), started);
    }

    /// A run of a lane of its own, which this one waits for.
    fn sub_agent(&mut self, step: i64, incidents: Incidents, chance: &mut Chance) {
        let sub = Run {
            agent: self.run.agent,
            id: format!("{}-sub{step}", self.run.id),
            at: self.at.plus(400),
            lane: format!("agent:{}:subagent:{}-{step}", self.run.agent().id, self.run.id),
            parent: Some(self.run.lane.clone()),
            chance: Chance::of(&[chance.within(0, i64::MAX).unsigned_abs()]),
            hangs: false,
        };
        self.state("running", "waiting_tool", None);
        self.tool_started(&format!("call-{step}"), "sessions_spawn");
        let events = sub.events(incidents);
        let end = events.last().map_or(self.at, |event| event.occurred_at).plus(300);
        self.events.extend(events);
        let took = end.since(self.at);
        self.at = end;
        let done = json!({
            "toolCallId": format!("call-{step}"), "toolName": "sessions_spawn", "durationMs": took, "success": true,
            "status": "completed", "resultBytes": 900,
        });
        self.tell(EventType::ToolCompleted, Severity::Info, &format!("call-{step}:end"), done);
        self.state("waiting_tool", "running", None);
    }

    fn end(&mut self, to: &str, reason: Option<&str>) {
        self.at = self.at.plus(200);
        match (to, reason) {
            ("failed", Some(reason)) => self.line(-1, Severity::Error, &format!("Run failed: {reason}")),
            ("cancelled", Some(reason)) => self.line(-1, Severity::Warn, &format!("Run cancelled: {reason}")),
            _ => {}
        }
        self.state("running", to, reason);
        self.session("running", to);
    }

    fn session(&mut self, from: &str, to: &str) {
        let agent = self.run.agent();
        let state = json!({
            "from": from, "to": to, "channel": agent.channel, "parentSessionKey": self.run.parent,
        });
        self.tell(EventType::SessionState, severity_of(to), &format!("session:{to}"), state);
    }

    fn state(&mut self, from: &str, to: &str, reason: Option<&str>) {
        let mut state = json!({"from": from, "to": to});
        if let Some(reason) = reason {
            state["reason"] = json!(reason);
        }
        let number = self.events.len();
        self.tell(EventType::RunState, severity_of(to), &format!("state:{to}:{number}"), state);
    }

    fn line(&mut self, step: i64, level: Severity, message: &str) {
        let number = self.events.len();
        let line = json!({
            "logEntryId": format!("{}-line-{step}-{number}", self.run.id), "level": level.name(), "message": message,
            "ts": self.at,
        });
        self.tell(EventType::RunLog, level, &format!("line:{step}:{number}"), line);
    }

    /// Tells an event of this run; `kind` is told once in a run.
    fn tell(&mut self, event: EventType, severity: Severity, kind: &str, mut payload: Value) {
        let agent = self.run.agent();
        let machine = agent.machine();
        if let Value::Object(fields) = &mut payload {
            fields.retain(|_, value| !value.is_null());
            fields.extend(self.place(machine.as_str()));
        }
        self.events.push(Event::new(Parts {
            id: event_id(self.at, &machine, HOME, &self.run.id, kind),
            machine,
            type_name: event.name(),
            severity,
            occurred_at: self.at,
            trace: &json!({ "traceId": self.run.id }).to_string(),
            payload: &payload.to_string(),
        }));
    }

    fn place(&self, machine: &str) -> Map<String, Value> {
        let (agent, lane) = (self.run.agent(), &self.run.lane);
        let place = [
            ("machineId", machine),
            ("agentId", agent.id),
            ("sessionId", &format!("demo-{lane}")),
            ("sessionKey", lane),
            ("runId", &self.run.id),
            ("home", HOME),
        ];
        place.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
    }
}

fn severity_of(to: &str) -> Severity {
    match to {
        "failed" => Severity::Error,
        "cancelled" => Severity::Warn,
        _ => Severity::Info,
    }
}

/// The longest that a run takes; a story that goes on somewhere looks back so far.
pub(super) const LONGEST: i64 = 30 * MINUTE;
