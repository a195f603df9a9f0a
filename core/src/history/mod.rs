//! What `/history/…` answers (design §8): shared by the control plane, which makes it, and the page, which shows it.
//!
//! Fields without a value are absent. Times are the sources' own (`occurred_at`), but never later than when they were taken.

mod charts;
mod lists;
mod timeline;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

pub use charts::{
    Booked, Density, DensityBucket, Series, SeriesPoint, Usage, UsageBucket, UsageBy, UsagePoint, UsageSeries,
};
pub use lists::{LogItem, MachineItem, Piece, RunItem, SessionItem};
pub use timeline::{Step, Timeline, What};

use crate::fleet::usage::Totals;

/// How far history is: it follows the log by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The last position that is in it.
    pub position: u64,
    /// Positions of the log that are not in it yet.
    pub behind: u64,
    /// It is being made anew from the log: all up to `position` is there, the rest comes.
    pub rebuilding: bool,
}

/// Any answer, with how far history was.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Answer<T> {
    /// The answer itself.
    #[serde(flatten)]
    pub answer: T,
    /// How far history was.
    #[serde(flatten)]
    pub progress: Progress,
}

/// Reads the text twice, which needs no buffer for what is flattened; and gauges are read as raw JSON, which such a buffer
/// cannot give.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Answer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let fault = |error: serde_json::Error| D::Error::custom(error);
        Ok(Self {
            answer: serde_json::from_str(text.get()).map_err(fault)?,
            progress: serde_json::from_str(text.get()).map_err(fault)?,
        })
    }
}

/// Some rows of a list, newest first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What `cursor=` takes for the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Tokens and cost.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sum {
    /// Model calls.
    pub calls: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Tokens in all.
    pub total_tokens: u64,
    /// Tokens read from the provider's cache.
    pub cache_read_tokens: u64,
    /// Tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Dollars, as reported.
    pub cost_usd: f64,
}

impl From<&Totals> for Sum {
    fn from(totals: &Totals) -> Self {
        Self {
            calls: totals.calls,
            input_tokens: totals.input_tokens,
            output_tokens: totals.output_tokens,
            total_tokens: totals.total_tokens,
            cache_read_tokens: totals.cache_read_tokens,
            cache_write_tokens: totals.cache_write_tokens,
            cost_usd: totals.cost.dollars(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn an_answer_with_gauges_is_read_as_it_was_written() {
        let gauges =
            crate::event::payload::Gauges { cpu_pct: 1.5, disk_pct: Some(9.0), ..Default::default() };
        let point = SeriesPoint { start: Timestamp::EPOCH, n: 1, min: gauges, mean: gauges, max: gauges };
        let answer = Answer {
            answer: Series {
                machine_id: "m".into(),
                from: Timestamp::EPOCH,
                to: Timestamp::from_millis(60_000),
                bucket_ms: 60_000,
                points: vec![point],
            },
            progress: Progress { position: 7, behind: 1, rebuilding: true },
        };
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(serde_json::from_str::<Answer<Series>>(&text).unwrap(), answer);
    }
}
