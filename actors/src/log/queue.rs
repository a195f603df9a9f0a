//! The queue before the writer: bounded in bytes, two lanes, refusing at once (AC-2).
//!
//! Each lane has a bound of its own, so that a flood of ingest fills its lane and leaves the control lane as it was. A
//! lane that is empty takes one batch whatever its size, for otherwise such a batch could never be stored. Upkeep waits
//! beside the lanes: a checkpoint of some MiB fills none of them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::batch::{AppendError, Appended, Batch, Lane, Overloaded};
use super::upkeep::Upkeep;

/// Bytes of ingest that may wait (design §6).
pub const INGEST_BYTES: usize = 32 << 20;
/// Bytes of control events that may wait: room of their own, thousands of events.
pub const CONTROL_BYTES: usize = 2 << 20;
/// How much one transaction takes (design §18.9): the first of both that is reached.
pub const TRANSACTION_EVENTS: usize = 5_000;
/// See [`TRANSACTION_EVENTS`].
pub const TRANSACTION_BYTES: usize = 8 << 20;

/// Something for the writer to do.
#[derive(Debug)]
pub(super) enum Work {
    /// Store a batch and answer.
    Append { batch: Batch, reply: oneshot::Sender<Result<Appended, AppendError>> },
    /// Look after what was stored before.
    Upkeep { upkeep: Upkeep, reply: oneshot::Sender<Result<(), AppendError>> },
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    control: Waiting,
    /// Few at a time, and so without a bound: each owner waits for its own.
    upkeep: Waiting,
    ingest: Waiting,
    closed: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    work: VecDeque<(Work, Cost)>,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Cost {
    events: usize,
    bytes: usize,
}

/// Why something was not queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    Overloaded(Overloaded),
    Closed,
}

// === impl Queue ===

impl Queue {
    /// Queues work; what is no batch is upkeep, whatever the lane. Never waits.
    pub(super) fn push(&self, lane: Lane, work: Work) -> Result<(), Refusal> {
        let cost = work.cost();
        let mut state = self.locked();
        if state.closed {
            return Err(Refusal::Closed);
        }
        let (waiting, limit) = match (&work, lane) {
            (Work::Append { .. }, Lane::Control) => (&mut state.control, CONTROL_BYTES),
            (Work::Append { .. }, Lane::Ingest) => (&mut state.ingest, INGEST_BYTES),
            _ => (&mut state.upkeep, usize::MAX),
        };
        if !waiting.work.is_empty() && waiting.bytes + cost.bytes > limit {
            return Err(Refusal::Overloaded(Overloaded { queued: waiting.bytes, limit }));
        }
        waiting.bytes += cost.bytes;
        waiting.work.push_back((work, cost));
        self.changed.notify_one();
        Ok(())
    }

    /// Takes what one transaction may hold, control first, and waits while there is nothing. False once the queue is
    /// closed and empty.
    pub(super) fn take(&self, taken: &mut Vec<Work>) -> bool {
        let mut state = self.locked();
        while state.is_empty() {
            if state.closed {
                return false;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut room = Cost { events: TRANSACTION_EVENTS, bytes: TRANSACTION_BYTES };
        let State { control, upkeep, ingest, .. } = &mut *state;
        for lane in [control, upkeep, ingest] {
            while let Some(cost) = lane.work.front().map(|(_, cost)| *cost) {
                if !taken.is_empty() && (cost.events > room.events || cost.bytes > room.bytes) {
                    return true;
                }
                room.events = room.events.saturating_sub(cost.events);
                room.bytes = room.bytes.saturating_sub(cost.bytes);
                lane.bytes -= cost.bytes;
                taken.extend(lane.work.pop_front().map(|(work, _)| work));
            }
        }
        true
    }

    /// Refuses whatever comes from now on; what waits is still taken.
    pub(super) fn close(&self) {
        self.locked().closed = true;
        self.changed.notify_all();
    }

    /// Throws away what waits: every caller is told that its batch is lost.
    pub(super) fn clear(&self) {
        let mut state = self.locked();
        state.control = Waiting::default();
        state.upkeep = Waiting::default();
        state.ingest = Waiting::default();
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        let state = self.locked();
        state.control.bytes + state.upkeep.bytes + state.ingest.bytes
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        // Nothing between two steps of the bookkeeping can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.control.work.is_empty() && self.upkeep.work.is_empty() && self.ingest.work.is_empty()
    }
}

// === impl Work ===

impl Work {
    /// Bytes that it occupies.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Append { batch, .. } => batch.weight(),
            Self::Upkeep { upkeep, .. } => upkeep.weight(),
        }
    }

    fn cost(&self) -> Cost {
        let events = match self {
            Self::Append { batch, .. } => batch.events.len(),
            Self::Upkeep { .. } => 0,
        };
        Cost { events, bytes: self.weight() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patze_core::event::{Event, Parts, Severity};
    use patze_core::ids::{EventId, MachineId};
    use patze_core::time::Timestamp;

    fn work(events: usize, payload_bytes: usize) -> Work {
        let payload = format!("{{\"x\":\"{}\"}}", "x".repeat(payload_bytes));
        let event = Event::new(Parts {
            id: EventId::new("e"),
            machine: MachineId::new("m"),
            type_name: "run.log.emitted",
            severity: Severity::Info,
            occurred_at: Timestamp::EPOCH,
            trace: "{}",
            payload: &payload,
        });
        Work::Append { batch: Batch::ingest(vec![event; events]), reply: oneshot::channel().0 }
    }

    fn events_of(taken: &[Work]) -> Vec<usize> {
        taken.iter().map(|work| work.cost().events).collect()
    }

    #[test]
    fn a_flood_fills_its_own_lane_only() {
        let queue = Queue::default();
        let mut accepted = 0;
        while queue.push(Lane::Ingest, work(1, 1 << 20)).is_ok() {
            accepted += 1;
        }
        assert_eq!(accepted, 31, "31 batches of a little more than 1 MiB fit into 32 MiB");
        assert!(queue.bytes() <= INGEST_BYTES);
        for _ in 0..1_000 {
            queue.push(Lane::Control, work(1, 300)).unwrap();
        }
        let mut taken = Vec::new();
        assert!(queue.take(&mut taken));
        assert_eq!(taken.len(), 1_000 + 7, "control first, then ingest up to 8 MiB");
    }

    #[test]
    fn the_control_lane_is_bounded_too() {
        let queue = Queue::default();
        let refusal = (0..).find_map(|_| queue.push(Lane::Control, work(1, 1 << 10)).err()).unwrap();
        let Refusal::Overloaded(overloaded) = refusal else { panic!("{refusal:?}") };
        assert_eq!(overloaded.limit, CONTROL_BYTES);
        assert!(overloaded.queued <= CONTROL_BYTES && overloaded.queued > CONTROL_BYTES - (4 << 10));
        assert_eq!(queue.push(Lane::Ingest, work(1, 1)), Ok(()));
    }

    #[test]
    fn a_waiting_checkpoint_leaves_the_control_lane_its_room() {
        let queue = Queue::default();
        let upkeep = Upkeep::new(CONTROL_BYTES + 1, |_, _| Ok(()));
        queue.push(Lane::Control, Work::Upkeep { upkeep, reply: oneshot::channel().0 }).unwrap();
        for _ in 0..1_000 {
            queue.push(Lane::Control, work(1, 300)).unwrap();
        }
        let mut taken = Vec::new();
        assert!(queue.take(&mut taken));
        assert_eq!(taken.len(), 1_001);
        assert!(matches!(taken.last(), Some(Work::Upkeep { .. })), "control events first");
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_transaction_takes_5000_events_and_whole_batches() {
        let queue = Queue::default();
        for events in [2_000, 2_000, 1_500, 6_000, 1] {
            queue.push(Lane::Ingest, work(events, 10)).unwrap();
        }
        let mut seen = Vec::new();
        queue.close();
        loop {
            let mut taken = Vec::new();
            if !queue.take(&mut taken) {
                break;
            }
            seen.push(events_of(&taken));
        }
        assert_eq!(seen, [vec![2_000, 2_000], vec![1_500], vec![6_000], vec![1]]);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_closed_queue_hands_out_what_waits_and_takes_nothing() {
        let queue = Queue::default();
        queue.push(Lane::Ingest, work(1, 1)).unwrap();
        queue.close();
        assert_eq!(queue.push(Lane::Control, work(1, 1)), Err(Refusal::Closed));
        let mut taken = Vec::new();
        assert!(queue.take(&mut taken));
        assert!(!queue.take(&mut taken));
    }

    #[test]
    fn a_waiting_writer_wakes() {
        let queue = std::sync::Arc::new(Queue::default());
        let writer = std::thread::spawn({
            let queue = queue.clone();
            move || {
                let mut taken = Vec::new();
                queue.take(&mut taken);
                taken.len()
            }
        });
        queue.push(Lane::Control, work(1, 1)).unwrap();
        assert_eq!(writer.join().unwrap(), 1);
    }
}
