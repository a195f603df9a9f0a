//! What the bridge is told: the settings of contract §14.1, read once and again at each SIGHUP.
//!
//! ```text
//! environment, BRIDGE_CONFIG_FILE, .env --vars--> text --Config::of--> Config, or every bad value at once
//! ```
//!
//! A bad value stops the bridge at start (exit 2) and changes nothing at a re-read; where the contract has a rule for a
//! bad value (`HEARTBEAT_INTERVAL_MS`), the rule is followed and a note says so.

mod live;
pub mod machine;
mod token;
mod url;
mod vars;

use std::path::PathBuf;
use std::time::Duration;

use patze_core::ids::MachineId;
use patze_core::time::Timestamp;

pub use live::Settings;
pub use token::Token;
pub use url::BaseUrl;
pub use vars::Vars;

/// The contract's heartbeat interval, also for intervals that are too short or no number.
const DEFAULT_HEARTBEAT: Duration = Duration::from_millis(5_000);
/// A control plane calls a machine silent after this long by default (`HEARTBEAT_TIMEOUT_MS`).
const SILENT_AFTER: Duration = Duration::from_secs(120);

/// All settings of a bridge.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `CONTROL_PLANE_BASE_URL`.
    pub control_plane: BaseUrl,
    /// `CONTROL_PLANE_TOKEN`.
    pub token: Option<Token>,
    /// `TOKEN_EXPIRES_AT`: from then on the token is not sent any more.
    pub token_expires_at: Option<Timestamp>,
    /// `PATZE_CA_FILE`: the only certificate authorities that are trusted, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// `BRIDGE_STATE_DIR`: machine id, spool, rejected events.
    pub state_dir: PathBuf,
    /// `MACHINE_ID`, or the file that holds it.
    pub machine: MachineSource,
    /// `MACHINE_LABEL`: the name under which the machine is shown.
    pub label: String,
    /// `MACHINE_KIND`.
    pub kind: MachineKind,
    /// `BRIDGE_VERSION`: what the bridge calls itself.
    pub version: String,
    /// Where OpenClaw homes are looked for.
    pub homes: HomeSettings,
    /// `HEARTBEAT_INTERVAL_MS`.
    pub heartbeat: Duration,
    /// `BRIDGE_CAPTURE_CONTENT`: whether prompts, replies, arguments and results may leave the machine (BR-2).
    pub capture_content: bool,
    /// What was accepted otherwise than it was written, for people.
    pub notes: Vec<String>,
    /// The files that settings came from.
    pub files: Vec<PathBuf>,
}

/// Where the machine's id comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineSource {
    /// `MACHINE_ID` names it.
    Given(MachineId),
    /// It is kept in this file, which is made if there is none.
    File(PathBuf),
}

/// What kind of machine this is (contract §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineKind {
    /// A computer of the user's.
    Local,
    /// A rented one.
    Vps,
}

/// Where OpenClaw homes are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeSettings {
    /// The one home to read: `OPENCLAW_STATE_DIR`, or `OPENCLAW_HOME` where it is a home (contract §14.1).
    pub state_dir: Option<PathBuf>,
    /// `OPENCLAW_HOME` where it is the folder that holds `.openclaw`, as OpenClaw itself means it.
    pub openclaw_home: Option<PathBuf>,
    /// The user's home folder, which holds `.openclaw` and `.openclaw-<profile>`.
    pub user_home: PathBuf,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file of settings is named or found and cannot be read.
    #[error("the settings file {} cannot be read; correct BRIDGE_CONFIG_FILE or the file's permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line of a settings file is no setting.
    #[error("the settings file {} has no NAME=value in line {line}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Settings have values that mean nothing.
    #[error("{}", .0.iter().map(BadValue::to_string).collect::<Vec<_>>().join("\n"))]
    Values(Vec<BadValue>),
}

/// One setting's value that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value} is not allowed: it must be {allowed}")]
pub struct BadValue {
    /// The variable.
    pub name: &'static str,
    /// The value, or what stands for it where it is secret.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

// === impl Config ===

impl Config {
    /// The settings of this process.
    ///
    /// # Errors
    /// [`ConfigError`]: a file that cannot be read, or every bad value at once.
    pub fn of_process() -> Result<Self, ConfigError> {
        Self::of(&Vars::of_process()?)
    }

    /// The settings in `vars`.
    ///
    /// # Errors
    /// [`ConfigError::Values`] with every bad value.
    pub fn of(vars: &Vars) -> Result<Self, ConfigError> {
        let mut reading = Reading { vars, bad: Vec::new(), notes: Vec::new() };
        let state_dir =
            vars.path("BRIDGE_STATE_DIR").unwrap_or_else(|| vars.user_home().join(".patze-control"));
        let machine_file = vars.path("MACHINE_ID_FILE").or_else(|| vars.path("BRIDGE_MACHINE_ID_FILE"));
        for name in vars.unreadable() {
            reading.refuse(name, "(not shown)", "Unicode text");
        }
        reading.source();
        let config = Self {
            control_plane: reading.control_plane(),
            token: reading.token(),
            token_expires_at: reading.token_expires_at(),
            ca_file: vars.path("PATZE_CA_FILE"),
            machine: reading.machine().map_or_else(
                || MachineSource::File(machine_file.unwrap_or_else(|| state_dir.join("machine-id"))),
                MachineSource::Given,
            ),
            state_dir,
            label: vars.get("MACHINE_LABEL").map_or_else(host_name, str::to_owned),
            kind: reading.kind(),
            version: vars.get("BRIDGE_VERSION").unwrap_or(env!("CARGO_PKG_VERSION")).to_owned(),
            homes: HomeSettings::of(vars),
            heartbeat: reading.heartbeat(),
            capture_content: reading.capture_content(),
            notes: Vec::new(),
            files: vars.files().to_vec(),
        };
        if !reading.bad.is_empty() {
            return Err(ConfigError::Values(reading.bad));
        }
        Ok(Self { notes: reading.notes, ..config })
    }
}

// === impl HomeSettings ===

impl HomeSettings {
    /// `OPENCLAW_HOME` has two meanings; which one, its name and content tell.
    fn of(vars: &Vars) -> Self {
        let is_home = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".openclaw"))
                || path.join("openclaw.json").exists()
                || path.join("state").is_dir()
        };
        let named = vars.path("OPENCLAW_HOME");
        let (home, folder) = if named.as_ref().is_some_and(is_home) { (named, None) } else { (None, named) };
        Self {
            state_dir: vars.path("OPENCLAW_STATE_DIR").or(home),
            openclaw_home: folder,
            user_home: vars.user_home(),
        }
    }
}

// === impl MachineKind ===

impl MachineKind {
    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Vps => "vps",
        }
    }
}

/// Reads setting after setting and collects what is wrong with them.
struct Reading<'a> {
    vars: &'a Vars,
    bad: Vec<BadValue>,
    notes: Vec<String>,
}

// === impl Reading ===

impl Reading<'_> {
    fn refuse(&mut self, name: &'static str, value: &str, allowed: &'static str) {
        self.bad.push(BadValue { name, value: value.to_owned(), allowed });
    }

    fn control_plane(&mut self) -> BaseUrl {
        const NAME: &str = "CONTROL_PLANE_BASE_URL";
        let Some(text) = self.vars.get(NAME) else { return BaseUrl::default() };
        match BaseUrl::parse(text) {
            Some((url, dropped)) => {
                if dropped {
                    self.notes.push(format!(
                        "{NAME}: only {url} is used; a path is dropped, because a control plane has none"
                    ));
                }
                url
            }
            None => {
                // Not the text itself: somebody may have put a password into it.
                let shown = if text.contains('@') { "(an address with a user name)" } else { text };
                self.refuse(
                    NAME,
                    shown,
                    "http:// or https://, a host, and perhaps a port, like http://127.0.0.1:9700",
                );
                BaseUrl::default()
            }
        }
    }

    fn token(&mut self) -> Option<Token> {
        const NAME: &str = "CONTROL_PLANE_TOKEN";
        let text = self.vars.get(NAME)?;
        let token = Token::new(text);
        if token.is_none() {
            self.refuse(NAME, "(not shown)", "printable ASCII without spaces");
        }
        token
    }

    fn token_expires_at(&mut self) -> Option<Timestamp> {
        const NAME: &str = "TOKEN_EXPIRES_AT";
        let text = self.vars.get(NAME)?;
        let at = Timestamp::parse(text);
        if at.is_none() {
            self.refuse(NAME, text, "an instant like 2027-01-31T12:00:00Z");
        }
        at
    }

    fn machine(&mut self) -> Option<MachineId> {
        const NAME: &str = "MACHINE_ID";
        let text = self.vars.get(NAME)?;
        let id = machine::checked(text);
        if id.is_none() {
            self.refuse(NAME, &text.escape_debug().to_string(), "one line of at most 256 characters");
        }
        id
    }

    fn kind(&mut self) -> MachineKind {
        match self.vars.get("MACHINE_KIND") {
            None | Some("local") => MachineKind::Local,
            Some("vps") => MachineKind::Vps,
            Some(other) => {
                self.refuse("MACHINE_KIND", other, "local or vps");
                MachineKind::Local
            }
        }
    }

    /// The contract's sources `files` and `cli` are read by a later version.
    fn source(&mut self) {
        const NAME: &str = "OPENCLAW_BRIDGE_SOURCE";
        match self.vars.get(NAME) {
            None | Some("auto") => {}
            Some(other @ ("files" | "cli")) => {
                self.notes.push(format!("{NAME}={other}: a later version reads these; using auto"));
            }
            Some(other) => self.refuse(NAME, other, "auto (files and cli come with a later version)"),
        }
    }

    /// Contract §14.1: what is below 1000 or no number counts as 5000.
    fn heartbeat(&mut self) -> Duration {
        const NAME: &str = "HEARTBEAT_INTERVAL_MS";
        let Some(text) = self.vars.get(NAME) else { return DEFAULT_HEARTBEAT };
        let interval = match text.parse::<u64>() {
            Ok(millis @ 1_000..=86_400_000) => Duration::from_millis(millis),
            _ => {
                self.notes.push(format!("{NAME}={text}: not a number from 1000 to 86400000; using 5000"));
                DEFAULT_HEARTBEAT
            }
        };
        if interval >= SILENT_AFTER {
            self.notes.push(format!(
                "{NAME}={text}: a control plane calls a machine silent after 120000 unless its HEARTBEAT_TIMEOUT_MS is raised"
            ));
        }
        interval
    }

    fn capture_content(&mut self) -> bool {
        const NAME: &str = "BRIDGE_CAPTURE_CONTENT";
        match self.vars.get(NAME) {
            None | Some("0" | "false") => false,
            Some("1" | "true") => true,
            Some(other) => {
                self.refuse(
                    NAME,
                    other,
                    "1 (prompts, replies, tool arguments and results leave this machine) or 0",
                );
                false
            }
        }
    }
}

fn host_name() -> String {
    sysinfo::System::host_name()
        .ok()
        .filter(|name| !name.trim().is_empty())
        .unwrap_or_else(|| "unnamed".to_owned())
}

#[cfg(test)]
mod tests;
