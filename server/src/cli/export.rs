//! `patze export`: the log's events in order, one a line, without ever holding more than one.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use patze_actors::log::DATABASE;
use patze_actors::log::care::{self, Filter, NewFile};
use patze_core::event::Recorded;
use patze_core::glob::Glob;
use patze_core::time::Timestamp;

use super::{CliError, Console};

/// The header of CSV; `ts` is when it happened, `recordedAt` when the control plane took it.
const COLUMNS: &str = "position,recordedAt,ts,machineId,id,severity,type,origin,trace,payload\r\n";

/// What to export, and how.
#[derive(Debug, clap::Args)]
pub struct ExportCommand {
    /// The file to make; one that exists is left as it is. Standard output without it or with -
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
    file: PathBuf,
    /// Recorded at this time or later, such as 2026-11-25T00:00:00Z or 2026-11-25
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Recorded before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Events of such a type, * for anything: 'run.*'
    #[arg(long = "type", value_name = "GLOB")]
    types: Option<Glob>,
    /// Events of this machine
    #[arg(long, value_name = "ID")]
    machine: Option<String>,
    /// jsonl: as on /events, and what import takes; csv: RFC 4180 with a header
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Format {
    Jsonl,
    Csv,
}

pub(super) fn run<O: Write, E: Write>(
    command: &ExportCommand,
    dir: &Path,
    console: &mut Console<O, E>,
) -> Result<ExitCode, CliError> {
    if command.file.as_os_str() == "-" {
        match write(command, dir, &mut console.out)? {
            // Who read it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        return Ok(ExitCode::SUCCESS);
    }
    let failed = |source| CliError::File { path: command.file.clone(), source };
    let file = NewFile::create(&command.file).map_err(failed)?;
    let events = write(command, dir, file.file())?.map_err(failed)?;
    file.finish().map_err(failed)?;
    writeln!(console.notes, "{events} events in {}", command.file.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the events; the inner error is the output's. Tells how many there were.
fn write(command: &ExportCommand, dir: &Path, out: impl Write) -> Result<io::Result<u64>, CliError> {
    let ExportCommand { since, until, types, machine, format, .. } = command;
    let filter = Filter { since: *since, until: *until, types: types.clone(), machine: machine.clone() };
    let mut out = BufWriter::with_capacity(1 << 17, out);
    let mut written = match format {
        Format::Jsonl => Ok(()),
        Format::Csv => out.write_all(COLUMNS.as_bytes()),
    };
    let (mut line, mut events) = (String::new(), 0);
    care::export(&dir.join(DATABASE), &filter, |event| {
        line.clear();
        match format {
            Format::Jsonl => push_json(&mut line, event),
            Format::Csv => push_csv(&mut line, event),
        }
        if written.is_ok() {
            written = out.write_all(line.as_bytes());
        }
        events += 1;
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(written.and_then(|()| out.flush()).map(|()| events))
}

fn push_json(line: &mut String, event: &Recorded<'_>) {
    event.to_event().push_placed(line, event.position, event.recorded_at, event.origin);
    line.push('\n');
}

fn push_csv(line: &mut String, event: &Recorded<'_>) {
    let position = event.position.to_string();
    let (recorded_at, occurred_at) = (event.recorded_at.to_string(), event.occurred_at.to_string());
    let fields = [
        &position,
        &recorded_at,
        &occurred_at,
        event.machine,
        event.id,
        event.severity.name(),
        event.type_name,
        event.origin.as_str(),
        event.trace,
        event.payload,
    ];
    for (number, field) in fields.into_iter().enumerate() {
        if number > 0 {
            line.push(',');
        }
        push_field(line, field);
    }
    line.push_str("\r\n");
}

/// A field of RFC 4180: in quotes if it has to be, quotes in it doubled.
fn push_field(line: &mut String, field: &str) {
    if !field.contains([',', '"', '\r', '\n']) {
        line.push_str(field);
        return;
    }
    line.push('"');
    for part in field.split_inclusive('"') {
        line.push_str(part);
        if part.ends_with('"') {
            line.push('"');
        }
    }
    line.push('"');
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .ok_or_else(|| "must be a time such as 2026-11-25T00:00:00Z or 2026-11-25".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        for (field, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("\"", "\"\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("é 漢", "é 漢"),
        ] {
            let mut line = String::new();
            push_field(&mut line, field);
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn a_time_that_is_none_is_told() {
        assert!(time("2026-11-25").is_ok() && time("2026-11-25T00:00:00Z").is_ok());
        assert!(time("yesterday").unwrap_err().contains("2026-11-25"));
    }
}
