//! The `patze` binary: the control plane's server, and its commands. Without a command it serves.

use std::io::{IsTerminal as _, stderr, stdout};
use std::process::ExitCode;

use patze_server::cli::{self, Cli, Console};
use patze_server::environment::{self, NotUnicode};
use patze_server::serve;
use patze_supervise::clock::Clock;
use tracing_subscriber::EnvFilter;

/// Settings that cannot be used, as the command line's parser has it too.
const BAD_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    // The working folder's own, not one of a folder above, which belongs to something else. One that is not there is the
    // usual case, also in a folder that this user may not look into; one that cannot be read is told.
    if std::fs::metadata(".").is_ok()
        && let Err(error) = dotenvy::from_path("./.env")
        && !error.not_found()
    {
        eprintln!("patze: the file .env cannot be read: {error}");
        return ExitCode::FAILURE;
    }
    let (cli, filter) = match Cli::of_process().and_then(|cli| Ok((cli, filter()?))) {
        Ok(read) => read,
        Err(error) => {
            eprintln!("patze: {error}");
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    // https://no-color.org: only a value that is not empty counts.
    let colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(stderr).init();
    let clock = Clock::system();
    if let Some(command) = &cli.command {
        let mut console = Console { out: stdout().lock(), notes: stderr() };
        return cli::run(command, &cli.config, &clock, &mut console).unwrap_or_else(|error| {
            eprintln!("patze: {}", cli::explain(&error));
            ExitCode::FAILURE
        });
    }
    match actix::System::new().block_on(serve::serve(cli.config, clock, |_| {})) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("patze: {}", cli::explain(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

/// `RUST_LOG` as usual; `info` without it, or with one that means nothing.
fn filter() -> Result<EnvFilter, NotUnicode> {
    let asked = environment::value("RUST_LOG")?.and_then(|text| EnvFilter::try_new(text).ok());
    Ok(asked.unwrap_or_else(|| EnvFilter::new("info")))
}
