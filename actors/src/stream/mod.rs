//! Fan-out of committed events to the subscribers of `/events` (contract §8; design §10).
//!
//! # Constraints
//! 1. The writer thread is never held up: it encodes each event once, whatever the number of subscribers, takes one
//!    short lock and wakes. Above [`CROWD`] subscribers it wakes a single task, the [`Herald`].
//! 2. Memory is bounded: the newest [`RING_FRAMES`] frames or [`RING_BYTES`] bytes, whichever is less, in chunks of about
//!    [`CHUNK_BYTES`] (no smaller than one frame), shared by all subscribers. A subscriber owns a place in that, no copy
//!    and no queue. Where nobody has listened for a minute nothing is kept and nothing encoded: the log has it all.
//! 3. A subscriber that is slower than the ring moves on is cut, never waited for. It reconnects with `?after=`.
//! 4. Nobody misses or sees twice a frame: the only cursor is a position, and positions are dense (EL-1).
//!
//! # Operation
//! ```text
//! writer thread: commit, fold, Hub::publish ──> ring of chunks ──(by position)──> Subscription ──> a response's body
//!                                   └─ wakes the subscribers, or the Herald, who wakes them at most every 20 ms
//! ```
//! [`Hub::subscribe`] starts at the newest frame or after a position. A position that the ring no longer holds is
//! [`NotInRing`]: the caller reads the log up to where the ring begins and subscribes again.

mod chunk;
mod subscription;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use patze_core::event::{Event, Origin};
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use tokio::sync::Notify;

pub use chunk::{Chunk, Encoder};
pub use subscription::Subscription;

/// Frames that stay in memory at most (design §10).
pub const RING_FRAMES: usize = 10_000;
/// Bytes of frames that stay in memory at most (design §10).
pub const RING_BYTES: usize = 16 * 1024 * 1024;
/// A chunk is closed once it has this many bytes, so that a subscriber whose socket is stuck holds no more alive.
pub const CHUNK_BYTES: usize = 64 * 1024;
/// Above this many subscribers frames share a write (design §14).
pub const CROWD: usize = 100;
/// How far apart such writes are at most.
pub const BEAT: Duration = Duration::from_millis(20);
/// How long frames are still kept after the last subscriber has left.
const LINGER: Duration = Duration::from_secs(60);

/// The one place where frames come in and subscribers are served. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Shared>);

/// Wakes a crowd of subscribers, at most once every [`BEAT`]. Its [`run`](Herald::run) must be spawned.
#[derive(Debug)]
#[must_use = "without it a crowd of subscribers is never woken"]
pub struct Herald(Arc<Shared>);

/// The ring does not reach back to the wanted position.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the frames before position {oldest} are no longer in memory")]
pub struct NotInRing {
    /// The first position that is in memory, or will be.
    pub oldest: u64,
}

/// What the hub has done and holds, for `/metrics`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Subscribers right now.
    pub subscribers: usize,
    /// Subscribers that were cut because they were too slow, since the start.
    pub cut: u64,
    /// Frames encoded since the start.
    pub encoded: u64,
    /// Frames in memory.
    pub ring_frames: usize,
    /// Bytes of those frames.
    pub ring_bytes: usize,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    inner: Mutex<Inner>,
    /// There is news for a crowd.
    news: Notify,
    /// Written under the lock, read without it.
    subscribers: AtomicUsize,
    cut: AtomicU64,
    encoded: AtomicU64,
}

#[derive(Debug)]
struct Inner {
    chunks: VecDeque<Arc<Chunk>>,
    frames: usize,
    bytes: usize,
    /// The last published position.
    head: u64,
    /// Every subscriber, with its waker while it waits.
    waiting: BTreeMap<u64, Option<Waker>>,
    next_id: u64,
    /// When the last subscriber left, by [`Clock::elapsed`].
    alone_since: Duration,
    closed: bool,
}

/// What a subscriber finds at a position.
enum Found {
    /// The chunk that holds it.
    In(Arc<Chunk>),
    /// It is not there yet; the waker is kept.
    Later,
    /// It is not there any more.
    Gone,
    /// The control plane stops.
    Closed,
}

// === impl Hub ===

impl Hub {
    /// A hub whose next frame is that of position `head + 1`.
    pub fn new(clock: Clock, head: u64) -> (Self, Herald) {
        let shared = Arc::new(Shared {
            inner: Mutex::new(Inner {
                chunks: VecDeque::new(),
                frames: 0,
                bytes: 0,
                head,
                waiting: BTreeMap::new(),
                next_id: 0,
                alone_since: clock.elapsed(),
                closed: false,
            }),
            clock,
            news: Notify::new(),
            subscribers: AtomicUsize::new(0),
            cut: AtomicU64::new(0),
            encoded: AtomicU64::new(0),
        });
        (Self(Arc::clone(&shared)), Herald(shared))
    }

    /// Publishes what a commit has placed, in position order. Called by the writer thread after the fold.
    ///
    /// The positions follow on those of the call before (EL-1), but that a writer that failed half-way may publish some
    /// once more: those are passed over.
    pub fn publish<'a, I>(&self, placed: I)
    where
        I: IntoIterator<Item = (&'a Event, u64, Timestamp, Origin<'a>)>,
    {
        {
            let mut inner = self.0.lock();
            if inner.is_alone(self.0.clock.elapsed()) {
                // Within this lock, so that nobody can come in between and miss them.
                if let Some((_, last, ..)) = placed.into_iter().last() {
                    inner.pass_by(last);
                }
                return;
            }
        }
        let head = self.head();
        let mut encoder = Encoder::default();
        for (event, position, recorded_at, origin) in placed.into_iter().skip_while(|(_, at, ..)| *at <= head)
        {
            encoder.push(event, position, recorded_at, origin);
        }
        let chunks = encoder.finish();
        let Some(last) = chunks.last().map(|chunk| chunk.last()) else { return };
        let frames = chunks.iter().map(|chunk| chunk.frames()).sum::<usize>();
        self.0.encoded.fetch_add(frames as u64, Ordering::Relaxed);
        let wakers = {
            let mut inner = self.0.lock();
            inner.head = last;
            inner.push(chunks);
            if inner.waiting.len() > CROWD { None } else { Some(inner.take_wakers()) }
        };
        match wakers {
            Some(wakers) => wakers.into_iter().for_each(Waker::wake),
            None => self.0.news.notify_one(),
        }
    }

    /// Subscribes to what follows position `after`, or to what follows the newest frame.
    ///
    /// # Errors
    /// [`NotInRing`] if frames between `after` and the newest are no longer in memory.
    pub fn subscribe(&self, after: Option<u64>) -> Result<Subscription, NotInRing> {
        let mut inner = self.0.lock();
        let next = after.unwrap_or(inner.head).saturating_add(1);
        let oldest = inner.oldest();
        // Of a closed hub everybody gets the end.
        if next < oldest && !inner.closed {
            return Err(NotInRing { oldest });
        }
        let id = inner.next_id;
        inner.next_id += 1;
        inner.waiting.insert(id, None);
        self.0.subscribers.store(inner.waiting.len(), Ordering::Relaxed);
        Ok(Subscription::new(Arc::clone(&self.0), id, next))
    }

    /// The position of the newest frame.
    pub fn head(&self) -> u64 {
        self.0.lock().head
    }

    /// Ends every subscription, now and from now on. For a stop of the control plane.
    pub fn close(&self) {
        let wakers = {
            let mut inner = self.0.lock();
            inner.closed = true;
            inner.take_wakers()
        };
        wakers.into_iter().for_each(Waker::wake);
        self.0.news.notify_one();
    }

    /// What it has done and holds.
    pub fn stats(&self) -> Stats {
        let inner = self.0.lock();
        Stats {
            subscribers: inner.waiting.len(),
            cut: self.0.cut.load(Ordering::Relaxed),
            encoded: self.0.encoded.load(Ordering::Relaxed),
            ring_frames: inner.frames,
            ring_bytes: inner.bytes,
        }
    }
}

// === impl Herald ===

impl Herald {
    /// Runs until the hub is closed.
    pub async fn run(self) {
        loop {
            self.0.news.notified().await;
            let (wakers, closed) = {
                let mut inner = self.0.lock();
                (inner.take_wakers(), inner.closed)
            };
            wakers.into_iter().for_each(Waker::wake);
            if closed {
                return;
            }
            self.0.clock.sleep(BEAT).await;
        }
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_crowded(&self) -> bool {
        self.subscribers.load(Ordering::Relaxed) > CROWD
    }

    /// What is at position `next`; where that is still to come, subscriber `id` is woken then.
    fn find(&self, id: u64, next: u64, waker: &Waker) -> Found {
        let mut inner = self.lock();
        if inner.closed {
            return Found::Closed;
        }
        if next > inner.head {
            match inner.waiting.get_mut(&id) {
                Some(Some(kept)) => kept.clone_from(waker),
                Some(place) => *place = Some(waker.clone()),
                None => {}
            }
            return Found::Later;
        }
        let at = inner.chunks.partition_point(|chunk| chunk.last() < next);
        let chunk = inner.chunks.get(at).filter(|chunk| chunk.index_of(next).is_some());
        chunk.map_or(Found::Gone, |chunk| Found::In(Arc::clone(chunk)))
    }

    fn leave(&self, id: u64) {
        let mut inner = self.lock();
        let waker = inner.waiting.remove(&id);
        self.subscribers.store(inner.waiting.len(), Ordering::Relaxed);
        if inner.waiting.is_empty() {
            inner.alone_since = self.clock.elapsed();
        }
        drop(inner);
        // Outside the lock: dropping a waker may drop a task, and with it another subscription.
        drop(waker);
    }

    fn count_cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }
}

// === impl Inner ===

impl Inner {
    fn oldest(&self) -> u64 {
        self.chunks.front().map_or(self.head + 1, |chunk| chunk.first())
    }

    fn is_alone(&self, now: Duration) -> bool {
        self.waiting.is_empty() && now.saturating_sub(self.alone_since) >= LINGER
    }

    fn push(&mut self, chunks: Vec<Arc<Chunk>>) {
        for chunk in chunks {
            self.frames += chunk.frames();
            self.bytes += chunk.bytes();
            self.chunks.push_back(chunk);
        }
        while (self.frames > RING_FRAMES || self.bytes > RING_BYTES) && self.chunks.len() > 1 {
            let Some(oldest) = self.chunks.pop_front() else { break };
            self.frames -= oldest.frames();
            self.bytes -= oldest.bytes();
        }
    }

    /// Nobody listens: the frames up to `last` are in the log for whoever comes.
    fn pass_by(&mut self, last: u64) {
        self.head = last;
        self.chunks = VecDeque::new();
        (self.frames, self.bytes) = (0, 0);
    }

    fn take_wakers(&mut self) -> Vec<Waker> {
        self.waiting.values_mut().filter_map(Option::take).collect()
    }
}

#[cfg(test)]
mod tests;
