//! The command line. No subcommand serves.
//!
//! `patze.lock` tells whether a server runs in the settings folder. If one does, a command that changes something asks
//! it over HTTP with its `cli-token`; if none does, the command opens the database itself, which takes the lock. Commands
//! that replace the database, fill it or blank parts of it want the server stopped. Those that only read never ask.

mod backup;
mod demo;
mod doors;
mod export;
mod import;
mod prices;
mod redact;
mod restore;
mod token;
mod verify;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};
use patze_actors::log::care;
use patze_supervise::clock::Clock;

use crate::config::Config;
use crate::environment::{self, NotUnicode};

pub use backup::BackupCommand;
pub use demo::DemoCommand;
pub use export::ExportCommand;
pub use import::ImportCommand;
pub use redact::RedactCommand;
pub use restore::RestoreCommand;
pub use token::TokenCommand;

/// Patze Control: watches and runs fleets of OpenClaw agents. Without a command it serves.
#[derive(Debug, clap::Parser)]
#[command(name = "patze", version)]
pub struct Cli {
    /// What to do; serve without one.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub config: Config,
}

/// What can be done besides serving.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make, list and revoke the tokens that bridges and readers use
    #[command(subcommand)]
    Token(TokenCommand),
    /// Read the whole log and prove that it is what was written; exit code 1 if it is not
    Verify,
    /// Write the whole log to one file, while the server runs or not
    Backup(BackupCommand),
    /// Put a backup in the place of what is there, which is moved aside; not while the server runs
    Restore(RestoreCommand),
    /// Give the log a new id, after the whole folder was put back to an earlier state by other means than restore
    RenewLog,
    /// Write the log's events as lines of JSON or CSV, while the server runs or not
    Export(ExportCommand),
    /// Take the events of an export into the log; not while the server runs
    Import(ImportCommand),
    /// Blank a text that should never have come here, in the log and all that is made from it; not while the server runs
    Redact(RedactCommand),
    /// Show the prices that unreported costs are estimated with, or what is wrong with prices.toml
    Prices,
    /// Serve a made-up fleet with 30 days behind it, to look around in; it has a data folder of its own
    Demo(DemoCommand),
}

/// Where commands write: what is asked for, and what is said about it.
#[derive(Debug)]
pub struct Console<O, E> {
    /// Standard output.
    pub out: O,
    /// Standard error.
    pub notes: E,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// There is no home folder to have the settings in.
    #[error("there is no home folder; name a settings folder in PATZE_SETTINGS_DIR")]
    NoSettings,
    /// The runtime cannot start.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    /// The output cannot be written.
    #[error("cannot write the output")]
    Output(#[from] io::Error),
    /// `auth.json` cannot be used.
    #[error(transparent)]
    Credentials(#[from] patze_actors::credentials::OpenError),
    /// The change failed.
    #[error(transparent)]
    Record(#[from] patze_actors::credentials::RecordError),
    /// The database cannot be opened.
    #[error(transparent)]
    Log(#[from] patze_actors::log::OpenError),
    /// The log cannot be written to.
    #[error("the log cannot be written to")]
    Writer(#[from] patze_actors::log::WriterError),
    /// The log cannot be closed.
    #[error(transparent)]
    Close(#[from] patze_actors::log::CloseError),
    /// The log cannot be verified.
    #[error(transparent)]
    Verify(#[from] patze_actors::log::verify::VerifyError),
    /// There is no backup.
    #[error(transparent)]
    Backup(#[from] care::BackupError),
    /// Nothing was restored.
    #[error(transparent)]
    Restore(#[from] care::RestoreError),
    /// The log has its old id.
    #[error(transparent)]
    Renew(#[from] care::RenewError),
    /// The log cannot be exported.
    #[error(transparent)]
    Export(#[from] care::ExportError),
    /// The file for an export cannot be written.
    #[error("{} cannot be written; nothing was left there. See that it does not exist yet and that there is room", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing was imported, or not all.
    #[error(transparent)]
    Import(#[from] care::ImportError),
    /// Nothing was blanked, or not everything wiped.
    #[error(transparent)]
    Redact(#[from] care::redact::RedactError),
    /// There is no text to look for.
    #[error(transparent)]
    TooShort(#[from] care::redact::TooShort),
    /// The text comes from where the answer would.
    #[error("with --match - nobody can be asked; look with --dry-run first, then add --yes")]
    NobodyToAsk,
    /// There is no demo.
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
    /// The demo is not served.
    #[error(transparent)]
    Serve(#[from] crate::serve::ServeError),
    /// The prices cannot be used.
    #[error(transparent)]
    Prices(#[from] crate::prices::PricesError),
    /// What the running server wrote for commands cannot be read.
    #[error("cannot read server.json and cli-token in {}; run this as the user that the server runs as", dir.display())]
    Published {
        /// The settings folder.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The settings folder is another user's.
    #[error("{} belongs to user {owner}; run this as that user (sudo -u '#{owner}' …)", dir.display())]
    OtherUser {
        /// The settings folder.
        dir: PathBuf,
        /// Its owner's number.
        owner: u32,
    },
    /// A server holds the folder and does not answer.
    #[error("a server holds {} and does not answer; try again, or stop it", dir.display())]
    Silent {
        /// The settings folder.
        dir: PathBuf,
        /// The last try's failure, if it got that far.
        source: Option<reqwest::Error>,
    },
    /// The running server's answer is lost or none; what was asked may be done.
    #[error("no usable answer from the server at {address}; `patze token list` shows whether it was done")]
    Answer {
        /// Where it listens.
        address: std::net::SocketAddr,
        /// Why.
        source: reqwest::Error,
    },
    /// The running server refused.
    #[error("the server at {address} answers {status}: {message}")]
    Refused {
        /// Where it listens.
        address: std::net::SocketAddr,
        /// The HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
}

impl Cli {
    /// What this process was told by its command line and its environment. Ends the process where that is a wish for help,
    /// or makes no sense.
    ///
    /// # Errors
    /// If a variable cannot be read as text.
    pub fn of_process() -> Result<Self, NotUnicode> {
        let matches = environment::without_blanks(Self::command())?.get_matches();
        Ok(Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
    }
}

/// Runs a command to its end, on a runtime of its own: not to be called on a thread that runs another. What it printed
/// is in the console.
///
/// # Errors
/// See [`CliError`]; `main` prints it with its sources and exits with 1.
pub fn run<O: Write, E: Write>(
    command: &Command,
    config: &Config,
    clock: &Clock,
    console: &mut Console<O, E>,
) -> Result<ExitCode, CliError> {
    let dir = config.settings_dir().ok_or(CliError::NoSettings)?;
    match command {
        Command::Token(command) => token::run(command, &dir, clock, console).map(|()| ExitCode::SUCCESS),
        Command::Verify => verify::run(&dir, console),
        Command::Backup(command) => backup::run(command, &dir, clock, console),
        Command::Restore(command) => restore::run(command, &dir, clock, console),
        Command::RenewLog => restore::renew(&dir, clock, console),
        Command::Export(command) => export::run(command, &dir, console),
        Command::Import(command) => import::run(command, &dir, clock, console),
        Command::Redact(command) => redact::run(command, &dir, clock, console),
        Command::Prices => prices::run(&dir, console),
        Command::Demo(command) => demo::run(command, config, clock, console),
    }
}

/// An error with what caused it, for standard error.
pub fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str("\n  because ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
