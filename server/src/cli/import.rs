//! `patze import`: the events of an export are taken into the log.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use patze_actors::log::care::{self, Import};
use patze_supervise::clock::Clock;

use super::doors::refuse_other_user;
use super::{CliError, Console};

/// What to import.
#[derive(Debug, clap::Args)]
pub struct ImportCommand {
    /// A file that `patze export --format jsonl` made
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Check every line and say what would be done; the server may run
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run<O: Write, E: Write>(
    command: &ImportCommand,
    dir: &Path,
    clock: &Clock,
    console: &mut Console<O, E>,
) -> Result<ExitCode, CliError> {
    let ImportCommand { file, dry_run } = command;
    refuse_other_user(dir)?;
    let imported = care::import(&Import { dir, file, clock, dry_run: *dry_run })?;
    let Console { out, notes } = console;
    writeln!(out, "file         {} events of {} machines", imported.lines, imported.machines)?;
    if let Some((first, last)) = imported.occurred {
        writeln!(out, "happened     {first} to {last}")?;
    }
    let (into, times) = if imported.became_the_log {
        ("an empty log, which it becomes", "recorded when the file says")
    } else {
        ("beside what is there", "recorded now")
    };
    writeln!(out, "into         {}, {into}", dir.display())?;
    writeln!(out, "{:<12} {}, {times}", if *dry_run { "would store" } else { "stored" }, imported.stored)?;
    writeln!(out, "known        {}", imported.known)?;
    if imported.own > 0 {
        writeln!(out, "left out     {} of the other control plane's own", imported.own)?;
    }
    if let Some(rejection) = &imported.rejection {
        writeln!(out, "refused      {}; the first: {rejection}", imported.rejected)?;
    }
    for aside in &imported.aside {
        writeln!(out, "moved aside  {}", aside.display())?;
    }
    if *dry_run {
        writeln!(notes, "Nothing was stored.")?;
    }
    Ok(ExitCode::SUCCESS)
}
