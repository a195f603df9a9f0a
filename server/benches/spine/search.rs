//! Search over ten million log lines. Made once: with `--keep FOLDER` the next run finds them.

use std::path::PathBuf;
use std::sync::Arc;

use patze_actors::history::query::{LogQuery, Paging};
use patze_core::event::{Event, Severity};
use patze_core::ids::MachineId;
use patze_core::time::{DAY, Timestamp};

use crate::Bench;
use crate::events::{BATCH, MACHINES, scrambled};
use crate::filled::STRETCH;
use crate::history::{Following, event};
use crate::process::block_on;
use crate::report::Report;

/// Each question so many times, with other words.
const ROUNDS: u64 = 100;

const WORDS: [&str; 24] = [
    "connection",
    "compaction",
    "timeout",
    "gateway",
    "provider",
    "context",
    "session",
    "agent",
    "model",
    "request",
    "response",
    "retry",
    "stream",
    "token",
    "limit",
    "memory",
    "channel",
    "message",
    "tool",
    "command",
    "file",
    "exit",
    "window",
    "budget",
];

type Made = fn(u64) -> LogQuery;

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let lines = bench.size(10_000_000, 50_000);
    let dir: PathBuf = bench.dir.join(format!("search-{lines}"));
    std::fs::create_dir_all(&dir).unwrap();
    let following = Following::new(&dir, &bench.clock);
    let start = bench.clock.now().plus(-300 * DAY);
    let began = bench.clock.elapsed();
    let first = usize::try_from(following.running.log.head().position).unwrap();
    let mut number = first as u64;
    while (number as usize) < lines {
        let stretch: Vec<Arc<[Event]>> = (0..STRETCH).map(|_| batch(start, lines, &mut number)).collect();
        following.running.append(&stretch, &bench.clock);
    }
    following.catch_up();
    if first < lines {
        let took = bench.clock.elapsed() - began;
        report.note(
            "lines stored and indexed a second",
            format!("{:.0}", (lines - first) as f64 / took.as_secs_f64()),
        );
    }
    let bytes = std::fs::metadata(following.history.file()).map_or(0, |file| file.len());
    report.note("history.db, bytes a line", format!("{:.0}", bytes as f64 / lines as f64));
    let mut all = Vec::new();
    let kinds: [(&str, Made); 8] = [
        ("a common word", |n| words(WORDS[n as usize % 24].to_owned())),
        ("two common words", |n| words(format!("{} {}", WORDS[n as usize % 24], WORDS[n as usize * 7 % 23]))),
        ("a rare word", |n| words(format!("id{}", scrambled(n) % 1_000_000))),
        ("a phrase", |n| words(format!("\"{} {}\"", WORDS[n as usize % 24], WORDS[(n as usize + 1) % 24]))),
        ("the beginning of a word", |n| words(format!("id{:03}*", n % 1_000))),
        ("a common word, a machine, a level", |n| LogQuery {
            machine: Some(machine(n as usize)),
            levels: vec![Severity::Error],
            ..words(WORDS[n as usize % 24].to_owned())
        }),
        ("a machine and a level", |n| LogQuery {
            machine: Some(machine(n as usize)),
            levels: vec![Severity::Critical],
            ..LogQuery::default()
        }),
        ("a word that is nowhere", |n| words(format!("nowhere{n}"))),
    ];
    for (name, query) in kinds {
        let mut took: Vec<f64> = (0..ROUNDS)
            .map(|n| {
                let began = bench.clock.elapsed();
                block_on(following.history.logs(query(n), Paging::default())).unwrap();
                (bench.clock.elapsed() - began).as_secs_f64() * 1e3
            })
            .collect();
        took.sort_unstable_by(f64::total_cmp);
        report.note(
            name,
            format!("p50 {:.1} ms, slowest {:.1} ms", took[took.len() / 2], took[took.len() - 1]),
        );
        all.extend(took);
    }
    all.sort_unstable_by(f64::total_cmp);
    report.below(format!("search over {lines} lines, p99"), all[all.len() * 99 / 100], 50.0, " ms");
    // The worst that is allowed: the beginning of words that are in a large part of all lines.
    let began = bench.clock.elapsed();
    let broad = block_on(following.history.logs(words("com*".to_owned()), Paging::default()));
    let took = (bench.clock.elapsed() - began).as_secs_f64() * 1e3;
    report.note(
        "the beginning of very common words",
        format!("{took:.0} ms{}", if broad.is_ok() { "" } else { ", refused" }),
    );
    following.close();
}

fn words(text: String) -> LogQuery {
    LogQuery { text: Some(text), ..LogQuery::default() }
}

fn machine(n: usize) -> MachineId {
    MachineId::new(format!("machine-{:02}", n % MACHINES))
}

/// Lines of one machine, of ten words each.
fn batch(start: Timestamp, lines: usize, number: &mut u64) -> Arc<[Event]> {
    let of = machine(*number as usize / BATCH);
    (0..BATCH)
        .map(|_| {
            let n = *number;
            let at = start.plus((300.0 * DAY as f64 * n as f64 / lines as f64) as i64);
            let mut bits = scrambled(n);
            let mut message = String::new();
            for _ in 0..8 {
                message.push_str(WORDS[(bits % 24) as usize]);
                message.push(' ');
                bits /= 24;
            }
            message.push_str(&format!("id{} after {} ms", scrambled(n ^ 0x5555) % 1_000_000, n % 9_000));
            let level = match scrambled(n ^ 0xAAAA) % 1_000 {
                0 => "critical",
                1..=20 => "error",
                21..=80 => "warn",
                _ => "info",
            };
            let payload = format!(
                r#"{{"logEntryId":"l{n}","runId":"r{}","sessionId":"s{}","level":"{level}","message":"{message}","ts":"{at}"}}"#,
                n / 20,
                n / 200
            );
            event(at, &of, "run.log.emitted", &payload, number)
        })
        .collect()
}
