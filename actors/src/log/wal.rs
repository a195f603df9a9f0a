//! Copies the write-ahead log into the database beside the writer, a little at a time.
//!
//! SQLite would do it within a commit, all at once: tens of MiB and two more syncs while everybody waits. A passive
//! checkpoint on another connection blocks neither the writer nor readers; the writer's own (see `connect.rs`) then finds
//! next to nothing left to do.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::connect;

/// Bytes of events between two copies. Their pages take about as much again.
const BYTES: usize = 4 << 20;

/// The thread's handle.
#[derive(Debug, Default)]
pub(super) struct WalCopier {
    state: Arc<(Mutex<State>, Condvar)>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes written since the last copy began.
    bytes: usize,
    closed: bool,
}

// === impl WalCopier ===

impl WalCopier {
    /// Starts the thread.
    pub(super) fn start(file: &Path) -> Result<Self, super::reader::StartError> {
        use super::reader::StartError;
        let conn = connect::for_writing(file).map_err(StartError::Sqlite)?;
        let this = Self::default();
        let state = Arc::clone(&this.state);
        let thread = std::thread::Builder::new().name("patze-wal".to_owned()).spawn(move || {
            while wait(&state) {
                // A failure is the writer's to meet: its own checkpoint does the same work.
                if let Err(error) = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
                    tracing::warn!(%error, "the write-ahead log could not be copied into the database");
                }
            }
        });
        *this.thread.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(thread.map_err(StartError::Thread)?);
        Ok(this)
    }

    /// Tells how much was committed.
    pub(super) fn wrote(&self, bytes: usize) {
        let (state, changed) = &*self.state;
        let mut state = locked(state);
        state.bytes += bytes;
        if state.bytes >= BYTES {
            changed.notify_one();
        }
    }

    /// Ends the thread.
    pub(super) fn close(&self) {
        let (state, changed) = &*self.state;
        locked(state).closed = true;
        changed.notify_one();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Its panic has been printed, and its connection is closed.
            let _ = thread.join();
        }
    }
}

impl Drop for WalCopier {
    fn drop(&mut self) {
        self.close();
    }
}

/// Waits until there is enough to copy. False once it is over.
fn wait((state, changed): &(Mutex<State>, Condvar)) -> bool {
    let mut state = locked(state);
    while !state.closed && state.bytes < BYTES {
        state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state.bytes = 0;
    !state.closed
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
