//! What is said of a run and of its steps.

use patze_core::event::Severity;
use patze_core::fleet::details::ToolStatus;
use patze_core::fleet::lifecycle::LifeState;
use patze_core::history::{Step, Sum, What};
use patze_core::money::NanoUsd;

use super::super::entry::Entry;
use super::tree::{End, Kind, Line};
use crate::say::{number, span, word};

/// A failure of which nothing more was told.
const NO_REASON: &str = "no reason was told";

/// The line of the run itself.
pub fn run(entry: &Entry) -> Line {
    let error = entry.has_failed().then(|| entry.reason.as_deref().unwrap_or(NO_REASON).to_owned());
    let used = entry.calls > 0;
    Line {
        name: "Run".to_owned(),
        detail: word::middle(entry.run_id.as_str(), 28),
        end: entry.ended.map_or(End::GoesOn, End::At),
        took: entry.ended.map(|ended| ended.since(entry.began)),
        tokens: used.then_some(entry.tokens),
        cost: used.then(|| number::cost(entry.calls, entry.cost)),
        error,
        facts: vec![word::life(entry.state).to_lowercase()],
        ..line("run", Kind::Run, entry.began)
    }
}

/// The line of a step of a run that goes on or not, in a lane.
pub fn step(step: &Step, lane: &str, goes_on: bool) -> Line {
    let end = match (step.end, goes_on) {
        (Some(end), _) => End::At(end),
        (None, true) => End::GoesOn,
        (None, false) => End::Unknown,
    };
    let took = step.duration_ms.map(|ms| ms.round() as i64);
    let said = match &step.what {
        What::State { state, .. } | What::Wait { state } => wait(*state, lane, step),
        What::ModelCall { provider, model, usage } => Line {
            name: model.to_string(),
            tokens: Some(usage.total_tokens),
            cost: Some(cost(usage)),
            facts: model_facts(provider, usage),
            ..line("", Kind::Model, step.start)
        },
        What::ToolCall { tool_name, status, success, error, exit_code, .. } => {
            let failed = *status == ToolStatus::Failed || *success == Some(false);
            let code = exit_code.filter(|code| *code != 0).map(|code| format!("exit code {code}"));
            let error = error.as_ref().map(ToString::to_string).filter(|error| !error.is_empty());
            let why = failed.then(|| error.clone().or(code.clone()).unwrap_or_else(|| NO_REASON.to_owned()));
            let stopped = (*status == ToolStatus::Cancelled).then(|| "cancelled".to_owned());
            Line {
                name: tool_name.to_string(),
                detail: error
                    .clone()
                    .or_else(|| stopped.clone())
                    .or_else(|| code.clone())
                    .unwrap_or_default(),
                facts: stopped.into_iter().chain(code.filter(|_| error.is_some())).collect(),
                error: why,
                ..line("", Kind::Tool, step.start)
            }
        }
        What::SubAgent { run } => Line {
            name: run.agent_id.to_string(),
            detail: "sub-agent".to_owned(),
            tokens: (run.usage.calls > 0).then_some(run.usage.total_tokens),
            cost: (run.usage.calls > 0).then(|| cost(&run.usage)),
            error: (run.state == LifeState::Failed)
                .then(|| run.failure_reason.as_deref().unwrap_or(NO_REASON).to_owned()),
            facts: vec![word::life(run.state).to_lowercase()],
            run: Some((run.machine_id.clone(), run.run_id.clone())),
            ..line("", Kind::SubAgent, step.start)
        },
        What::Error { level, message, position } => Line {
            position: Some(*position),
            name: if *level == Severity::Critical { "Critical" } else { "Error" }.to_owned(),
            detail: message.to_string(),
            error: Some(message.to_string()),
            ..line("", Kind::Error, step.start)
        },
        What::Span { name, span_kind, status, .. } => Line {
            name: name.to_string(),
            detail: span_kind.as_deref().filter(|kind| *kind != "internal").unwrap_or_default().to_owned(),
            error: (status.as_deref() == Some("error")).then(|| "the span ended with an error".to_owned()),
            ..line("", Kind::Span, step.start)
        },
    };
    // A line of the log takes no time.
    let took = took.filter(|_| said.kind != Kind::Error);
    Line { end, took, ..said }
}

fn line(id: &str, kind: Kind, start: patze_core::time::Timestamp) -> Line {
    Line {
        id: id.to_owned(),
        level: 0,
        guides: Vec::new(),
        last: true,
        kind,
        name: String::new(),
        detail: String::new(),
        start,
        end: End::Unknown,
        took: None,
        tokens: None,
        cost: None,
        error: None,
        facts: Vec::new(),
        open: None,
        run: None,
        position: None,
    }
}

fn wait(state: LifeState, lane: &str, step: &Step) -> Line {
    let name = match state {
        LifeState::Created | LifeState::Queued if lane.is_empty() => "Waits for its turn".to_owned(),
        LifeState::Created | LifeState::Queued => format!("Waits in lane {lane}"),
        LifeState::WaitingTool => "Waits for tool".to_owned(),
        LifeState::Streaming => "Streams".to_owned(),
        _ => "No event".to_owned(),
    };
    Line { name, ..line("", Kind::Wait, step.start) }
}

fn cost(usage: &Sum) -> String {
    number::cost(usage.calls, NanoUsd::from_dollars(usage.cost_usd))
}

fn model_facts(provider: &str, usage: &Sum) -> Vec<String> {
    let mut facts = Vec::new();
    if !provider.is_empty() {
        facts.push(provider.to_owned());
    }
    facts.push(format!("{} in", number::tokens(usage.input_tokens)));
    facts.push(format!("{} out", number::tokens(usage.output_tokens)));
    if usage.cache_read_tokens > 0 {
        facts.push(format!("{} from the cache", number::tokens(usage.cache_read_tokens)));
    }
    facts
}

/// "5 model calls, 5 tool calls, waited 17.8 s"
pub fn summary(steps: &[Step]) -> String {
    let count = |is: fn(&What) -> bool| steps.iter().filter(|step| is(&step.what)).count();
    let models = count(|what| matches!(what, What::ModelCall { .. }));
    let tools = count(|what| matches!(what, What::ToolCall { .. }));
    let waits = steps.iter().filter(|step| matches!(step.what, What::Wait { .. }));
    let waited: f64 = waits.filter_map(|step| step.duration_ms).sum();
    let mut text = format!(
        "{}, {}",
        number::of(models, "model call", "model calls"),
        number::of(tools, "tool call", "tool calls")
    );
    if waited >= 1.0 {
        text.push_str(&format!(", waited {}", span::duration(waited.round() as i64)));
    }
    text
}
