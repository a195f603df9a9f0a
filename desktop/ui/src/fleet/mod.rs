//! What the page is drawn from: a fleet at a position, with the orders and findings that views ask for.
//!
//! The fleet is `patze-core`'s own, folded here from the same events as on the server; nothing is computed by other rules.
//! What is added are orders of its rows, brought up to date by what changed since the last reading, so that an event costs
//! what it changed and not what there is.

pub mod picked;

use std::cmp::Reverse;
use std::rc::Rc;

use imbl::OrdSet;
use patze_core::attention::{Attention, attention_of};
use patze_core::event::Recorded;
use patze_core::fleet::Fleet;
use patze_core::fleet::ends::Ends;
use patze_core::fleet::lifecycle::{Life, LifeState};
use patze_core::fleet::rows::{Machine, Run, RunKey, Session, SessionKey};
use patze_core::fleet::table::{Row as _, Table};
use patze_core::ids::{LogId, MachineId};
use patze_core::time::Timestamp;

use crate::say::word::State;

/// Rows by time, the newest first.
pub type Order<K> = OrdSet<(Reverse<Timestamp>, K)>;

/// A fleet at a position. Cheap to clone; two are equal if they are of the same position of the same log.
#[derive(Clone)]
pub struct Reading {
    /// Which history this is of.
    pub log_id: LogId,
    /// The fleet.
    pub fleet: Fleet,
    /// What deserves attention: the most severe first.
    pub attention: Rc<Vec<Attention>>,
    /// Runs that go on, by begin.
    pub active_runs: Order<RunKey>,
    /// Runs that are over, by begin.
    pub ended_runs: Order<RunKey>,
    /// Of those, the ones that failed.
    pub failed_runs: Order<RunKey>,
    /// Sessions that are open, by last change.
    pub open_sessions: Order<SessionKey>,
    /// Sessions that are over, by end.
    pub ended_sessions: Order<SessionKey>,
    /// Of those, the ones that failed.
    pub failed_sessions: Order<SessionKey>,
    /// Not in full what was live then (design §6).
    pub thinned: bool,
}

impl PartialEq for Reading {
    fn eq(&self, other: &Self) -> bool {
        self.fleet.position() == other.fleet.position() && self.log_id == other.log_id
    }
}

impl Reading {
    /// The name to show of a machine.
    pub fn machine_name(&self, machine: &MachineId) -> String {
        self.fleet.machine_name(machine).map_or_else(|| machine.to_string(), ToString::to_string)
    }

    /// The machines that are shown, by name.
    pub fn machines(&self) -> Vec<&Machine> {
        let mut machines: Vec<&Machine> =
            self.fleet.shown_machines().into_iter().map(|(machine, _)| machine).collect();
        machines.sort_by(|a, b| {
            let name = |m: &Machine| m.name().map_or_else(|| m.machine_id.to_string(), ToString::to_string);
            name(a).cmp(&name(b)).then_with(|| a.machine_id.cmp(&b.machine_id))
        });
        machines
    }

    /// The state of a machine.
    pub fn machine_state(&self, machine: &MachineId) -> State {
        self.fleet.facts().machines.get(machine).map_or(State::Unknown, State::of_machine)
    }

    /// A run.
    pub fn run(&self, key: &RunKey) -> Option<&Run> {
        self.fleet.facts().runs.get(key)
    }

    /// A session.
    pub fn session(&self, key: &SessionKey) -> Option<&Session> {
        self.fleet.facts().sessions.get(key)
    }

    /// The session of a run, if it is kept.
    pub fn session_of(&self, run: &Run) -> Option<&Session> {
        self.session(&run.session_key())
    }

    /// All runs, those that go on first, then by begin.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        let keys = self.active_runs.iter().chain(self.ended_runs.iter());
        keys.filter_map(|(_, key)| self.run(key))
    }
}

/// Folds events, and gives a [`Reading`] when asked.
pub struct Reader {
    log_id: LogId,
    fleet: Fleet,
    thinned: bool,
    runs: Table<Run>,
    sessions: Table<Session>,
    ends: Ends,
    active_runs: Order<RunKey>,
    ended_runs: Order<RunKey>,
    failed_runs: Order<RunKey>,
    open_sessions: Order<SessionKey>,
    ended_sessions: Order<SessionKey>,
    failed_sessions: Order<SessionKey>,
}

impl Reader {
    /// Starts from a fleet.
    pub fn new(log_id: LogId, fleet: Fleet, thinned: bool) -> Self {
        Self {
            log_id,
            fleet,
            thinned,
            runs: Table::default(),
            sessions: Table::default(),
            ends: Ends::default(),
            active_runs: Order::new(),
            ended_runs: Order::new(),
            failed_runs: Order::new(),
            open_sessions: Order::new(),
            ended_sessions: Order::new(),
            failed_sessions: Order::new(),
        }
    }

    /// The position that was folded last.
    pub fn position(&self) -> u64 {
        self.fleet.position()
    }

    /// Which history this is of.
    pub fn log_id(&self) -> &LogId {
        &self.log_id
    }

    /// Folds one event. Positions that are known already are passed over.
    pub fn apply(&mut self, event: &Recorded<'_>) {
        if event.position > self.fleet.position() {
            self.fleet.apply(event, &mut Vec::new());
        }
    }

    /// The fleet now.
    pub fn reading(&mut self) -> Reading {
        self.order_runs();
        self.order_sessions();
        Reading {
            log_id: self.log_id.clone(),
            attention: Rc::new(attention_of(&self.fleet, &self.ends)),
            fleet: self.fleet.clone(),
            active_runs: self.active_runs.clone(),
            ended_runs: self.ended_runs.clone(),
            failed_runs: self.failed_runs.clone(),
            open_sessions: self.open_sessions.clone(),
            ended_sessions: self.ended_sessions.clone(),
            failed_sessions: self.failed_sessions.clone(),
            thinned: self.thinned,
        }
    }

    fn order_runs(&mut self) {
        let now = &self.fleet.facts().runs;
        let (gone, new) = self.runs.difference(now);
        self.ends.change(gone.iter().copied(), new.iter().copied());
        for run in gone {
            let place = (Reverse(run.created_at), run.key());
            for order in [&mut self.active_runs, &mut self.ended_runs, &mut self.failed_runs] {
                order.remove(&place);
            }
        }
        for run in new {
            let place = (Reverse(run.created_at), run.key());
            match run.life {
                Life::Unseen => {}
                Life::Active { .. } => {
                    self.active_runs.insert(place);
                }
                Life::Ended { state, .. } => {
                    if state == LifeState::Failed {
                        self.failed_runs.insert(place.clone());
                    }
                    self.ended_runs.insert(place);
                }
            }
        }
        self.runs = now.clone();
    }

    fn order_sessions(&mut self) {
        let now = &self.fleet.facts().sessions;
        let (gone, new) = self.sessions.difference(now);
        for session in gone {
            let Some((_, at)) = session.life.state() else { continue };
            let place = (Reverse(at), session.key());
            for order in [&mut self.open_sessions, &mut self.ended_sessions, &mut self.failed_sessions] {
                order.remove(&place);
            }
        }
        for session in new {
            let Some((state, at)) = session.life.state() else { continue };
            let place = (Reverse(at), session.key());
            if !state.is_terminal() {
                self.open_sessions.insert(place);
                continue;
            }
            if state == LifeState::Failed {
                self.failed_sessions.insert(place.clone());
            }
            self.ended_sessions.insert(place);
        }
        self.sessions = now.clone();
    }
}
