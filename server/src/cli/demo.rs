//! `patze demo`: a made-up fleet to look around in.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use patze_supervise::clock::Clock;

use super::{CliError, Console};
use crate::config::Config;
use crate::{demo, serve};

/// How to show the demo.
#[derive(Debug, clap::Args)]
pub struct DemoCommand {
    /// Its data folder; the settings folder's name with -demo at its end if not set
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Days that it has behind it
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=400))]
    days: u16,
    /// Remove the demo and its data folder
    #[arg(long)]
    remove: bool,
}

pub(super) fn run<O: Write, E: Write>(
    command: &DemoCommand,
    config: &Config,
    clock: &Clock,
    console: &mut Console<O, E>,
) -> Result<ExitCode, CliError> {
    let dir = match &command.folder {
        Some(dir) => dir.clone(),
        None => {
            let mut name = config.settings_dir().ok_or(CliError::NoSettings)?.into_os_string();
            name.push("-demo");
            PathBuf::from(name)
        }
    };
    let Console { notes, .. } = console;
    if command.remove {
        demo::remove(&dir)?;
        writeln!(notes, "The demo in {} is removed.", dir.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    let days = command.days;
    // A line that is written over: whether it can be shown decides nothing.
    let told = |day| {
        let end = if day == days { "\n" } else { "" };
        drop(write!(notes, "\rDemo: day {day} of {days} is made{end}").and_then(|()| notes.flush()));
    };
    let mark = actix::System::new().block_on(demo::make(&dir, clock, days, told))?;
    writeln!(notes, "Demo in {}; the same command with --remove removes it.", dir.display())?;
    let config = Config { settings_dir: Some(dir), ..config.clone() };
    actix::System::new()
        .block_on(serve::serve(config, clock.clone(), |plane| demo::keep_alive(plane, mark)))?;
    Ok(ExitCode::SUCCESS)
}
