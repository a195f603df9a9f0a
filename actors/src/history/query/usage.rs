//! `/history/usage`: tokens and cost by hour or day of a zone. Reads a row a day for each of whom and with what; the quarters
//! in it are put into buckets whose ends the zone's own clock says. Calls that nobody told a cost of are estimated by quarter.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};
use patze_core::history::{Answer, Booked, Sum, Usage, UsageBucket, UsageBy, UsagePoint, UsageSeries};
use patze_core::ids::{AgentId, Home, MachineId};
use patze_core::money::NanoUsd;
use patze_core::prices::{ModelPrices, PriceTable};
use patze_core::time::{DAY, Timestamp};
use rusqlite::Connection;
use rusqlite::types::Type;
use smol_str::SmolStr;

use super::super::door::{History, QueryError};
use super::super::quarters::{QUARTER, Used, visit};
use super::invalid;
use super::limits::{MAX_USAGE_BUCKETS, MAX_USAGE_SERIES};

/// Which usage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageQuery {
    /// Told apart by this.
    pub by: UsageBy,
    /// Summed up by this.
    pub bucket: UsageBucket,
    /// The zone, an IANA name.
    pub tz: String,
    /// From the bucket of this instant on.
    pub from: Timestamp,
    /// Before this instant, or a quarter of an hour later at most.
    pub to: Timestamp,
    /// What calls without a cost are estimated with, or why there is no table.
    pub prices: Result<PriceTable, String>,
}

/// Numbers of `names`, as many as `by` needs.
type Key = [i64; 3];

impl History {
    /// Tokens and cost over time.
    ///
    /// # Errors
    /// If the zone is not known, there were too many buckets, or the question is not answered.
    pub async fn usage(&self, query: UsageQuery) -> Result<Answer<Usage>, QueryError> {
        let zone = TimeZone::get(&query.tz).map_err(|_| {
            invalid(
                "tz",
                format!("{:?} is no zone; name one of the IANA's, such as Europe/Berlin or UTC", query.tz),
            )
        })?;
        let ends = Ends::new(&zone, query.bucket, query.from, query.to)?;
        self.ask(move |conn| {
            let (prices, prices_fault) = match query.prices {
                Ok(prices) => (prices, None),
                Err(fault) => (PriceTable::default(), Some(fault)),
            };
            let sums = sum(conn, query.by, &ends.starts, ends.to, &prices)?;
            let series = show(conn, query.by, sums, &ends.starts)?;
            let start = ends.starts.first().copied().unwrap_or(ends.to);
            Ok(Usage {
                by: query.by,
                bucket: query.bucket,
                tz: zone.iana_name().unwrap_or("UTC").to_owned(),
                from: Timestamp::from_millis(start),
                to: Timestamp::from_millis(ends.to),
                exact: ends.exact,
                prices_fault,
                series,
            })
        })
        .await
    }
}

/// What was used, and what the calls among it that have no cost would have cost.
#[derive(Clone, Copy, Default)]
struct Spent {
    used: Used,
    estimated: Option<NanoUsd>,
}

impl Spent {
    fn add(&mut self, other: &Self) {
        self.used.add(&other.used);
        if let Some(more) = other.estimated {
            self.estimated = Some(NanoUsd(self.estimated.map_or(0, |sum| sum.0).saturating_add(more.0)));
        }
    }
}

/// Where buckets begin, each at a quarter of an hour.
struct Ends {
    starts: Vec<i64>,
    to: i64,
    /// Whether none had to be moved to a quarter.
    exact: bool,
}

impl Ends {
    fn new(zone: &TimeZone, bucket: UsageBucket, from: Timestamp, to: Timestamp) -> Result<Self, QueryError> {
        let length = match bucket {
            UsageBucket::Hour => DAY / 24,
            UsageBucket::Day => DAY,
        };
        let most = i64::try_from(MAX_USAGE_BUCKETS).unwrap_or(i64::MAX);
        if to.since(from) / length > most {
            return Err(invalid(
                "from",
                format!("there may be {MAX_USAGE_BUCKETS} buckets; take a shorter time or bucket=day"),
            ));
        }
        let outside = |_| invalid("from", "times must lie between the years 1 and 9999");
        let first = jiff::Timestamp::from_millisecond(from.millis()).map_err(outside)?.to_zoned(zone.clone());
        let mut at = match bucket {
            UsageBucket::Hour => hour_of(&first).map_err(outside)?,
            UsageBucket::Day => first.start_of_day().map_err(outside)?,
        };
        let (mut starts, mut exact) = (Vec::new(), true);
        while at.timestamp().as_millisecond() < to.millis() {
            let millis = at.timestamp().as_millisecond();
            exact &= millis.rem_euclid(QUARTER) == 0;
            starts.push(millis.div_euclid(QUARTER) * QUARTER);
            let next = match bucket {
                UsageBucket::Hour => at.checked_add(1.hour()).and_then(|next| {
                    let whole = hour_of(&next)?;
                    // Where the clock was put back by less than an hour, the whole hour is the one that we come from.
                    Ok(if whole > at { whole } else { next })
                }),
                UsageBucket::Day => at.checked_add(1.day()).and_then(|next| next.start_of_day()),
            };
            at = next.map_err(outside)?;
        }
        let to = -(-to.millis()).div_euclid(QUARTER) * QUARTER;
        Ok(Self { starts, to, exact })
    }
}

/// The beginning of the hour on the zone's clock.
fn hour_of(at: &Zoned) -> Result<Zoned, jiff::Error> {
    let past = i64::from(at.minute()) * 60_000 + i64::from(at.second()) * 1_000 + i64::from(at.millisecond());
    at.checked_sub(past.milliseconds())
}

fn sum(
    conn: &Connection,
    by: UsageBy,
    starts: &[i64],
    to: i64,
    prices: &PriceTable,
) -> Result<HashMap<Key, BTreeMap<usize, Spent>>, QueryError> {
    let mut sums = HashMap::<Key, BTreeMap<usize, Spent>>::new();
    let mut models = HashMap::<[i64; 2], ModelPrices<'_>>::new();
    let mut name = conn.prepare_cached("SELECT text FROM names WHERE id = ?1")?;
    let Some(from) = starts.first().copied() else { return Ok(sums) };
    let columns = match by {
        UsageBy::Machine => "machine, 0, 0",
        UsageBy::Agent => "machine, home, agent",
        UsageBy::Model => "provider, model, 0",
        UsageBy::Channel => "channel, 0, 0",
    };
    let sql =
        format!("SELECT day, quarters, provider, model, {columns} FROM usage WHERE day >= ?1 AND day <= ?2");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([from.div_euclid(DAY), (to - 1).div_euclid(DAY)])?;
    while let Some(row) = rows.next()? {
        let midnight = row.get::<_, i64>(0)? * DAY;
        let prices = match models.entry([row.get(2)?, row.get(3)?]) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let mut text = |number: i64| name.query_row([number], |row| row.get::<_, String>(0));
                let [provider, model] = *entry.key();
                entry.insert(prices.of(&text(provider)?, &text(model)?))
            }
        };
        let buckets = sums.entry([row.get(4)?, row.get(5)?, row.get(6)?]).or_default();
        // Quarters ascend, and so do buckets: the last one is nearly always the next one too.
        let mut place = starts.partition_point(|start| *start <= midnight);
        let whole = visit(row.get_ref(1)?.as_blob().unwrap_or_default(), |quarter, used| {
            let at = midnight + i64::from(quarter) * QUARTER;
            if at < from || at >= to {
                return;
            }
            while starts.get(place).is_some_and(|start| *start <= at) {
                place += 1;
            }
            let estimated = (used.unpriced.calls > 0)
                .then(|| prices.estimate(Timestamp::from_millis(at), &used.unpriced))
                .flatten();
            buckets.entry(place - 1).or_default().add(&Spent { used: *used, estimated });
        });
        whole.ok_or_else(|| rusqlite::Error::InvalidColumnType(1, "quarters".into(), Type::Blob))?;
    }
    sums.retain(|_, buckets| !buckets.is_empty());
    Ok(sums)
}

fn show(
    conn: &Connection,
    by: UsageBy,
    sums: HashMap<Key, BTreeMap<usize, Spent>>,
    starts: &[i64],
) -> Result<Vec<UsageSeries>, QueryError> {
    let mut ordered: Vec<(Spent, Key, BTreeMap<usize, Spent>)> =
        sums.into_iter().map(|(key, buckets)| (total(&buckets), key, buckets)).collect();
    ordered.sort_unstable_by(|(a, x, _), (b, y, _)| {
        b.used.all.total_tokens.cmp(&a.used.all.total_tokens).then_with(|| x.cmp(y))
    });
    let rest = ordered.split_off(ordered.len().min(MAX_USAGE_SERIES));
    let mut name = conn.prepare_cached("SELECT text FROM names WHERE id = ?1")?;
    let mut series = Vec::with_capacity(ordered.len() + 1);
    for (total, key, buckets) in ordered {
        let [a, b, c] = key;
        let mut text = |number: i64| name.query_row([number], |row| row.get::<_, String>(0));
        let named = match by {
            UsageBy::Machine => {
                UsageSeries { machine_id: Some(MachineId::from(text(a)?)), ..UsageSeries::default() }
            }
            UsageBy::Agent => UsageSeries {
                machine_id: Some(MachineId::from(text(a)?)),
                home: Some(Home::from(text(b)?)).filter(|home| !home.is_empty()),
                agent_id: Some(AgentId::from(text(c)?)),
                ..UsageSeries::default()
            },
            UsageBy::Model => UsageSeries {
                provider: Some(SmolStr::from(text(a)?)),
                model: Some(SmolStr::from(text(b)?)),
                ..UsageSeries::default()
            },
            UsageBy::Channel => {
                UsageSeries { channel: Some(SmolStr::from(text(a)?)), ..UsageSeries::default() }
            }
        };
        series.push(UsageSeries { total: booked(&total), buckets: points(&buckets, starts), ..named });
    }
    if !rest.is_empty() {
        let mut merged = BTreeMap::<usize, Spent>::new();
        for (place, spent) in rest.into_iter().flat_map(|(_, _, buckets)| buckets) {
            merged.entry(place).or_default().add(&spent);
        }
        let (total, buckets) = (booked(&total(&merged)), points(&merged, starts));
        series.push(UsageSeries { others: true, total, buckets, ..UsageSeries::default() });
    }
    Ok(series)
}

fn total(buckets: &BTreeMap<usize, Spent>) -> Spent {
    buckets.values().fold(Spent::default(), |mut sum, spent| {
        sum.add(spent);
        sum
    })
}

fn points(buckets: &BTreeMap<usize, Spent>, starts: &[i64]) -> Vec<UsagePoint> {
    let point = |(place, spent): (&usize, &Spent)| {
        let start = Timestamp::from_millis(*starts.get(*place)?);
        Some(UsagePoint { start, booked: booked(spent) })
    };
    buckets.iter().filter_map(point).collect()
}

fn booked(Spent { used, estimated }: &Spent) -> Booked {
    Booked {
        all: Sum::from(&used.all),
        unpriced: Sum::from(&used.unpriced),
        estimated_cost_usd: estimated.map(NanoUsd::dollars),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(tz: &str, bucket: UsageBucket, from: &str, to: &str) -> (Vec<String>, bool) {
        let (from, to) = (Timestamp::parse(from).unwrap(), Timestamp::parse(to).unwrap());
        let ends = Ends::new(&TimeZone::get(tz).unwrap(), bucket, from, to).unwrap();
        let starts = ends.starts.iter().map(|at| Timestamp::from_millis(*at).to_string()[..16].to_owned());
        (starts.collect(), ends.exact)
    }

    #[test]
    fn days_are_the_zones_own() {
        use UsageBucket::Day;
        let (days, exact) = ends("Europe/Berlin", Day, "2026-10-24T10:00:00Z", "2026-10-27T00:00:00Z");
        // The 25th has 25 hours.
        assert_eq!(days, ["2026-10-23T22:00", "2026-10-24T22:00", "2026-10-25T23:00", "2026-10-26T23:00"]);
        assert!(exact);
        let (days, exact) = ends("Asia/Kolkata", Day, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        assert_eq!((days, exact), (vec!["2025-12-31T18:30".to_owned(), "2026-01-01T18:30".to_owned()], true));
        let (days, exact) = ends("Asia/Kathmandu", Day, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z");
        assert_eq!((days, exact), (vec!["2025-12-31T18:15".to_owned()], true));
    }

    #[test]
    fn hours_follow_the_zones_clock_through_its_changes() {
        use UsageBucket::Hour;
        let (hours, exact) = ends("Asia/Kolkata", Hour, "2026-01-01T00:10:00Z", "2026-01-01T02:00:00Z");
        assert_eq!(hours, ["2025-12-31T23:30", "2026-01-01T00:30", "2026-01-01T01:30"]);
        assert!(exact);
        // Lord Howe puts its clock back by half an hour, at 2026-04-04T15:00Z: each instant is in one bucket all the same.
        let (hours, _) = ends("Australia/Lord_Howe", Hour, "2026-04-04T13:00:00Z", "2026-04-04T18:00:00Z");
        assert!(hours.is_sorted() && hours.len() >= 5, "{hours:?}");
    }

    #[test]
    fn a_zone_that_no_quarter_fits_says_so() {
        let (days, exact) =
            ends("Africa/Monrovia", UsageBucket::Day, "1971-01-01T12:00:00Z", "1971-01-02T00:00:00Z");
        // 44 min 30 s behind Greenwich until 1972.
        assert_eq!((days, exact), (vec!["1971-01-01T00:30".to_owned()], false));
    }

    #[test]
    fn too_many_buckets_are_refused() {
        let from = Timestamp::MIN;
        assert!(Ends::new(&TimeZone::UTC, UsageBucket::Hour, from, Timestamp::EPOCH).is_err());
        assert!(Ends::new(&TimeZone::UTC, UsageBucket::Day, from, Timestamp::MAX).is_err());
    }
}
