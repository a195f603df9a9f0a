//! `patze backup`: one moment of the log in one file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use patze_actors::log::care::{self, Backup, Manifest};
use patze_supervise::clock::Clock;

use super::{CliError, Console};
use crate::edge::BUILD;

/// What to back up.
#[derive(Debug, clap::Args)]
pub struct BackupCommand {
    /// The file to make, such as patze-2026-11-25.tar.zst; one that exists is left as it is
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Take auth.json and secrets.json along: whoever has the file can then read and write everything
    #[arg(long)]
    with_secrets: bool,
}

pub(super) fn run<O: Write, E: Write>(
    command: &BackupCommand,
    dir: &Path,
    clock: &Clock,
    console: &mut Console<O, E>,
) -> Result<ExitCode, CliError> {
    let BackupCommand { file, with_secrets } = command;
    let made =
        care::backup(&Backup { dir, file, with_secrets: *with_secrets, version: BUILD, now: clock.now() })?;
    print(&made, file, &mut console.out)?;
    if !with_secrets {
        writeln!(
            console.notes,
            "auth.json and secrets.json are not in it; --with-secrets takes them along."
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what a backup holds.
pub(super) fn print(manifest: &Manifest, file: &Path, out: &mut impl Write) -> Result<(), CliError> {
    writeln!(out, "file         {}", file.display())?;
    writeln!(out, "made         {} by patze {}", manifest.created_at, manifest.version)?;
    for member in &manifest.members {
        writeln!(out, "holds        {} ({} bytes)", member.name, member.bytes)?;
    }
    writeln!(out, "log          {}", manifest.log_id)?;
    writeln!(out, "position     {}", manifest.position)?;
    writeln!(out, "digest       {}", manifest.digest)?;
    Ok(())
}
