//! `patze verify`: reads the whole log and says whether it is what was written (design §6). It works beside a running
//! server, and on a copy.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use patze_actors::log::DATABASE;
use patze_actors::log::digest::hex;
use patze_actors::log::verify::verify;

use super::{CliError, Console};

pub(super) fn run<O: Write, E: Write>(dir: &Path, console: &mut Console<O, E>) -> Result<ExitCode, CliError> {
    let file = dir.join(DATABASE);
    let report = verify(&file)?;
    let out = &mut console.out;
    writeln!(out, "file         {}", file.display())?;
    writeln!(out, "log          {}", report.log_id)?;
    writeln!(out, "events       {} in {} commits", report.events, report.commits)?;
    writeln!(out, "checkpoints  {} compared", report.checkpoints)?;
    writeln!(out, "position     {}", report.position)?;
    writeln!(out, "digest       {}", hex(&report.digest))?;
    writeln!(out, "state        {} (fold {})", hex(&report.state), report.fold_version)?;
    if report.is_sound() {
        let state = match report.checkpoints {
            0 => "there is no checkpoint yet that a rebuild could be compared with",
            _ => "a rebuild gives the stored state",
        };
        writeln!(out, "sound: no row is missing, changed or added, and {state}")?;
        return Ok(ExitCode::SUCCESS);
    }
    for finding in &report.findings {
        writeln!(out, "FAULT        {finding}")?;
    }
    let more = report.faults.saturating_sub(report.findings.len() as u64);
    if more > 0 {
        writeln!(out, "             and {more} more")?;
    }
    writeln!(console.notes, "The log is not what was written; docs/operations.md says what to do.")?;
    Ok(ExitCode::FAILURE)
}
