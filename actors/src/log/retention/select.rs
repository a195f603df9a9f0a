//! The rules: which rows of a slice may go. They are stated and reasoned in [`super`].

use std::collections::{HashMap, HashSet};

use patze_core::event::control::Control;
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
    sessions: HashMap<SessionKey, Touches>,
    runs: HashMap<RunKey, Touches>,
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
struct Touches {
    /// The last one that stays; none if it is not in the hot state without what goes.
    kept: Option<Timestamp>,
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
            Some(kind @ EventType::SessionStalled) => {
                self.fold(event);
                // It counts if nothing has touched the session since a moment that it names.
                if let Some(Control::SessionStalled { machine_id, session_id, .. }) =
                    Control::read(kind, event.payload)
                    && let Some(line) =
                        self.sessions.get_mut(&(machine_id, session_id)).and_then(Touches::keep)
                {
                    self.votes.remove(&line);
                }
            }
            _ => {
                self.fold(event);
                self.touch(event, false);
            }
        }
    }

    /// Whether a row behind the slice may still decide something: not about what has left the hot state by now.
    pub(super) fn waits(&mut self) -> bool {
        let now = self.fleet.log_time();
        for touches in self.sessions.values_mut().chain(self.runs.values_mut()) {
            if let Some(line) = touches.open.take_if(|line| evicted(line.at, now)) {
                self.votes.remove(&line.position);
            }
        }
        !self.beats.is_empty() || !self.votes.is_empty()
    }

    /// The positions that may go, ascending. What still waits stays.
    pub(super) fn finish(mut self) -> Vec<u64> {
        self.gone.sort_unstable();
        self.gone
    }

    fn fold(&mut self, event: &Recorded<'_>) -> Outcome {
        self.changes.clear();
        self.fleet.apply(event, &mut self.changes)
    }

    fn heartbeat(&mut self, id: &MachineId, event: &Recorded<'_>) {
        let before = self.fleet.facts().machines.get(id).map(|row| row.pulse.as_ref());
        // One that ends what was taken for silence stays, also if it says that the machine is offline.
        let before = before.map(|pulse| pulse.filter(|pulse| !pulse.silenced).map(|pulse| pulse.status));
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
        let (session, run) = Fleet::named_by_line(event);
        let mut is_needed = facts.machines.get(id).is_none();
        if let Some(key) = &session {
            let row = facts.sessions.get(key);
            // It moves again.
            is_needed |= row.is_some_and(|row| row.stalled_since.is_some());
            let kept = row.map(|session| session.touched);
            self.sessions.entry(key.clone()).or_insert(Touches { kept, open: None });
        }
        if let Some(key) = run {
            let row = facts.runs.get(&key);
            let place = session.map(|(_, session)| session).unwrap_or_default();
            // It places the run, whose own state was never told.
            is_needed |= row.is_some_and(|run| run.life.state().is_none() && run.session_id != place);
            let kept = row.map(|run| run.touched);
            self.runs.entry(key).or_insert(Touches { kept, open: None });
        }
        self.fold(event);
        let may_go = !is_needed
            && event.position <= self.last
            && event.position < before
            && self.is_seen_after(id, event.recorded_at);
        self.touch(event, may_go);
    }

    /// The session and the run that `event` touched: was the line before of consequence to them?
    fn touch(&mut self, event: &Recorded<'_>, may_go: bool) {
        if self.rules.lines_before.is_none() || (self.sessions.is_empty() && self.runs.is_empty() && !may_go)
        {
            return;
        }
        let at = self.fleet.log_time();
        let line = may_go.then_some(event.position);
        // What no line of the slice has touched is of no interest.
        let session = self.fleet.session_touched_by(event).and_then(|key| self.sessions.get_mut(&key));
        let run = self.fleet.run_touched_by(event).and_then(|key| self.runs.get_mut(&key));
        let mut votes = 0;
        let mut decided = Vec::new();
        for touches in [session, run].into_iter().flatten() {
            votes += 1;
            decided.extend(touches.touched(at, line));
        }
        match line {
            Some(position) if votes == 0 => self.gone.push(position),
            Some(position) => drop(self.votes.insert(position, votes)),
            None => {}
        }
        for (position, goes) in decided {
            if goes {
                self.let_go(position);
            } else {
                self.votes.remove(&position);
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

impl Touches {
    /// A touch at `at`, by a line that may go or by something that stays. Whether the line before goes, if one waits.
    fn touched(&mut self, at: Timestamp, line: Option<u64>) -> Option<(u64, bool)> {
        let decided = self.decide(at);
        match line {
            Some(position) => self.open = Some(Line { position, at }),
            None => self.kept = Some(at),
        }
        decided
    }

    /// A line goes if its session or run is in the hot state without it too, from then until the next touch.
    fn decide(&mut self, next: Timestamp) -> Option<(u64, bool)> {
        let goes = self.kept.is_some_and(|kept| !evicted(kept, next));
        let position = if goes { self.open.take().map(|line| line.position) } else { self.keep() };
        position.map(|position| (position, goes))
    }

    /// The line that waits stays.
    fn keep(&mut self) -> Option<u64> {
        let line = self.open.take()?;
        self.kept = Some(line.at);
        Some(line.position)
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
