//! `/history/density`: the moment rail. Reads one row a minute, hour or day, of the coarsest that the buckets allow: fewer
//! than 60 rows a bucket, but for buckets of days.

use patze_core::fleet::snapshot::HealthWord;
use patze_core::history::{Answer, Density, DensityBucket};
use patze_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::door::{History, QueryError};
use super::super::projector::density::{TIERS, word};
use crate::sqlite;

/// Which part of the rail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DensityQuery {
    /// Where it begins; where recording began, if it is not told.
    pub from: Option<Timestamp>,
    /// Where it ends.
    pub to: Timestamp,
    /// Buckets at most, 1 to [`super::MAX_BUCKETS`].
    pub buckets: usize,
}

impl History {
    /// A part of the moment rail.
    ///
    /// # Errors
    /// If the question is not answered.
    pub async fn density(&self, query: DensityQuery) -> Result<Answer<Density>, QueryError> {
        self.ask(move |conn| read(conn, query)).await
    }
}

/// The length of a bucket, and the tier that it is made of: whole ones, so many that no bucket is cut.
fn cut(from: i64, to: i64, buckets: i64) -> (i64, i64) {
    for tier in TIERS {
        let first = from.div_euclid(tier) * tier;
        let length = (to - first).div_euclid(tier * buckets.max(1)) * tier;
        let length = if first + length * buckets < to { length + tier } else { length }.max(tier);
        let next = TIERS.into_iter().find(|other| *other > tier);
        if next.is_none_or(|next| length < next) {
            return (length, tier);
        }
    }
    (TIERS[0], TIERS[0])
}

fn read(conn: &Connection, query: DensityQuery) -> Result<Density, QueryError> {
    let first: Option<i64> = match query.from {
        Some(from) => Some(from.millis()),
        None => conn
            .prepare_cached("SELECT min(start) FROM density WHERE tier = ?1")?
            .query_row([TIERS[0]], |row| row.get(0))?,
    };
    let to = query.to.millis();
    let from = first.unwrap_or(to - 1).min(to - 1);
    let (length, tier) = cut(from, to, i64::try_from(query.buckets).unwrap_or(1));
    let from = from.div_euclid(tier) * tier;
    let count = usize::try_from((to - from + length - 1) / length).unwrap_or(1);
    let mut standing: i64 = conn
        .prepare_cached(
            "SELECT standing FROM density WHERE tier = ?1 AND start < ?2 ORDER BY start DESC LIMIT 1",
        )?
        .query_row([tier, from], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    // Nothing is known of what comes after the last event.
    let known = sqlite::meta_number(conn, "recordedAt")?.unwrap_or(i64::MIN);
    let mut buckets = Vec::with_capacity(count);
    let mut statement = conn.prepare_cached(
        "SELECT start, events, failures, worst, standing FROM density WHERE tier = ?1 AND start >= ?2 AND start < ?3 \
         ORDER BY start",
    )?;
    let end = from + length * i64::try_from(count).unwrap_or(1);
    let mut rows = statement.query(params![tier, from, end])?;
    let mut next = rows.next()?;
    for start in (from..end).step_by(usize::try_from(length).unwrap_or(1)) {
        let mut worst = standing;
        let (mut events, mut failures) = (0, 0);
        while let Some(row) = next {
            if row.get::<_, i64>(0)? >= start + length {
                next = Some(row);
                break;
            }
            events += row.get::<_, i64>(1)?.unsigned_abs();
            failures += row.get::<_, i64>(2)?.unsigned_abs();
            worst = worst.max(row.get(3)?);
            standing = row.get(4)?;
            next = rows.next()?;
        }
        let worst = if start > known { HealthWord::Unknown } else { word(worst) };
        buckets.push(DensityBucket { start: Timestamp::from_millis(start), events, failures, worst });
    }
    Ok(Density {
        from: Timestamp::from_millis(from),
        to: Timestamp::from_millis(end),
        bucket_ms: length,
        buckets,
    })
}

#[cfg(test)]
mod tests {
    use patze_core::time::{DAY, HOUR, MINUTE};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_are_whole_minutes_hours_or_days() {
        for (span, buckets, expected) in [
            (HOUR, 60, (MINUTE, MINUTE)),
            (HOUR, 1_000, (MINUTE, MINUTE)),
            (HOUR, 7, (9 * MINUTE, MINUTE)),
            (30 * DAY, 1_000, (44 * MINUTE, MINUTE)),
            (30 * DAY, 100, (8 * HOUR, HOUR)),
            (365 * DAY, 300, (2 * DAY, DAY)),
            (1, 1, (MINUTE, MINUTE)),
        ] {
            assert_eq!(cut(0, span, buckets), expected, "{span} in {buckets}");
        }
    }

    proptest! {
        #[test]
        fn no_more_buckets_than_asked_for_and_none_too_few(
            from in -4_000_000_000_000_i64..4_000_000_000_000, span in 1_i64..2_000_000_000_000, buckets in 1_i64..1_000,
        ) {
            let to = from + span;
            let (length, tier) = cut(from, to, buckets);
            let first = from.div_euclid(tier) * tier;
            prop_assert!(length % tier == 0);
            prop_assert!(first + length * buckets >= to, "they reach the end");
        }
    }
}
