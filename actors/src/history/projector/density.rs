//! The moment rail: events, failures and the fleet's worst health by minute, hour and day of recorded_at.

use std::collections::BTreeMap;

use patze_core::fleet::rows::{Machine, Status};
use patze_core::fleet::snapshot::HealthWord;
use patze_core::ids::MachineId;
use patze_core::time::{DAY, HOUR, MINUTE, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::sqlite;

/// The lengths of a bucket in ms.
pub(in crate::history) const TIERS: [i64; 3] = [MINUTE, HOUR, DAY];

/// The buckets that are being filled, and the health that stands.
#[derive(Debug)]
pub(super) struct Rail {
    /// One of each tier.
    current: [Option<Bucket>; 3],
    /// The machines that are not well.
    ill: BTreeMap<MachineId, Status>,
    /// Whether there is any machine.
    known: bool,
    /// The end of the newest run that failed.
    last_failure: Option<Timestamp>,
    /// The newest recorded_at.
    now: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    start: i64,
    events: i64,
    failures: i64,
    worst: i64,
    standing: i64,
}

impl Rail {
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut rail = Self {
            current: [None; 3],
            ill: BTreeMap::new(),
            known: false,
            last_failure: sqlite::meta_number(conn, "lastFailure")?.map(Timestamp::from_millis),
            now: Timestamp::MIN,
        };
        for (tier, current) in TIERS.into_iter().zip(&mut rail.current) {
            *current = conn
                .prepare_cached("SELECT * FROM density WHERE tier = ?1 ORDER BY start DESC LIMIT 1")?
                .query_row([tier], |row| {
                    Ok(Bucket {
                        start: row.get("start")?,
                        events: row.get("events")?,
                        failures: row.get("failures")?,
                        worst: row.get("worst")?,
                        standing: row.get("standing")?,
                    })
                })
                .optional()?;
        }
        let mut statement = conn.prepare("SELECT row FROM machines WHERE NOT forgotten")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Ok(machine) = serde_json::from_str(&row.get::<_, String>(0)?) {
                rail.machine(&machine);
            }
        }
        Ok(rail)
    }

    /// An event came.
    pub(super) fn event(&mut self, conn: &Connection, at: Timestamp) -> rusqlite::Result<()> {
        self.now = self.now.max(at);
        let word = code(self.word());
        for (tier, current) in TIERS.into_iter().zip(&mut self.current) {
            let start = at.millis().div_euclid(tier) * tier;
            match current {
                // recorded_at never decreases; should it ever, then the newest bucket has it.
                Some(bucket) if bucket.start >= start => {
                    bucket.events += 1;
                    bucket.worst = bucket.worst.max(word);
                    bucket.standing = word;
                }
                _ => {
                    if let Some(done) = current.replace(Bucket {
                        start,
                        events: 1,
                        failures: 0,
                        // What stood when it began was part of it.
                        worst: word,
                        standing: word,
                    }) {
                        write(conn, tier, &done)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A run failed at `at`.
    pub(super) fn failed(&mut self, at: Timestamp, backfilled: bool, paused: bool) {
        if !paused {
            self.last_failure = self.last_failure.max(Some(at));
        }
        for bucket in self.current.iter_mut().flatten() {
            bucket.failures += i64::from(!backfilled);
        }
        self.note();
    }

    /// A machine is as told now.
    pub(super) fn machine(&mut self, machine: &Machine) {
        let Some(pulse) = &machine.pulse else { return };
        self.known = true;
        // An original bridge that was started anew under another id leaves its old one behind (contract §7.2): a ghost.
        let ghost = machine.machine_id.as_str().starts_with("machine_") && machine.name().is_none();
        if machine.paused || ghost || pulse.status == Status::Online {
            self.ill.remove(&machine.machine_id);
        } else {
            self.ill.insert(machine.machine_id.clone(), pulse.status);
        }
        self.note();
    }

    /// A machine was forgotten.
    pub(super) fn forget(&mut self, machine: &MachineId) {
        self.ill.remove(machine);
        self.note();
    }

    pub(super) fn store(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        for (tier, current) in TIERS.into_iter().zip(&self.current) {
            if let Some(bucket) = current {
                write(conn, tier, bucket)?;
            }
        }
        if let Some(at) = self.last_failure {
            sqlite::set_meta(conn, "lastFailure", at.millis())?;
        }
        Ok(())
    }

    /// Puts what has changed with the event in hand into its buckets.
    fn note(&mut self) {
        let word = code(self.word());
        for bucket in self.current.iter_mut().flatten() {
            bucket.worst = bucket.worst.max(word);
            bucket.standing = word;
        }
    }

    /// The fleet's health (design §18.6).
    fn word(&self) -> HealthWord {
        let failed_lately = self.last_failure.is_some_and(|at| at >= self.now.plus(-HOUR));
        if !self.known {
            HealthWord::Unknown
        } else if failed_lately || self.ill.values().any(|status| *status == Status::Offline) {
            HealthWord::Critical
        } else if self.ill.is_empty() {
            HealthWord::Healthy
        } else {
            HealthWord::Degraded
        }
    }
}

fn write(conn: &Connection, tier: i64, bucket: &Bucket) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO density VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
        params![tier, bucket.start, bucket.events, bucket.failures, bucket.worst, bucket.standing,],
    )?;
    Ok(())
}

/// The words from the best to the worst.
const WORDS: [HealthWord; 4] =
    [HealthWord::Unknown, HealthWord::Healthy, HealthWord::Degraded, HealthWord::Critical];

fn code(word: HealthWord) -> i64 {
    WORDS.iter().position(|known| *known == word).and_then(|at| i64::try_from(at).ok()).unwrap_or(0)
}

/// The word of a number.
pub(in crate::history) fn word(code: i64) -> HealthWord {
    usize::try_from(code).ok().and_then(|code| WORDS.get(code).copied()).unwrap_or(HealthWord::Unknown)
}
