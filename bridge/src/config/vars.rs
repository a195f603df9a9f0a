//! Settings as text: where they are looked for, and which place wins.
//!
//! 1. The file that `BRIDGE_CONFIG_FILE` names. It wins over the environment because service managers load the same
//!    file into the environment once, at start (contract §15.1): otherwise a token that was renewed in the file would
//!    stay hidden behind its old copy, and a re-read could never help.
//! 2. The environment of the process.
//! 3. `.env` in the working folder.
//!
//! A blank value counts as none. One of a setting of ours that is no Unicode is refused by its name.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ConfigError;

/// Names the file that holds settings.
pub const CONFIG_FILE: &str = "BRIDGE_CONFIG_FILE";

/// All that is read, for its value to be refused where it is no text.
pub const NAMES: [&str; 19] = [
    "BRIDGE_CAPTURE_CONTENT",
    CONFIG_FILE,
    "BRIDGE_MACHINE_ID_FILE",
    "BRIDGE_STATE_DIR",
    "BRIDGE_VERSION",
    "CONTROL_PLANE_BASE_URL",
    "CONTROL_PLANE_TOKEN",
    "HEARTBEAT_INTERVAL_MS",
    "HOME",
    "MACHINE_ID",
    "MACHINE_ID_FILE",
    "MACHINE_KIND",
    "MACHINE_LABEL",
    "OPENCLAW_BRIDGE_SOURCE",
    "OPENCLAW_HOME",
    "OPENCLAW_STATE_DIR",
    "PATZE_CA_FILE",
    "RUST_LOG",
    "TOKEN_EXPIRES_AT",
];

/// All settings that were found, by name.
#[derive(Clone, Default)]
pub struct Vars {
    values: BTreeMap<String, String>,
    /// Those of the environment with a value that is no Unicode.
    unreadable: BTreeSet<String>,
    files: Vec<PathBuf>,
}

// === impl Vars ===

impl Vars {
    /// The settings of this process: its environment, its working folder's `.env`, its configuration file.
    ///
    /// # Errors
    /// [`ConfigError`] if a file is there and cannot be read or understood, or if the named one is missing.
    pub fn of_process() -> Result<Self, ConfigError> {
        Self::read(std::env::vars_os(), Path::new(".env"))
    }

    /// The settings of `environment`, of the file `dot_env` if there is one, and of the file that they name.
    ///
    /// # Errors
    /// As [`Vars::of_process`].
    pub fn read<T: Into<OsString>>(
        environment: impl IntoIterator<Item = (T, T)>,
        dot_env: &Path,
    ) -> Result<Self, ConfigError> {
        let mut vars = Self::default();
        if dot_env.is_file() {
            vars.add_file(dot_env)?;
        }
        for (name, value) in environment {
            match (name.into().into_string(), value.into().into_string()) {
                (Ok(name), Ok(value)) if !value.trim().is_empty() => drop(vars.values.insert(name, value)),
                (Ok(name), Err(_)) => drop(vars.unreadable.insert(name)),
                // Blank, or nothing that we would ask for.
                _ => {}
            }
        }
        if let Some(path) = vars.path(CONFIG_FILE) {
            vars.add_file(&path)?;
        }
        Ok(vars)
    }

    /// The value of `name`, if it has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Which of [`NAMES`] have a value that is no text.
    pub fn unreadable(&self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().filter(|name| self.unreadable.contains(*name))
    }

    /// The value of `name` as a path, a leading `~/` meaning the user's home folder.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(|text| self.expand(text))
    }

    /// The user's home folder.
    pub fn user_home(&self) -> PathBuf {
        self.get("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from)
    }

    /// The files that were read, in order.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn expand(&self, text: &str) -> PathBuf {
        match text.strip_prefix('~') {
            Some("") => self.user_home(),
            Some(rest) if rest.starts_with('/') => self.user_home().join(rest.trim_start_matches('/')),
            _ => PathBuf::from(text),
        }
    }

    fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        for (at, line) in text.lines().enumerate() {
            match assignment(line) {
                Ok(Some((name, value))) if !value.is_empty() => {
                    self.unreadable.remove(name);
                    self.values.insert(name.to_owned(), value.to_owned());
                }
                Ok(_) => {}
                Err(NoAssignment) => return Err(ConfigError::Line { path: path.to_owned(), line: at + 1 }),
            }
        }
        self.files.push(path.to_owned());
        Ok(())
    }
}

/// The line is neither empty, nor a comment, nor `NAME=value`.
#[derive(Debug, PartialEq, Eq)]
struct NoAssignment;

/// The name and value of one line. Quotes around the value are taken off; nothing is substituted in it, so that a
/// token may hold any character.
fn assignment(line: &str) -> Result<Option<(&str, &str)>, NoAssignment> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').ok_or(NoAssignment)?;
    let name = name.trim();
    let well_formed = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !well_formed {
        return Err(NoAssignment);
    }
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            let (inner, after) = rest.split_once(quote).ok_or(NoAssignment)?;
            let after = after.trim();
            return if after.is_empty() || after.starts_with('#') {
                Ok(Some((name, inner)))
            } else {
                Err(NoAssignment)
            };
        }
    }
    let value = value.split_once(" #").map_or(value, |(before, _)| before.trim_end());
    Ok(Some((name, value)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn lines_of_a_settings_file() {
        for (line, expected) in [
            ("", Ok(None)),
            ("  # comment", Ok(None)),
            ("A=b", Ok(Some(("A", "b")))),
            ("export A = b ", Ok(Some(("A", "b")))),
            ("A=\"b c\" # why", Ok(Some(("A", "b c")))),
            ("A='$b'", Ok(Some(("A", "$b")))),
            ("A=pz_1_x$y#z=", Ok(Some(("A", "pz_1_x$y#z=")))),
            ("A=b # why", Ok(Some(("A", "b")))),
            ("A=", Ok(Some(("A", "")))),
            ("A", Err(NoAssignment)),
            ("=b", Err(NoAssignment)),
            ("1A=b", Err(NoAssignment)),
            ("A B=c", Err(NoAssignment)),
            ("A=\"b", Err(NoAssignment)),
            ("A='b'c", Err(NoAssignment)),
        ] {
            assert_eq!(assignment(line), expected, "{line:?}");
        }
    }

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_named_file_wins_over_the_environment_and_that_over_dot_env() {
        let dir = tempfile::tempdir().unwrap();
        let (dot_env, file) = (dir.path().join(".env"), dir.path().join("config.env"));
        std::fs::write(&dot_env, "A=dot\nB=dot\nC=dot\n").unwrap();
        std::fs::write(&file, "A=file\nD=\n").unwrap();
        let environment = env(&[
            ("A", "env"),
            ("B", "env"),
            ("C", " "),
            ("D", "env"),
            (CONFIG_FILE, file.to_str().unwrap()),
        ]);
        let vars = Vars::read(environment, &dot_env).unwrap();
        let values: Vec<_> = ["A", "B", "C", "D", "E"].map(|name| vars.get(name)).to_vec();
        assert_eq!(values, [Some("file"), Some("env"), Some("dot"), Some("env"), None]);
        assert_eq!(vars.files(), [dot_env, file]);
    }

    #[test]
    fn what_is_no_text_is_told_by_its_name_unless_the_named_file_stands_in() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.env");
        std::fs::write(&file, "MACHINE_LABEL=nas\n").unwrap();
        let odd = || OsString::from_vec(vec![b'a', 0xFF]);
        let environment: Vec<(OsString, OsString)> = vec![
            ("CONTROL_PLANE_TOKEN".into(), odd()),
            ("MACHINE_LABEL".into(), odd()),
            ("NOT_OURS".into(), odd()),
            (odd(), "x".into()),
            (CONFIG_FILE.into(), file.into()),
        ];
        let vars = Vars::read(environment, Path::new("/nonexistent")).unwrap();
        assert_eq!(vars.unreadable().collect::<Vec<_>>(), ["CONTROL_PLANE_TOKEN"]);
        assert_eq!((vars.get("CONTROL_PLANE_TOKEN"), vars.get("MACHINE_LABEL")), (None, Some("nas")));
    }

    #[test]
    fn every_setting_that_the_example_explains_is_known() {
        let example = include_str!("../../.env.example");
        let mut explained: Vec<_> = example
            .lines()
            .filter_map(|line| line.strip_prefix('#')?.split_once('=')?.0.into())
            .filter(|name: &&str| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
            .collect();
        // These are not for such a file, or another name of one that is.
        explained.extend([CONFIG_FILE, "BRIDGE_MACHINE_ID_FILE", "HOME"]);
        explained.sort_unstable();
        let mut known = NAMES;
        known.sort_unstable();
        assert_eq!(explained, known);
    }

    #[test]
    fn a_tilde_is_the_users_home_at_the_beginning_only() {
        let vars = Vars::read(
            env(&[("HOME", "/home/x"), ("A", "~/a/b"), ("B", "~"), ("C", "/c/~/d"), ("D", "~root/x")]),
            Path::new("/nonexistent"),
        )
        .unwrap();
        let paths = ["A", "B", "C", "D"].map(|name| vars.path(name).unwrap().display().to_string());
        assert_eq!(paths, ["/home/x/a/b", "/home/x", "/c/~/d", "~root/x"]);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("none.env");
        let read = |path: &Path| {
            Vars::read(env(&[(CONFIG_FILE, path.to_str().unwrap())]), Path::new("/nonexistent"))
                .map(drop)
                .unwrap_err()
        };
        assert!(read(&missing).to_string().contains("none.env"));
        std::fs::write(&missing, "A=1\n\nwhat is this\n").unwrap();
        let error = read(&missing).to_string();
        assert!(error.contains("none.env") && error.contains("line 3"), "{error}");
    }
}
