//! The contract's view of the fleet: the body of `GET /snapshot` (contract §7), with run details, logs, activity,
//! agents and attention as the fleet keeps them (W-C3).
//!
//! Ids are unique on their machine only. Lists show all; `runDetails` is keyed by the run id alone in the contract, so
//! there the newest-updated of equal ids stands (design §5), and of those the one of the least machine id.
//!
//! # Where the work goes
//! Sessions, runs and run details are listed by [`Listing`]s: which rows changed since the last body is told by the
//! fleet's tables, whose nodes are shared between versions, and all others keep their text. Whatever depends on log
//! time, on counts or on other rows than its own (health, agents, attention, `lastUpdated`) is written anew each time,
//! from what is kept in order beside it: the fleet's index and [`Ends`].

mod views;

use std::cmp::{Ordering, Reverse};

use serde::{Deserialize, Serialize};
use serde_json::Result;

use super::Fleet;
use super::ends::{Ends, raises_alarm};
use super::listing::{Listing, Order};
use super::rows::{Machine, Pulse, Run, Session, Status};
use super::table::Table;
use super::text::{Object, Text};
use crate::attention::attention_of;
use crate::ids::MachineId;
use crate::json;
use crate::time::{MINUTE, Timestamp};
pub(super) use views::{AgentView, MachineView, RunDetail, RunView, SessionView};

/// Writes bodies of `GET /snapshot`, one after the other. Each is what a new writer would write, to the byte; only
/// what changed since the last one costs.
///
/// It holds the rows of the last body and their text. Whoever owns one lets it go when nobody asks any more.
#[derive(Default, Debug)]
pub struct SnapshotWriter {
    session_rows: Table<Session>,
    run_rows: Table<Run>,
    sessions: Listing<Sessions>,
    runs: Listing<Runs>,
    active_runs: Listing<ActiveRuns>,
    run_details: Listing<RunDetails>,
    pub(super) ends: Ends,
}

/// The contract's health words (contract §7.2).
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
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
pub(super) struct Health<'a> {
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

/// The newest-updated first.
struct Sessions;
/// The newest-updated first.
struct Runs;
/// Those that are not over, as [`Runs`].
struct ActiveRuns;
/// The open runs, and the newest ended ones that keep details, if there is something to show; by run id.
struct RunDetails;

impl SnapshotWriter {
    /// The view of `fleet`.
    ///
    /// # Errors
    /// If it cannot be written. This writer is then of no use; a new one may be.
    pub fn write(&mut self, fleet: &Fleet) -> Result<Text> {
        self.catch_up(fleet)?;
        let (facts, machines) = (fleet.facts(), fleet.shown_machines());
        let last_updated = machines
            .iter()
            .map(|(_, pulse)| pulse.last_seen_at)
            .chain(self.sessions.first().and_then(Sessions::place).map(|Reverse(at)| at))
            .chain(self.runs.first().and_then(Runs::place).map(|Reverse(at)| at))
            .fold(Timestamp::EPOCH, Timestamp::max);
        let mut object = Object::default();
        object.list("machines", machines.iter().copied().map(MachineView::of))?;
        object.listing("sessions", &self.sessions, *b"[]");
        object.listing("runs", &self.runs, *b"[]");
        object.listing("activeRuns", &self.active_runs, *b"[]");
        object.field("health", &Health::of(fleet, &self.ends, &machines, self.active_runs.len()))?;
        object.listing("runDetails", &self.run_details, *b"{}");
        object.list("logs", &facts.logs)?;
        object.list("recentEvents", &facts.recent)?;
        object.field("lastUpdated", &last_updated)?;
        object.list("agents", facts.agents.iter().map(|agent| AgentView::of(fleet, agent)))?;
        object.field("attention", &attention_of(fleet, &self.ends))?;
        object.field("position", &fleet.position())?;
        Ok(object.close())
    }

    fn catch_up(&mut self, fleet: &Fleet) -> Result<()> {
        let facts = fleet.facts();
        let (gone, new) = self.session_rows.difference(&facts.sessions);
        self.sessions.change(gone, new)?;
        self.session_rows = facts.sessions.clone();
        let (gone, new) = self.run_rows.difference(&facts.runs);
        self.runs.change(gone.iter().copied(), new.iter().copied())?;
        self.active_runs.change(gone.iter().copied(), new.iter().copied())?;
        self.run_details.change(gone.iter().copied(), new.iter().copied())?;
        self.ends.change(gone, new);
        self.run_rows = facts.runs.clone();
        Ok(())
    }
}

impl Fleet {
    /// The machines that told of themselves, but ghosts.
    pub fn shown_machines(&self) -> Vec<(&Machine, &Pulse)> {
        let machines = self.facts.machines.iter();
        machines
            .filter_map(|machine| Some((machine, machine.pulse.as_ref()?)))
            .filter(|(machine, pulse)| !self.is_ghost(machine, pulse))
            .collect()
    }

    /// A machine that only once sent something and never told its name (contract §7.3).
    pub(crate) fn is_ghost(&self, machine: &Machine, pulse: &Pulse) -> bool {
        let recent = self.log_time().plus(-2 * MINUTE);
        machine.machine_id.as_str().starts_with("machine_")
            && machine.name().is_none_or(|name| name.trim().is_empty())
            && pulse.last_seen_at < recent
            && machine.touched < recent
    }

    /// Whether the user paused the machine.
    pub fn is_paused(&self, machine: &MachineId) -> bool {
        self.facts().machines.get(machine).is_some_and(|machine| machine.paused)
    }
}

impl<'a> Health<'a> {
    pub(super) fn of(
        fleet: &Fleet,
        ends: &Ends,
        machines: &[(&'a Machine, &'a Pulse)],
        active_runs_total: usize,
    ) -> Self {
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
        } else if any(HealthWord::Critical) || ends.failed_lately(fleet).any(raises_alarm) {
            // A run that failed within the last hour of log time (design §18.6); what was told late raises no alarm.
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
            failed_runs_total: fleet.facts().failed_runs,
            stale_machines_total: 0,
        }
    }
}

impl Order for Sessions {
    type Row = Session;
    type Place = Reverse<Timestamp>;

    fn place(session: &Session) -> Option<Self::Place> {
        session.life.state().map(|(_, at)| Reverse(at))
    }
    fn then(a: &Session, b: &Session) -> Ordering {
        (&a.session_id, &a.machine_id).cmp(&(&b.session_id, &b.machine_id))
    }
    fn write(session: &Session, out: &mut Vec<u8>) -> Result<()> {
        json::write(out, &SessionView::of(session))
    }
}

impl Order for Runs {
    type Row = Run;
    type Place = Reverse<Timestamp>;

    fn place(run: &Run) -> Option<Self::Place> {
        run.life.state().map(|(_, at)| Reverse(at))
    }
    fn then(a: &Run, b: &Run) -> Ordering {
        (&a.run_id, &a.machine_id).cmp(&(&b.run_id, &b.machine_id))
    }
    fn write(run: &Run, out: &mut Vec<u8>) -> Result<()> {
        json::write(out, &RunView::of(run))
    }
}

impl Order for ActiveRuns {
    type Row = Run;
    type Place = Reverse<Timestamp>;

    fn place(run: &Run) -> Option<Self::Place> {
        Runs::place(run).filter(|_| run.life.is_active())
    }
    fn then(a: &Run, b: &Run) -> Ordering {
        Runs::then(a, b)
    }
    fn write(run: &Run, out: &mut Vec<u8>) -> Result<()> {
        json::write(out, &RunView::of(run).map(RunView::among_active))
    }
}

impl Order for RunDetails {
    type Row = Run;
    /// The first 16 bytes of its id.
    type Place = u128;

    fn place(run: &Run) -> Option<u128> {
        let is_kept = run.life.ended_at().is_none() || !run.details_gone;
        (is_kept && (run.details.is_some() || run.model.is_some())).then(|| {
            let mut start = [0; 16];
            let id = run.run_id.as_str().as_bytes();
            let length = id.len().min(start.len());
            start[..length].copy_from_slice(&id[..length]);
            u128::from_be_bytes(start)
        })
    }
    fn then(a: &Run, b: &Run) -> Ordering {
        let order = |run: &Run| Reverse(RunDetail::updated_at(run));
        a.run_id
            .cmp(&b.run_id)
            .then_with(|| order(a).cmp(&order(b)))
            .then_with(|| a.machine_id.cmp(&b.machine_id))
    }
    fn is_same(a: &Run, b: &Run) -> bool {
        a.run_id == b.run_id
    }
    fn write(run: &Run, out: &mut Vec<u8>) -> Result<()> {
        json::write(out, &run.run_id)?;
        out.push(b':');
        json::write(out, &RunDetail::of(run))
    }
}
