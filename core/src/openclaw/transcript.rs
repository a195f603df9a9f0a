//! Transcripts: tool calls, usage, messages and the log lines that only they have.
//!
//! # Rules (openclaw.md §10)
//!
//! - A `toolCall` in an assistant message starts a call at the entry's time; its `toolResult` completes it at its own.
//!   Success = not `isError`, and an exit code that is absent or 0. OpenClaw calls a command that exits with 3 a
//!   succeeded tool; we show it as failed with its `exitCode`, and its output is no error text.
//! - Each assistant message with a `usage` is one usage event, unchanged, also when a failed call cost nothing. The
//!   exception is what the gateway itself put there (provider `openclaw`): nobody called a model for it.
//! - A user entry and the last assistant entry of a turn are messages: direction, channel and length, no text.
//! - An entry's time is its own `timestamp`, which a copy keeps, else the row's.
//! - An entry belongs to the run that it names; a compaction to the run of the open turn, or to none. Entries that were written before 2026.8 and taken over name none: they
//!   belong to a run of their own that is derived from the user entry before them, as for older generations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::emit::Origin;
use super::entry::{Content, Entry, Message, Usage};
use super::payloads::{ChannelMessage, GatewayLog, ModelUsage, Place, ToolCompleted, ToolStarted};
use super::rows::TranscriptRow;
use super::sessions::Session;
use super::{MAX_CONTENT_CHARS, Mapper, redact};
use crate::event::{Event, EventType, Severity};
use crate::ids::{RunId, SessionId};
use crate::money::NanoUsd;
use crate::time::Timestamp;

/// How many calls of a window may be open at once; the oldest are forgotten first and complete without a start time.
const OPEN_CALLS_KEPT: usize = 64;

/// How far a window has been read, and what of it the entries to come depend on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WindowState {
    /// The next `seq` to read.
    #[serde(default, rename = "n")]
    pub next: i64,
    /// The generation of the transcript that `next` is of: the reader starts again when it changes.
    #[serde(default, rename = "g", skip_serializing_if = "String::is_empty")]
    pub generation: String,
    /// The session, where it is not that of the window's key ([`super::sessions`]).
    #[serde(default, rename = "l", skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The id of the user entry of the turn that is open.
    #[serde(default, rename = "u", skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// The channel that it came through.
    #[serde(default, rename = "c", skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// The run that the turn named.
    #[serde(default, rename = "r", skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// When the open tool calls started.
    #[serde(default, rename = "t", skip_serializing_if = "BTreeMap::is_empty")]
    calls: BTreeMap<String, i64>,
}

impl WindowState {
    /// A window of which nothing has been read; `session` where it is not that of the window's key.
    pub fn new(session: Option<String>) -> Self {
        Self { session, ..Self::default() }
    }

    /// The state from which a rewritten transcript of `generation` is read.
    pub fn restarted(&self, generation: String) -> Self {
        Self { generation, session: self.session.clone(), ..Self::default() }
    }
}

/// What all events of one entry share.
struct Ctx<'a> {
    at: i64,
    entity: String,
    session: &'a Session,
    window: &'a str,
    session_id: SessionId,
}

/// The words for the failure of `run` in an entry: an assistant message's error, or why a run was refused.
pub fn failure_of(json: &str, run: &str) -> Option<String> {
    let entry: Entry<'_> = serde_json::from_str(json).ok()?;
    match &*entry.kind {
        "message" => {
            let message = entry.message.filter(|m| m.role() == "assistant" && m.run_id() == Some(run))?;
            Some(message.error_message?.to_string())
        }
        "custom_message" if entry.custom_type.as_deref() == Some("run-failed-before-reply") => {
            let details = entry.details.filter(|d| d.run_id.as_deref() == Some(run))?;
            Some(details.error?.to_string())
        }
        _ => None,
    }
}

impl Mapper {
    /// Maps one row of the window `window`, which belongs to `session`. Gives whether the row could be read.
    pub fn transcript(
        &self,
        state: &mut WindowState,
        session: &Session,
        window: &str,
        row: &TranscriptRow,
        out: &mut Vec<Event>,
    ) -> bool {
        state.next = row.seq + 1;
        let Ok(entry) = serde_json::from_str::<Entry<'_>>(&row.json) else { return false };
        let at =
            entry.timestamp.as_deref().and_then(Timestamp::parse).map_or(row.created_at, Timestamp::millis);
        let entity = match entry.id.as_deref() {
            Some(id) if !id.is_empty() => format!("entry:{id}"),
            _ => format!("entry:{window}:{}", row.seq),
        };
        let ctx = Ctx { at, entity, session, window, session_id: self.home.session_id(&session.key) };
        match (&*entry.kind, &entry.message) {
            ("message", Some(message)) => match message.role() {
                "user" => self.user(state, &ctx, entry.id.as_deref(), message, out),
                "assistant" => self.assistant(state, &ctx, message, out),
                "toolResult" => self.tool_result(state, &ctx, message, out),
                _ => {}
            },
            ("compaction", _) => {
                let message = "The conversation was compacted.";
                match state.run.as_deref().map(|run| self.home.run_id(run)) {
                    Some(run) => {
                        let origin = ctx.origin("compaction", run.as_str());
                        out.extend(self.log(Severity::Info, &origin, &run, session, message));
                    }
                    None => out.extend(self.gateway_log(&ctx, Severity::Info, "compaction", message)),
                }
            }
            _ => {}
        }
        true
    }

    fn user(
        &self,
        state: &mut WindowState,
        ctx: &Ctx<'_>,
        id: Option<&str>,
        message: &Message<'_>,
        out: &mut Vec<Event>,
    ) {
        state.user = Some(id.unwrap_or_default().to_owned());
        state.channel = message.channel().map(str::to_owned);
        out.extend(self.message(ctx, None, "inbound", message.channel(), &message.content()));
    }

    fn assistant(&self, state: &mut WindowState, ctx: &Ctx<'_>, message: &Message<'_>, out: &mut Vec<Event>) {
        let run = self.run_of(state, ctx, message);
        let content = message.content();
        for (i, call) in content.tool_calls().enumerate() {
            let id = call.id.as_deref().unwrap_or_default();
            if state.calls.len() == OPEN_CALLS_KEPT {
                let oldest =
                    state.calls.iter().min_by_key(|(id, at)| (**at, (*id).clone())).map(|(id, _)| id.clone());
                oldest.and_then(|id| state.calls.remove(&id));
            }
            state.calls.insert(id.to_owned(), ctx.at);
            let arguments = call.arguments.map(RawValue::get).unwrap_or_default();
            let payload = ToolStarted {
                run_id: &run,
                tool_call_id: id,
                tool_name: call.name.as_deref().unwrap_or("unknown"),
                started_at: Timestamp::from_millis(ctx.at),
                arguments_bytes: arguments.len(),
                arguments: self.captured(arguments),
                place: self.place(ctx),
            };
            let kind = format!("tool.started:{i}");
            let origin = ctx.origin(&kind, run.as_str());
            out.extend(self.home.event(EventType::ToolStarted, Severity::Info, &origin, &payload));
        }
        let provider = message.provider.as_deref().unwrap_or("unknown");
        if let Some(usage) = message.usage.filter(|_| provider != "openclaw") {
            out.extend(self.usage(ctx, &run, provider, message.model.as_deref().unwrap_or("unknown"), usage));
        }
        match message.stop_reason.as_deref() {
            Some("stop" | "length") => {
                let channel = state.channel.clone();
                out.extend(self.message(ctx, Some(run), "outbound", channel.as_deref(), &content));
            }
            Some("error" | "aborted") => {}
            // A turn that goes on.
            _ => return,
        }
        // Between turns there is nothing to remember: a cursor holds one such state for each window in the store.
        *state = WindowState { next: state.next, ..state.restarted(state.generation.clone()) };
    }

    fn tool_result(
        &self,
        state: &mut WindowState,
        ctx: &Ctx<'_>,
        message: &Message<'_>,
        out: &mut Vec<Event>,
    ) {
        let run = self.run_of(state, ctx, message);
        let id = message.tool_call_id.as_deref().unwrap_or_default();
        let name = message.tool_name.as_deref().unwrap_or("unknown");
        let text = message.content().texts().collect::<Vec<_>>().join("\n");
        let is_error = message.is_error.unwrap_or(false);
        let exit_code = message.details.as_ref().and_then(|details| details.exit_code);
        let success = !is_error && exit_code.unwrap_or(0) == 0;
        let started = state.calls.remove(id).unwrap_or(ctx.at);
        let measured = message.details.as_ref().and_then(|details| details.duration_ms);
        let error = is_error.then(|| self.error_text(&text));
        let payload = ToolCompleted {
            run_id: &run,
            tool_call_id: id,
            tool_name: name,
            status: if success { "completed" } else { "failed" },
            duration_ms: measured.unwrap_or(ctx.at.saturating_sub(started) as f64).round() as u64,
            success,
            error_message: error.as_deref(),
            exit_code,
            result_bytes: text.len(),
            result: self.captured(&text),
            place: self.place(ctx),
        };
        let severity = if success { Severity::Info } else { Severity::Warn };
        let origin = ctx.origin("tool.completed", run.as_str());
        out.extend(self.home.event(EventType::ToolCompleted, severity, &origin, &payload));
        if let Some(error) = error {
            let origin = ctx.origin("tool.error", run.as_str());
            let message = format!("Tool {name} failed: {error}");
            out.extend(self.log(Severity::Warn, &origin, &run, ctx.session, &message));
        }
    }

    fn usage(&self, ctx: &Ctx<'_>, run: &RunId, provider: &str, model: &str, usage: Usage) -> Option<Event> {
        // `as` holds a float within the bounds of an integer.
        let tokens = |count: Option<f64>| count.unwrap_or(0.0).round() as u64;
        let (input, output) = (tokens(usage.input), tokens(usage.output));
        let (read, write) = (tokens(usage.cache_read), tokens(usage.cache_write));
        let counted = [input, output, read, write].into_iter().fold(0, u64::saturating_add);
        let payload = ModelUsage {
            run_id: run,
            machine_id: self.home.machine.as_str(),
            provider,
            model,
            input_tokens: input,
            output_tokens: output,
            total_tokens: usage.total_tokens.map_or(counted, |total| total.round() as u64),
            cache_read_tokens: read,
            cache_write_tokens: write,
            estimated_cost_usd: usage
                .cost
                .and_then(|cost| cost.total)
                .map(|usd| NanoUsd::from_dollars(usd).dollars()),
            measured_at: Timestamp::from_millis(ctx.at),
            place: self.place(ctx),
        };
        self.home.event(EventType::ModelUsage, Severity::Info, &ctx.origin("usage", run.as_str()), &payload)
    }

    fn message(
        &self,
        ctx: &Ctx<'_>,
        run_id: Option<RunId>,
        direction: &str,
        channel: Option<&str>,
        content: &Content<'_>,
    ) -> Option<Event> {
        let text = self.capture_content.then(|| content.texts().collect::<Vec<_>>().join("\n"));
        let trace = run_id.as_ref().map_or(ctx.session_id.as_str(), RunId::as_str).to_owned();
        let payload = ChannelMessage {
            run_id,
            direction,
            channel: channel.unwrap_or_default(),
            chars: content.texts().map(|text| text.chars().count()).sum(),
            text: text.and_then(|text| self.captured(&text)),
            place: self.place(ctx),
        };
        self.home.event(EventType::ChannelMessage, Severity::Info, &ctx.origin("message", &trace), &payload)
    }

    fn gateway_log(&self, ctx: &Ctx<'_>, severity: Severity, kind: &str, message: &str) -> Option<Event> {
        let payload = GatewayLog {
            level: severity.name(),
            message,
            ts: Timestamp::from_millis(ctx.at),
            place: self.place(ctx),
        };
        self.home.event(EventType::GatewayLog, severity, &ctx.origin(kind, ctx.session_id.as_str()), &payload)
    }

    /// The run of an entry: the one that it names, else one of its own for the turn.
    fn run_of(&self, state: &mut WindowState, ctx: &Ctx<'_>, message: &Message<'_>) -> RunId {
        match message.run_id() {
            Some(run) => {
                state.run = Some(run.to_owned());
                self.home.run_id(run)
            }
            None => {
                self.home.run_id(&format!("{}/{}", ctx.window, state.user.as_deref().unwrap_or_default()))
            }
        }
    }

    fn place<'a>(&'a self, ctx: &'a Ctx<'_>) -> Place<'a> {
        Place {
            session_id: &ctx.session_id,
            agent_id: &ctx.session.agent,
            home: self.home.name.as_str(),
            session_key: &ctx.session.key,
            openclaw_session_id: ctx.window,
        }
    }

    /// The first characters of an error, without secrets and home paths.
    pub(super) fn error_text(&self, text: &str) -> String {
        redact::error_text(text, self.home.user_dir.as_deref())
    }

    /// A text that the user has asked for, without secrets.
    fn captured(&self, text: &str) -> Option<String> {
        self.capture_content.then(|| redact::cut(&redact::redact(text, None), MAX_CONTENT_CHARS))
    }
}

impl Ctx<'_> {
    fn origin<'a>(&'a self, kind: &'a str, trace: &'a str) -> Origin<'a> {
        Origin { at: self.at, entity: &self.entity, kind, trace }
    }
}

#[cfg(test)]
mod tests;
