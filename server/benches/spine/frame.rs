//! From a `POST` to its frame, for one subscriber, at 1,000 events a second.

use crate::Bench;
use crate::paced::{Load, run};
use crate::report::Report;

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let load = Load { subscribers: 1, per_second: 1_000, seconds: bench.size(15, 4) };
    let seen = run(bench, "frame", load);
    report.note(
        format!("frames seen of {} sent, one event a request", load.events()),
        seen.delays.len().to_string(),
    );
    report.note("POST to frame, p50", format!("{:.2} ms", seen.at(0.5)));
    report.below("POST to frame, p99", seen.at(0.99), 10.0, " ms");
    report.note(
        "POST to frame, p99.9 and longest",
        format!("{:.2} ms, {:.2} ms", seen.at(0.999), seen.at(1.0)),
    );
    report.note("server's CPU, share of one core", format!("{:.0} %", 100.0 * seen.server_cores));
}
