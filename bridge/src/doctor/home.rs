//! One OpenClaw home, as the doctor sees it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use patze_core::causes::with_causes;
use patze_core::ids::MachineId;
use serde::Serialize;

use crate::blocking::silence;
use crate::openclaw::{
    Budget, Cursor, Generation, HomeInfo, Now, OpenclawHome, PASSED_OVER_AFTER, Page, ReadError, discover,
};

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

// === impl Home ===

impl Home {
    /// One of which nothing is known but where it is.
    fn at(name: &str, path: &Path, what: String) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            what,
            agents: Vec::new(),
            readable: false,
            begun: false,
            unread_events: 0,
            odd_rows: 0,
            problem: None,
        }
    }

    /// One that has not answered for `waited`.
    pub(super) fn silent(dir: &Path, waited: Duration) -> Self {
        let problem = Some(silence(dir, waited));
        Self { problem, ..Self::at(&discover::profile(dir), dir, "does not answer".to_owned()) }
    }
}

/// Looks at the home that `info` found, and reads one page from where the bridge is.
pub(super) fn examine(
    info: &HomeInfo,
    machine: Option<&MachineId>,
    capture_content: bool,
    cursors: &[(String, String)],
    now: Now,
) -> Home {
    let what = info.generation.to_string();
    let mut home = Home::at(&info.name, &info.path, what.clone());
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
    let stores = u32::try_from(home.agents.len()).unwrap_or(u32::MAX);
    match read(info, machine, capture_content, &cursor, now, stores) {
        Ok(page) => {
            home.readable = true;
            home.unread_events = page.events.len();
            home.odd_rows = page.odd_rows;
            home.problem = (!page.passed_over.is_empty())
                .then(|| format!("{}: {}{}", info.path.display(), page.passed_over.join("; "), whose(info)));
        }
        Err(error) => {
            home.problem = Some(format!("{}: {}{}", info.path.display(), with_causes(&error), whose(info)));
        }
    }
    home
}

/// The next page; what the bridge passes over in the end is passed over at once.
fn read(
    info: &HomeInfo,
    machine: MachineId,
    capture_content: bool,
    cursor: &Cursor,
    now: Now,
    stores: u32,
) -> Result<Page, ReadError> {
    let mut home = OpenclawHome::open(info, machine, capture_content)?;
    let mut read = home.read(cursor, Budget::default(), now);
    // Each turn passes over one store more.
    for turn in 1..=stores {
        if read.as_ref().err().is_none_or(|error| error.passes() || !home.stands(error)) {
            break;
        }
        let later = Now { elapsed: now.elapsed + PASSED_OVER_AFTER * turn, ..now };
        read = home.read(cursor, Budget::default(), later);
    }
    read
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
