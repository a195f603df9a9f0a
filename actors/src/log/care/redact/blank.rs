//! The transaction that blanks and tells.

use std::path::Path;

use patze_core::event::Recorded;
use patze_core::event::control::{Chosen, Control, Pruning};
use patze_core::fleet::Fleet;
use patze_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::oneshot;

use super::super::super::base as stored;
use super::super::super::digest::{Chain, Digest, GENESIS, hex};
use super::super::super::open::{Fault, OpenError};
use super::super::super::queue::Work;
use super::super::super::retention::{event_at, join_commits, set_settled};
use super::super::super::transaction::{self, Answer, Tail};
use super::super::super::upkeep::Upkeep;
use super::super::super::verify::{self, Finding};
use super::super::super::{sums, writer};
use super::RedactError;
use super::base::Blanked;
use super::find::Hits;
use super::wipe;
use crate::sqlite::{self, sql};

/// What stands in the place of a payload and of a trace: JSON that says nothing.
const NOTHING: &str = "{}";
/// Positions that the event names.
const NAMED: usize = 1_000;
/// The trace of the events that tell of it.
const TRACE: &str = "redaction";

/// Blanks what was hit, in one transaction. Tells the log's end.
pub(super) fn run(
    conn: &Connection,
    file: &Path,
    hits: &Hits,
    by: Chosen,
    now: Timestamp,
) -> Result<Tail, RedactError> {
    let failed = |source| RedactError::Write { path: file.to_owned(), source };
    // What a changed row leaves behind in its page is overwritten.
    wipe::overwrite(conn).map_err(failed)?;
    conn.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    let done = steps(conn, file, hits, by, now).and_then(|work| {
        let tail = tail(conn, file)?;
        let name = file.display().to_string();
        let written =
            transaction::write_all(conn, &name, &Fleet::default(), &tail, now, &work).map_err(failed)?;
        let all = written.answers.iter().all(|answer| matches!(answer, Answer::Upkeep(Ok(Some(_)))));
        if !all {
            // A step met something else than was read before.
            return Err(failed(rusqlite::Error::StatementChangedRows(0)));
        }
        conn.execute_batch("COMMIT").map_err(failed)?;
        Ok(written.tail)
    });
    if done.is_err() && !conn.is_autocommit() {
        // The first error is the one to tell.
        let _ = conn.execute_batch("ROLLBACK");
    }
    done
}

fn tail(conn: &Connection, file: &Path) -> Result<Tail, RedactError> {
    Ok(writer::read_tail(conn).map_err(|fault| OpenError::fault(file, fault))?)
}

/// One step for each commit that is hit, one for the base, one for all that was made from them.
fn steps(
    conn: &Connection,
    file: &Path,
    hits: &Hits,
    by: Chosen,
    now: Timestamp,
) -> Result<Vec<Work>, RedactError> {
    let read = |fault: Fault| OpenError::fault(file, fault);
    let tail = tail(conn, file)?;
    let event = |fact: &Control| event_at(fact, now, (tail.position, &tail.digest), TRACE);
    let cut = stored::stored(conn).map_err(|e| read(e.into()))?.map_or(0, |base| base.position);
    // What lies before the base belongs to no commit that counts, and goes with the next step of a cut.
    let (leftovers, rows) = hits.positions.split_at(hits.positions.partition_point(|at| *at <= cut));
    let mut work = Vec::new();
    let mut rest = rows;
    while let Some(position) = rest.first() {
        let Some(commit) = commit(conn, *position).map_err(|e| read(e.into()))? else {
            let source = Finding::Stray { position: *position };
            return Err(RedactError::Damaged { first: *position, last: *position, source });
        };
        let (here, behind) = rest.split_at(rest.partition_point(|at| *at <= commit.last));
        rest = behind;
        let (step, fact) = blank_commit(conn, file, &commit, here)?;
        work.push(step.telling(event(&fact)));
    }
    if let Some(base) = &hits.base {
        let (step, fact) = blank_base(base);
        work.push(step.telling(event(&fact)));
    }
    let (first, last) = hits.found.positions.unwrap_or_default();
    let positions = hits.positions.iter().copied().take(NAMED).collect();
    let fact = Control::Redacted { by, events: hits.found.events, first, last, positions };
    let leftovers = leftovers.to_vec();
    let step = Upkeep::new(0, move |conn, told| {
        blank_rows(conn, &leftovers)?;
        conn.execute("DELETE FROM checkpoints", [])?;
        set_settled(conn, told)?;
        wipe::note(conn, told)
    });
    work.push(step.telling(event(&fact)));
    // Nobody waits for an answer.
    Ok(work.into_iter().map(|upkeep| Work::Upkeep { upkeep, reply: oneshot::channel().0 }).collect())
}

/// A commit that is hit.
struct Commit {
    first: u64,
    last: u64,
    recorded_at: i64,
    /// The chain at its end, which stays.
    chain: Digest,
}

fn commit(conn: &Connection, position: u64) -> rusqlite::Result<Option<Commit>> {
    conn.prepare_cached(
        "SELECT first, last, recorded_at, digest FROM commits WHERE first <= ?1 AND last >= ?1 \
         ORDER BY first DESC LIMIT 1",
    )?
    .query_row([sql(position)], |row| {
        Ok(Commit {
            first: sqlite::count(row, 0)?,
            last: sqlite::count(row, 1)?,
            recorded_at: row.get(2)?,
            chain: row.get(3)?,
        })
    })
    .optional()
}

/// Verifies a commit; then the step that blanks its rows at `here`, and what speaks for it from then on.
fn blank_commit(
    conn: &Connection,
    file: &Path,
    commit: &Commit,
    here: &[u64],
) -> Result<(Upkeep, Control), RedactError> {
    let Commit { first, last, recorded_at, chain } = *commit;
    let mut digest = Chain::after(&GENESIS);
    let (mut scratch, mut kept, mut new_sums) = (Vec::new(), 0, Vec::new());
    let walked = verify::range(conn, (first, last), |event, _| {
        let blank = Recorded { trace: NOTHING, payload: NOTHING, ..*event };
        let row = if here.binary_search(&event.position).is_ok() { &blank } else { event };
        let sum = digest.push(row, &mut scratch);
        kept += 1;
        // A commit is never so long.
        sums::push_kept(&mut new_sums, u32::try_from(row.position - first).unwrap_or(u32::MAX), sum);
    });
    let (commits, found) = walked.map_err(|e| OpenError::fault(file, e.into()))?;
    if let Some(source) = found {
        return Err(RedactError::Damaged { first, last, source });
    }
    let fact = Control::Pruned {
        kind: Pruning::Redacted,
        first,
        last,
        kept,
        digest: hex(&digest.finish()),
        chain: hex(&chain),
    };
    let here = here.to_vec();
    let step = Upkeep::new(new_sums.len(), move |conn, told| {
        blank_rows(conn, &here)?;
        join_commits(conn, first, last, commits, recorded_at, &chain, &new_sums, told)
    });
    Ok((step, fact))
}

fn blank_rows(conn: &Connection, positions: &[u64]) -> rusqlite::Result<()> {
    let mut update = conn.prepare_cached("UPDATE events SET payload = ?2, trace = ?2 WHERE position = ?1")?;
    for position in positions {
        match update.execute(params![sql(*position), NOTHING])? {
            1 => {}
            changed => return Err(rusqlite::Error::StatementChangedRows(changed)),
        }
    }
    Ok(())
}

/// The step that puts the blanked base in the place of the base, and what speaks for it from then on.
fn blank_base(base: &Blanked) -> (Upkeep, Control) {
    let fact = Control::Pruned {
        kind: Pruning::Redacted,
        first: 1,
        last: base.position,
        kept: 0,
        digest: stored::digest(&base.bytes),
        chain: hex(&base.chain),
    };
    let (position, bytes) = (base.position, base.bytes.clone());
    let step = Upkeep::new(bytes.len(), move |conn, told| {
        let changed = conn
            .prepare_cached("UPDATE base SET schema = ?2, pruned = ?3, bytes = ?4 WHERE position = ?1")?
            .execute(params![sql(position), stored::SCHEMA, sql(told), bytes])?;
        if changed == 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(changed)) }
    });
    (step, fact)
}
