//! The standing proof of FO-1: every 50,000 events a fleet is built anew and compared with the live one (design §6).
//!
//! *Owns* nothing but the proof in hand. *Wakes* when the writer hands over a clone of the live fleet at a multiple of
//! the spacing. *Does*: last checkpoint + log up to there, on a connection and a thread of its own; equal hashes make the
//! rebuilt fleet a checkpoint. *When they differ* nothing is stored and `/readyz`, a counter and an error log say so. A
//! prover that is slower than the log skips to the newest clone.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use patze_core::fleet::Fleet;

use super::batch::AppendError;
use super::checkpoint::{self, CodecError};
use super::digest::hex;
use super::door::Shared;
use super::health::Metrics;
use super::open::Fault;
use crate::sqlite;

/// The live fleet at a position, waiting to be compared.
#[derive(Debug)]
pub struct Proof {
    live: Fleet,
}

/// Where the writer leaves proofs.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    newest: Option<Fleet>,
    closed: bool,
}

/// How a proof ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proven {
    /// The states are equal, and the checkpoint at this position is stored.
    Stored(u64),
    /// There was a checkpoint at this position, and it is equal to the live state.
    Stands(u64),
    /// The states differ at this position: FO-1 is broken.
    Differs(u64),
    /// Rows were pruned meanwhile without which the state here is another one; a later position will prove it.
    Overtaken(u64),
}

/// Why a proof was not completed.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The log cannot be read.
    #[error("the log cannot be read up to position {position}")]
    Read {
        /// The position to prove.
        position: u64,
        /// What was found.
        source: Fault,
    },
    /// The checkpoint cannot be made.
    #[error("the checkpoint at position {position} cannot be made")]
    Encode {
        /// The checkpoint's position.
        position: u64,
        /// What went wrong.
        source: CodecError,
    },
    /// The writer could not store it.
    #[error("the checkpoint at position {position} was not stored")]
    Store {
        /// The checkpoint's position.
        position: u64,
        /// What the writer says.
        source: AppendError,
    },
}

// === impl Proofs ===

impl Proofs {
    /// Leaves a clone of the live fleet. One that still waits gives way: the newest counts.
    pub(super) fn offer(&self, live: &Fleet, metrics: &Metrics) {
        let before = {
            let mut state = self.locked();
            state.newest.replace(live.clone())
        };
        if before.is_some() {
            metrics.checkpoints_skipped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        self.changed.notify_one();
    }

    /// Waits for the next proof. None once the log is closed.
    pub(super) fn next(&self) -> Option<Proof> {
        let mut state = self.locked();
        loop {
            if state.closed {
                return None;
            }
            if let Some(live) = state.newest.take() {
                return Some(Proof { live });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn close(&self) {
        self.locked().closed = true;
        self.changed.notify_all();
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Proof ===

impl Proof {
    /// The position that is to be proven.
    pub fn position(&self) -> u64 {
        self.live.position()
    }
}

/// Rebuilds, compares and stores. Blocks: seconds where no checkpoint is near.
pub(super) fn prove(shared: &Arc<Shared>, Proof { live }: &Proof) -> Result<Proven, ProofError> {
    let position = live.position();
    let read = |source: Fault| ProofError::Read { position, source };
    let _care = shared.take_care();
    if position < shared.settled() {
        return Ok(Proven::Overtaken(position));
    }
    let conn = sqlite::for_reading(&shared.file).map_err(|e| read(e.into()))?;
    let mut rebuilt = checkpoint::newest(&conn, position).map_err(|e| read(e.into()))?;
    let stands = rebuilt.position() == position && position > 0;
    let mut stored = Vec::new();
    let mut reached = rebuilt.position();
    while reached < position {
        // What lies more than one spacing back is stored on the way, so that no look at the past is far from one.
        let stop = position.min(next_stop(reached, shared.every));
        let before = rebuilt.position();
        checkpoint::replay(&conn, &mut rebuilt, stop, shared.every, |_| ()).map_err(read)?;
        reached = stop;
        // Where rows were pruned it is the last one before the stop, or none.
        if stop < position && rebuilt.position() > before {
            store(shared, &rebuilt)?;
            stored.push(rebuilt.position());
        }
    }
    let (ours, live) = (rebuilt.hash(), live.hash());
    if ours != live {
        tracing::error!(
            position,
            rebuilt = hex(&ours),
            live = hex(&live),
            "FO-1 is broken: the fleet rebuilt from the log is not the live one; no checkpoint is stored"
        );
        shared.metrics.checkpoints_differed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        shared.health.update(|status| status.differed = Some(position));
        if !stored.is_empty() {
            let removed = checkpoint::remove(stored).ask(shared);
            removed.map_err(|source| ProofError::Store { position, source })?;
        }
        return Ok(Proven::Differs(position));
    }
    if stands {
        return Ok(Proven::Stands(position));
    }
    store(shared, &rebuilt)?;
    Ok(Proven::Stored(position))
}

fn store(shared: &Arc<Shared>, fleet: &Fleet) -> Result<(), ProofError> {
    let position = fleet.position();
    let bytes = checkpoint::encode(fleet).map_err(|source| ProofError::Encode { position, source })?;
    let created_at = shared.clock.now();
    let upkeep = checkpoint::store(position, created_at, bytes, shared.every);
    upkeep.ask(shared).map_err(|source| ProofError::Store { position, source })?;
    shared.metrics.checkpoints.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    shared.health.update(|status| status.checkpoint = status.checkpoint.max(position));
    Ok(())
}

/// Where to stop for a checkpoint on the way: twice the spacing, as older ones are thinned to.
fn next_stop(position: u64, every: u64) -> u64 {
    (position / (2 * every) + 1) * 2 * every
}
