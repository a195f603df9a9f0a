//! What is left of the heartbeats that were thinned out (design §6): minimum, mean and maximum of each gauge by bucket.

use patze_core::event::payload::Gauges;
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use rusqlite::Connection;

use super::door::Log;
use super::reader::ReadError;
use super::retention;

/// One bucket.
#[derive(Clone, PartialEq, Debug)]
pub struct Rollup {
    /// Its first instant.
    pub start: Timestamp,
    /// Its length in ms.
    pub length: i64,
    /// Heartbeats in it, at least one.
    pub n: u64,
    /// The least of each gauge.
    pub min: Gauges,
    /// The mean of each gauge over the heartbeats that told it.
    pub mean: Gauges,
    /// The greatest of each gauge.
    pub max: Gauges,
}

impl Log {
    /// Shows the buckets of a machine that begin in [from, to) to `each`, the finest first and of a length the oldest
    /// first, and gives what it made of them; a year has some 90,000. They hold the heartbeats up to the last one that was
    /// thinned out; history has every one of those that came later.
    ///
    /// # Errors
    /// If the log is overloaded, closed or cannot be read.
    pub async fn rollups<T: Send + 'static>(
        &self,
        machine: MachineId,
        (from, to): (Timestamp, Timestamp),
        mut made: T,
        each: impl Fn(&mut T, &Rollup) + Send + 'static,
    ) -> Result<T, ReadError> {
        let read = move |conn: &Connection| {
            retention::rollup::read(conn, machine.as_str(), from, to, |rollup| each(&mut made, rollup))?;
            Ok(made)
        };
        self.0.readers.ask(read).await
    }
}
