//! Random histories, thinned at random times, again and again: the newest state is always the live one.

use patze_actors::log::Lane;
use patze_core::event::control::Control;
use patze_core::time::{DAY, HOUR, MINUTE};
use patze_supervise::clock::Clock;
use proptest::prelude::*;

use super::super::support::{Running, START};
use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// Heartbeats of a machine: statuses, and how late each is.
    Beats(u8, Vec<(u8, i64)>),
    Registered(u8),
    Silent(u8),
    Forgotten(u8),
    Tick,
    /// A session's or run's state.
    Session(u8, u8, u8),
    Run(u8, u8, u8),
    Tool(u8, u8),
    /// A session was found silent, since so many ms.
    Stalled(u8, u8, i64),
    /// Log lines of a machine's sessions and runs.
    Lines(u8, Vec<(u8, u8)>),
    /// Time passes.
    Wait(i64),
    /// Retention, with these ages.
    Retain(i64, i64),
    Prove,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let machine = || 0..3_u8;
    let late = prop_oneof![3 => Just(0), 1 => -5_000..50_000_i64];
    let wait = prop_oneof![0..MINUTE, 0..HOUR, 0..2 * DAY, 6 * DAY..8 * DAY];
    let step = prop_oneof![
        8 => (machine(), prop::collection::vec((prop_oneof![6 => Just(0_u8), 1 => 0..4_u8], late), 1..12)).prop_map(|(m, b)| Step::Beats(m, b)),
        1 => machine().prop_map(Step::Registered),
        1 => machine().prop_map(Step::Silent),
        1 => prop::bool::weighted(0.15).prop_flat_map(move |really| machine().prop_map(move |m| if really { Step::Forgotten(m) } else { Step::Tick })),
        2 => Just(Step::Tick),
        3 => (machine(), 0..4_u8, 0..4_u8).prop_map(|(m, s, to)| Step::Session(m, s, to)),
        3 => (machine(), 0..6_u8, 0..4_u8).prop_map(|(m, r, to)| Step::Run(m, r, to)),
        2 => (machine(), 0..6_u8).prop_map(|(m, r)| Step::Tool(m, r)),
        1 => (machine(), 0..4_u8, prop_oneof![Just(0), 0..HOUR]).prop_map(|(m, s, since)| Step::Stalled(m, s, since)),
        8 => (machine(), prop::collection::vec((0..5_u8, 0..8_u8), 1..60)).prop_map(|(m, l)| Step::Lines(m, l)),
        9 => wait.prop_map(Step::Wait),
        3 => (prop_oneof![Just(HOUR), Just(2 * DAY)], prop_oneof![Just(HOUR), Just(4 * DAY), Just(12 * DAY)]).prop_map(|(b, l)| Step::Retain(b, l)),
        1 => Just(Step::Prove),
    ];
    prop::collection::vec(step, 10..90)
}

struct World {
    clock: Clock,
    time: patze_supervise::clock::VirtualTime,
    running: Running,
    ids: u32,
}

impl World {
    fn id(&mut self) -> String {
        self.ids += 1;
        format!("e{}", self.ids)
    }

    fn take(&mut self, step: &Step) -> Option<Run> {
        let now = self.clock.now().since(START);
        let machine = |m: &u8| format!("m{m}");
        match step {
            Step::Beats(m, beats) => {
                let word = |status: &u8| ["online", "degraded", "offline", "zombie"][usize::from(*status)];
                let events = beats
                    .iter()
                    .enumerate()
                    .map(|(i, (status, late))| {
                        heartbeat(&machine(m), &self.id(), now + i as i64 - late, word(status), i as u32)
                    })
                    .collect();
                append(&self.running, events);
            }
            Step::Registered(m) => {
                let payload = format!(
                    r#"{{"machineId":"m{m}","name":"n","kind":"vps","status":"online","registeredAt":"x"}}"#
                );
                let event = happened(&machine(m), &self.id(), now, "machine.registered", &payload);
                append(&self.running, vec![event]);
            }
            Step::Silent(m) => {
                let event = heartbeat(&machine(m), &self.id(), now, "offline", 0);
                self.running.log.append(Lane::Control, Batch::control([event])).unwrap().wait().unwrap();
            }
            Step::Forgotten(m) => {
                self.control(&Control::MachineForgotten { machine_id: MachineId::new(machine(m)) });
            }
            Step::Tick => self.control(&Control::Tick {}),
            Step::Session(m, s, to) => {
                let to = ["running", "completed", "failed", "odd"][usize::from(*to)];
                let event = session(&machine(m), &self.id(), now, &format!("s{s}"), to);
                append(&self.running, vec![event]);
            }
            Step::Run(m, r, to) => {
                let to = ["running", "completed", "failed", "odd"][usize::from(*to)];
                let payload = format!(
                    r#"{{"runId":"r{r}","sessionId":"s{}","agentId":"a","from":"x","to":"{to}"}}"#,
                    r % 4
                );
                let event = happened(&machine(m), &self.id(), now, "run.state.changed", &payload);
                append(&self.running, vec![event]);
            }
            Step::Tool(m, r) => {
                let id = self.id();
                let payload =
                    format!(r#"{{"runId":"r{r}","toolCallId":"{id}","toolName":"exec","startedAt":""}}"#);
                append(&self.running, vec![happened(&machine(m), &id, now, "run.tool.started", &payload)]);
            }
            Step::Stalled(m, s, since) => self.control(&Control::SessionStalled {
                machine_id: MachineId::new(machine(m)),
                session_id: format!("s{s}").as_str().into(),
                silent_since: START.plus(now - since),
            }),
            Step::Lines(m, sessions) => {
                let events = sessions
                    .iter()
                    .map(|(s, r)| {
                        let session = if *s == 4 { String::new() } else { format!("s{s}") };
                        let run = if *r == 7 { String::new() } else { format!("r{r}") };
                        line(&machine(m), &self.id(), now, (&session, &run), "words")
                    })
                    .collect();
                append(&self.running, events);
            }
            Step::Wait(millis) => self.time.jump_wall(*millis),
            Step::Retain(beats, lines) => return Some(retain(&self.running.log, &keep(*beats, *lines))),
            Step::Prove => {
                // A tick at least, so that there is a proof to wait for: the last one may have been taken already.
                loop {
                    self.control(&Control::Tick {});
                    if self.running.log.head().position.is_multiple_of(super::super::support::EVERY) {
                        break;
                    }
                }
                let proof = self.running.log.next_proof().unwrap();
                let proven = self.running.log.prove(&proof).unwrap();
                assert!(!matches!(proven, patze_actors::log::Proven::Differs(_)), "{proven:?}");
            }
        }
        None
    }

    fn control(&mut self, fact: &Control) {
        let event = fact.to_event(EventId::new(self.id()), self.clock.now(), "t");
        self.running.log.append(Lane::Control, Batch::control([event])).unwrap().wait().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn thinning_changes_neither_the_newest_state_nor_what_lasts_of_a_past_one(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let (clock, time) = Clock::virtual_at(START);
        let running = Running::open(dir.path(), &clock);
        let mut world = World { clock: clock.clone(), time, running, ids: 0 };
        let mut lived = std::collections::BTreeMap::new();
        for step in &steps {
            let run = world.take(step);
            let log = &world.running.log;
            lived.insert(log.fleet().position(), log.fleet());
            let Some(run) = run else { continue };
            prop_assert_eq!(run.unproven, 0, "a rule proposed what the proof refused");
            let mut fleet = Fleet::default();
            let mut differs = None;
            log.scan(0, |event| {
                fleet.apply(event, &mut Vec::new());
                let live = lived.get(&event.position);
                differs = live.map(|live| (lasting(&fleet), lasting(live))).filter(|(past, live)| past != live);
                if differs.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
            if let Some((past, live)) = differs {
                prop_assert_eq!(past, live, "at position {} that stays", fleet.position());
            }
            prop_assert_eq!(fleet.hash(), log.fleet().hash(), "the newest state");
        }
        is_sound(dir.path(), &world.running.log);
        let state = world.running.log.fleet().hash();
        world.running.close();
        let log = super::super::support::open(dir.path(), &clock);
        prop_assert_eq!(log.fleet().hash(), state, "a start from checkpoint and tail");
        log.close().unwrap();
    }
}
