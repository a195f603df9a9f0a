//! How long the writer was held up while checkpoints were made beside it.

use crate::Bench;
use crate::meter::millis;
use crate::report::Report;

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let filled = bench.filled();
    let longest = &filled.longest;
    let note = |report: &mut Report, what: &str, time| report.note(what, format!("{:.1} ms", millis(time)));
    report.note(
        format!("checkpoints made and proven, {} events", filled.events),
        longest.checkpoints.to_string(),
    );
    note(report, "longest fold of a transaction, with the prover's clone", longest.fold);
    note(report, "longest publish, with the readers' clone", longest.publish);
    note(report, "longest transaction, with its fdatasync", longest.commit);
    note(report, "longest wait for an answer, four batches under way", longest.wait);
}
