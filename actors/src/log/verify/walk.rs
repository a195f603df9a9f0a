//! The walk over commits and rows side by side.

use patze_core::event::Recorded;
use patze_core::time::Timestamp;
use rusqlite::Rows;

use super::super::digest::{Chain, Digest};
use super::{Finding, Findings, Walked};
use crate::sqlite;

/// Takes rows by position and closes each commit when its last row has passed.
pub(super) struct Walk<'stmt> {
    commits: Rows<'stmt>,
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
    chain: Chain,
    /// The position that comes next.
    next: u64,
    /// Whether a fault of it has been named, so that its digest says nothing more.
    faulty: bool,
}

impl<'stmt> Walk<'stmt> {
    /// Begins with the first commit of `commits` (first, last, recorded_at, digest by first).
    pub(super) fn begin(commits: Rows<'stmt>, findings: &mut Findings) -> rusqlite::Result<Self> {
        let mut this = Self { commits, open: None, walked: Walked::default(), scratch: Vec::new() };
        this.advance(findings)?;
        Ok(this)
    }

    /// A row passes.
    pub(super) fn row(&mut self, event: &Recorded<'_>, findings: &mut Findings) -> rusqlite::Result<()> {
        if !self.reach(event.position, findings)? {
            return Ok(());
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        open.chain.push(event, &mut self.scratch);
        if event.recorded_at != open.recorded_at {
            let reason = format!("recorded at {}, its commit at {}", event.recorded_at, open.recorded_at);
            open.odd(event.position, reason, findings);
        }
        Ok(())
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
        if open.chain.finish() != open.digest && !open.faulty {
            findings.add(Finding::Changed { first: open.first, last: open.last });
        }
        // The stored digest goes on, so that one fault is not told of every later commit.
        self.walked = Walked { commits: self.walked.commits + 1, position: open.last, digest: open.digest };
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
        self.open = Some(Open {
            first,
            last: sqlite::count(row, 1)?,
            recorded_at: Timestamp::from_millis(row.get(2)?),
            // A digest of another length is none.
            digest: row.get(3).unwrap_or_default(),
            chain: Chain::after(&self.walked.digest),
            next: first,
            faulty: false,
        });
        Ok(())
    }
}

impl Open {
    /// Names the hole before `at`, if there is one.
    fn miss(&mut self, at: u64, findings: &mut Findings) {
        if self.next < at {
            self.faulty = true;
            let (first, last) = (self.first, self.last);
            findings.add(Finding::Hole { position: self.next, first, last });
        }
    }

    fn odd(&mut self, position: u64, reason: String, findings: &mut Findings) {
        self.faulty = true;
        findings.add(Finding::Odd { position, first: self.first, last: self.last, reason });
    }
}
