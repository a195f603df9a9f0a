//! Some frames in one shared buffer.

use std::sync::Arc;

use bytes::Bytes;
use patze_core::event::{Event, Origin};
use patze_core::time::Timestamp;

use super::CHUNK_BYTES;

/// Frames of consecutive positions, as they go over the wire.
#[derive(Debug)]
pub struct Chunk {
    first: u64,
    text: Bytes,
    /// Where each frame ends in `text`; never empty.
    ends: Box<[u32]>,
}

/// Encodes events into chunks.
#[derive(Debug, Default)]
pub struct Encoder {
    done: Vec<Arc<Chunk>>,
    first: u64,
    text: String,
    ends: Vec<u32>,
}

impl Chunk {
    /// The position of the first frame.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The position of the last frame.
    pub fn last(&self) -> u64 {
        self.first + (self.ends.len() as u64).saturating_sub(1)
    }

    /// How many frames there are.
    pub fn frames(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes they have.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The frame's index of a position that is in this chunk.
    pub fn index_of(&self, position: u64) -> Option<usize> {
        let index = usize::try_from(position.checked_sub(self.first)?).ok()?;
        (index < self.ends.len()).then_some(index)
    }

    /// One frame; empty if there is no such index.
    pub fn frame(&self, index: usize) -> Bytes {
        self.ends.get(index).map_or_else(Bytes::new, |end| self.text.slice(self.start(index)..*end as usize))
    }

    /// All frames from `index` on.
    pub fn rest(&self, index: usize) -> Bytes {
        self.text.slice(self.start(index)..)
    }

    fn start(&self, index: usize) -> usize {
        match index.checked_sub(1) {
            None => 0,
            Some(before) => self.ends.get(before).map_or(self.text.len(), |end| *end as usize),
        }
    }
}

impl Encoder {
    /// Adds one event. A position that does not follow on the one before begins a new chunk: where history was cut,
    /// positions are missing (EL-1).
    pub fn push(&mut self, event: &Event, position: u64, recorded_at: Timestamp, origin: Origin<'_>) {
        if self.text.len() >= CHUNK_BYTES || position != self.first + self.ends.len() as u64 {
            self.close();
        }
        if self.ends.is_empty() {
            self.first = position;
        }
        event.push_frame(&mut self.text, position, recorded_at, origin);
        // A chunk has at most `CHUNK_BYTES` and one frame, and a frame little more than a body of 4 MiB.
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    /// The chunks, in position order.
    pub fn finish(mut self) -> Vec<Arc<Chunk>> {
        self.close();
        self.done
    }

    fn close(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        let mut text = std::mem::take(&mut self.text);
        text.shrink_to_fit();
        let ends = std::mem::take(&mut self.ends).into_boxed_slice();
        self.done.push(Arc::new(Chunk { first: self.first, text: Bytes::from(text), ends }));
    }
}
