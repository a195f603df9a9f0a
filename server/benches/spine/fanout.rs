//! A thousand subscribers of 200 events a second.

use crate::Bench;
use crate::paced::{Load, run};
use crate::report::Report;

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let load = Load { subscribers: bench.size(1_000, 200), per_second: 200, seconds: bench.size(10, 4) };
    let seen = run(bench, "fanout", load);
    let (expected, got) = (load.events() * load.subscribers, seen.delays.len());
    report.at_least(
        format!("share received of {} × {} frames", load.subscribers, load.events()),
        got as f64 / expected as f64 * 100.0,
        100.0,
        " %",
    );
    report.note("subscribers cut", seen.cut.to_string());
    report.note("POST to frame, p50", format!("{:.1} ms", seen.at(0.5)));
    report.note("POST to frame, p99 and longest", format!("{:.1} ms, {:.1} ms", seen.at(0.99), seen.at(1.0)));
    report.note("server's CPU, share of one core", format!("{:.0} %", 100.0 * seen.server_cores));
    report.note(
        "server's resident memory: before, during, peak",
        format!("{:.0}, {:.0}, {:.0} MiB", seen.resident_before, seen.resident, seen.resident_peak),
    );
}
