//! One OpenClaw home, as the doctor sees it.

use std::path::PathBuf;

use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use serde::Serialize;

use crate::failure::chain;
use crate::openclaw::{Budget, Cursor, Generation, HomeInfo, OpenclawHome, ReadError};

/// A home and whether it can be read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Home {
    /// The profile.
    pub name: String,
    /// The canonical path.
    pub path: PathBuf,
    /// What is there, in words.
    pub what: String,
    /// The agents that have a store.
    pub agents: Vec<String>,
    /// Whether it could be read just now.
    pub readable: bool,
    /// Whether the bridge has begun to read it.
    pub begun: bool,
    /// Events that the next look finds, at most a page of them.
    pub unread_events: usize,
    /// Rows on that page that were not understood.
    pub odd_rows: u64,
    /// What is to be done.
    pub problem: Option<String>,
}

/// Looks at the home that `info` found, and reads one page from where the bridge is.
pub(super) fn examine(
    info: &HomeInfo,
    machine: Option<&MachineId>,
    capture_content: bool,
    cursors: &[(String, String)],
    now: Timestamp,
) -> Home {
    let what = info.generation.to_string();
    let mut home = Home {
        name: info.name.clone(),
        path: info.path.clone(),
        what: what.clone(),
        agents: Vec::new(),
        readable: false,
        begun: false,
        unread_events: 0,
        odd_rows: 0,
        problem: None,
    };
    match &info.generation {
        Generation::Nothing => return home,
        Generation::Files | Generation::Unreadable(_) => {
            home.problem = Some(format!("{}: {what}{}", info.path.display(), whose(info)));
            return home;
        }
        Generation::Store { agents, .. } => home.agents.clone_from(agents),
    }
    let text =
        cursors.iter().find(|(source, _)| info.path.to_string_lossy() == *source).map(|(_, text)| text);
    home.begun = text.is_some();
    let cursor = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let machine = machine.cloned().unwrap_or_default();
    match read(info, machine, capture_content, &cursor, now) {
        Ok((events, odd_rows)) => {
            home.readable = true;
            home.unread_events = events;
            home.odd_rows = odd_rows;
        }
        Err(error) => {
            home.problem = Some(format!("{}: {}{}", info.path.display(), chain(&error), whose(info)));
        }
    }
    home
}

fn read(
    info: &HomeInfo,
    machine: MachineId,
    capture_content: bool,
    cursor: &Cursor,
    now: Timestamp,
) -> Result<(usize, u64), ReadError> {
    let page = OpenclawHome::open(info, machine, capture_content)?.read(cursor, Budget::default(), now)?;
    Ok((page.events.len(), page.odd_rows))
}

/// The user to run the bridge as, where it is another one.
fn whose(info: &HomeInfo) -> String {
    let us = rustix::process::geteuid().as_raw();
    match info.owner {
        Some(owner) if owner != us => {
            format!(" (the home is user {}'s, the doctor runs as user {})", name_of(owner), name_of(us))
        }
        _ => String::new(),
    }
}

/// The user's name, or the number where it has none here.
fn name_of(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| uid.to_string())
}
