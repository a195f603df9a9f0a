//! Thinning: from the rules to the rows that are gone. See [`super`].

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use patze_core::event::control::{Control, Pruning};
use patze_core::fleet::Fleet;
use patze_core::time::{DAY, Timestamp};
use rusqlite::{Connection, params};

use super::super::base;
use super::super::checkpoint;
use super::super::digest::{Chain, Digest, GENESIS, hex};
use super::super::door::Shared;
use super::super::scan;
use super::super::sums;
use super::super::upkeep::Upkeep;
use super::super::verify;
use super::prove;
use super::report::Run;
use super::rollup::Buckets;
use super::select::{Rules, Selector};
use super::{RetentionError, last_commit, pruned_event};
use crate::sqlite::{self, sql};

/// Rows that one step deletes, about: some milliseconds of the writer's time. A commit is never split.
pub(super) const DELETES: usize = 1_000;
/// Positions that one range may hold, and rows that may stay in it; it spans no more than a day.
const RANGE: u64 = 50_000;
const KEPT: u64 = 5_000;
/// Commits that one step joins.
const COMMITS: usize = 2_000;
/// Positions that are looked through in one go.
const SLICE: u64 = 200_000;
/// Rows that are looked at behind a slice to decide about its last ones.
const LOOKAHEAD: u64 = 200_000;
/// The key of `meta` under which [`settled`] stands.
const SETTLED: &str = "settledAt";
/// Log lines that the fleet shows: these stay.
const SHOWN: usize = patze_core::fleet::limits::MAX_LOGS;

/// What is thinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    Heartbeats,
    Lines,
}

/// A commit of a slice.
#[derive(Clone, Copy, Debug)]
struct Commit {
    first: u64,
    last: u64,
    rows: u64,
    pruned: bool,
    recorded_at: i64,
}

/// What a step leaves of its range.
struct Remains {
    first: u64,
    last: u64,
    commits: u64,
    gone: Vec<u64>,
    kept: u64,
    sums: Vec<u8>,
    digest: Digest,
    bytes: u64,
    buckets: Buckets,
}

impl What {
    const fn watermark(self) -> &'static str {
        match self {
            Self::Heartbeats => "rolledUpTo",
            Self::Lines => "linesThinnedTo",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Heartbeats => Self::Lines,
            Self::Lines => Self::Heartbeats,
        }
    }
}

/// How far a pass has come.
pub(super) fn watermark(conn: &Connection, what: What) -> rusqlite::Result<u64> {
    Ok(sqlite::meta_number(conn, what.watermark())?.unwrap_or(0))
}

/// From which position on the state is in full what it was: before, it may lack what was thinned.
pub(in crate::log) fn settled(conn: &Connection) -> rusqlite::Result<u64> {
    Ok(sqlite::meta_number(conn, SETTLED)?.unwrap_or(0))
}

/// Before `to`, the state may not be in full what it was.
pub(in crate::log) fn set_settled(conn: &Connection, to: u64) -> rusqlite::Result<()> {
    sqlite::set_meta(conn, SETTLED, to.max(settled(conn)?))
}

/// Whether rows have been thinned or blanked without which the state at `position` is not in full what it was.
pub(in crate::log) fn is_thinned(conn: &Connection, position: u64) -> rusqlite::Result<bool> {
    if position >= settled(conn)? {
        return Ok(false);
    }
    conn.prepare_cached("SELECT 1 FROM commits WHERE pruned IS NOT NULL AND first <= ?1")?
        .exists([sql(position)])
}

pub(super) fn set_watermark(conn: &Connection, what: What, to: u64) -> rusqlite::Result<()> {
    sqlite::set_meta(conn, what.watermark(), to)
}

/// Thins what was recorded before `before`, slice by slice. Where heartbeats are kept for ever they are rolled up all the
/// same, as far as log lines go: whoever is told that a range was thinned looks for its heartbeats in the rollups.
pub(super) fn run(
    shared: &Arc<Shared>,
    (what, keeps): (What, bool),
    before: Timestamp,
    pause: &mut dyn FnMut() -> bool,
    run: &mut Run,
) -> Result<(), RetentionError> {
    let conn = sqlite::for_reading(&shared.file)?;
    let Some(mut to) = last_commit(&conn, before)? else { return Ok(()) };
    if what == What::Lines {
        to = to.min(watermark(&conn, What::Heartbeats)?);
    }
    let live = shared.current();
    let lines_before = match what {
        // Where fewer lines are shown than could be, none may go; pruning events may.
        What::Lines => Some(shown_from(&conn, &live)?.unwrap_or(0)),
        What::Heartbeats => None,
    };
    loop {
        // Over the whole slice: what is proven must hold when its last step is written.
        let _care = shared.take_care();
        let cut = base::stored(&conn)?.map_or(0, |base| base.position);
        let from = watermark(&conn, what)?.max(cut);
        let commits = commits(&conn, from, to.min(from.saturating_add(SLICE)), to)?;
        let Some(last) = commits.last().map(|commit| commit.last) else { return Ok(()) };
        let rules = Rules { lines_before, needed: needed(&conn)? };
        let start = fleet_at(&conn, from)?;
        let gone = if keeps { Vec::new() } else { select(&conn, rules, last, &start, &live)? };
        let settled = match gone.last() {
            None => Some(0),
            Some(_) => prove::settled(&conn, &start, &gone, last, live.position())?,
        };
        let gone = match (settled, what) {
            (Some(settled), _) => {
                shared.settle(settled);
                gone
            }
            (None, What::Lines) => {
                run.unproven += 1;
                tracing::warn!(
                    from,
                    last,
                    rows = gone.len(),
                    "log lines stay: without them the state would differ"
                );
                Vec::new()
            }
            (None, What::Heartbeats) => {
                return Err(RetentionError::Unproven { first: from + 1, last, rows: gone.len() });
            }
        };
        let stale = gone.first().zip(settled).map(|(first, settled)| (*first, settled));
        let other = watermark(&conn, what.other())?;
        if !chunks(shared, &conn, what, &commits, &gone, (stale, other), pause, run)? {
            return Ok(());
        }
    }
}

/// The steps of a slice. False if it was told to stop.
#[allow(clippy::too_many_arguments, reason = "one caller; they are one slice's facts")]
fn chunks(
    shared: &Arc<Shared>,
    conn: &Connection,
    what: What,
    commits: &[Commit],
    gone: &[u64],
    (mut stale, other): (Option<(u64, u64)>, u64),
    pause: &mut dyn FnMut() -> bool,
    run: &mut Run,
) -> Result<bool, RetentionError> {
    let mut rest = commits;
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(chunk_len(rest, gone, other));
        rest = behind;
        let (first, last) = (chunk[0].first, chunk[chunk.len() - 1].last);
        let here = within(gone, first, last);
        let joins = what == What::Lines && chunk.iter().filter(|commit| commit.pruned).count() > 1;
        // Whoever has each heartbeat must be told that it is rolled up now.
        let idle =
            here.is_empty() && !joins && (what == What::Lines || buckets(conn, first, last)?.is_empty());
        let step = if idle {
            // Where nothing is done, the next step notes how far it has come.
            if !rest.is_empty() {
                continue;
            }
            Upkeep::new(1 << 10, move |conn, _| set_watermark(conn, what, last))
        } else {
            let remains = remains(conn, what, chunk, here)?;
            run.deleted(what == What::Heartbeats, here.len() as u64, remains.bytes, first, last);
            prune(shared, conn, what, remains, stale.take())?
        };
        step.ask(shared).map_err(RetentionError::Write)?;
        shared.past.changed();
        if !pause() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many of the commits make one step.
fn chunk_len(commits: &[Commit], gone: &[u64], other: u64) -> usize {
    let first = commits[0].first;
    let (mut rows, mut len) = (0, 0);
    for commit in commits {
        rows += commit.rows;
        let deletes = within(gone, first, commit.last).len();
        let too_much = deletes > DELETES
            || rows.saturating_sub(deletes as u64) > KEPT
            || commit.last - first >= RANGE
            // A range is pruned again only when all of it is old enough.
            || commit.recorded_at - commits[0].recorded_at >= DAY
            || len >= COMMITS
            // The other pass goes on between two commits, so that no range may reach over its place.
            || (first <= other && commit.last > other);
        if too_much && len > 0 {
            break;
        }
        len += 1;
    }
    len
}

/// Those of the positions that lie in a range.
fn within(positions: &[u64], first: u64, last: u64) -> &[u64] {
    let from = positions.partition_point(|position| *position < first);
    let to = positions.partition_point(|position| *position <= last);
    &positions[from..to]
}

/// Verifies the commits of a step and digests what stays of them.
fn remains(conn: &Connection, what: What, chunk: &[Commit], gone: &[u64]) -> Result<Remains, RetentionError> {
    let (first, last) = (chunk[0].first, chunk[chunk.len() - 1].last);
    let mut chain = Chain::after(&GENESIS);
    let mut scratch = Vec::new();
    let mut buckets = Buckets::default();
    let (mut kept, mut bytes, mut kept_sums) = (0, 0, Vec::new());
    let (commits, found) = verify::range(conn, (first, last), |event, sum| {
        if what == What::Heartbeats {
            buckets.add(event);
        }
        if gone.binary_search(&event.position).is_ok() {
            bytes += super::report::weight(event);
            return;
        }
        chain.push(event, &mut scratch);
        kept += 1;
        // A range is never so long.
        sums::push_kept(&mut kept_sums, u32::try_from(event.position - first).unwrap_or(u32::MAX), sum);
    })?;
    if let Some(source) = found {
        return Err(RetentionError::Damaged { first, last, source });
    }
    Ok(Remains {
        first,
        last,
        commits,
        gone: gone.to_vec(),
        kept,
        sums: kept_sums,
        digest: chain.finish(),
        bytes,
        buckets,
    })
}

/// The step that leaves only what remains.
fn prune(
    shared: &Shared,
    conn: &Connection,
    what: What,
    remains: Remains,
    stale: Option<(u64, u64)>,
) -> Result<Upkeep, RetentionError> {
    let (recorded_at, chain): (i64, Digest) = conn
        .prepare_cached(
            "SELECT recorded_at, digest FROM commits WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
        )?
        .query_row([sql(remains.last)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let fact = Control::Pruned {
        kind: Pruning::Thinned,
        first: remains.first,
        last: remains.last,
        kept: remains.kept,
        digest: hex(&remains.digest),
        chain: hex(&chain),
    };
    let step = Upkeep::new(remains.gone.len() * 100 + remains.sums.len(), move |conn, told| {
        for position in &remains.gone {
            let deleted =
                conn.prepare_cached("DELETE FROM events WHERE position = ?1")?.execute([sql(*position)])?;
            expect(deleted, 1)?;
        }
        join_commits(
            conn,
            remains.first,
            remains.last,
            remains.commits,
            recorded_at,
            &chain,
            &remains.sums,
            told,
        )?;
        if let Some((first, to)) = stale {
            conn.prepare_cached("DELETE FROM checkpoints WHERE position >= ?1 AND position < ?2")?
                .execute([sql(first), sql(to)])?;
            set_settled(conn, to)?;
        }
        remains.buckets.store(conn)?;
        set_watermark(conn, what, remains.last)
    });
    Ok(step.telling(pruned_event(shared, &fact)))
}

/// Replaces the commits of a range by one, for which the event at `told` speaks.
#[allow(clippy::too_many_arguments, reason = "they are the columns of the row")]
pub(in crate::log) fn join_commits(
    conn: &Connection,
    first: u64,
    last: u64,
    commits: u64,
    recorded_at: i64,
    chain: &Digest,
    sums: &[u8],
    told: u64,
) -> rusqlite::Result<()> {
    let joined = conn
        .prepare_cached("DELETE FROM commits WHERE first >= ?1 AND first <= ?2")?
        .execute([sql(first), sql(last)])?;
    expect(joined, usize::try_from(commits).unwrap_or(usize::MAX))?;
    conn.prepare_cached(
        "INSERT INTO commits (first, last, recorded_at, digest, sums, pruned) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![sql(first), sql(last), recorded_at, chain, sums, sql(told)])
    .map(drop)
}

/// Undoes a step that met something else than was read before.
fn expect(found: usize, expected: usize) -> rusqlite::Result<()> {
    if found == expected { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(found)) }
}

/// What the heartbeats of a stretch showed.
fn buckets(conn: &Connection, first: u64, last: u64) -> Result<Buckets, RetentionError> {
    let mut buckets = Buckets::default();
    scan::scan(conn, first - 1, last, |event| {
        buckets.add(event);
        ControlFlow::Continue(())
    })?;
    Ok(buckets)
}

/// The commits behind `from` that end at `end` or before; the first in any case, if it ends at `to` or before.
fn commits(conn: &Connection, from: u64, end: u64, to: u64) -> rusqlite::Result<Vec<Commit>> {
    let mut statement = conn.prepare_cached(
        "SELECT first, last, coalesce(length(sums) / 8, 0), pruned IS NOT NULL, recorded_at FROM commits WHERE first > ?1 \
         ORDER BY first",
    )?;
    let mut rows = statement.query([sql(from)])?;
    let mut commits = Vec::new();
    while let Some(row) = rows.next()? {
        let (first, last, pruned) = (sqlite::count(row, 0)?, sqlite::count(row, 1)?, row.get(3)?);
        if last > to || (last > end && !commits.is_empty()) {
            break;
        }
        let rows = if pruned { sqlite::count(row, 2)? } else { last - first + 1 };
        commits.push(Commit { first, last, rows, pruned, recorded_at: row.get(4)? });
    }
    Ok(commits)
}

/// The positions of events that speak for a range, or for the base.
fn needed(conn: &Connection) -> rusqlite::Result<HashSet<u64>> {
    let mut statement = conn.prepare_cached(
        "SELECT pruned FROM commits WHERE pruned IS NOT NULL UNION ALL SELECT pruned FROM base",
    )?;
    statement.query_map([], |row| sqlite::count(row, 0))?.collect()
}

fn select(
    conn: &Connection,
    rules: Rules,
    last: u64,
    start: &Fleet,
    live: &Fleet,
) -> Result<Vec<u64>, RetentionError> {
    let mut selector = Selector::new(rules, last, start.clone(), live);
    let mut behind = 0;
    scan::scan(conn, start.position(), live.position(), |event| {
        if event.position > last {
            behind += 1;
            // To look whether anything waits costs more than a row.
            if behind > LOOKAHEAD || (behind % 512 == 1 && !selector.waits()) {
                return ControlFlow::Break(());
            }
        }
        selector.row(event);
        ControlFlow::Continue(())
    })?;
    Ok(selector.finish())
}

/// The fleet at `position`, as a rebuild gives it.
pub(super) fn fleet_at(conn: &Connection, position: u64) -> Result<Fleet, RetentionError> {
    let mut fleet = checkpoint::newest(conn, position)?;
    checkpoint::replay(conn, &mut fleet, position, u64::MAX, |_| ())?;
    Ok(fleet)
}

/// The position of the oldest log line that is shown; none if fewer are shown than could be.
fn shown_from(conn: &Connection, live: &Fleet) -> Result<Option<u64>, RetentionError> {
    use patze_core::event::payload::RunLog;
    use patze_core::event::{EventType, Severity};
    if live.facts().logs.len() < SHOWN {
        return Ok(None);
    }
    let mut statement = conn.prepare_cached(
        "SELECT position, type, CASE WHEN type = ?2 THEN payload END FROM events WHERE position <= ?1 ORDER BY position DESC",
    )?;
    let mut rows = statement.query(params![sql(live.position()), EventType::RunLog.name()])?;
    let mut shown = 0;
    while let Some(row) = rows.next()? {
        if row.get_ref(1)?.as_str().ok() == Some(EventType::MachineForgotten.name()) {
            return Ok(None);
        }
        let Ok(payload) = row.get_ref(2)?.as_str() else { continue };
        let line = serde_json::from_str::<RunLog<'_>>(payload).ok();
        shown += usize::from(line.is_some_and(|line| Severity::of(&line.level).is_some()));
        if shown == SHOWN {
            return Ok(Some(sqlite::count(row, 0)?));
        }
    }
    Ok(None)
}

/// Stores checkpoints where more than twice the spacing of rows lies between two.
pub(super) fn respace(shared: &Arc<Shared>, pause: &mut dyn FnMut() -> bool) -> Result<(), RetentionError> {
    let conn = sqlite::for_reading(&shared.file)?;
    let most = 2 * shared.every;
    let mut after = base::stored(&conn)?.map_or(0, |base| base.position);
    loop {
        let care = shared.take_care();
        let rows = checkpoint::rows(&conn)?;
        let head = scan::head(&conn)?;
        let stored = checkpoint::positions(&conn)?;
        let next = stored.iter().copied().find(|position| *position > after);
        if rows(next.unwrap_or(head)) - rows(after) <= most {
            // The last stretch is the prover's.
            let Some(next) = next else { return Ok(()) };
            after = next;
            continue;
        }
        let mut fleet = checkpoint::newest(&conn, after)?;
        let (mut changes, mut folded) = (Vec::new(), 0);
        scan::scan(&conn, fleet.position(), next.unwrap_or(head), |event| {
            fleet.apply(event, &mut changes);
            changes.clear();
            folded += u64::from(event.position > after);
            if folded >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if folded < most || fleet.position() <= after {
            let Some(next) = next else { return Ok(()) };
            after = next;
            continue;
        }
        after = fleet.position();
        let bytes = checkpoint::encode(&fleet).map_err(RetentionError::Base)?;
        let step = checkpoint::store(after, shared.clock.now(), bytes, shared.every);
        step.ask(shared).map_err(RetentionError::Write)?;
        drop(care);
        if !pause() {
            return Ok(());
        }
    }
}
