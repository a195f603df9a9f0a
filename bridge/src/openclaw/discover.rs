//! Finding OpenClaw's state directories, and saying what each is (also for `patze-bridge doctor`).

use std::fmt;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use patze_core::causes::with_causes;
use patze_core::ids::{Home, MachineId};
use patze_core::openclaw::HomeIdentity;

use super::ReadError;
use super::sqlite::{self, Look};
use crate::blocking::off_the_arbiter;
use crate::config::HomeSettings;

/// A state directory and what is known of it.
#[derive(Debug)]
pub struct HomeInfo {
    /// The profile: `default` for `.openclaw`, `X` for `.openclaw-X`, else the folder's name.
    pub name: String,
    /// The canonical absolute path.
    pub path: PathBuf,
    /// The user's folder, written `~` in what leaves the machine.
    pub user_dir: PathBuf,
    /// The user id that owns it.
    pub owner: Option<u32>,
    /// What it holds.
    pub generation: Generation,
}

/// What a state directory holds.
#[derive(Debug)]
pub enum Generation {
    /// A store of OpenClaw 2026.8 or later, which this bridge reads.
    Store {
        /// The version that wrote it last, where it says so.
        app_version: Option<String>,
        /// The version of its tables.
        schema_version: Option<i64>,
        /// The agents that have a store.
        agents: Vec<String>,
    },
    /// Session files of OpenClaw before 2026.8, which this bridge does not read.
    Files,
    /// Nothing of OpenClaw yet.
    Nothing,
    /// It cannot be read.
    Unreadable(ReadError),
}

/// A directory that may be a home.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The directory, as it was named or found.
    pub dir: PathBuf,
    /// Whether the settings name it.
    named: bool,
}

/// The directories that may be homes, without a look into them: one may be on a network mount that is away. The one that
/// `OPENCLAW_STATE_DIR` names is listed even if it is not there, and then no other is; so is one that `OPENCLAW_HOME`
/// names itself. Else all profiles in the user's folder (or in `OPENCLAW_HOME`) are listed, the default first.
pub fn candidates(settings: &HomeSettings) -> Vec<Candidate> {
    off_the_arbiter();
    let named = settings.openclaw_home.as_ref().filter(|home| is_state_dir(home));
    if let Some(dir) = settings.state_dir.as_ref().or(named) {
        return vec![Candidate { dir: dir.clone(), named: true }];
    }
    let base = settings.openclaw_home.as_ref().unwrap_or(&settings.user_home);
    let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
    let named = |name: &str| name == ".openclaw" || name.starts_with(".openclaw-");
    let mut found: Vec<Candidate> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(named))
        .map(|entry| Candidate { dir: entry.path(), named: false })
        .collect();
    found.sort();
    found
}

/// Whether a folder is a state directory itself, not one that holds `.openclaw`.
fn is_state_dir(dir: &Path) -> bool {
    ["openclaw.json", "state", "agents"].iter().any(|name| dir.join(name).exists())
}

/// Looks at one directory.
pub fn look(dir: &Path, user_home: &Path) -> HomeInfo {
    off_the_arbiter();
    let (path, generation) = match dir.canonicalize() {
        Ok(path) => {
            let generation = generation(&path);
            (path, generation)
        }
        Err(source) => (dir.to_owned(), Generation::Unreadable(ReadError::file(dir, None, source))),
    };
    let user_dir = user_home.canonicalize().unwrap_or_else(|_| user_home.to_owned());
    let owner = std::fs::metadata(&path).ok().map(|meta| meta.uid());
    HomeInfo { name: profile(dir), path, user_dir, owner, generation }
}

impl Candidate {
    /// The canonical path; `None` if it is no directory, or not there yet.
    pub fn true_path(&self) -> Option<PathBuf> {
        off_the_arbiter();
        match self.dir.canonicalize() {
            Ok(path) => (self.named || path.is_dir()).then_some(path),
            // One that the settings name and that may not be looked at is read as it is named, so that somebody is told.
            Err(error) => (self.named && error.kind() != ErrorKind::NotFound).then(|| self.dir.clone()),
        }
    }

    /// What is there; one that the settings name is looked at even if it is not there.
    pub fn look(&self, user_home: &Path) -> Option<HomeInfo> {
        (self.named || self.true_path().is_some()).then(|| look(&self.dir, user_home))
    }
}

impl HomeInfo {
    /// The home as the mapper knows it.
    pub fn identity(&self, machine: MachineId) -> HomeIdentity {
        HomeIdentity {
            machine,
            path: self.path.to_string_lossy().into_owned(),
            name: Home::new(&self.name),
            user_dir: Some(self.user_dir.clone()),
        }
    }
}

impl fmt::Display for HomeInfo {
    /// One line for `doctor`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name, self.path.display(), self.generation)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store { app_version, schema_version, agents } => {
                let version = app_version.as_deref().unwrap_or("2026.8 or later");
                write!(f, "OpenClaw {version}")?;
                if let Some(schema) = schema_version {
                    write!(f, ", schema {schema}")?;
                }
                match agents.as_slice() {
                    [] => f.write_str(", no agent has run yet"),
                    agents => write!(f, ", agents {}", agents.join(", ")),
                }
            }
            Self::Files => f.write_str(
                "session files of OpenClaw before 2026.8, which this bridge does not read; `openclaw doctor --fix` of a \
                 newer OpenClaw moves them to its store",
            ),
            Self::Nothing => f.write_str("no OpenClaw state yet; it appears with the first `openclaw onboard`"),
            Self::Unreadable(error) => write!(f, "unreadable: {}", with_causes(error)),
        }
    }
}

fn generation(dir: &Path) -> Generation {
    match sqlite::look(dir) {
        Ok(Look::Store { app_version, schema_version, agents }) => {
            Generation::Store { app_version, schema_version, agents }
        }
        Ok(Look::NoStore) if has_session_files(dir) => Generation::Files,
        Ok(Look::NoStore) => Generation::Nothing,
        Err(error) => Generation::Unreadable(error),
    }
}

/// Whether `agents/*/sessions/sessions.json`, or the older `sessions/`, is there.
fn has_session_files(dir: &Path) -> bool {
    let agents = std::fs::read_dir(dir.join("agents")).into_iter().flatten().flatten();
    agents.map(|agent| agent.path()).any(|agent| agent.join("sessions/sessions.json").exists())
        || dir.join("sessions/sessions.json").exists()
}

/// The profile of a state directory, by its name.
pub fn profile(dir: &Path) -> String {
    let name = dir.file_name().map_or_else(|| "default".into(), |name| name.to_string_lossy());
    match name.strip_prefix(".openclaw") {
        Some("") => "default".to_owned(),
        Some(rest) if rest.len() > 1 && rest.starts_with('-') => rest[1..].to_owned(),
        _ => name.into_owned(),
    }
}

#[cfg(test)]
mod tests;
