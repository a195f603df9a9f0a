//! The contract's view of the fleet: the body of `GET /snapshot` (contract §7), with run details, logs, activity,
//! agents and attention as the fleet keeps them (W-C3).
//!
//! Ids are unique on their machine only. Lists show all; `runDetails` is keyed by the run id alone in the contract, so
//! there the newest-updated of equal ids stands (design §5).

use std::collections::BTreeMap;

use serde::Serialize;
use smol_str::SmolStr;

use super::Fleet;
use super::activity::{Activity, LogLine};
use super::details::{KeptSpan, Peaks, ToolCall};
use super::lifecycle::{Life, LifeState};
use super::rows::{Agent, Machine, Pulse, Run, Session, Status};
use super::usage::Totals;
use crate::attention::{Attention, attention};
use crate::event::payload::Gauges;
use crate::ids::{AgentId, EventId, Home, MachineId, RunId, SessionId};
use crate::time::{HOUR, MINUTE, Timestamp};

/// The body of `GET /snapshot`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot<'a> {
    machines: Vec<MachineView<'a>>,
    sessions: Vec<SessionView<'a>>,
    runs: Vec<RunView<'a>>,
    active_runs: Vec<RunView<'a>>,
    health: Health<'a>,
    run_details: BTreeMap<&'a RunId, RunDetail<'a>>,
    logs: Vec<&'a LogLine>,
    recent_events: Vec<&'a Activity>,
    last_updated: Timestamp,
    agents: Vec<AgentView<'a>>,
    attention: Vec<Attention>,
    position: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MachineView<'a> {
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
struct SessionView<'a> {
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
struct RunView<'a> {
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
struct RunDetail<'a> {
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
    #[serde(skip)]
    updated_at: Timestamp,
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
struct AgentView<'a> {
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

/// The contract's health words (contract §7.2).
#[derive(Serialize, serde::Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum HealthWord {
    /// All is well.
    Healthy,
    /// A machine says that something is wrong.
    Degraded,
    /// A machine is silent, or a run failed within the last hour.
    Critical,
    /// No machine is known.
    Unknown,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health<'a> {
    overall: HealthWord,
    machines: Vec<MachineHealth<'a>>,
    active_runs_total: usize,
    failed_runs_total: u64,
    stale_machines_total: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MachineHealth<'a> {
    machine_id: &'a MachineId,
    status: HealthWord,
    active_run_count: usize,
    last_seen_at: Timestamp,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
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

impl<'a> Snapshot<'a> {
    /// The view of `fleet`.
    pub fn of(fleet: &'a Fleet) -> Self {
        let facts = fleet.facts();
        let machines: Vec<(&Machine, &Pulse)> = facts
            .machines
            .iter()
            .filter_map(|machine| Some((machine, machine.pulse.as_ref()?)))
            .filter(|(machine, pulse)| !fleet.is_ghost(machine, pulse))
            .collect();
        let mut sessions: Vec<_> = facts.sessions.iter().filter_map(SessionView::of).collect();
        sessions.sort_unstable_by(|a, b| {
            b.updated_at
                .cmp(&a.updated_at)
                .then_with(|| (a.session_id, a.machine_id).cmp(&(b.session_id, b.machine_id)))
        });
        let mut runs: Vec<_> = facts.runs.iter().filter_map(RunView::of).collect();
        runs.sort_unstable_by(|a, b| {
            b.updated_at
                .cmp(&a.updated_at)
                .then_with(|| (a.run_id, a.machine_id).cmp(&(b.run_id, b.machine_id)))
        });
        let active_runs: Vec<_> = runs
            .iter()
            .filter(|run| !run.state.is_terminal())
            .map(|run| RunView { is_active: true, ..*run })
            .collect();
        let last_updated = machines
            .iter()
            .map(|(_, pulse)| pulse.last_seen_at)
            .chain(sessions.first().map(|session| session.updated_at))
            .chain(runs.first().map(|run| run.updated_at))
            .fold(Timestamp::EPOCH, Timestamp::max);
        Self {
            health: Health::of(fleet, &machines, active_runs.len()),
            machines: machines.into_iter().map(MachineView::of).collect(),
            sessions,
            runs,
            active_runs,
            run_details: run_details(fleet),
            logs: facts.logs.iter().map(AsRef::as_ref).collect(),
            recent_events: facts.recent.iter().map(AsRef::as_ref).collect(),
            last_updated,
            agents: facts.agents.iter().map(|agent| AgentView::of(fleet, agent)).collect(),
            attention: attention(fleet),
            position: fleet.position(),
        }
    }
}

impl Fleet {
    /// A machine that only once sent something and never told its name (contract §7.3).
    fn is_ghost(&self, machine: &Machine, pulse: &Pulse) -> bool {
        let recent = self.log_time().plus(-2 * MINUTE);
        machine.machine_id.as_str().starts_with("machine_")
            && machine.name().is_none_or(|name| name.trim().is_empty())
            && pulse.last_seen_at < recent
            && machine.touched < recent
    }

    /// Whether a run failed within the last hour of log time (design §18.6).
    pub fn failed_lately(&self) -> bool {
        let hour_ago = self.log_time().plus(-HOUR);
        self.index()
            .ended_runs_newest_first()
            .take_while(|(at, _)| *at >= hour_ago)
            .filter_map(|(_, key)| self.facts().runs.get(key))
            .any(|run| run.life.has_failed() && !self.is_paused(&run.machine_id))
    }

    /// Whether the user paused the machine.
    pub fn is_paused(&self, machine: &MachineId) -> bool {
        self.facts().machines.get(machine).is_some_and(|machine| machine.paused)
    }
}

impl<'a> Health<'a> {
    fn of(fleet: &Fleet, machines: &[(&'a Machine, &'a Pulse)], active_runs_total: usize) -> Self {
        let machines: Vec<_> = machines
            .iter()
            .filter(|(machine, _)| !machine.paused)
            .map(|(machine, pulse)| MachineHealth {
                machine_id: &machine.machine_id,
                status: match pulse.status {
                    Status::Online => HealthWord::Healthy,
                    Status::Degraded => HealthWord::Degraded,
                    Status::Offline => HealthWord::Critical,
                },
                active_run_count: fleet.index().machine_load(&machine.machine_id).active_runs,
                last_seen_at: pulse.last_seen_at,
            })
            .collect();
        let any = |word| machines.iter().any(|machine| machine.status == word);
        let overall = if machines.is_empty() {
            HealthWord::Unknown
        } else if any(HealthWord::Critical) || fleet.failed_lately() {
            HealthWord::Critical
        } else if any(HealthWord::Degraded) {
            HealthWord::Degraded
        } else {
            HealthWord::Healthy
        };
        Self {
            overall,
            machines,
            active_runs_total,
            failed_runs_total: fleet.facts().agents.iter().map(|agent| agent.failed_runs).sum(),
            stale_machines_total: 0,
        }
    }
}

impl<'a> MachineView<'a> {
    fn of((machine, pulse): (&'a Machine, &'a Pulse)) -> Self {
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
    fn of(session: &'a Session) -> Option<Self> {
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
    fn of(run: &'a Run) -> Option<Self> {
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

/// The runs that still have details or usage to show: the open ones, and the newest ended ones that keep details.
fn run_details(fleet: &Fleet) -> BTreeMap<&RunId, RunDetail<'_>> {
    let mut details = BTreeMap::new();
    let open = fleet.index().open_runs();
    let ended = fleet.index().detailed_ended_runs.iter().map(|(_, key)| key);
    for run in open.chain(ended).filter_map(|key| fleet.facts().runs.get(key)) {
        let updated_at = run.life.state().map_or(run.touched, |(_, at)| at);
        let kept = run.details.as_deref();
        if kept.is_none() && run.model.is_none() {
            continue;
        }
        let detail = RunDetail {
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
            updated_at,
        };
        match details.entry(&run.run_id) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(detail);
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => {
                if slot.get().updated_at < updated_at {
                    slot.insert(detail);
                }
            }
        }
    }
    details
}

impl<'a> AgentView<'a> {
    fn of(fleet: &Fleet, agent: &'a Agent) -> Self {
        let load = fleet.index().agent_load(&super::table::Row::key(agent));
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
