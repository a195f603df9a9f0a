//! What the log counts and how it fares, for `/metrics` and `/readyz`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use patze_core::fleet::Outcome;

use super::batch::{AppendError, Placed};
use super::transaction::Answer;

/// Counters since the log was opened. Each is read by itself; they need not agree to the last event.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Events stored.
    pub events: AtomicU64,
    /// Events that were there already.
    pub duplicates: AtomicU64,
    /// Events that were not taken.
    pub rejected: AtomicU64,
    /// Batches answered, with or without success.
    pub batches: AtomicU64,
    /// Batches that failed.
    pub failed_batches: AtomicU64,
    /// Batches turned away because the queue was full.
    pub overloaded: AtomicU64,
    /// Transactions committed.
    pub commits: AtomicU64,
    /// Time in transactions, commit included, µs.
    pub commit_micros: AtomicU64,
    /// The longest transaction, µs.
    pub longest_commit_micros: AtomicU64,
    /// The longest fold of one transaction's events, µs.
    pub longest_fold_micros: AtomicU64,
    /// The longest publish of one transaction's events, µs.
    pub longest_publish_micros: AtomicU64,
    /// Bytes that wait in the queue now.
    pub queue_bytes: AtomicU64,
    /// Events that became part of the state.
    pub folded: AtomicU64,
    /// Events that a newer fact had overtaken.
    pub folded_stale: AtomicU64,
    /// Events with an odd state, word or transition (design §18.4).
    pub folded_odd: AtomicU64,
    /// Events of types that are not folded.
    pub not_folded: AtomicU64,
    /// Events whose payload could not be read.
    pub unreadable: AtomicU64,
    /// Checkpoints stored.
    pub checkpoints: AtomicU64,
    /// Checkpoints that were skipped because the one before took too long.
    pub checkpoints_skipped: AtomicU64,
    /// Checkpoints whose state differed from the live one: FO-1 is broken.
    pub checkpoints_differed: AtomicU64,
}

/// How the log fares.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Status {
    /// Whether a writer runs.
    pub writing: bool,
    /// Damage that was found in the database; nothing more is written.
    pub fault: Option<String>,
    /// The last write that failed, if none has succeeded since: a full disk, for example.
    pub write_error: Option<String>,
    /// Where the check after an unclean stop stands.
    pub check: Check,
    /// The position of the newest checkpoint of this fold version; 0 if there is none.
    pub checkpoint: u64,
    /// The position at which a rebuilt fleet differed from the live one, if that ever happened (FO-1).
    pub differed: Option<u64>,
}

/// The `quick_check` after an unclean stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Check {
    /// The last stop was clean.
    #[default]
    NotNeeded,
    /// It runs.
    Running,
    /// It found nothing.
    Passed,
    /// It found what [`Status::fault`] says.
    Failed,
    /// It could not be made, or the log was closed meanwhile.
    Interrupted,
}

/// The state behind [`Status`].
#[derive(Debug, Default)]
pub(super) struct Health {
    status: Mutex<Status>,
    /// Whether `status.fault` is set, for the hot path.
    damaged: AtomicBool,
    /// Whether `status.write_error` is set, for the hot path.
    failing: AtomicBool,
}

// === impl Metrics ===

impl Metrics {
    pub(super) fn count_outcome(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Folded => &self.folded,
            Outcome::Stale => &self.folded_stale,
            Outcome::Odd => &self.folded_odd,
            Outcome::NotFolded => &self.not_folded,
            Outcome::Unreadable => &self.unreadable,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// Counts a committed transaction and the answers to its batches.
    pub(super) fn count_commit(&self, micros: u64, answers: &[Answer]) {
        self.commits.fetch_add(1, Relaxed);
        self.commit_micros.fetch_add(micros, Relaxed);
        for answer in answers {
            let Answer::Append(answer) = answer else { continue };
            self.batches.fetch_add(1, Relaxed);
            match answer {
                Ok(appended) => self.count_placed(&appended.placed),
                Err(_) => drop(self.failed_batches.fetch_add(1, Relaxed)),
            }
        }
    }

    /// Counts batches of a transaction that failed as a whole.
    pub(super) fn count_failed(&self, batches: usize) {
        self.batches.fetch_add(batches as u64, Relaxed);
        self.failed_batches.fetch_add(batches as u64, Relaxed);
    }

    fn count_placed(&self, placed: &[Placed]) {
        let (mut stored, mut duplicate, mut rejected) = (0, 0, 0);
        for placed in placed {
            match placed {
                Placed::Stored { .. } => stored += 1,
                Placed::Duplicate => duplicate += 1,
                Placed::Rejected(_) => rejected += 1,
            }
        }
        self.events.fetch_add(stored, Relaxed);
        self.duplicates.fetch_add(duplicate, Relaxed);
        self.rejected.fetch_add(rejected, Relaxed);
    }

    /// Notes a duration if it is the longest so far, and says it in µs.
    pub(super) fn time(longest: &AtomicU64, took: Duration) -> u64 {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        longest.fetch_max(micros, Relaxed);
        micros
    }
}

// === impl Health ===

impl Health {
    pub(super) fn status(&self) -> Status {
        self.locked().clone()
    }

    /// Notes damage: from now on nothing is written.
    pub(super) fn damaged(&self, fault: String) {
        tracing::error!(%fault, "the database is damaged; nothing more is written to it");
        self.update(|status| {
            if status.check == Check::Running {
                status.check = Check::Failed;
            }
            status.fault.get_or_insert(fault);
        });
    }

    /// Notes that a transaction failed; says so when that begins, not each time.
    pub(super) fn failed(&self, error: &AppendError) {
        self.failing.store(true, Relaxed);
        self.update(|status| {
            if status.write_error.is_none() {
                tracing::error!(%error, "events cannot be written");
            }
            status.write_error = Some(error.to_string());
        });
    }

    /// Notes that a transaction succeeded.
    pub(super) fn written(&self) {
        if self.failing.swap(false, Relaxed) {
            tracing::info!("events are written again");
            self.update(|status| status.write_error = None);
        }
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        let mut status = self.locked();
        change(&mut status);
        self.damaged.store(status.fault.is_some(), Relaxed);
    }

    /// The damage, if there is any. Cheap where there is none.
    pub(super) fn fault(&self) -> Option<String> {
        if self.damaged.load(Relaxed) { self.locked().fault.clone() } else { None }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Status> {
        // A status is replaced field by field; none of that can panic half-way.
        self.status.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
