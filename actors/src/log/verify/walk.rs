//! The walk over commits and rows side by side.

use patze_core::event::control::Control;
use patze_core::event::{EventType, Recorded};
use patze_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Rows};

use super::super::digest::{Chain, Digest, GENESIS, hex};
use super::super::sums::Sums;
use super::{Finding, Findings, Walked};
use crate::sqlite::{self, sql};

/// The commits that lie behind position `?1`, up to `?2`.
pub(super) const COMMITS: &str = "SELECT first, last, recorded_at, digest, sums, pruned FROM commits \
     WHERE first > ?1 AND last <= ?2 ORDER BY first";

/// Takes rows by position and closes each commit when its last row has passed.
pub(super) struct Walk<'a> {
    conn: &'a Connection,
    commits: Rows<'a>,
    open: Option<Open>,
    walked: Walked,
    scratch: Vec<u8>,
}

/// The commit whose rows are passing.
struct Open {
    first: u64,
    last: u64,
    recorded_at: Timestamp,
    digest: Digest,
    sums: Sums,
    /// Of a pruned range: what the event says that speaks for it.
    pruned: Option<Result<Spoken, u64>>,
    chain: Chain,
    /// The position that comes next.
    next: u64,
    /// Rows whose sum is another one.
    suspects: Vec<u64>,
    /// Whether a fault of it has been named, so that its digest says nothing more.
    faulty: bool,
}

/// What a `control.pruned` says of a range.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Spoken {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) kept: u64,
    /// In hexadecimal.
    pub(super) digest: String,
    pub(super) chain: String,
}

/// What the event at `at` says, if it is one that speaks for a range.
pub(super) fn spoken(conn: &Connection, at: u64) -> rusqlite::Result<Option<Spoken>> {
    let payload: Option<String> = conn
        .prepare_cached(
            "SELECT payload FROM events WHERE position = ?1 AND type = ?2 AND origin = 'control'",
        )?
        .query_row(rusqlite::params![sql(at), EventType::Pruned.name()], |row| row.get(0))
        .optional()?;
    Ok(payload.and_then(|payload| match Control::read(EventType::Pruned, &payload)? {
        Control::Pruned { first, last, kept, digest, chain, .. } => {
            Some(Spoken { first, last, kept, digest, chain })
        }
        _ => None,
    }))
}

impl<'a> Walk<'a> {
    /// Begins with the first of `commits` ([`COMMITS`]), behind what was `walked` before.
    pub(super) fn begin(
        conn: &'a Connection,
        commits: Rows<'a>,
        walked: Walked,
        findings: &mut Findings,
    ) -> rusqlite::Result<Self> {
        let mut this = Self { conn, commits, open: None, walked, scratch: Vec::new() };
        this.advance(findings)?;
        Ok(this)
    }

    /// A row passes; its sum, if it belongs to the log.
    pub(super) fn row(
        &mut self,
        event: &Recorded<'_>,
        findings: &mut Findings,
    ) -> rusqlite::Result<Option<u32>> {
        if !self.reach(event.position, findings)? {
            return Ok(None);
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        let offset = event.position - open.first;
        if open.pruned.is_some() && open.sums.of(offset).is_none() {
            open.faulty = true;
            let (position, first, last) = (event.position, open.first, open.last);
            findings.add(Finding::Extra { position, first, last });
            return Ok(None);
        }
        let sum = open.chain.push(event, &mut self.scratch);
        if event.recorded_at != open.recorded_at
            && (open.pruned.is_none() || event.recorded_at > open.recorded_at)
        {
            let reason = format!("recorded at {}, its commit at {}", event.recorded_at, open.recorded_at);
            open.odd(event.position, reason, findings);
        } else if open.sums.of(offset).is_some_and(|stored| stored != sum) {
            open.suspects.push(event.position);
        }
        Ok(Some(sum))
    }

    /// A row passes that cannot be read.
    pub(super) fn odd_row(
        &mut self,
        at: u64,
        reason: String,
        findings: &mut Findings,
    ) -> rusqlite::Result<()> {
        if self.reach(at, findings)?
            && let Some(open) = &mut self.open
        {
            open.odd(at, reason, findings);
        }
        Ok(())
    }

    /// All rows have passed.
    pub(super) fn finish(mut self, findings: &mut Findings) -> rusqlite::Result<Walked> {
        while self.open.is_some() {
            self.close(findings)?;
        }
        Ok(self.walked)
    }

    /// Goes to the commit that holds position `at` and names what is missing before it. False if none holds it.
    fn reach(&mut self, at: u64, findings: &mut Findings) -> rusqlite::Result<bool> {
        while self.open.as_ref().is_some_and(|open| open.last < at) {
            self.close(findings)?;
        }
        let Some(open) = self.open.as_mut().filter(|open| open.first <= at) else {
            findings.add(Finding::Stray { position: at });
            return Ok(false);
        };
        open.miss(at, findings);
        open.next = at + 1;
        Ok(true)
    }

    /// Compares the open commit's digest, and goes on to the next.
    fn close(&mut self, findings: &mut Findings) -> rusqlite::Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        open.miss(open.last + 1, findings);
        let (first, last, digest) = (open.first, open.last, open.digest);
        open.compare(findings);
        // The stored digest goes on, so that one fault is not told of every later commit.
        self.walked = Walked { commits: self.walked.commits + 1, position: last.max(first), digest };
        self.advance(findings)
    }

    /// Opens the next commit, if there is one.
    fn advance(&mut self, findings: &mut Findings) -> rusqlite::Result<()> {
        let Some(row) = self.commits.next()? else { return Ok(()) };
        let first = sqlite::count(row, 0)?;
        let expected = self.walked.position + 1;
        if first != expected {
            findings.add(Finding::Gap { expected, first });
        }
        let pruned: Option<u64> = row.get::<_, Option<i64>>(5)?.map(i64::unsigned_abs);
        let chain = if pruned.is_some() { GENESIS } else { self.walked.digest };
        self.open = Some(Open {
            first,
            last: sqlite::count(row, 1)?,
            recorded_at: Timestamp::from_millis(row.get(2)?),
            // A digest of another length is none.
            digest: row.get(3).unwrap_or_default(),
            sums: Sums::stored(row.get(4).unwrap_or_default(), pruned.is_some()),
            pruned: match pruned {
                Some(at) => Some(spoken(self.conn, at)?.ok_or(at)),
                None => None,
            },
            chain: Chain::after(&chain),
            next: first,
            suspects: Vec::new(),
            faulty: false,
        });
        Ok(())
    }
}

impl Open {
    /// Names the hole before `at`, if there is one that is not legal.
    fn miss(&mut self, at: u64, findings: &mut Findings) {
        let missing = self.sums.next(self.next - self.first).map(|offset| self.first + offset);
        if let Some(position) = missing.filter(|position| *position < at) {
            self.faulty = true;
            let (first, last) = (self.first, self.last);
            findings.add(Finding::Hole { position, first, last });
        }
    }

    fn odd(&mut self, position: u64, reason: String, findings: &mut Findings) {
        self.faulty = true;
        findings.add(Finding::Odd { position, first: self.first, last: self.last, reason });
    }

    /// Compares what passed with what is stored of it.
    fn compare(self, findings: &mut Findings) {
        let (first, last) = (self.first, self.last);
        let digest = self.chain.finish();
        let same = match &self.pruned {
            None => digest == self.digest,
            Some(Ok(spoken)) if (spoken.first, spoken.last) == (first, last) => {
                if spoken.chain != hex(&self.digest) {
                    findings.add(Finding::Changed { first, last });
                }
                spoken.digest == hex(&digest)
            }
            Some(Ok(_) | Err(_)) => {
                findings.add(Finding::Unspoken { first, last });
                return;
            }
        };
        match (same, self.suspects.is_empty()) {
            (true, true) => {}
            (true, false) => findings.add(Finding::Sums { first, last }),
            (false, true) if self.faulty => {}
            (false, true) => findings.add(Finding::Changed { first, last }),
            (false, false) => {
                for position in self.suspects {
                    findings.add(Finding::Row { position, first, last });
                }
            }
        }
    }
}
