//! The rules: which rows of a slice may go. They are stated and reasoned in [`super`].

use std::collections::{HashMap, HashSet};

use patze_core::event::{EventType, Origin, Recorded};
use patze_core::fleet::limits::IDLE;
use patze_core::fleet::rows::{SessionKey, Status};
use patze_core::fleet::{Fleet, Outcome};
use patze_core::ids::MachineId;
use patze_core::time::{MINUTE, Timestamp};

/// What is thinned.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Log lines before this position, or else heartbeats and ticks.
    pub(super) lines_before: Option<u64>,
    /// Pruning events that a range needs; others go.
    pub(super) needed: HashSet<u64>,
}

/// Sees the rows of a slice and some behind it, in order.
pub(super) struct Selector<'a> {
    rules: Rules,
    /// The slice's last position.
    last: u64,
    /// The newest state.
    live: &'a Fleet,
    /// The state at the row that passes.
    fleet: Fleet,
    beats: HashMap<MachineId, Beat>,
    lanes: HashMap<SessionKey, Lane>,
    gone: Vec<u64>,
    changes: Vec<patze_core::fleet::Change>,
}

/// A heartbeat that goes if the machine's next one is right.
struct Beat {
    position: u64,
    status: Status,
    at: Timestamp,
}

/// A session's touches.
#[derive(Default)]
struct Lane {
    /// The last touch that stays; none if the session is not in the hot state without what goes.
    kept: Option<Timestamp>,
    /// A line that goes if the next touch is right.
    open: Option<(u64, Timestamp)>,
}

impl<'a> Selector<'a> {
    /// Begins behind the position of `fleet`.
    pub(super) fn new(rules: Rules, last: u64, fleet: Fleet, live: &'a Fleet) -> Self {
        Self {
            rules,
            last,
            live,
            fleet,
            beats: HashMap::new(),
            lanes: HashMap::new(),
            gone: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// A row passes.
    pub(super) fn row(&mut self, event: &Recorded<'_>) {
        let machine = MachineId::new(event.machine);
        match EventType::of(event.type_name) {
            Some(EventType::MachineHeartbeat) => self.heartbeat(&machine, event),
            Some(EventType::RunLog) => self.line(&machine, event),
            Some(EventType::MachineRegistered) => {
                self.fold(event);
                self.beats.remove(&machine);
            }
            Some(EventType::MachineForgotten) => {
                self.fold(event);
                self.beats.clear();
                let machines = &self.fleet.facts().machines;
                self.lanes.retain(|(machine, _), _| machines.get(machine).is_some());
            }
            Some(kind @ (EventType::Tick | EventType::Pruned)) => {
                self.fold(event);
                let needed = match kind {
                    EventType::Tick => self.rules.lines_before.is_some(),
                    _ => self.rules.needed.contains(&event.position),
                };
                if event.position <= self.last && !needed && event.origin == Origin::CONTROL {
                    self.gone.push(event.position);
                }
            }
            _ => {
                self.fold(event);
                self.touch(event, false);
            }
        }
    }

    /// Whether a row behind the slice may still decide something.
    pub(super) fn waits(&self) -> bool {
        !self.beats.is_empty() || self.lanes.values().any(|lane| lane.open.is_some())
    }

    /// The positions that may go, ascending. What still waits stays, but lines of sessions that have left by now.
    pub(super) fn finish(mut self) -> Vec<u64> {
        let now = self.fleet.log_time();
        let left = self.lanes.values().filter_map(|lane| lane.open).filter(|(_, at)| evicted(*at, now));
        self.gone.extend(left.map(|(position, _)| position));
        self.gone.sort_unstable();
        self.gone
    }

    fn fold(&mut self, event: &Recorded<'_>) -> Outcome {
        self.changes.clear();
        self.fleet.apply(event, &mut self.changes)
    }

    fn heartbeat(&mut self, id: &MachineId, event: &Recorded<'_>) {
        let before = self.fleet.facts().machines.get(id).map(|row| row.pulse.as_ref().map(|pulse| pulse.status));
        let outcome = self.fold(event);
        let may_go = event.position <= self.last
            && self.rules.lines_before.is_none()
            && event.origin != Origin::CONTROL;
        let (Outcome::Folded | Outcome::Stale, Some(status)) = (outcome, status(event)) else {
            // It only says that its machine was there.
            if may_go && before.is_some() && self.is_seen_after(id, event.recorded_at) {
                self.gone.push(event.position);
            }
            return;
        };
        let at = event.effective();
        if let Some(beat) = self.beats.remove(id)
            && event.origin != Origin::CONTROL
            && beat.status == status
            && at >= beat.at
        {
            self.gone.push(beat.position);
        }
        if may_go && before == Some(Some(status)) {
            self.beats.insert(id.clone(), Beat { position: event.position, status, at });
        }
    }

    fn line(&mut self, id: &MachineId, event: &Recorded<'_>) {
        let Some(before) = self.rules.lines_before else {
            self.fold(event);
            return;
        };
        let known = self.fleet.facts().machines.get(id).is_some();
        if let Some(key) = Fleet::session_of_line(event) {
            let sessions = &self.fleet.facts().sessions;
            let kept = sessions.get(&key).map(|session| session.touched);
            self.lanes.entry(key).or_insert(Lane { kept, open: None });
        }
        self.fold(event);
        let may_go = event.position <= self.last
            && event.position < before
            && known
            && self.is_seen_after(id, event.recorded_at);
        self.touch(event, may_go);
    }

    /// The session that `event` touched: is the line before of consequence?
    fn touch(&mut self, event: &Recorded<'_>, may_go: bool) {
        if self.rules.lines_before.is_none() || (self.lanes.is_empty() && !may_go) {
            return;
        }
        let Some(key) = self.fleet.session_touched_by(event) else {
            if may_go {
                self.gone.push(event.position);
            }
            return;
        };
        // A session that no line of the slice has touched is of no interest.
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        let at = self.fleet.log_time();
        self.gone.extend(lane.decide(at));
        if may_go {
            lane.open = Some((event.position, at));
        } else {
            lane.kept = Some(at);
        }
    }

    /// Whether the machine's last event is a later one; true too if the machine is gone.
    fn is_seen_after(&self, id: &MachineId, at: Timestamp) -> bool {
        self.live.facts().machines.get(id).is_none_or(|row| row.touched > at)
    }
}

impl Lane {
    /// The next touch is at `next`: the position of the line before, if that goes.
    fn decide(&mut self, next: Timestamp) -> Option<u64> {
        let (position, at) = self.open.take()?;
        let alive = self.kept.filter(|kept| !evicted(*kept, at));
        let goes = match alive {
            // The next touch makes it as this one would have.
            None => true,
            Some(kept) => !evicted(kept, next) || evicted(at, next),
        };
        self.kept = if goes { alive } else { Some(at) };
        goes.then_some(position)
    }
}

/// Whether what was last touched at `touched` has left the hot state at log time `now`: the fold keeps orders to the minute.
fn evicted(touched: Timestamp, now: Timestamp) -> bool {
    let minute = |at: Timestamp| at.millis().div_euclid(MINUTE);
    minute(touched) < minute(now.plus(-IDLE))
}

/// The status that a heartbeat tells.
fn status(event: &Recorded<'_>) -> Option<Status> {
    #[derive(serde::Deserialize)]
    struct Told<'a> {
        #[serde(borrow)]
        status: std::borrow::Cow<'a, str>,
    }
    Status::of(&serde_json::from_str::<Told<'_>>(event.payload).ok()?.status)
}
