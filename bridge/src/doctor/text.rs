//! The report for people.

use std::fmt;

use super::{ControlPlane, Home, Report};
use crate::spool::Status;

/// What stands for "nothing there".
const NONE: &str = "none";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (settings, machine) = (&self.settings, &self.machine);
        writeln!(f, "patze-bridge {} on {} ({})", machine.version, machine.label, machine.kind)?;
        writeln!(f, "\nSettings")?;
        let files: Vec<_> = settings.files.iter().map(|path| path.display().to_string()).collect();
        line(
            f,
            "from",
            if files.is_empty() {
                "the environment".to_owned()
            } else {
                format!("the environment, {}", files.join(", "))
            },
        )?;
        line(f, "state folder", settings.state_dir.display())?;
        let id = machine.id.as_ref().map_or("made at the first start", |id| id.as_str());
        line(f, "machine id", format_args!("{id} (kept in {})", machine.kept_in))?;
        line(f, "heartbeat", format_args!("every {} ms", settings.heartbeat_interval_ms))?;
        line(
            f,
            "content",
            if settings.capture_content {
                "captured: prompts, replies, arguments and results leave this machine"
            } else {
                "stays on this machine"
            },
        )?;
        for note in &settings.notes {
            line(f, "note", note)?;
        }
        writeln!(f, "\nControl plane")?;
        line(f, "address", &settings.control_plane)?;
        let ends = settings.token_expires_at.map(|at| format!(", ends {at}")).unwrap_or_default();
        line(f, "token", format_args!("{}{ends}", settings.token.as_deref().unwrap_or(NONE)))?;
        if let Some(path) = &settings.ca_file {
            line(f, "trusts", path.display())?;
        }
        control_plane(f, &self.control_plane)?;
        writeln!(f, "\nOpenClaw homes")?;
        if self.homes.is_empty() {
            line(
                f,
                NONE,
                "no .openclaw or .openclaw-<profile> in the home folder; it appears with `openclaw onboard`",
            )?;
        }
        for seen in &self.homes {
            home(f, seen)?;
        }
        writeln!(f, "\nDelivery")?;
        line(
            f,
            "bridge",
            if self.running {
                "runs with this state folder"
            } else {
                "does not run with this state folder (a service has its own: BRIDGE_STATE_DIR, BRIDGE_CONFIG_FILE)"
            },
        )?;
        match &self.spool {
            Some(status) => spool(f, status)?,
            None => line(f, "spool", "made at the first start")?,
        }
        line(
            f,
            "rejected",
            format_args!("{} events in {}", self.rejected.count, self.rejected.path.display()),
        )?;
        for event in &self.rejected.last {
            let name = event.type_name.as_deref().unwrap_or("event");
            let id = event.id.as_deref().unwrap_or("without id");
            line(f, "", format_args!("{} {} {name} {id}: {}", event.at, event.code, event.message))?;
        }
        if self.ok {
            return writeln!(f, "\nAll is well.");
        }
        writeln!(f, "\nTo do")?;
        self.problems.iter().try_for_each(|problem| writeln!(f, "  - {problem}"))
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {name:<14}{value}")
}

fn control_plane(f: &mut fmt::Formatter<'_>, seen: &ControlPlane) -> fmt::Result {
    line(f, "reachable", yes(seen.reachable))?;
    if !seen.reachable {
        return Ok(());
    }
    line(f, "takes events", yes(seen.takes_events))?;
    line(f, "version", seen.version.as_deref().unwrap_or("not told to this token"))?;
    if let Some(log) = &seen.log_id {
        line(f, "log", log)?;
    }
    match seen.clock_ahead_seconds {
        Some(ahead) => line(f, "clock", format_args!("this machine is {ahead} s ahead")),
        None => Ok(()),
    }
}

fn home(f: &mut fmt::Formatter<'_>, home: &Home) -> fmt::Result {
    line(f, &home.name, format_args!("{}", home.path.display()))?;
    line(f, "", &home.what)?;
    if home.readable {
        let unread = match (home.begun, home.unread_events) {
            (true, 0) => "read to the end".to_owned(),
            (true, events) => format!("{events} events or more to read"),
            (false, _) => "not read yet".to_owned(),
        };
        line(f, "", format_args!("readable, {unread}"))?;
    }
    Ok(())
}

fn spool(f: &mut fmt::Formatter<'_>, status: &Status) -> fmt::Result {
    let waiting = status.waiting;
    let beats = status.heartbeats;
    line(
        f,
        "waiting",
        format_args!("{waiting} events, {beats} of them heartbeats, in {} KiB", status.used_bytes >> 10),
    )
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}
