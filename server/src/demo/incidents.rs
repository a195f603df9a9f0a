//! What went wrong in the demo's past: told by how long before the demo's creation it was.

use patze_core::time::{DAY, HOUR, MINUTE, Timestamp};

use super::cast::{AGENTS, FRANKFURT, Model, NAS, OPUS, SINGAPORE, SUPPORT, TRADER};

/// When the demo was made: incidents count back from here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Incidents(pub(super) Timestamp);

impl Incidents {
    /// `day` days and `minutes` before the creation.
    fn before(self, days: i64, minutes: i64) -> Timestamp {
        self.0.plus(-days * DAY - minutes * MINUTE)
    }

    fn within(self, at: Timestamp, days: i64, minutes: i64, long: i64) -> bool {
        let from = self.before(days, minutes);
        at >= from && at < from.plus(long * MINUTE)
    }

    /// The control plane was off: from when to when. What happened meanwhile came afterwards.
    pub(super) fn off(self) -> [Timestamp; 2] {
        let from = self.before(12, 300);
        [from, from.plus(45 * MINUTE)]
    }

    /// Whether a machine's bridge was cut off, and until when.
    pub(super) fn cut_off(self, machine: usize, at: Timestamp) -> Option<Timestamp> {
        let long = 3 * HOUR + 20 * MINUTE;
        let from = self.before(6, 8 * 60);
        (machine == SINGAPORE && at >= from && at < from.plus(long)).then(|| from.plus(long))
    }

    /// Why a run of an agent that is under way at `at` fails, if an incident is to blame.
    pub(super) fn fails(self, agent: usize, at: Timestamp) -> Option<&'static str> {
        let cast = &AGENTS[agent];
        if cast.model.provider == "anthropic" && self.within(at, 9, 200, 80) {
            return Some("the provider is overloaded (HTTP 529), 5 attempts");
        }
        if cast.machine == NAS && self.within(at, 4, 60, 25) {
            return Some("OpenClaw was ended by the system: out of memory");
        }
        if cast.machine == FRANKFURT && agent == SUPPORT && self.within(at, 0, 40, 15) {
            return Some("exec failed 3 times: no space left on device");
        }
        None
    }

    /// Whether an agent runs wild: since yesterday one of them works much more than it should, with a model that costs 20
    /// times as much.
    fn is_wild(self, agent: usize, at: Timestamp) -> bool {
        agent == TRADER && at >= self.before(0, 20 * 60) && at < self.0.plus(DAY)
    }

    /// The model that an agent uses.
    pub(super) fn model(self, agent: usize, at: Timestamp) -> Model {
        if self.is_wild(agent, at) { OPUS } else { AGENTS[agent].model }
    }

    /// Runs that an agent begins in an hour of daylight.
    pub(super) fn hourly(self, agent: usize, at: Timestamp) -> f64 {
        AGENTS[agent].hourly * if self.is_wild(agent, at) { 8.0 } else { 1.0 }
    }

    /// Memory that leaks on the NAS until the system ends OpenClaw: from 0 to 1.
    pub(super) fn leak(self, machine: usize, at: Timestamp) -> f64 {
        let end = self.before(4, 60);
        let long = 5 * DAY;
        let gone = at.since(end.plus(-long));
        if machine == NAS && (0..long).contains(&gone) { gone as f64 / long as f64 } else { 0.0 }
    }
}
