//! The payloads that the mapper writes (contract §4), with our additive fields: `home`, `sessionKey`, `openclawRunId`,
//! `openclawSessionId` and sizes.

use serde::Serialize;

use crate::ids::{RunId, SessionId};
use crate::time::Timestamp;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionChanged<'a> {
    pub session_id: &'a SessionId,
    pub agent_id: &'a str,
    pub machine_id: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub home: &'a str,
    pub session_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openclaw_session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_session_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_started_at: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunChanged<'a> {
    pub run_id: &'a RunId,
    pub session_id: &'a SessionId,
    pub agent_id: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    pub home: &'a str,
    pub session_key: &'a str,
    pub openclaw_run_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openclaw_session_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogLine<'a> {
    pub log_entry_id: &'a str,
    pub run_id: &'a RunId,
    pub session_id: &'a SessionId,
    pub level: &'a str,
    pub message: &'a str,
    pub ts: Timestamp,
    pub agent_id: &'a str,
    pub home: &'a str,
    pub session_key: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place<'a> {
    pub session_id: &'a SessionId,
    pub agent_id: &'a str,
    pub home: &'a str,
    pub session_key: &'a str,
    pub openclaw_session_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolStarted<'a> {
    pub run_id: &'a RunId,
    pub tool_call_id: &'a str,
    pub tool_name: &'a str,
    pub started_at: Timestamp,
    pub arguments_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    #[serde(flatten)]
    pub place: Place<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolCompleted<'a> {
    pub run_id: &'a RunId,
    pub tool_call_id: &'a str,
    pub tool_name: &'a str,
    pub status: &'a str,
    pub duration_ms: u64,
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    pub result_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    #[serde(flatten)]
    pub place: Place<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModelUsage<'a> {
    pub run_id: &'a RunId,
    pub machine_id: &'a str,
    pub provider: &'a str,
    pub model: &'a str,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub total_tokens: u64,
    pub cache_read_tokens: u64,
    pub cache_write_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_cost_usd: Option<f64>,
    pub measured_at: Timestamp,
    #[serde(flatten)]
    pub place: Place<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelMessage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    pub direction: &'a str,
    /// Empty where no channel is involved: the command line, a scheduled task, a parent session.
    pub channel: &'a str,
    pub chars: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(flatten)]
    pub place: Place<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GatewayLog<'a> {
    pub level: &'a str,
    pub message: &'a str,
    pub ts: Timestamp,
    #[serde(flatten)]
    pub place: Place<'a>,
}
