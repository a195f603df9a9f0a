//! A run's steps as they were known at a moment: history tells them as they are now.

use patze_core::fleet::details::ToolStatus;
use patze_core::fleet::lifecycle::LifeState;
use patze_core::history::{RunItem, Step, Sum, Timeline, What};
use patze_core::time::Timestamp;

/// What had happened by then.
pub fn until(timeline: &Timeline, moment: Timestamp) -> Timeline {
    let run = run_until(&timeline.run, moment);
    let steps = timeline.steps.iter().filter_map(|step| step_until(step, moment)).collect();
    Timeline { run, steps, ..timeline.clone() }
}

fn step_until(step: &Step, moment: Timestamp) -> Option<Step> {
    if step.start > moment {
        return None;
    }
    if step.end.is_some_and(|end| end <= moment) {
        return Some(step.clone());
    }
    let what = match &step.what {
        // Of a model call the end alone is told, so nobody knew of it.
        What::ModelCall { .. } => return None,
        What::ToolCall { tool_call_id, tool_name, .. } => What::ToolCall {
            tool_call_id: tool_call_id.clone(),
            tool_name: tool_name.clone(),
            status: ToolStatus::Started,
            success: None,
            error: None,
            exit_code: None,
        },
        What::SubAgent { run } => What::SubAgent { run: Box::new(run_until(run, moment)) },
        what => what.clone(),
    };
    Some(Step { start: step.start, end: None, duration_ms: None, what })
}

fn run_until(run: &RunItem, moment: Timestamp) -> RunItem {
    if run.ended_at.is_none_or(|ended| ended <= moment) {
        return run.clone();
    }
    RunItem {
        state: LifeState::Running,
        ended_at: None,
        duration_ms: None,
        failure_reason: None,
        // What it had used by then is not known.
        usage: Sum::default(),
        ..run.clone()
    }
}
