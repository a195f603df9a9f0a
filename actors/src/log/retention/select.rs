//! The rules: which rows of a slice may go. They are stated and reasoned in [`super`].

use std::collections::{HashMap, HashSet};

use patze_core::event::{EventType, Origin, Recorded};
use patze_core::fleet::limits::IDLE;
use patze_core::fleet::rows::{RunKey, SessionKey, Status};
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
    sessions: HashMap<SessionKey, Lane>,
    runs: HashMap<RunKey, Lane>,
    /// How many of its session and its run have not yet let a line go.
    votes: HashMap<u64, u8>,
    gone: Vec<u64>,
    changes: Vec<patze_core::fleet::Change>,
}

/// A heartbeat that goes if the machine's next one is right.
struct Beat {
    position: u64,
    status: Status,
    at: Timestamp,
}

/// A session's or a run's touches.
#[derive(Default)]
struct Lane {
    /// The last touch that stays; none if it is not in the hot state without what goes.
    kept: Option<Timestamp>,
    is_run: bool,
    /// Whether lines say nothing about it but that it is there. They place a run whose state was never told.
    is_placed: bool,
    /// A line that goes if the next touch is right.
    open: Option<Line>,
}

struct Line {
    position: u64,
    at: Timestamp,
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
            sessions: HashMap::new(),
            runs: HashMap::new(),
            votes: HashMap::new(),
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
                self.sessions.retain(|(machine, _), _| machines.get(machine).is_some());
                self.runs.retain(|(machine, _), _| machines.get(machine).is_some());
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
        !self.beats.is_empty() || !self.votes.is_empty()
    }

    /// The positions that may go, ascending. What still waits stays, but lines of what has left the hot state by now.
    pub(super) fn finish(mut self) -> Vec<u64> {
        let now = self.fleet.log_time();
        let lanes = self.sessions.values_mut().chain(self.runs.values_mut());
        let open = lanes.filter_map(|lane| lane.open.take()).filter(|line| evicted(line.at, now));
        for position in open.map(|line| line.position).collect::<Vec<_>>() {
            self.let_go(position);
        }
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
        let facts = self.fleet.facts();
        let known = facts.machines.get(id).is_some();
        let (session, run) = Fleet::named_by_line(event);
        if let Some(key) = session {
            let kept = facts.sessions.get(&key).map(|session| session.touched);
            self.sessions.entry(key).or_insert(Lane { kept, is_run: false, is_placed: true, open: None });
        }
        if let Some(key) = run {
            let row = facts.runs.get(&key);
            let is_placed = row.is_some_and(|run| run.life.state().is_some());
            let kept = row.map(|run| run.touched);
            self.runs.entry(key).or_insert(Lane { kept, is_run: true, is_placed, open: None });
        }
        self.fold(event);
        let may_go = event.position <= self.last
            && event.position < before
            && known
            && self.is_seen_after(id, event.recorded_at);
        self.touch(event, may_go);
    }

    /// The session and the run that `event` touched: was the line before of consequence to them?
    fn touch(&mut self, event: &Recorded<'_>, may_go: bool) {
        if self.rules.lines_before.is_none() || (self.sessions.is_empty() && self.runs.is_empty() && !may_go) {
            return;
        }
        let line = may_go.then(|| Line { position: event.position, at: self.fleet.log_time() });
        let at = self.fleet.log_time();
        // What no line of the slice has touched is of no interest.
        let session = self.fleet.session_touched_by(event).and_then(|key| self.sessions.get_mut(&key));
        let decided = session.map(|lane| lane.touched(at, line.as_ref().map(|line| line.position), true));
        let run = self.fleet.run_touched_by(event).and_then(|key| {
            let is_placed = self.fleet.facts().runs.get(&key).is_some_and(|run| run.life.state().is_some());
            Some((self.runs.get_mut(&key)?, is_placed))
        });
        let decided_too =
            run.map(|(lane, is_placed)| lane.touched(at, line.as_ref().map(|line| line.position), is_placed));
        if let Some(line) = line {
            match u8::from(decided.is_some()) + u8::from(decided_too.is_some()) {
                0 => self.gone.push(line.position),
                votes => drop(self.votes.insert(line.position, votes)),
            }
        }
        for decided in [decided, decided_too].into_iter().flatten().flatten() {
            match decided {
                (position, true) => self.let_go(position),
                (position, false) => drop(self.votes.remove(&position)),
            }
        }
    }

    /// The line's session, or its run, does not need it. If neither does, it goes.
    fn let_go(&mut self, position: u64) {
        match self.votes.get_mut(&position) {
            Some(1) => {
                self.votes.remove(&position);
                self.gone.push(position);
            }
            Some(votes) => *votes -= 1,
            // The other one needs it.
            None => {}
        }
    }

    /// Whether the machine's last event is a later one; true too if the machine is gone.
    fn is_seen_after(&self, id: &MachineId, at: Timestamp) -> bool {
        self.live.facts().machines.get(id).is_none_or(|row| row.touched > at)
    }
}

impl Lane {
    /// A touch at `at`, by a line that may go or by something that stays. Whether the line before goes, if one waits.
    fn touched(&mut self, at: Timestamp, line: Option<u64>, is_placed: bool) -> Option<(u64, bool)> {
        let decided = self.decide(at);
        match line {
            Some(position) => self.open = Some(Line { position, at }),
            None => (self.kept, self.is_placed) = (Some(at), is_placed),
        }
        decided
    }

    fn decide(&mut self, next: Timestamp) -> Option<(u64, bool)> {
        let Line { position, at } = self.open.take()?;
        let alive = self.kept.filter(|kept| !evicted(*kept, at));
        let goes = match alive {
            // The next touch comes while it is there anyway.
            Some(kept) if self.is_placed && !evicted(kept, next) => true,
            // The next touch makes a session as this one would have.
            None if !self.is_run => true,
            // The next touch finds that it has left.
            _ => evicted(at, next),
        };
        if goes {
            self.kept = alive;
        } else {
            self.kept = Some(at);
        }
        Some((position, goes))
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
