//! Whatever is appended, in whatever order, with crashes in between: the log is what the model is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use patze_actors::log::{AppendError, Batch, Cursor, Lane, Proven, verify};
use patze_core::fleet::Fleet;
use patze_supervise::clock::{Clock, VirtualTime};
use proptest::prelude::*;
use smol_str::SmolStr;

use super::model::Model;
use super::support::{EVERY, Running, START, block_on, crash_image, event, read_all, refused_event};

#[derive(Clone, Debug)]
enum Step {
    /// Batches that are queued before any is awaited, so that some share a transaction.
    Append(Vec<(Lane, Batch)>),
    /// The server ends in good order and starts again.
    Restart,
    /// The server is killed: another one starts from what is on disk.
    Crash,
    /// The wall clock jumps.
    Clock(i64),
    /// The live fleet is compared with a rebuilt one, and becomes a checkpoint.
    Prove,
}

fn batches() -> impl Strategy<Value = (Lane, Batch)> {
    // Few machines and ids, so that duplicates are common, within a batch and across machines.
    let events = prop::collection::vec((0..4u8, 0..40u8, 0..1_000u32), 0..12);
    (any::<bool>(), events, prop::option::of(0..3u8), prop::bool::weighted(0.1), 0..12usize).prop_map(
        |(control, events, cursor, broken, at)| {
            let mut events: Vec<_> =
                events.into_iter().map(|(m, id, n)| event(&format!("m{m}"), &format!("e{id}"), n)).collect();
            if broken {
                events.insert(at.min(events.len()), refused_event());
            }
            let (lane, origin) = if control { (Lane::Control, "control") } else { (Lane::Ingest, "ingest") };
            // A name a lane, so that the order of writing is the order of queueing.
            let cursor = cursor.map(|n| Cursor {
                name: format!("{origin}:{n}"),
                value: format!("{events:?}").len().to_string(),
            });
            (lane, Batch { origin: SmolStr::new(origin), events: events.into(), cursor })
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => prop::collection::vec(batches(), 1..5).prop_map(Step::Append),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
        1 => (-5_000..5_000i64).prop_map(Step::Clock),
        2 => Just(Step::Prove),
    ];
    prop::collection::vec(step, 1..25)
}

struct World {
    /// One folder a life; a crash leaves the old one behind.
    dir: tempfile::TempDir,
    lives: u32,
    clock: Clock,
    time: VirtualTime,
    running: Option<Running>,
    model: Model,
    cursors: BTreeMap<String, String>,
    proven: u64,
}

impl World {
    fn new() -> Self {
        let (clock, time) = Clock::virtual_at(START);
        let dir = tempfile::tempdir().unwrap();
        let mut world = Self {
            dir,
            lives: 0,
            clock,
            time,
            running: None,
            model: Model::default(),
            cursors: BTreeMap::new(),
            proven: 0,
        };
        world.running = Some(Running::open(&world.path(), &world.clock));
        world
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join(self.lives.to_string())
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append(batches) => self.append(&batches),
            Step::Clock(millis) => self.time.jump_wall(millis),
            Step::Restart => {
                self.running.take().unwrap().close();
                self.running = Some(Running::open(&self.path(), &self.clock));
            }
            Step::Crash => {
                let old = self.path();
                self.lives += 1;
                crash_image(&old, &self.path());
                self.running.take().unwrap().close();
                self.running = Some(Running::open(&self.path(), &self.clock));
            }
            Step::Prove => self.prove(),
        }
        self.check();
    }

    fn append(&mut self, batches: &[(Lane, Batch)]) {
        let pending: Vec<_> = batches
            .iter()
            .map(|(lane, batch)| self.running().log.append(*lane, batch.clone()).unwrap())
            .collect();
        let answers: Vec<_> = pending.into_iter().map(patze_actors::log::Pending::wait).collect();
        // Control batches may have overtaken others; the places that were given say in which order they were taken.
        let mut order: Vec<usize> = (0..batches.len()).collect();
        order.sort_by_key(|&at| first_position(&answers[at]));
        let mut model = self.model.clone();
        let mut late = Vec::new();
        for at in order {
            let (batch, answer) = (&batches[at].1, &answers[at]);
            if first_position(answer) == u64::MAX {
                late.push(at);
                continue;
            }
            let placed =
                model.append(batch, self.clock.now()).expect("a batch with a refused event was taken");
            assert_eq!(&answer.as_ref().unwrap().placed, &placed, "{batch:?}");
        }
        // What stored nothing is either refused or all duplicates by now.
        for at in late {
            match (model.append(&batches[at].1, self.clock.now()), &answers[at]) {
                (None, Err(AppendError::Refused { .. })) => {}
                (Some(placed), Ok(appended)) => assert_eq!(appended.placed, placed),
                (placed, answer) => panic!("{placed:?} but {answer:?}"),
            }
        }
        self.model = model;
        for ((_, batch), answer) in batches.iter().zip(&answers) {
            if let (Some(cursor), Ok(_)) = (&batch.cursor, answer) {
                self.cursors.insert(cursor.name.clone(), cursor.value.clone());
            }
        }
    }

    /// The standing proof, if the log has passed a multiple of the spacing since the last one.
    fn prove(&mut self) {
        let multiple = self.model.events.len() as u64 / EVERY * EVERY;
        if multiple <= self.proven {
            return;
        }
        let log = &self.running().log;
        let proof = log.next_proof().unwrap();
        assert_eq!(proof.position(), multiple);
        assert_eq!(log.prove(&proof).unwrap(), Proven::Stored(multiple));
        self.proven = multiple;
    }

    fn check(&self) {
        let log = &self.running().log;
        assert_eq!(read_all(log, 5), self.model.events);
        assert_eq!(log.head().position, self.model.events.len() as u64);
        assert_eq!(log.fleet().hash(), rebuilt(log).hash(), "FO-1");
        for (name, value) in &self.cursors {
            assert_eq!(block_on(log.cursor(name.clone())).unwrap().as_ref(), Some(value), "{name}");
        }
    }

    fn finish(mut self) {
        let path = self.path();
        let head = self.running().log.head();
        let state = self.running().log.fleet().hash();
        self.running.take().unwrap().close();
        let report = verify::verify(&path.join("patze.db")).unwrap();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!((report.position, report.digest, report.state), (head.position, head.digest, state));
        assert_eq!(report.events, self.model.events.len() as u64);
        assert!(report.checkpoints > 0 || self.proven == 0);
    }
}

fn first_position(answer: &Result<patze_actors::log::Appended, AppendError>) -> u64 {
    use patze_actors::log::Placed;
    let placed = answer.iter().flat_map(|appended| &appended.placed);
    placed
        .filter_map(|placed| if let Placed::Stored { position } = placed { Some(*position) } else { None })
        .min()
        .unwrap_or(u64::MAX)
}

/// The fleet, folded from the first event on.
fn rebuilt(log: &patze_actors::log::Log) -> Fleet {
    let mut fleet = Fleet::default();
    log.scan(0, |event| {
        fleet.apply(event, &mut Vec::new());
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    fleet
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_what_the_model_is(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.finish();
    }
}
