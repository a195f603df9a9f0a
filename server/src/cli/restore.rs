//! `patze restore`: a backup takes the place of what is there. `patze renew-log`: a new id for what was put there otherwise.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use patze_actors::log::care;
use patze_supervise::clock::Clock;

use super::backup::print;
use super::doors::refuse_other_user;
use super::{CliError, Console};

/// What to restore.
#[derive(Debug, clap::Args)]
pub struct RestoreCommand {
    /// A file that `patze backup` made
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only read and verify it; the server may run
    #[arg(long)]
    check: bool,
}

pub(super) fn run<O: Write, E: Write>(
    command: &RestoreCommand,
    dir: &Path,
    clock: &Clock,
    console: &mut Console<O, E>,
) -> Result<ExitCode, CliError> {
    let RestoreCommand { file, check } = command;
    let Console { out, notes } = console;
    if *check {
        let checked = care::check(file, clock.now())?;
        print(&checked.manifest, file, out)?;
        writeln!(out, "sound: {} events in {} commits", checked.report.events, checked.report.commits)?;
        return Ok(ExitCode::SUCCESS);
    }
    refuse_other_user(dir)?;
    let restored = care::restore(dir, file, clock.now())?;
    print(&restored.checked.manifest, file, out)?;
    writeln!(out, "restored to  {}", dir.display())?;
    writeln!(out, "new log      {}", restored.head.log_id)?;
    for aside in &restored.aside {
        writeln!(out, "moved aside  {}", aside.display())?;
    }
    if restored.checked.manifest.has_secrets() {
        writeln!(
            notes,
            "Tokens are as they were at {}: revoke again what was revoked since.",
            restored.checked.manifest.created_at
        )?;
    }
    writeln!(notes, "Start the server; bridges read their machines again and bring what the backup lacks.")?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn renew<O: Write, E: Write>(
    dir: &Path,
    clock: &Clock,
    console: &mut Console<O, E>,
) -> Result<ExitCode, CliError> {
    refuse_other_user(dir)?;
    let head = care::renew(dir, clock.now())?;
    writeln!(console.out, "new log      {}", head.log_id)?;
    writeln!(console.out, "position     {}", head.position)?;
    Ok(ExitCode::SUCCESS)
}
