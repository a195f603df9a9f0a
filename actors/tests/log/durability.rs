//! EL-2 on real system calls: a child ingests under strace; between each write to the write-ahead log and the
//! acknowledgement of what was written there is an fdatasync; and a copy that is cut at that fdatasync has all of it.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use patze_actors::log::verify;

use super::support::{Running, batch, clock, event, open, read_all};

const DIR: &str = "PATZE_TEST_DIR";
const BATCHES: u32 = 25;
const EVENTS: u32 = 40;

/// An acknowledgement, and how much of the write-ahead log was on the disk then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Acknowledged {
    batch: u32,
    synced_bytes: u64,
}

#[test]
fn what_is_acknowledged_is_synced() {
    let dir = tempfile::tempdir().unwrap();
    let (home, trace) = (dir.path().join("home"), dir.path().join("trace"));
    let output = Command::new("strace")
        .args(["-f", "-y", "-s", "64", "-e", "trace=write,pwrite64,fsync,fdatasync,ftruncate", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "durability::child_that_ingests"])
        .env(DIR, &home)
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => panic!("strace is needed to prove that events are synced; install it ({error})"),
    };
    assert!(!output.status.success(), "the child was to abort: {}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&trace).unwrap();
    let acknowledged = read_trace(&text).unwrap_or_else(|fault| panic!("{fault}"));
    let batches: Vec<u32> = acknowledged.iter().map(|ack| ack.batch).collect();
    assert_eq!(batches, (0..BATCHES).collect::<Vec<_>>(), "every acknowledgement is in the trace");

    // The child aborted, so that the files are as they were. Power fails right after each acknowledgement:
    for ack in acknowledged {
        let copy = dir.path().join(format!("cut-{}", ack.batch));
        cut_copy(&home, &copy, ack.synced_bytes);
        let log = open(&copy, &clock());
        let stored = read_all(&log, 10_000);
        assert!(
            stored.len() >= ((ack.batch + 1) * EVENTS) as usize,
            "{ack:?} but only {} events",
            stored.len()
        );
        log.close().unwrap();
        assert!(verify::verify(&copy.join("patze.db")).unwrap().is_sound());
    }
}

#[test]
#[ignore = "run by the test above, under strace"]
fn child_that_ingests() {
    let home = PathBuf::from(std::env::var_os(DIR).unwrap());
    let running = Running::open(&home, &clock());
    for n in 0..BATCHES {
        let events = (0..EVENTS).map(|e| event("m", &format!("e{n}-{e}"), n * EVENTS + e));
        running.append(batch(events)).wait().unwrap();
        std::io::stdout().write_all(format!("acknowledged {n}\n").as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
    }
    // No closing, no last words of SQLite.
    std::process::abort();
}

/// The database as the disk would have it: of the write-ahead log only what was synced.
fn cut_copy(home: &Path, copy: &Path, wal_bytes: u64) {
    super::support::crash_image(home, copy);
    let wal = std::fs::OpenOptions::new().write(true).open(copy.join("patze.db-wal")).unwrap();
    assert!(wal.metadata().unwrap().len() >= wal_bytes);
    wal.set_len(wal_bytes).unwrap();
}

/// The state of the write-ahead log while the trace is read.
#[derive(Default)]
struct Wal {
    /// Writes so far, and the greatest end of one.
    writes: u64,
    end: u64,
    /// The same when the last sync that has ended began.
    synced: (u64, u64),
    /// Syncs that have begun and not ended, by thread.
    syncing: HashMap<String, (u64, u64)>,
}

/// Reads `strace -f -y` output; a fault is an acknowledgement whose writes are not synced.
fn read_trace(trace: &str) -> Result<Vec<Acknowledged>, String> {
    let mut wal = Wal::default();
    let mut acknowledged = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').ok_or_else(|| format!("odd line: {line}"))?;
        let call = call.trim_start();
        let of_wal = call.contains("patze.db-wal>");
        if call.starts_with("pwrite64(") && of_wal {
            // A write counts from its beginning on, a sync only from its end on.
            wal.writes += 1;
            wal.end = wal.end.max(end_of_write(call).ok_or_else(|| format!("odd write: {line}"))?);
        } else if (call.starts_with("fdatasync(") || call.starts_with("fsync(")) && of_wal {
            if call.ends_with("<unfinished ...>") {
                wal.syncing.insert(thread.to_owned(), (wal.writes, wal.end));
            } else if call.ends_with("= 0") {
                wal.synced = wal.synced.max((wal.writes, wal.end));
            }
        } else if call.starts_with("<... fdatasync resumed>") || call.starts_with("<... fsync resumed>") {
            if let Some(began) = wal.syncing.remove(thread).filter(|_| call.ends_with("= 0")) {
                wal.synced = wal.synced.max(began);
            }
        } else if call.starts_with("ftruncate(") && of_wal {
            return Err(format!("the test is too long: the write-ahead log began anew ({line})"));
        } else if let Some(rest) = call.strip_prefix("write(")
            && let Some((_, rest)) = rest.split_once("\"acknowledged ")
        {
            let batch = rest.split_once('\\').and_then(|(number, _)| number.parse().ok());
            let batch = batch.ok_or_else(|| format!("odd acknowledgement: {line}"))?;
            if wal.synced.0 < wal.writes {
                return Err(format!("{} writes are not synced at {line}", wal.writes - wal.synced.0));
            }
            acknowledged.push(Acknowledged { batch, synced_bytes: wal.synced.1 });
        }
    }
    Ok(acknowledged)
}

/// Offset + length of `pwrite64(4</…-wal>, "…"..., LENGTH, OFFSET) = …` or its unfinished form.
fn end_of_write(call: &str) -> Option<u64> {
    let call = call.split_once(" <unfinished").map_or(call, |(call, _)| call);
    let arguments = call.rsplit_once(')').map_or(call, |(arguments, _)| arguments);
    let (rest, offset) = arguments.rsplit_once(", ")?;
    let (_, length) = rest.rsplit_once(", ")?;
    Some(length.parse::<u64>().ok()? + offset.parse::<u64>().ok()?)
}

#[test]
fn the_reader_of_traces_sees_a_missing_sync() {
    let write = |at: u64| format!("12 pwrite64(4</x/patze.db-wal>, \"a, b)\"..., 24, {at}) = 24\n");
    let sync = "12 fdatasync(4</x/patze.db-wal>)    = 0\n";
    let ack = |n: u32| format!("11 write(1</dev/pts/1>, \"acknowledged {n}\\n\", 15) = 15\n");
    let good = format!("{}{sync}{}{}{sync}{}", write(0), ack(0), write(24), ack(1));
    let expected = [(0, 24), (1, 48)].map(|(batch, synced_bytes)| Acknowledged { batch, synced_bytes });
    assert_eq!(read_trace(&good).unwrap(), expected);
    assert!(read_trace(&format!("{}{}", write(0), ack(0))).is_err(), "no sync");
    assert!(read_trace(&format!("{sync}{}{}", write(0), ack(0))).is_err(), "a sync before the write");
    let failed = sync.replace("= 0", "= -1 EIO");
    assert!(read_trace(&format!("{}{failed}{}", write(0), ack(0))).is_err(), "a sync that failed");
    let overlapping = format!(
        "12 fdatasync(4</x/patze.db-wal> <unfinished ...>\n{}12 <... fdatasync resumed>) = 0\n{}",
        write(0),
        ack(0)
    );
    assert!(read_trace(&overlapping).is_err(), "a sync that began before the write");
}
