//! `patze-bridge doctor`: looks at all that delivery needs, beside a running bridge, and says what to do.
//!
//! It changes nothing: no machine id is made, no event is sent (an empty batch is, which shows whether the token is
//! taken).

mod control_plane;
mod home;
mod text;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use patze_core::causes::with_causes;
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::config::machine;
use crate::config::{Config, MachineSource};
use crate::failure::returned;
use crate::openclaw::{Now, discover};
use crate::spool::{self, Rejected, Status};
use control_plane::ControlPlane;
use home::Home;

/// How long a home may take to answer: somebody waits for the report.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many rejected events are shown.
const LAST_REJECTED: usize = 5;
/// From this many bytes on a spool is nearly full (its cap is 256 MiB).
const NEARLY_FULL: u64 = 230 << 20;

/// All that was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether there is nothing to be done.
    pub ok: bool,
    /// What is to be done, each with where to begin.
    pub problems: Vec<String>,
    /// What was told to the bridge.
    pub settings: SettingsSeen,
    /// Who the machine is.
    pub machine: Machine,
    /// Whether a bridge runs with this state folder.
    pub running: bool,
    /// The OpenClaw homes that were found.
    pub homes: Vec<Home>,
    /// What waits to be delivered; none before the first start.
    pub spool: Option<Status>,
    /// What the control plane refused for good.
    pub rejected: RejectedSeen,
    /// The control plane.
    pub control_plane: ControlPlane,
}

/// The settings, without secrets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsSeen {
    /// The files that they came from, besides the environment.
    pub files: Vec<PathBuf>,
    /// Where the control plane is.
    pub control_plane: String,
    /// The token, masked.
    pub token: Option<String>,
    /// When it ends.
    pub token_expires_at: Option<Timestamp>,
    /// Whose certificates are trusted.
    pub ca_file: Option<PathBuf>,
    /// The state folder.
    pub state_dir: PathBuf,
    /// Milliseconds.
    pub heartbeat_interval_ms: u64,
    /// Whether content leaves the machine.
    pub capture_content: bool,
    /// What was accepted otherwise than it was written.
    pub notes: Vec<String>,
}

/// Who the machine is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Its id; none before the first start.
    pub id: Option<MachineId>,
    /// Where that is kept: a file, or `MACHINE_ID`.
    pub kept_in: String,
    /// Its label.
    pub label: String,
    /// Its kind.
    pub kind: &'static str,
    /// The bridge's version.
    pub version: String,
}

/// The ring of rejected events.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedSeen {
    /// The newer file.
    pub path: PathBuf,
    /// How many are kept.
    pub count: u64,
    /// The newest, oldest first.
    pub last: Vec<RejectedEvent>,
}

/// One rejected event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedEvent {
    /// When.
    pub at: Timestamp,
    /// The code.
    pub code: String,
    /// The control plane's words.
    pub message: String,
    /// The event's id.
    pub id: Option<String>,
    /// The event's type.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
}

/// Looks at everything.
pub async fn examine(config: &Config, clock: &Clock) -> Report {
    let mut problems = Vec::new();
    let id = machine::known(&config.machine).unwrap_or_else(|error| {
        problems.push(with_causes(&error));
        None
    });
    let spool = spool::read_status(&config.state_dir).unwrap_or_else(|error| {
        problems.push(with_causes(&error));
        None
    });
    if let Some(status) = spool.as_ref().filter(|status| status.used_bytes >= NEARLY_FULL) {
        problems.push(format!(
            "the spool is nearly full ({} MiB): homes wait until the control plane takes events again",
            status.used_bytes >> 20
        ));
    }
    let rejected = rejected(config, &mut problems);
    let cursors: Arc<[_]> = spool.as_ref().map_or(&[][..], |status| &status.cursors).into();
    let homes = homes(config, id.as_ref(), &cursors, clock).await;
    problems.extend(homes.iter().filter_map(|home| home.problem.clone()));
    let control_plane = control_plane::examine(config, id.as_ref(), clock).await;
    problems.extend(control_plane.problems.iter().cloned());
    Report {
        ok: problems.is_empty(),
        problems,
        settings: SettingsSeen {
            files: config.files.clone(),
            control_plane: config.control_plane.to_string(),
            token: config.token.as_ref().map(|token| token.masked()),
            token_expires_at: config.token_expires_at,
            ca_file: config.ca_file.clone(),
            state_dir: config.state_dir.clone(),
            heartbeat_interval_ms: u64::try_from(config.heartbeat.as_millis()).unwrap_or(u64::MAX),
            capture_content: config.capture_content,
            notes: config.notes.clone(),
        },
        machine: Machine {
            id,
            kept_in: match &config.machine {
                MachineSource::Given(_) => "MACHINE_ID".to_owned(),
                MachineSource::File(path) => path.display().to_string(),
            },
            label: config.label.clone(),
            kind: config.kind.name(),
            version: config.version.clone(),
        },
        running: is_running(config),
        homes,
        spool,
        rejected,
        control_plane,
    }
}

/// Looks at all homes, each on a thread of its own; one that does not answer is left at that.
async fn homes(
    config: &Config,
    machine: Option<&MachineId>,
    cursors: &Arc<[(String, String)]>,
    clock: &Clock,
) -> Vec<Home> {
    let settings = config.homes.clone();
    let listed = spawn_blocking(move || discover::candidates(&settings));
    let Ok(listed) = clock.timeout(PATIENCE, listed).await else {
        let homes = &config.homes;
        let folder = homes.state_dir.as_ref().or(homes.openclaw_home.as_ref()).unwrap_or(&homes.user_home);
        return vec![Home::silent(folder, PATIENCE)];
    };
    let mut homes: Vec<Home> = Vec::new();
    for candidate in returned(listed) {
        let (dir, user_home) = (candidate.dir.clone(), config.homes.user_home.clone());
        let (machine, capture, now) = (machine.cloned(), config.capture_content, Now::of(clock));
        let cursors = cursors.clone();
        let seen = spawn_blocking(move || {
            let info = candidate.look(&user_home)?;
            Some(home::examine(&info, machine.as_ref(), capture, &cursors, now))
        });
        match clock.timeout(PATIENCE, seen).await {
            // Two names of one directory are one home.
            Ok(seen) => homes.extend(returned(seen).filter(|seen| homes.iter().all(|h| h.path != seen.path))),
            Err(_) => homes.push(Home::silent(&dir, PATIENCE)),
        }
    }
    homes
}

fn rejected(config: &Config, problems: &mut Vec<String>) -> RejectedSeen {
    #[derive(serde::Deserialize)]
    struct Named {
        id: Option<String>,
        #[serde(rename = "type")]
        type_name: Option<String>,
    }
    let ring = Rejected::of(&config.state_dir);
    let contents = ring.read(LAST_REJECTED).unwrap_or_else(|error| {
        problems.push(format!("{} cannot be read: {error}", ring.path().display()));
        Default::default()
    });
    let last = contents.last.into_iter().map(|line| {
        let named = serde_json::from_str(line.event.get()).unwrap_or(Named { id: None, type_name: None });
        RejectedEvent {
            at: line.rejected_at,
            code: line.code,
            message: line.message,
            id: named.id,
            type_name: named.type_name,
        }
    });
    RejectedSeen { path: ring.path().to_owned(), count: contents.count, last: last.collect() }
}

/// Whether somebody holds the lock of the state folder.
fn is_running(config: &Config) -> bool {
    File::open(config.state_dir.join("bridge.lock"))
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}
