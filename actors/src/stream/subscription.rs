//! One subscriber's place in the ring.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;

use super::{Chunk, Found, Shared};

/// The frames from a position on, without end: one an item, or, in a crowd, as many as one chunk has.
///
/// It ends when the control plane stops, or when the subscriber has fallen out of the ring.
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Shared>,
    id: u64,
    /// The position of the next frame.
    next: u64,
    /// The chunk that `next` is in, as far as that is known.
    current: Option<Arc<Chunk>>,
    ended: bool,
}

impl Subscription {
    pub(super) fn new(shared: Arc<Shared>, id: u64, next: u64) -> Self {
        Self { shared, id, next, current: None, ended: false }
    }

    /// The position of the next frame.
    pub fn next_position(&self) -> u64 {
        self.next
    }

    /// What is left of the current chunk, without the lock.
    fn take_current(&mut self) -> Option<Bytes> {
        let chunk = self.current.as_ref()?;
        let Some(index) = chunk.index_of(self.next) else {
            self.current = None;
            return None;
        };
        if self.shared.is_crowded() {
            self.next = chunk.last() + 1;
            return Some(chunk.rest(index));
        }
        self.next += 1;
        Some(chunk.frame(index))
    }
}

impl Stream for Subscription {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            if let Some(frames) = self.take_current() {
                return Poll::Ready(Some(frames));
            }
            match self.shared.find(self.id, self.next, cx.waker()) {
                Found::In(chunk) => self.current = Some(chunk),
                Found::Later => return Poll::Pending,
                Found::Gone => {
                    self.shared.count_cut();
                    self.ended = true;
                    return Poll::Ready(None);
                }
                Found::Closed => {
                    self.ended = true;
                    return Poll::Ready(None);
                }
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.leave(self.id);
    }
}
