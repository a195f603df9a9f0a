//! `/history/machines/{id}/series`: minimum, mean and maximum of a machine's gauges by bucket. What the log has rolled up is
//! merged with the heartbeats that are still rows here; none is in both (`projector/control.rs`).

use std::collections::BTreeMap;

use patze_core::event::payload::Gauges;
use patze_core::history::{Answer, Series, SeriesPoint};
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use rusqlite::{Connection, Row};

use super::super::door::{History, QueryError};
use super::number;
use crate::log::Rollup;

/// Which gauges.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeriesQuery {
    /// Of this machine.
    pub machine: MachineId,
    /// From then on.
    pub from: Timestamp,
    /// Before then.
    pub to: Timestamp,
    /// Points at most, [`super::MIN_POINTS`] to [`super::MAX_POINTS`].
    pub points: usize,
}

/// Gauges in a fixed order.
type Numbers = [Option<f64>; Gauges::COUNT];

/// A bucket that is being filled.
#[derive(Clone, Default)]
struct Filling {
    n: u64,
    min: Numbers,
    max: Numbers,
    /// The weighted sum, and the weight.
    sums: [(f64, f64); Gauges::COUNT],
}

impl History {
    /// A machine's gauges over time.
    ///
    /// # Errors
    /// If the machine was never heard of, or the question is not answered.
    pub async fn series(&self, query: SeriesQuery) -> Result<Answer<Series>, QueryError> {
        let SeriesQuery { machine, from, to, points } = query.clone();
        let span = to.since(from).max(1);
        let points = i64::try_from(points).unwrap_or(1).max(1);
        let length = span.div_euclid(points) + i64::from(span % points != 0);
        let add = move |buckets: &mut BTreeMap<i64, Filling>, rollup: &Rollup| {
            let place = rollup.start.since(from).max(0) / length;
            buckets.entry(place).or_default().add(rollup.n, &rollup.min, &rollup.mean, &rollup.max);
        };
        let mut buckets = self.log().rollups(machine.clone(), (from, to), BTreeMap::new(), add).await?;
        self.ask(move |conn| {
            read(conn, &query, length, &mut buckets)?;
            let points = buckets.into_iter().map(|(place, filling)| filling.point(from.plus(place * length)));
            let (bucket_ms, points) = (length, points.collect());
            Ok(Series { machine_id: machine, from, to, bucket_ms, points })
        })
        .await
    }
}

fn read(
    conn: &Connection,
    query: &SeriesQuery,
    length: i64,
    buckets: &mut BTreeMap<i64, Filling>,
) -> Result<(), QueryError> {
    let known = number(conn, query.machine.as_str())?;
    let unknown = || QueryError::NoSuch { kind: "machine", id: query.machine.to_string() };
    let machine = known.ok_or_else(unknown)?;
    if !conn.prepare_cached("SELECT 1 FROM machines WHERE machine = ?1")?.exists([machine])? {
        return Err(unknown());
    }
    let mut statement = conn.prepare_cached(
        "SELECT at, cpu_pct, memory_bytes, memory_pct, memory_total_bytes, net_rx_bytes, net_tx_bytes, disk_usage_bytes, \
         disk_total_bytes, disk_pct FROM gauges WHERE machine = ?1 AND at >= ?2 AND at < ?3 ORDER BY at",
    )?;
    let mut rows = statement.query([machine, query.from.millis(), query.to.millis()])?;
    // Rows come in order: the bucket in hand is put away when the next one begins.
    let mut current: Option<(i64, Filling)> = None;
    while let Some(row) = rows.next()? {
        let place = (row.get::<_, i64>(0)? - query.from.millis()) / length;
        if current.as_ref().is_none_or(|(at, _)| *at != place) {
            put(buckets, current.take());
            current = Some((place, buckets.remove(&place).unwrap_or_default()));
        }
        if let Some((_, filling)) = &mut current {
            filling.one(&numbers_of(row)?);
        }
    }
    put(buckets, current);
    Ok(())
}

fn put(buckets: &mut BTreeMap<i64, Filling>, done: Option<(i64, Filling)>) {
    if let Some((place, filling)) = done {
        buckets.insert(place, filling);
    }
}

fn numbers_of(row: &Row<'_>) -> rusqlite::Result<Numbers> {
    let mut numbers = [None; Gauges::COUNT];
    for (at, number) in numbers.iter_mut().enumerate() {
        *number = row.get(at + 1)?;
    }
    Ok(numbers)
}

impl Filling {
    /// One heartbeat.
    fn one(&mut self, numbers: &Numbers) {
        self.merge(1, numbers, numbers, numbers);
    }

    /// The heartbeats of a rollup.
    fn add(&mut self, n: u64, min: &Gauges, mean: &Gauges, max: &Gauges) {
        self.merge(n, &min.values(), &mean.values(), &max.values());
    }

    fn merge(&mut self, n: u64, min: &Numbers, mean: &Numbers, max: &Numbers) {
        self.n += n;
        for at in 0..Gauges::COUNT {
            self.min[at] = pick(self.min[at], min[at], f64::min);
            self.max[at] = pick(self.max[at], max[at], f64::max);
            if let Some(mean) = mean[at] {
                let weight = n as f64;
                let (sum, weights) = &mut self.sums[at];
                *sum += mean * weight;
                *weights += weight;
            }
        }
    }

    fn point(&self, start: Timestamp) -> SeriesPoint {
        let mean = self.sums.map(|(sum, weight)| (weight > 0.0).then(|| sum / weight));
        let [min, mean, max] = [self.min, mean, self.max].map(|values| Gauges::of_values(&values));
        SeriesPoint { start, n: self.n, min, mean, max }
    }
}

fn pick(a: Option<f64>, b: Option<f64>, of: fn(f64, f64) -> f64) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(of(a, b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(cpu_pct: f64, disk_pct: Option<f64>) -> Gauges {
        Gauges { cpu_pct, disk_pct, ..Gauges::default() }
    }

    #[test]
    fn rollups_and_heartbeats_are_weighed() {
        let mut filling = Filling::default();
        filling.add(3, &told(1.0, None), &told(2.0, None), &told(4.0, None));
        filling.one(&told(10.0, Some(50.0)).values());
        let point = filling.point(Timestamp::EPOCH);
        assert_eq!((point.n, point.min.cpu_pct, point.mean.cpu_pct, point.max.cpu_pct), (4, 1.0, 4.0, 10.0));
        assert_eq!(point.mean.disk_pct, Some(50.0), "the mean of those who told it");
        assert_eq!(point.mean.net_rx_bytes, None);
    }
}
