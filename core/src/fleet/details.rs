//! What is kept of a run in detail, while it is active or among the newest ended ones: tool calls, spans, peaks.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::limits::{MAX_SPANS_PER_RUN, MAX_TOOL_CALLS_PER_RUN, cut, cut_message, cut_name};
use crate::event::payload::{ResourceUsage, Span, Text, ToolCompleted, ToolStarted};
use crate::ids::ToolCallId;
use crate::time::Timestamp;

/// A tool call's status (contract §6.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolStatus {
    /// Going on.
    Started,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Was ended.
    Cancelled,
}

impl ToolStatus {
    /// The status of this name; any other word counts as cancelled (contract §6.4).
    pub fn of(name: &str) -> Self {
        match name {
            "started" => Self::Started,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            _ => Self::Cancelled,
        }
    }

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A tool call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolCall {
    /// Its id, unique within the run.
    pub tool_call_id: ToolCallId,
    /// The tool.
    pub tool_name: SmolStr,
    /// Where it stands.
    pub status: ToolStatus,
    /// When it began; where only its end was told, when it ended.
    pub started_at: Timestamp,
    /// How long it took, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// Whether it did what it was to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<SmolStr>,
    /// The exit code of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
}

/// A span of a run's trace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptSpan {
    /// Its id.
    pub id: SmolStr,
    /// The span that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<SmolStr>,
    /// What was done.
    pub name: SmolStr,
    /// `internal`, `client`, `server`, `producer` or `consumer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SmolStr>,
    /// When it began; where that was not told, the event's time.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// `ok`, `error` or `unset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SmolStr>,
}

/// The most that a run took of its machine.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peaks {
    /// Busy share of all cores, 0–100.
    pub cpu_pct: f64,
    /// Memory, bytes.
    pub memory_bytes: f64,
    /// Memory, 0–100.
    pub memory_pct: f64,
}

/// Tool calls, spans and peaks of one run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// By start, oldest first; the newest [`MAX_TOOL_CALLS_PER_RUN`].
    pub tool_calls: Vec<ToolCall>,
    /// In the order of their arrival; the newest [`MAX_SPANS_PER_RUN`].
    pub spans: Vec<KeptSpan>,
    /// Peaks, if any were told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peaks: Option<Peaks>,
    /// Calls that had not ended when they made room for newer ones; an end of an unknown call is taken for one of theirs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub open_calls_gone: u32,
}

/// What a tool event added to a run's counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ToolCounts {
    /// Calls that were not known before.
    pub new: u32,
    /// Calls that are known to have failed only now.
    pub failed: u32,
}

impl ToolCall {
    /// A call that began, by the rule of the fleet and of history alike. One that is known keeps what it has and learns its
    /// start.
    pub fn started(known: Option<Self>, event: &ToolStarted<'_>, at: Timestamp) -> (Self, ToolCounts) {
        let started_at = Timestamp::parse(&event.started_at).unwrap_or(at);
        if let Some(call) = known {
            return (Self { started_at, ..call }, ToolCounts::default());
        }
        let call = Self {
            tool_call_id: ToolCallId::new(cut(&event.tool_call_id)),
            tool_name: cut_name(&event.tool_name),
            status: ToolStatus::Started,
            started_at,
            duration_ms: None,
            success: None,
            error_message: None,
            exit_code: None,
        };
        (call, ToolCounts { new: 1, failed: 0 })
    }

    /// A call that ended; the first end stands.
    pub fn completed(known: Option<Self>, event: &ToolCompleted<'_>, at: Timestamp) -> (Self, ToolCounts) {
        let (new, started_at) = match known {
            Some(call) if call.status != ToolStatus::Started => return (call, ToolCounts::default()),
            Some(call) => (0, call.started_at),
            None => (1, at),
        };
        let status = match ToolStatus::of(&event.status) {
            // It has ended, whatever it says.
            ToolStatus::Started => ToolStatus::Cancelled,
            status => status,
        };
        let call = Self {
            tool_call_id: ToolCallId::new(cut(&event.tool_call_id)),
            tool_name: cut_name(&event.tool_name),
            status,
            started_at,
            duration_ms: Some(event.duration_ms),
            success: Some(event.success),
            error_message: event.error_message.as_deref().map(cut_message),
            exit_code: event.exit_code,
        };
        let failed = u32::from(status == ToolStatus::Failed || !event.success);
        (call, ToolCounts { new, failed })
    }
}

impl KeptSpan {
    /// What is kept of a span.
    pub fn of(event: &Span<'_>, at: Timestamp) -> Self {
        let time = |text: &Option<Text<'_>>| text.as_ref().and_then(|text| Timestamp::parse(text));
        Self {
            id: cut_name(&event.id),
            parent_span_id: event.parent_span_id.as_deref().map(cut_name),
            name: cut_name(&event.name),
            kind: event.kind.as_deref().map(cut_name),
            started_at: time(&event.started_at).unwrap_or(at),
            ended_at: time(&event.ended_at),
            status: event.status.as_deref().map(cut_name),
        }
    }
}

impl Peaks {
    /// The run was measured once more.
    pub fn raise(&mut self, event: &ResourceUsage<'_>) {
        self.cpu_pct = self.cpu_pct.max(event.cpu_pct);
        self.memory_bytes = self.memory_bytes.max(event.memory_bytes);
        self.memory_pct = self.memory_pct.max(event.memory_pct);
    }
}

impl Details {
    /// A tool call began. One that is already over keeps its end and learns its start.
    pub fn tool_started(&mut self, event: &ToolStarted<'_>, at: Timestamp) -> ToolCounts {
        let known = self.take(&ToolCallId::new(cut(&event.tool_call_id)));
        let (call, counts) = ToolCall::started(known, event, at);
        self.place(call);
        counts
    }

    /// A tool call ended; the first end stands.
    pub fn tool_completed(&mut self, event: &ToolCompleted<'_>, at: Timestamp) -> ToolCounts {
        let known = self.take(&ToolCallId::new(cut(&event.tool_call_id)));
        let is_unknown = known.is_none();
        let (call, mut counts) = ToolCall::completed(known, event, at);
        if is_unknown && self.open_calls_gone > 0 {
            self.open_calls_gone -= 1;
            counts.new = 0;
        }
        self.place(call);
        counts
    }

    /// A span was recorded; one that is known is replaced.
    pub fn span(&mut self, event: &Span<'_>, at: Timestamp) {
        let span = KeptSpan::of(event, at);
        if let Some(known) = self.spans.iter_mut().find(|known| known.id == span.id) {
            *known = span;
            return;
        }
        if self.spans.len() >= MAX_SPANS_PER_RUN {
            self.spans.remove(0);
        }
        self.spans.push(span);
    }

    /// The run was measured.
    pub fn measured(&mut self, event: &ResourceUsage<'_>) {
        self.peaks.get_or_insert_default().raise(event);
    }

    fn take(&mut self, id: &ToolCallId) -> Option<ToolCall> {
        let at = self.tool_calls.iter().position(|call| call.tool_call_id == *id)?;
        Some(self.tool_calls.remove(at))
    }

    /// Keeps the calls in the order of their starts, equal ones in the order of their arrival.
    fn place(&mut self, call: ToolCall) {
        let at = self.tool_calls.partition_point(|other| other.started_at <= call.started_at);
        self.tool_calls.insert(at, call);
        if self.tool_calls.len() > MAX_TOOL_CALLS_PER_RUN {
            let gone = self.tool_calls.remove(0);
            self.open_calls_gone += u32::from(gone.status == ToolStatus::Started);
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(id: &str, at: &str) -> String {
        format!(r#"{{"runId":"r","toolCallId":"{id}","toolName":"exec","startedAt":"{at}"}}"#)
    }

    fn completed(id: &str, status: &str) -> String {
        format!(
            r#"{{"runId":"r","toolCallId":"{id}","toolName":"exec","status":"{status}","durationMs":5,"success":{}}}"#,
            status == "completed"
        )
    }

    #[test]
    fn start_and_end_in_any_order_give_one_call() {
        let (start, end) = (started("t", "2026-01-01T00:00:00Z"), completed("t", "failed"));
        let (start, end) = (serde_json::from_str(&start).unwrap(), serde_json::from_str(&end).unwrap());
        let at = Timestamp::parse("2026-01-01T00:00:09Z").unwrap();
        let mut one = Details::default();
        assert_eq!(one.tool_started(&start, at), ToolCounts { new: 1, failed: 0 });
        assert_eq!(one.tool_completed(&end, at), ToolCounts { new: 0, failed: 1 });
        let mut other = Details::default();
        assert_eq!(other.tool_completed(&end, at), ToolCounts { new: 1, failed: 1 });
        assert_eq!(other.tool_started(&start, at), ToolCounts::default());
        assert_eq!(one, other);
        assert_eq!(one.tool_completed(&end, at), ToolCounts::default(), "the first end stands");
    }

    #[test]
    fn more_parallel_calls_than_are_kept_are_counted_once_each() {
        let mut details = Details::default();
        let calls = MAX_TOOL_CALLS_PER_RUN as u32 + 10;
        let (mut new, mut failed) = (0, 0);
        for i in 0..calls {
            let event = started(&format!("t{i}"), &Timestamp::from_millis(i64::from(i)).to_string());
            new += details.tool_started(&serde_json::from_str(&event).unwrap(), Timestamp::EPOCH).new;
        }
        for i in 0..calls {
            let event = completed(&format!("t{i}"), "failed");
            let counts = details.tool_completed(&serde_json::from_str(&event).unwrap(), Timestamp::EPOCH);
            (new, failed) = (new + counts.new, failed + counts.failed);
        }
        assert_eq!((new, failed), (calls, calls));
        let lone = completed("lone", "completed");
        let counts = details.tool_completed(&serde_json::from_str(&lone).unwrap(), Timestamp::EPOCH);
        assert_eq!(counts.new, 1, "an end whose start never came is a call too");
    }

    #[test]
    fn an_unknown_end_word_is_a_cancellation() {
        let end = completed("t", "vanished");
        let mut details = Details::default();
        details.tool_completed(&serde_json::from_str(&end).unwrap(), Timestamp::EPOCH);
        assert_eq!(details.tool_calls[0].status, ToolStatus::Cancelled);
        assert_eq!(details.tool_calls[0].started_at, Timestamp::EPOCH);
    }

    #[test]
    fn the_oldest_calls_and_spans_go_first() {
        let mut details = Details::default();
        for i in 0..MAX_TOOL_CALLS_PER_RUN + 10 {
            let event = started(&format!("t{i}"), &Timestamp::from_millis(i as i64).to_string());
            details.tool_started(&serde_json::from_str(&event).unwrap(), Timestamp::EPOCH);
        }
        assert_eq!(details.tool_calls.len(), MAX_TOOL_CALLS_PER_RUN);
        assert_eq!(details.tool_calls[0].tool_call_id.as_str(), "t10");
        for i in 0..MAX_SPANS_PER_RUN + 1 {
            let event = format!(r#"{{"id":"s{i}","traceId":"t","machineId":"m","name":"n"}}"#);
            details.span(&serde_json::from_str(&event).unwrap(), Timestamp::EPOCH);
        }
        assert_eq!(details.spans.len(), MAX_SPANS_PER_RUN);
        assert_eq!(details.spans[0].id, "s1");
    }
}
