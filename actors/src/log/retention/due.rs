//! When a run is due: a bell that whoever runs retention waits for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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

    pub(in crate::log) fn is_over(&self) -> bool {
        self.locked().over
    }

    pub(in crate::log) fn close(&self) {
        self.locked().over = true;
        self.changed.notify_all();
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
