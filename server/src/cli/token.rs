//! `patze token create | list | revoke`.

use std::io::Write;
use std::path::Path;

use patze_actors::credentials::{Credentials, Environment, Lifetime, NewToken, Scope, TokenId};
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use serde_json::{Value, json};

use super::doors::{Door, Made};
use super::{CliError, Console};

/// What can be done with tokens.
#[derive(Debug, clap::Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it, this once, as lines for the bridge's environment
    Create(Create),
    /// Show all tokens that were ever made; never their secrets
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Refuse a token from now on; its open streams are cut
    Revoke {
        /// The id, as `list` shows it
        id: TokenId,
    },
}

/// What to make.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// What to call it: the name of the machine that it is for
    #[arg(long, visible_alias = "name", value_name = "NAME")]
    machine: String,
    /// The id of the machine that it is for; without it the first machine that uses it has it
    #[arg(long, value_name = "ID")]
    machine_id: Option<String>,
    /// What it may do: bridge (send events of one machine), read (see everything) or admin (everything)
    #[arg(long, default_value = "bridge")]
    scope: Scope,
    /// How long it lives, such as 7d or 12h
    #[arg(long, value_name = "TIME", default_value = "never")]
    expires: Lifetime,
}

pub(super) fn run<O: Write, E: Write>(
    command: &TokenCommand,
    dir: &Path,
    clock: &Clock,
    console: &mut Console<O, E>,
) -> Result<(), CliError> {
    match command {
        TokenCommand::Create(create) => {
            let new = NewToken {
                name: create.machine.clone(),
                scope: create.scope,
                machine_id: create.machine_id.as_deref().map(MachineId::new),
                expires_at: create.expires.end(clock.now()),
            };
            let made = Door::through(dir, clock, async |door| door.create(new.clone()).await)?;
            print_made(&made, &new, console)
        }
        TokenCommand::List { json } => list(dir, *json, clock.now(), console),
        TokenCommand::Revoke { id } => {
            Door::through(dir, clock, async |door| door.revoke(*id).await)?;
            Ok(writeln!(console.notes, "Token {id} is revoked.")?)
        }
    }
}

/// The lines go to standard output alone, so that `patze token create … > bridge.env` is what it should be.
fn print_made<O: Write, E: Write>(
    made: &Made,
    new: &NewToken,
    console: &mut Console<O, E>,
) -> Result<(), CliError> {
    let Console { out, notes } = console;
    let end = new.expires_at.map_or_else(|| "does not end".to_owned(), |end| format!("ends {end}"));
    writeln!(notes, "Token {} for {:?} (scope {}) {end}.", made.id, new.name.trim(), new.scope.name())?;
    if new.scope == Scope::Bridge {
        writeln!(notes, "It is shown only now. For the environment of the bridge on that machine:\n")?;
    } else {
        writeln!(notes, "It is shown only now. Send it as `Authorization: Bearer …`.\n")?;
    }
    writeln!(out, "CONTROL_PLANE_TOKEN={}", made.secret.expose())?;
    if let Some(end) = new.expires_at {
        writeln!(out, "TOKEN_EXPIRES_AT={end}")?;
    }
    Ok(())
}

/// Reads the file itself, whether a server runs or not: it is replaced as a whole, so what is there is true.
fn list<O: Write, E: Write>(
    dir: &Path,
    json: bool,
    now: Timestamp,
    console: &mut Console<O, E>,
) -> Result<(), CliError> {
    let Console { out, notes } = console;
    let tokens = Credentials::open(dir, Environment::default())?.tokens();
    if json {
        let shown = tokens.iter().map(|token| {
            let mut shown = json!(token);
            shown["state"] = token.state(now).into();
            shown
        });
        let shown = json!({ "tokens": shown.collect::<Vec<Value>>() });
        return Ok(writeln!(out, "{shown:#}")?);
    }
    if tokens.is_empty() {
        return Ok(writeln!(notes, "No tokens yet; `patze token create --machine NAME` makes one.")?);
    }
    writeln!(out, "{:<10}  {:<7}  {:<6}  {:<24}  {:<24}  NAME", "ID", "STATE", "SCOPE", "MACHINE", "ENDS")?;
    for token in tokens {
        let machine = token.machine_id.as_ref().map_or("-", MachineId::as_str);
        let end = token.expires_at.map_or_else(|| "never".to_owned(), |end| end.to_string());
        let (id, state, scope, name) = (token.id.as_str(), token.state(now), token.scope.name(), &token.name);
        writeln!(out, "{id:<10}  {state:<7}  {scope:<6}  {machine:<24}  {end:<24}  {name}")?;
    }
    Ok(())
}
