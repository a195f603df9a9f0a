//! The writer: what is answered, in which order things happen, what a failure leaves.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use patze_actors::log::{AppendError, Batch, Cursor, Lane, News, Placed, Publish, WriterError, queue};
use patze_core::event::RejectionCode;
use patze_core::fleet::limits::MAX_MACHINES;
use patze_supervise::clock::Clock;

use super::support::{Running, START, batch, block_on, clock, event, open, read_all, refused_event};

fn stored(position: u64) -> Placed {
    Placed::Stored { position }
}

#[test]
fn a_duplicate_is_accepted_and_burns_no_position() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    let first = running.append(batch([event("m", "a", 1), event("m", "a", 2), event("m", "b", 3)])).wait();
    assert_eq!(first.unwrap().placed, [stored(1), Placed::Duplicate, stored(2)]);
    running.close();

    let running = Running::open(dir.path(), &clock());
    let again =
        running.append(batch([event("m", "a", 9), event("other", "a", 4), event("m", "c", 5)])).wait();
    assert_eq!(again.unwrap().placed, [Placed::Duplicate, stored(3), stored(4)]);
    let events = read_all(&running.log, 100);
    assert_eq!(events[0].event, event("m", "a", 1), "the first content stands");
    assert_eq!(running.log.metrics().duplicates.load(Relaxed), 1);
    running.close();
}

#[test]
fn batches_that_wait_share_a_transaction_and_a_broken_one_is_undone_alone() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), &clock());
    let cursor = |value: &str| Some(Cursor { name: "mirror:x".into(), value: value.into() });
    let pending: Vec<_> = [
        Batch { cursor: cursor("1"), ..batch([event("m", "a", 1), event("m", "b", 2)]) },
        Batch { cursor: cursor("2"), ..batch([event("m", "c", 3), refused_event(), event("m", "d", 4)]) },
        batch([event("m", "c", 5), event("m", "a", 6)]),
    ]
    .into_iter()
    .map(|batch| log.append(Lane::Ingest, batch).unwrap())
    .collect();
    let running = Running::start(log);
    let answers: Vec<_> = pending.into_iter().map(patze_actors::log::Pending::wait).collect();
    assert_eq!(answers[0].as_ref().unwrap().placed, [stored(1), stored(2)]);
    let Err(AppendError::Refused { file, reason }) = &answers[1] else { panic!("{:?}", answers[1]) };
    assert!(file.ends_with("patze.db") && reason.contains("CHECK"), "{file}: {reason}");
    assert_eq!(
        answers[2].as_ref().unwrap().placed,
        [stored(3), Placed::Duplicate],
        "c was undone, so it is new"
    );
    assert_eq!(running.log.metrics().commits.load(Relaxed), 1);
    assert_eq!(block_on(running.log.cursor("mirror:x".into())).unwrap().as_deref(), Some("1"));
    assert_eq!(*running.published.0.lock().unwrap(), [(3, vec![1, 2, 3])]);
    running.close();
}

#[test]
fn control_events_come_first() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), &clock());
    let ingest = log.append(Lane::Ingest, batch([event("m", "a", 1)])).unwrap();
    let control = log.append(Lane::Control, Batch::control(vec![event("", "b", 2)])).unwrap();
    let running = Running::start(log);
    assert_eq!(control.wait().unwrap().placed, [stored(1)]);
    assert_eq!(ingest.wait().unwrap().placed, [stored(2)]);
    running.close();
}

/// What stands in the file for everybody else while the writer publishes.
struct OnDisk {
    file: std::path::PathBuf,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The fleet's position when it was published; the last position in the file, and how many events stand in it.
type Seen = (u64, u64, u64);

impl Publish for OnDisk {
    fn publish(&mut self, news: &News<'_>) {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let conn = rusqlite::Connection::open_with_flags(&self.file, flags).unwrap();
        let (last, count) = conn
            .query_row("SELECT max(position), count(*) FROM events", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
            .unwrap();
        let seen = (news.fleet.position(), last.unsigned_abs(), count.unsigned_abs());
        self.seen.lock().unwrap().push(seen);
    }
}

#[test]
fn el_1_what_is_published_is_committed_and_dense() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), &clock());
    let seen = Arc::default();
    let publish = OnDisk { file: log.file().to_owned(), seen: Arc::clone(&seen) };
    let mut writer = log.writer(Box::new(publish)).unwrap();
    let writer = std::thread::spawn(move || writer.run());
    for n in 0..20 {
        // The second of the batch was stored before, and the batch after it is refused: neither leaves a hole.
        let events = [event("m", &format!("e{n}"), n), event("m", "e0", 0)];
        log.append(Lane::Ingest, batch(events)).unwrap().wait().unwrap();
        log.append(Lane::Ingest, batch([refused_event()])).unwrap().wait().unwrap_err();
    }
    log.close().unwrap();
    writer.join().unwrap().unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, (1..=20).map(|n| (n, n, n)).collect::<Vec<Seen>>());
}

#[test]
fn a_flood_of_32_mib_leaves_control_events_unharmed() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), &clock());
    // No writer yet: the flood stands in the queue.
    let mut pending = Vec::new();
    let overloaded = (0u32..)
        .find_map(|n| {
            let events = (0..500).map(|e| event("m", &format!("{n}-{e}"), e)).collect::<Vec<_>>();
            log.append(Lane::Ingest, Batch::ingest(events)).map(|answer| pending.push(answer)).err()
        })
        .unwrap();
    assert_eq!(overloaded.limit, queue::INGEST_BYTES);
    assert!(log.metrics().queue_bytes.load(Relaxed) > 31 << 20);
    let control: Vec<_> = (0..100)
        .map(|n| log.append(Lane::Control, Batch::control(vec![event("", &format!("c{n}"), n)])).unwrap())
        .collect();
    let running = Running::start(log);
    for (position, answer) in (1..).zip(control) {
        assert_eq!(answer.wait().unwrap().placed, [stored(position)]);
    }
    let events = pending.len() as u64 * 500;
    assert!(pending.into_iter().all(|answer| answer.wait().is_ok()), "what was taken is stored");
    assert_eq!(running.log.head().position, events + 100);
    assert_eq!(running.log.metrics().overloaded.load(Relaxed), 1);
    running.close();
}

#[test]
fn recorded_at_never_decreases() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    for (id, jump) in [("a", 0), ("b", -60_000), ("c", 90_000), ("d", -1)] {
        time.jump_wall(jump);
        running.append(batch([event("m", id, 1)])).wait().unwrap();
    }
    running.close();
    time.jump_wall(-3_600_000);
    let running = Running::open(dir.path(), &clock);
    running.append(batch([event("m", "e", 1)])).wait().unwrap();
    let recorded: Vec<i64> =
        read_all(&running.log, 9).iter().map(|event| event.recorded_at.since(START)).collect();
    assert_eq!(recorded, [0, 0, 30_000, 30_000, 30_000]);
    running.close();
}

#[test]
fn a_machine_beyond_the_limit_is_rejected_even_within_one_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    let machines = |from: usize, to: usize| (from..to).map(|n| event(&format!("m{n}"), "e", 0));
    running.append(batch(machines(0, MAX_MACHINES - 2))).wait().unwrap();
    // A refused batch takes no room with it.
    let broken = machines(5_000, 5_010).chain([refused_event()]);
    assert!(matches!(running.append(batch(broken)).wait(), Err(AppendError::Refused { .. })));
    let known = event("m7", "known", 0);
    let answer = running.append(batch(machines(9_000, 9_004).chain([known]))).wait().unwrap();
    let rejected: Vec<bool> =
        answer.placed.iter().map(|placed| matches!(placed, Placed::Rejected(_))).collect();
    assert_eq!(rejected, [false, false, true, true, false]);
    let Placed::Rejected(rejection) = &answer.placed[2] else { unreachable!() };
    assert_eq!(rejection.code, RejectionCode::MachineLimit);
    let control = running.log.append(Lane::Control, Batch::control(vec![event("m9999", "x", 0)])).unwrap();
    assert!(matches!(control.wait().unwrap().placed[0], Placed::Stored { .. }), "our own events always pass");
    assert_eq!(running.log.metrics().rejected.load(Relaxed), 2);
    running.close();
}

#[test]
fn what_is_acknowledged_is_published_and_in_the_fleet() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    for n in 1..=30 {
        running.append(batch([event("m", &format!("e{n}"), n)])).wait().unwrap();
        assert_eq!(running.log.fleet().position(), u64::from(n));
        assert_eq!(running.log.head().position, u64::from(n));
        assert_eq!(running.published.0.lock().unwrap().last(), Some(&(u64::from(n), vec![u64::from(n)])));
    }
    running.close();
}

/// Panics when it is told of a position, the first time.
struct Panics {
    at: u64,
    panicked: Arc<Mutex<bool>>,
    seen: Arc<Mutex<Vec<u64>>>,
}

impl Publish for Panics {
    fn publish(&mut self, news: &News<'_>) {
        for event in news.events {
            let first_time = event.position == self.at
                && !std::mem::replace(&mut *self.panicked.lock().unwrap_or_else(|e| e.into_inner()), true);
            assert!(!first_time, "the publisher fails at {}", self.at);
            self.seen.lock().unwrap().push(event.position);
        }
    }
}

#[test]
fn a_writer_that_panics_is_replaced_without_loss() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), &clock());
    let (panicked, seen) = (Arc::new(Mutex::new(false)), Arc::new(Mutex::new(Vec::new())));
    let start = || {
        let publish = Panics { at: 3, panicked: panicked.clone(), seen: seen.clone() };
        let mut writer = log.writer(Box::new(publish)).unwrap();
        std::thread::spawn(move || writer.run())
    };
    let first = start();
    assert!(matches!(log.writer(Box::new(())), Err(WriterError::Running)));
    log.append(Lane::Ingest, batch([event("m", "a", 1), event("m", "b", 2)])).unwrap().wait().unwrap();
    let lost = log.append(Lane::Ingest, batch([event("m", "c", 3)])).unwrap();
    assert_eq!(lost.wait(), Err(AppendError::Lost));
    assert!(first.join().is_err());
    assert!(!log.status().writing);
    // It waits in the queue until there is a writer again.
    let waiting = log.append(Lane::Ingest, batch([event("m", "c", 3), event("m", "d", 4)])).unwrap();
    let second = start();
    assert_eq!(waiting.wait().unwrap().placed, [Placed::Duplicate, stored(4)], "c was committed after all");
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 4], "each is published once");
    assert_eq!(log.fleet().position(), 4);
    log.close().unwrap();
    second.join().unwrap().unwrap();
}

#[test]
fn somebody_else_who_writes_stops_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    running.append(batch([event("m", "a", 1)])).wait().unwrap();
    let shell = rusqlite::Connection::open(dir.path().join("patze.db")).unwrap();
    shell
        .execute("INSERT INTO events SELECT 2, 'mine', type, machine, 0, 0, severity, origin, trace, payload FROM events", [])
        .unwrap();
    // What cannot get its position is neither dropped nor put elsewhere.
    let answer = running.append(batch([event("m", "b", 2)])).wait();
    assert!(matches!(answer, Err(AppendError::Damaged { .. })), "{answer:?}");
    assert!(running.log.status().fault.is_some());
    assert!(matches!(running.append(batch([])).wait(), Err(AppendError::Damaged { .. })));
    running.close_failed();
}

#[test]
fn a_shell_that_holds_the_file_delays_and_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    let shell = rusqlite::Connection::open(dir.path().join("patze.db")).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let pending = running.append(batch([event("m", "a", 1)]));
    shell.execute_batch("ROLLBACK").unwrap();
    assert_eq!(pending.wait().unwrap().placed, [stored(1)]);
    running.close();
}

#[test]
fn a_closed_log_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    let log = running.log.clone();
    running.close();
    assert_eq!(log.append(Lane::Ingest, batch([])).unwrap().wait(), Err(AppendError::Closed));
    assert!(block_on(log.read_after(0, 1, 1)).is_err());
    assert!(log.next_proof().is_none());
    log.close().unwrap();
}

#[test]
fn without_a_writer_closing_tells_whoever_waits() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), &clock());
    let waiting = log.append(Lane::Ingest, batch([event("m", "a", 1)])).unwrap();
    log.close().unwrap();
    assert_eq!(waiting.wait(), Err(AppendError::Lost));
}

#[test]
fn pages_hold_what_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path(), &clock());
    running.append(batch((0..10).map(|n| event("m", &format!("e{n}"), n)))).wait().unwrap();
    let page = |after, events, bytes| {
        let page = block_on(running.log.read_after(after, events, bytes)).unwrap();
        page.iter().map(|event| event.position).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 3, usize::MAX), [1, 2, 3]);
    assert_eq!(page(8, 3, usize::MAX), [9, 10]);
    assert!(page(10, 3, usize::MAX).is_empty());
    assert!(page(u64::MAX, 3, usize::MAX).is_empty());
    assert!(page(0, 0, usize::MAX).is_empty());
    assert_eq!(page(4, 9, 1), [5], "one at least");
    let two = 2 * event("m", "e5", 5).weight() + 10;
    assert_eq!(page(5, 9, two), [6, 7]);
    running.close();
}
