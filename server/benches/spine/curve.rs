//! What an event costs as the log grows: the log by itself, for ids in time order and for random ones.

use crate::Bench;
use crate::events::{BATCH, Ids, Supply};
use crate::filled::{Running, STRETCH};
use crate::meter::{Took, timed};
use crate::report::Report;

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let marks: &[usize] = bench.size(&[10_000, 100_000, 1_000_000, 5_000_000], &[10_000, 100_000, 300_000]);
    for (ids, name) in [(Ids::TimeOrdered, "time-ordered"), (Ids::Random, "random")] {
        let folder = bench.folder(&format!("curve-{name}"));
        let mut first = None;
        let mut batch = 0;
        let supply = Supply::new(&bench.clock, ids);
        let running = Running::new(&folder, &bench.clock);
        for mark in marks {
            // The last tenth before each mark, but no fewer than 5,000 events.
            let measured_from = mark - (mark / 10).max(5_000);
            let (mut took, mut count) = (Took::default(), 0);
            while batch * BATCH < *mark {
                let stretch: Vec<_> =
                    (batch..(batch + STRETCH).min(mark / BATCH)).map(|n| supply.batch(n)).collect();
                let (_, more) = timed(&bench.clock, || running.append(&stretch, &bench.clock));
                if (batch + stretch.len()) * BATCH > measured_from {
                    took += more;
                    count += stretch.len() * BATCH;
                }
                batch += stretch.len();
            }
            let cost = took.cpu_micros(count);
            let times = cost / *first.get_or_insert(cost);
            report.note(
                format!("{name} ids, at {mark} events"),
                format!("{:.1} µs an event, {cost:.1} CPU ({times:.2} ×)", took.micros(count)),
            );
        }
        running.close();
        let _ = std::fs::remove_dir_all(&folder);
    }
}
