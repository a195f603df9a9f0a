//! A run, step by step.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{RunItem, Sum};
use crate::event::Severity;
use crate::fleet::details::ToolStatus;
use crate::fleet::lifecycle::LifeState;
use crate::ids::ToolCallId;
use crate::time::Timestamp;

/// A run, step by step: what a waterfall is drawn from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// The run.
    pub run: RunItem,
    /// Other machines have a run of this id; this is the one that was updated last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ambiguous: bool,
    /// By start, then by end.
    pub steps: Vec<Step>,
    /// There is more than is shown of a kind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// A step of a run. Those that are going on have no end.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// How long it took, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

/// What a step was.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum What {
    /// The run was told to be in a state; it lasts until the next.
    State {
        /// The state.
        state: LifeState,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SmolStr>,
    },
    /// A model was called. Only its end is told: it is drawn from the end of what was before it.
    ModelCall {
        /// The provider.
        provider: SmolStr,
        /// The model.
        model: SmolStr,
        /// Tokens and cost.
        usage: Sum,
    },
    /// A tool was called.
    ToolCall {
        /// The call's id.
        tool_call_id: ToolCallId,
        /// The tool.
        tool_name: SmolStr,
        /// How it went.
        status: ToolStatus,
        /// Whether it did what it was to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        success: Option<bool>,
        /// What went wrong.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<SmolStr>,
        /// The exit code of a command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i64>,
    },
    /// Nothing that is known of went on.
    Wait {
        /// The state meanwhile.
        state: LifeState,
    },
    /// A run of a session that this run's session spawned.
    SubAgent {
        /// The run.
        run: Box<RunItem>,
    },
    /// A log line of level `error` or `critical`.
    Error {
        /// Its place in the log.
        position: u64,
        /// Its level.
        level: Severity,
        /// The line.
        message: SmolStr,
    },
    /// A span of the run's trace.
    Span {
        /// The span's id.
        id: SmolStr,
        /// The span that it is part of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_span_id: Option<SmolStr>,
        /// What was done.
        name: SmolStr,
        /// `internal`, `client`, `server`, `producer` or `consumer`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span_kind: Option<SmolStr>,
        /// `ok`, `error` or `unset`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<SmolStr>,
    },
}
