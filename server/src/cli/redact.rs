//! `patze redact`: a text that should never have come here is taken out of the log and all that is made from it.

use std::io::{self, Read as _, Write};
use std::path::Path;
use std::process::ExitCode;

use patze_actors::log::care::redact::{self, Found, Left, Needle, Redacted, Redaction, What};
use patze_supervise::clock::Clock;

use super::doors::refuse_other_user;
use super::{CliError, Console};

/// What to blank.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["event", "matches"])))]
pub struct RedactCommand {
    /// The event of this id
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// Every event whose payload or trace holds this text (case counts, at least 4 characters); - reads it from standard
    /// input, so that it stays out of the shell's history
    #[arg(long = "match", value_name = "TEXT", allow_hyphen_values = true)]
    matches: Option<String>,
    /// Only events of this machine; the base, which is of all, is left as it is
    #[arg(long, value_name = "ID")]
    machine: Option<String>,
    /// If several machines have an event of that id: all of them
    #[arg(long, requires = "event", conflicts_with = "machine")]
    all: bool,
    /// Only say what would be blanked; the server may run
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) fn run<O: Write, E: Write>(
    command: &RedactCommand,
    dir: &Path,
    clock: &Clock,
    console: &mut Console<O, E>,
) -> Result<ExitCode, CliError> {
    let RedactCommand { event, matches, machine, all, dry_run, yes } = command;
    let what = match (event, matches) {
        (Some(id), _) => What::Event { id: id.clone(), all: *all },
        (None, Some(text)) if text == "-" => What::Match(needle_of_input(*yes || *dry_run)?),
        (None, text) => What::Match(Needle::new(text.as_deref().unwrap_or_default())?),
    };
    let wanted = Redaction { dir, what: &what, machine: machine.as_deref(), now: clock.now() };
    let Console { out, notes } = console;
    if *dry_run {
        show(&redact::look(&wanted)?, out)?;
        writeln!(notes, "Nothing was changed.")?;
        return Ok(ExitCode::SUCCESS);
    }
    refuse_other_user(dir)?;
    let mut shown = Ok(true);
    let redacted = redact::redact(&wanted, |found| {
        shown = show(found, out).and_then(|()| if *yes { Ok(true) } else { ask(notes) });
        matches!(shown, Ok(true))
    })?;
    shown?;
    match redacted {
        Redacted::Declined => {
            writeln!(notes, "Nothing was changed.")?;
            return Ok(ExitCode::FAILURE);
        }
        Redacted::CarriedThrough(left) => {
            writeln!(
                out,
                "carried through: an earlier redaction that was interrupted; nothing else was left to blank"
            )?;
            tell(&left, out, notes)?;
        }
        Redacted::Done(done) => {
            match &done.head {
                Some(head) => writeln!(out, "blanked, told at position {}", head.position)?,
                None => writeln!(out, "wiped: the files were written anew, no event had to be blanked")?,
            }
            tell(&done.left, out, notes)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The text from standard input, without the line break at its end. Then nobody can be asked there.
fn needle_of_input(asks_nobody: bool) -> Result<Needle, CliError> {
    if !asks_nobody {
        return Err(CliError::NobodyToAsk);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Needle::new(text.strip_suffix('\r').unwrap_or(text))?)
}

fn show(found: &Found, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "events       {} on {} machines", found.events, found.machines.len())?;
    if let (Some((first, last)), Some((from, to))) = (found.positions, found.recorded) {
        writeln!(out, "positions    {first} to {last}")?;
        writeln!(out, "recorded     {from} to {to}")?;
    }
    for (machine, events) in &found.machines {
        let machine = if machine.is_empty() { "(the control plane itself)" } else { machine };
        writeln!(out, "machine      {machine}: {events}")?;
    }
    for (type_name, events) in &found.types {
        writeln!(out, "type         {type_name}: {events}")?;
    }
    if found.base > 0 {
        writeln!(out, "base         {} texts of the oldest state that is kept", found.base)?;
    }
    if found.names + found.base_names > 0 {
        writeln!(
            out,
            "stays        in the ids, types, machine names or proofs of {} events and {} rows of the base",
            found.names, found.base_names
        )?;
    }
    if found.only_remnants {
        writeln!(out, "remnants     in free room of the files, where deleted rows were")?;
    }
    Ok(())
}

fn ask(notes: &mut impl Write) -> io::Result<bool> {
    write!(notes, "Payloads and traces are blanked for good. Type yes to go on: ")?;
    notes.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

fn tell(left: &Left, out: &mut impl Write, notes: &mut impl Write) -> io::Result<()> {
    for path in &left.holds {
        writeln!(out, "still holds  {}", path.display())?;
    }
    for path in &left.copies {
        writeln!(out, "copy         {}", path.display())?;
    }
    if !left.copies.is_empty() {
        writeln!(
            notes,
            "The copies are from before and were not touched: remove them if they can be spared."
        )?;
    }
    writeln!(
        notes,
        "Backups, exports and the agents' own machines still have what was blanked. A secret that got out must be replaced."
    )
}
