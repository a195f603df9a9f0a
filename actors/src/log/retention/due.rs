//! When a run is due: a bell that whoever runs retention waits for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The bell.
#[derive(Debug, Default)]
pub(in crate::log) struct Due {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    called: bool,
    over: bool,
}

impl Due {
    pub(in crate::log) fn call(&self) {
        self.locked().called = true;
        self.changed.notify_all();
    }

    /// Waits for the next call. False once it is over.
    pub(in crate::log) fn wait(&self) -> bool {
        let mut state = self.locked();
        while !state.over && !state.called {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.called = false;
        !state.over
    }

    /// Leaves the processor to others for so long. False once it is over. What a thread rests is no time of the log: the
    /// injected clock has no say in it, as it has none in how long SQLite waits for a lock.
    pub(in crate::log) fn rest(&self, time: Duration) -> bool {
        let rested = self.changed.wait_timeout_while(self.locked(), time, |state| !state.over);
        let (state, _) = rested.unwrap_or_else(PoisonError::into_inner);
        !state.over
    }

    pub(in crate::log) fn close(&self) {
        self.locked().over = true;
        self.changed.notify_all();
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
