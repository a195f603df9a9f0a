//! The runs of each agent, by name, brought up to date by what changed since the last reading; so an event costs what it
//! changed, not what there is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use patze_core::fleet::lifecycle::{Life, LifeState};
use patze_core::fleet::rows::{Run, RunKey};
use patze_core::fleet::table::{Row as _, Table};
use patze_core::ids::AgentId;
use patze_core::time::{HOUR, Timestamp};

/// A run that began so long before a day may reach into it.
const LONGEST: i64 = 6 * HOUR;

/// A run on a line of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// When it began.
    pub begin: Timestamp,
    /// When it ended, if it did.
    pub end: Option<Timestamp>,
    /// Where it stands.
    pub state: LifeState,
}

impl Mark {
    fn of(run: &Run) -> Option<Self> {
        let (state, at) = run.life.state()?;
        let end = matches!(run.life, Life::Ended { .. }).then_some(at);
        Some(Self { begin: run.created_at, end, state })
    }
}

/// An agent's day.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct Day {
    /// Runs that reach into it, by begin.
    pub marks: Vec<Mark>,
    /// Runs that began in it.
    pub runs: usize,
    /// Of those, the ones that failed.
    pub failed: usize,
}

#[derive(Default)]
struct Work {
    /// The newest first.
    runs: BTreeMap<(Reverse<Timestamp>, RunKey), Mark>,
    active: BTreeMap<RunKey, Mark>,
    day: Option<Rc<Day>>,
}

/// The book.
#[derive(Default)]
pub struct Book {
    runs: Table<Run>,
    works: HashMap<AgentId, Work>,
    /// Where the day begins.
    from: Timestamp,
}

impl Book {
    /// Brings it up to date with the runs of a fleet; `from` is where the day begins.
    pub fn update(&mut self, now: &Table<Run>, from: Timestamp) {
        let before = std::mem::replace(&mut self.runs, now.clone());
        if from != self.from {
            self.from = from;
            self.works.values_mut().for_each(|work| work.day = None);
        }
        let (gone, new) = before.difference(now);
        let mut marks: HashMap<RunKey, (AgentId, Mark)> = HashMap::new();
        for run in gone {
            if let Some(mark) = Mark::of(run) {
                marks.insert(run.key(), (run.agent_id.clone(), mark));
            }
        }
        for run in new {
            let mark = Mark::of(run).filter(|_| !run.agent_id.is_empty());
            let was = marks.remove(&run.key());
            match (was, mark) {
                // A tool call or usage: nothing that is kept here.
                (Some((agent, was)), Some(mark)) if was == mark && agent == run.agent_id => {}
                (was, mark) => {
                    if let Some((agent, was)) = was {
                        self.remove(&agent, was, &run.key());
                    }
                    if let Some(mark) = mark {
                        self.insert(run, mark);
                    }
                }
            }
        }
        for (key, (agent, mark)) in marks {
            self.remove(&agent, mark, &key);
        }
    }

    fn insert(&mut self, run: &Run, mark: Mark) {
        let work = self.works.entry(run.agent_id.clone()).or_default();
        if mark.end.is_none() {
            work.active.insert(run.key(), mark);
        }
        work.runs.insert((Reverse(mark.begin), run.key()), mark);
        work.day = None;
    }

    fn remove(&mut self, agent: &AgentId, mark: Mark, key: &RunKey) {
        if let Some(work) = self.works.get_mut(agent) {
            work.runs.remove(&(Reverse(mark.begin), key.clone()));
            work.active.remove(key);
            work.day = None;
        }
    }

    /// An agent's day.
    pub fn day(&mut self, agent: &AgentId) -> Rc<Day> {
        let Some(work) = self.works.get_mut(agent) else { return Rc::default() };
        let from = self.from;
        let Work { runs, active, day } = work;
        Rc::clone(day.get_or_insert_with(|| {
            let near = runs
                .iter()
                .take_while(|((begin, _), _)| begin.0 >= from.plus(-LONGEST))
                .map(|(_, mark)| *mark)
                .filter(|mark| mark.end.is_none_or(|end| end >= from));
            let long = active.values().filter(|mark| mark.begin < from.plus(-LONGEST)).copied();
            let mut marks: Vec<Mark> = near.chain(long).collect();
            marks.sort_by_key(|mark| mark.begin);
            let began = || marks.iter().filter(|mark| mark.begin >= from);
            let failed = began().filter(|mark| mark.state == LifeState::Failed).count();
            Rc::new(Day { runs: began().count(), failed, marks })
        }))
    }

    /// An agent's runs that go on.
    pub fn active(&self, agent: &AgentId) -> impl Iterator<Item = (&RunKey, LifeState)> {
        self.works
            .get(agent)
            .into_iter()
            .flat_map(|work| work.active.iter().map(|(key, mark)| (key, mark.state)))
    }

    /// An agent's newest runs.
    pub fn latest(&self, agent: &AgentId) -> impl Iterator<Item = &RunKey> {
        self.works.get(agent).into_iter().flat_map(|work| work.runs.keys().map(|(_, key)| key))
    }
}

#[cfg(test)]
mod tests {
    use patze_core::event::{Origin, Recorded, Severity};
    use patze_core::fleet::Fleet;
    use patze_core::time::MINUTE;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + minute * MINUTE)
    }

    fn tell(fleet: &mut Fleet, run: &str, agent: &str, state: &str, minute: i64) {
        let position = fleet.position() + 1;
        let payload = format!(
            r#"{{"runId":"{run}","sessionId":"s","agentId":"{agent}","from":"created","to":"{state}","machineId":"m"}}"#
        );
        let event = Recorded {
            position,
            recorded_at: at(minute),
            occurred_at: at(minute),
            machine: "m",
            id: run,
            origin: Origin::INGEST,
            severity: Severity::Info,
            type_name: "run.state.changed",
            trace: "{}",
            payload: &payload,
        };
        fleet.apply(&event, &mut Vec::new());
    }

    #[test]
    fn a_day_has_what_reaches_into_it() {
        let (mut fleet, mut book) = (Fleet::default(), Book::default());
        let agent = AgentId::new("a");
        tell(&mut fleet, "old", "a", "running", -3_000);
        tell(&mut fleet, "old", "a", "completed", -2_990);
        tell(&mut fleet, "across", "a", "running", -1_445);
        tell(&mut fleet, "across", "a", "completed", -1_435);
        tell(&mut fleet, "bad", "a", "running", -60);
        tell(&mut fleet, "bad", "a", "failed", -50);
        tell(&mut fleet, "now", "a", "running", -1);
        book.update(&fleet.facts().runs, at(-1_440));
        let day = book.day(&agent);
        assert_eq!((day.marks.len(), day.runs, day.failed), (3, 2, 1));
        assert_eq!(book.active(&agent).count(), 1);
        let latest: Vec<_> = book.latest(&agent).map(|(_, run)| run.to_string()).collect();
        assert_eq!(latest, ["now", "bad", "across", "old"]);
    }

    #[test]
    fn only_what_changed_is_made_anew() {
        let (mut fleet, mut book) = (Fleet::default(), Book::default());
        tell(&mut fleet, "one", "a", "running", -10);
        tell(&mut fleet, "two", "b", "running", -9);
        book.update(&fleet.facts().runs, at(-1_440));
        let (a, b) = (book.day(&AgentId::new("a")), book.day(&AgentId::new("b")));
        tell(&mut fleet, "two", "b", "completed", -5);
        book.update(&fleet.facts().runs, at(-1_440));
        assert!(Rc::ptr_eq(&a, &book.day(&AgentId::new("a"))));
        assert!(!Rc::ptr_eq(&b, &book.day(&AgentId::new("b"))));
        assert_eq!(book.active(&AgentId::new("b")).count(), 0);
        book.update(&Table::default(), at(-1_440));
        assert_eq!(book.day(&AgentId::new("a")).marks.len(), 0, "the past has other runs");
    }
}
