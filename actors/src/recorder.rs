//! Appends the control plane's own facts: the one way in which actors and the edge write `control.*` events, and the
//! offline heartbeat.

use std::sync::Arc;
use std::time::Duration;

use patze_core::event::Event;
use patze_core::event::control::Control;
use patze_core::ids::{EventId, ulid};
use patze_supervise::clock::Clock;

use crate::log::{Batch, Lane, Log, Overloaded, Pending};

/// How long to wait when an append was refused or failed.
const RETRY: Duration = Duration::from_secs(1);

/// Gives facts an id and a time, and appends them on the control lane. Clones are handles to the same log.
#[derive(Clone, Debug)]
pub struct Recorder {
    log: Log,
    clock: Clock,
}

impl Recorder {
    /// A recorder that writes to `log`.
    pub fn new(log: Log, clock: Clock) -> Self {
        Self { log, clock }
    }

    /// Appends one fact. `trace_id` is the request's or the actor's id (design §18.2). An effect in the world may
    /// start once the answer is there (AC-3).
    ///
    /// # Errors
    /// [`Overloaded`] if the control lane is full; nothing was taken then.
    pub fn record(&self, control: &Control, trace_id: &str) -> Result<Pending, Overloaded> {
        self.append(self.event(control, trace_id))
    }

    /// A fact with its id and time, to be appended. Appended again it is stored once (EL-3).
    pub fn event(&self, control: &Control, trace_id: &str) -> Event {
        control.to_event(self.event_id(), self.clock.now(), trace_id)
    }

    /// Waits for the answer to an append, and tells whether the event is stored. If it was refused or failed, that is
    /// said, and a pause made, so that whoever looks again after this does not spin.
    pub fn settle(&self, appended: Result<Pending, Overloaded>) -> impl Future<Output = bool> + use<> {
        let clock = self.clock.clone();
        async move {
            let stored = match appended {
                Ok(pending) => pending.await.map(drop).map_err(|error| error.to_string()),
                Err(overloaded) => Err(overloaded.to_string()),
            };
            if let Err(error) = &stored {
                tracing::warn!(%error, "a fact could not be stored; it is tried again");
                clock.sleep(RETRY).await;
            }
            stored.is_ok()
        }
    }

    /// Appends one event of the control plane's own.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub fn append(&self, event: Event) -> Result<Pending, Overloaded> {
        self.log.append(Lane::Control, Batch::control(Arc::from([event])))
    }

    /// A new id: the time and 80 random bits. Should the system have no randomness, the log's length stands in: it
    /// grows with each such event.
    fn event_id(&self) -> EventId {
        let mut random = [0; 16];
        if getrandom::fill(&mut random).is_err() {
            random = u128::from(self.log.head().position).to_be_bytes();
        }
        ulid(self.clock.now(), u128::from_be_bytes(random))
    }
}
