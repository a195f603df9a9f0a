//! `patze-bridge`: no subcommand runs the bridge.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use patze_bridge::config::{Config, Settings};
use patze_bridge::{doctor, failure, run};
use patze_supervise::clock::Clock;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Settings that cannot be used; a service manager must not start it again and again (`RestartPreventExitStatus=2`).
const BAD_SETTINGS: u8 = 2;

/// Reads the OpenClaw homes of this machine and pushes what happens there to a Patze control plane.
#[derive(Parser)]
#[command(name = "patze-bridge", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Looks at settings, homes, spool and control plane, and says what is to be done. Exits 0 if all is well, else 1
    Doctor {
        /// Writes the report as JSON
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match Config::of_process() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("patze-bridge: {}", failure::chain(&error));
            let doctor = arguments.command.is_some();
            return if doctor { ExitCode::FAILURE } else { ExitCode::from(BAD_SETTINGS) };
        }
    };
    if let Some(Command::Doctor { json }) = arguments.command {
        return report(&config, json);
    }
    log_to_stderr();
    let settings = Settings::new(config, Config::of_process);
    let system = actix_rt::System::new();
    let ended = system.block_on(run::run(settings));
    if let Err(error) = &ended {
        eprintln!("patze-bridge: {}", failure::chain(error));
    }
    // Not by dropping the system: that waits for threads, and one may hang on a dead network mount.
    std::process::exit(i32::from(ended.is_err()));
}

fn report(config: &Config, json: bool) -> ExitCode {
    let report = actix_rt::System::new().block_on(doctor::examine(config, &Clock::system()));
    let text = if json { serde_json::to_string_pretty(&report) } else { Ok(report.to_string()) };
    let written =
        text.map_err(io::Error::from).and_then(|text| writeln!(io::stdout().lock(), "{}", text.trim_end()));
    if let Err(error) = written {
        eprintln!("patze-bridge: the report cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `RUST_LOG` as usual (`debug`, `patze_bridge=debug,info`); `info` without it.
fn log_to_stderr() {
    let asked = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    // https://no-color.org: only a value that is not empty counts.
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines =
        tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colours).with_target(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
}
