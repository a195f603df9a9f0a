//! A log by itself, without HTTP: its writer, its prover, and one that was filled and closed for others to read.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use patze_actors::log::{AppendError, Batch, Lane, Log, LogConfig, Pending, ProofError, Proven};
use patze_core::event::Event;
use patze_supervise::clock::Clock;

use crate::Bench;
use crate::events::{BATCH, Ids, Supply};
use crate::ingest::CONNECTIONS;
use crate::process::block_on;

/// Positions between two checkpoints (design §6).
const CHECKPOINT_EVERY: u64 = 50_000;
/// Batches that are made and then appended, so that making them is not measured.
pub const STRETCH: usize = 20;

/// A log with its writer on a thread.
pub struct Running {
    /// The log.
    pub log: Log,
    writer: JoinHandle<()>,
}

/// A closed log.
pub struct Filled {
    /// Its folder.
    pub dir: PathBuf,
    /// Its events.
    pub events: usize,
    /// What held the writer up while it was filled, checkpoints being made beside it.
    pub longest: Longest,
}

/// The longest of what happened to a batch.
pub struct Longest {
    /// A transaction with its commit.
    pub commit: Duration,
    /// The fold of a transaction, with the clone that the prover gets.
    pub fold: Duration,
    /// Publishing, with the clone that readers get.
    pub publish: Duration,
    /// From the append to its answer, with four batches under way.
    pub wait: Duration,
    /// Checkpoints that were made meanwhile.
    pub checkpoints: u64,
}

impl Running {
    /// Opens the log in `dir`.
    pub fn new(dir: &Path, clock: &Clock) -> Self {
        let log = Log::open(LogConfig::new(dir, clock.clone())).unwrap();
        let mut writer = log.writer(Box::new(())).unwrap();
        let writer = std::thread::Builder::new()
            .name("patze-log".to_owned())
            .spawn(move || writer.run().unwrap())
            .unwrap();
        Self { log, writer }
    }

    /// Appends as four connections do, and tells the longest wait for an answer.
    pub fn append(&self, batches: &[Arc<[Event]>], clock: &Clock) -> Duration {
        let mut waiting: VecDeque<(Duration, usize, Pending)> = VecDeque::new();
        let mut longest = Duration::ZERO;
        let mut take = |(since, events, pending): (Duration, usize, Pending)| {
            assert_eq!(pending.wait().unwrap().placed.len(), events);
            longest = longest.max(clock.elapsed() - since);
        };
        for batch in batches {
            if waiting.len() == CONNECTIONS {
                waiting.pop_front().map(&mut take);
            }
            let pending = self.log.append(Lane::Ingest, Batch::ingest(batch.clone())).unwrap();
            waiting.push_back((clock.elapsed(), batch.len(), pending));
        }
        waiting.into_iter().for_each(take);
        longest
    }

    /// Appends these and waits until they are stored.
    pub fn append_events(&self, events: Arc<[Event]>) {
        let stored = self.log.append(Lane::Ingest, Batch::ingest(events)).unwrap();
        stored.wait().unwrap();
    }

    /// Ends the writer and closes the file.
    pub fn close(self) {
        self.log.close().unwrap();
        self.writer.join().unwrap();
    }
}

impl Filled {
    /// Fills one.
    pub fn new(bench: &Bench) -> Self {
        let (dir, clock) = (bench.folder("filled"), &bench.clock);
        let supply = Supply::new(clock, Ids::TimeOrdered);
        let running = Running::new(&dir, clock);
        let prover = prover(running.log.clone());
        let mut wait = Duration::ZERO;
        let batches = bench.events / BATCH;
        for first in (0..batches).step_by(STRETCH) {
            let stretch: Vec<_> =
                (first..batches.min(first + STRETCH)).map(|batch| supply.batch(batch)).collect();
            wait = wait.max(running.append(&stretch, clock));
        }
        let due = bench.events as u64 / CHECKPOINT_EVERY * CHECKPOINT_EVERY;
        block_on(async {
            while running.log.status().checkpoint < due {
                clock.sleep(Duration::from_millis(20)).await;
            }
        });
        let metrics = running.log.metrics();
        let of = |counter: &AtomicU64| Duration::from_micros(counter.load(Relaxed));
        let longest = Longest {
            commit: of(&metrics.longest_commit_micros),
            fold: of(&metrics.longest_fold_micros),
            publish: of(&metrics.longest_publish_micros),
            wait,
            checkpoints: metrics.checkpoints.load(Relaxed),
        };
        assert_eq!(metrics.folded.load(Relaxed), bench.events as u64, "every event means something");
        running.close();
        prover.join().unwrap();
        Self { dir, events: bench.events, longest }
    }

    /// The database.
    pub fn file(&self) -> PathBuf {
        self.dir.join(patze_actors::log::DATABASE)
    }
}

/// Makes the checkpoints, as the control plane's prover does.
pub fn prover(log: Log) -> JoinHandle<()> {
    let prove = move || {
        while let Some(proof) = log.next_proof() {
            let proven = log.prove(&proof);
            // The log is closed when all is filled; what was not proven by then is nothing that is measured.
            if matches!(proven, Err(ProofError::Store { source: AppendError::Closed, .. })) {
                return;
            }
            let proven = proven.unwrap();
            assert!(!matches!(proven, Proven::Differs(_)), "{proven:?}");
        }
    };
    std::thread::Builder::new().name("patze-prover".to_owned()).spawn(prove).unwrap()
}
