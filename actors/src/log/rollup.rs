//! What is left of the heartbeats that were thinned out (design §6): minimum, mean and maximum of each gauge by bucket.

use patze_core::event::payload::Gauges;
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;

use super::door::Log;
use super::reader::ReadError;

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
    /// The buckets of a machine that begin in [from, to), oldest first. Until heartbeats are rolled up there is none, and
    /// history has every one of them.
    ///
    /// # Errors
    /// If the log is overloaded, closed or cannot be read.
    #[allow(clippy::unused_async, reason = "it will ask the readers, as `read_after` does")]
    pub async fn rollups(
        &self,
        _machine: MachineId,
        _from: Timestamp,
        _to: Timestamp,
    ) -> Result<Vec<Rollup>, ReadError> {
        Ok(Vec::new())
    }
}
