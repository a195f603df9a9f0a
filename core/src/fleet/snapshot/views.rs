//! What the contract shows of a row (contract §7). Each is a function of its row alone, but [`AgentView`], which has counts.

use serde::Serialize;
use smol_str::SmolStr;

use crate::event::payload::Gauges;
use crate::fleet::Fleet;
use crate::fleet::details::{KeptSpan, Peaks, ToolCall};
use crate::fleet::lifecycle::{Life, LifeState};
use crate::fleet::rows::{Agent, Machine, Pulse, Run, Session, Status};
use crate::fleet::table::Row as _;
use crate::fleet::usage::Totals;
use crate::ids::{AgentId, EventId, Home, MachineId, RunId, SessionId};
use crate::time::Timestamp;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineView<'a> {
    machine_id: &'a MachineId,
    id: &'a MachineId,
    status: Status,
    last_seen_at: Timestamp,
    last_event_id: &'a EventId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reported_name: Option<&'a SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_resource: Option<Gauges>,
    since: Timestamp,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    paused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bridge_version: Option<&'a SmolStr>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionView<'a> {
    session_id: &'a SessionId,
    id: &'a SessionId,
    machine_id: &'a MachineId,
    agent_id: &'a AgentId,
    state: LifeState,
    created_at: Timestamp,
    updated_at: Timestamp,
    last_event_id: &'a EventId,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Home::is_empty")]
    home: &'a Home,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_key: Option<&'a SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_session_key: Option<&'a SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stalled_since: Option<Timestamp>,
    total_runs: u64,
    failed_runs: u64,
    usage: UsageView,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
pub struct RunView<'a> {
    run_id: &'a RunId,
    id: &'a RunId,
    session_id: &'a SessionId,
    machine_id: &'a MachineId,
    agent_id: &'a AgentId,
    state: LifeState,
    created_at: Timestamp,
    updated_at: Timestamp,
    last_event_id: &'a EventId,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a SmolStr>,
    #[serde(skip_serializing_if = "Home::is_empty")]
    home: &'a Home,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_active: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetail<'a> {
    run_id: &'a RunId,
    machine_id: &'a MachineId,
    tool_calls: &'a [ToolCall],
    #[serde(skip_serializing_if = "Option::is_none")]
    model_usage: Option<ModelUsageView<'a>>,
    tool_call_count: u32,
    failed_tool_call_count: u32,
    #[serde(skip_serializing_if = "<[KeptSpan]>::is_empty")]
    spans: &'a [KeptSpan],
    #[serde(skip_serializing_if = "Option::is_none")]
    peaks: Option<Peaks>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModelUsageView<'a> {
    provider: &'a SmolStr,
    model: &'a SmolStr,
    #[serde(flatten)]
    sums: UsageView,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
struct UsageView {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    estimated_cost_usd: f64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_read_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_tokens: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentView<'a> {
    agent_id: &'a AgentId,
    machine_id: &'a MachineId,
    #[serde(skip_serializing_if = "Home::is_empty")]
    home: &'a Home,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<LifeState>,
    active_sessions: usize,
    active_runs: usize,
    total_runs: u64,
    failed_runs: u64,
    last_seen_at: Timestamp,
    usage: UsageView,
}

impl From<&Totals> for UsageView {
    fn from(totals: &Totals) -> Self {
        Self {
            input_tokens: totals.input_tokens,
            output_tokens: totals.output_tokens,
            total_tokens: totals.total_tokens,
            estimated_cost_usd: totals.cost.dollars(),
            cache_read_tokens: totals.cache_read_tokens,
            cache_write_tokens: totals.cache_write_tokens,
        }
    }
}

impl<'a> MachineView<'a> {
    pub fn of((machine, pulse): (&'a Machine, &'a Pulse)) -> Self {
        Self {
            machine_id: &machine.machine_id,
            id: &machine.machine_id,
            status: pulse.status,
            last_seen_at: pulse.last_seen_at,
            last_event_id: &pulse.last_event_id,
            name: machine.name(),
            reported_name: machine.reported_name.as_ref().filter(|_| machine.given_name.is_some()),
            kind: machine.kind.as_ref(),
            last_resource: machine.gauges,
            since: pulse.since,
            paused: machine.paused,
            bridge_version: machine.bridge_version.as_ref(),
        }
    }
}

impl<'a> SessionView<'a> {
    pub fn of(session: &'a Session) -> Option<Self> {
        let (state, updated_at) = session.life.state()?;
        Some(Self {
            session_id: &session.session_id,
            id: &session.session_id,
            machine_id: &session.machine_id,
            agent_id: &session.agent_id,
            state,
            created_at: session.created_at,
            updated_at,
            last_event_id: &session.last_event_id,
            ended_at: session.life.ended_at(),
            home: &session.home,
            session_key: session.session_key.as_ref(),
            channel: session.channel.as_ref(),
            parent_session_key: session.parent_session_key.as_ref(),
            stalled_since: session.stalled_since,
            total_runs: session.runs,
            failed_runs: session.failed_runs,
            usage: UsageView::from(&session.usage),
        })
    }
}

impl<'a> RunView<'a> {
    pub fn of(run: &'a Run) -> Option<Self> {
        let (state, updated_at) = run.life.state()?;
        let failure_reason = match &run.life {
            Life::Ended { reason, .. } => reason.as_ref(),
            _ => None,
        };
        Some(Self {
            run_id: &run.run_id,
            id: &run.run_id,
            session_id: &run.session_id,
            machine_id: &run.machine_id,
            agent_id: &run.agent_id,
            state,
            created_at: run.created_at,
            updated_at,
            last_event_id: &run.last_event_id,
            ended_at: run.life.ended_at(),
            failure_reason,
            home: &run.home,
            is_active: false,
        })
    }
}

impl RunView<'_> {
    /// As it is shown among the active ones.
    pub fn among_active(self) -> Self {
        Self { is_active: true, ..self }
    }
}

impl<'a> RunDetail<'a> {
    pub fn of(run: &'a Run) -> Self {
        let kept = run.details.as_deref();
        Self {
            run_id: &run.run_id,
            machine_id: &run.machine_id,
            tool_calls: kept.map_or(&[], |kept| &kept.tool_calls),
            model_usage: run.model.as_ref().map(|(provider, model)| ModelUsageView {
                provider,
                model,
                sums: UsageView::from(&run.usage),
            }),
            tool_call_count: run.tool_calls,
            failed_tool_call_count: run.failed_tool_calls,
            spans: kept.map_or(&[], |kept| &kept.spans),
            peaks: kept.and_then(|kept| kept.peaks),
        }
    }

    /// When its state was last told; before the first one, when it was last heard of.
    pub fn updated_at(run: &Run) -> Timestamp {
        run.life.state().map_or(run.touched, |(_, at)| at)
    }
}

impl<'a> AgentView<'a> {
    pub fn of(fleet: &Fleet, agent: &'a Agent) -> Self {
        let load = fleet.index().agent_load(&agent.key());
        Self {
            agent_id: &agent.agent_id,
            machine_id: &agent.machine_id,
            home: &agent.home,
            state: agent.told.map(|(state, _)| state),
            active_sessions: load.active_sessions,
            active_runs: load.active_runs,
            total_runs: agent.runs,
            failed_runs: agent.failed_runs,
            last_seen_at: agent.last_seen_at,
            usage: UsageView::from(&agent.usage),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}
