//! Puts a database that was made ready, and what came with it, in the place of the one that is there.
//!
//! What is ready lies in a folder `patze.restoring-TIME` beside the old database; making that name is the decision. Then the
//! old files are moved aside, as `….replaced-TIME`, and the new ones moved in. Each step can be repeated, so that after a
//! crash whoever takes the folder's lock next goes on: no start ever sees half of both.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use patze_core::time::Timestamp;

use super::super::place::{DATABASE, HISTORY};
use super::disk::{self, Scratch};
use crate::sqlite::{self, beside};

/// Where a restore or an import makes things ready.
pub(super) const PART: &str = "patze.restore.part";
/// The beginning of the name of the folder that is ready; the time follows.
const READY: &str = "patze.restoring-";
/// Files of a database that go with it; the last ones are SQLite's.
const WITH_IT: [&str; 4] = ["", "-head", "-wal", "-shm"];

/// The swap was begun and could not be ended.
#[derive(Debug, thiserror::Error)]
#[error(
    "a restore is under way and {} cannot be put in its place; remove what hinders it and try again, it will be carried \
     through",
    path.display()
)]
pub struct SwapError {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// Makes what is in `ready` the content of the settings folder `dir`, whose lock the caller has. Tells what was moved
/// aside.
pub(super) fn swap(dir: &Path, ready: Scratch, now: Timestamp) -> Result<Vec<PathBuf>, SwapError> {
    let folder = dir.join(format!("{READY}{}", stamp(now)));
    ready.keep_as(&folder).map_err(|source| SwapError { path: folder.clone(), source })?;
    finish(dir)
}

/// Carries through what [`swap`] began, if anything. The caller has the lock of `dir`. Tells what was moved aside.
pub(in crate::log) fn finish(dir: &Path) -> Result<Vec<PathBuf>, SwapError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| SwapError { path, source }
    };
    let mut aside = Vec::new();
    let mut folders = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed(dir))? {
        let name = entry.map_err(failed(dir))?.file_name();
        if let Some(time) = name.to_str().and_then(|name| name.strip_prefix(READY)) {
            folders.push((dir.join(&name), format!(".replaced-{time}")));
        }
    }
    folders.sort();
    for (folder, suffix) in folders {
        let (old, new) = (dir.join(DATABASE), folder.join(DATABASE));
        // Until the new database has left its folder, what is there is the old one.
        if new.exists() {
            for with_it in WITH_IT {
                let (from, to) = (beside(&old, with_it), beside(&old, &format!("{suffix}{with_it}")));
                if move_if_there(&from, &to).map_err(failed(&from))? && with_it.is_empty() {
                    aside.push(to);
                }
            }
            sqlite::remove(&dir.join(HISTORY)).map_err(|(path, source)| SwapError { path, source })?;
            fs::rename(&new, &old).map_err(failed(&old))?;
        }
        for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
            let entry = entry.map_err(failed(&folder))?;
            let to = dir.join(entry.file_name());
            let replaced = beside(&to, &suffix);
            if set_aside(&to, &replaced).map_err(failed(&to))? {
                aside.push(replaced);
            }
            fs::rename(entry.path(), &to).map_err(failed(&to))?;
        }
        disk::sync_parent(&old).map_err(failed(dir))?;
        fs::remove_dir(&folder).map_err(failed(&folder))?;
        disk::sync_parent(&old).map_err(failed(dir))?;
    }
    Ok(aside)
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<bool> {
    match disk::rename_new(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives a file a second name, so that it is there under the first until another takes that one over: at no moment is
/// there no `auth.json`, which would mean that no token is needed. False if there is no such file.
fn set_aside(path: &Path, aside: &Path) -> io::Result<bool> {
    match fs::hard_link(path, aside) {
        Ok(()) => Ok(true),
        // An earlier attempt came so far.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        // Not every file system has links.
        Err(_) => fs::copy(path, aside).map(|_| true),
    }
}

/// A time as a part of a file's name.
fn stamp(now: Timestamp) -> String {
    now.to_string().chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_771_632_000_123);

    /// A folder in use, and a new content that is ready.
    fn folders() -> (tempfile::TempDir, Scratch) {
        let dir = tempfile::tempdir().unwrap();
        for name in
            ["patze.db", "patze.db-wal", "patze.db-head", "history.db", "history.db-wal", "auth.json", "x"]
        {
            fs::write(dir.path().join(name), format!("old {name}")).unwrap();
        }
        let ready = Scratch::make(dir.path().join(PART)).unwrap();
        for name in ["patze.db", "patze.db-head", "auth.json", "prices.toml"] {
            fs::write(ready.path().join(name), format!("new {name}")).unwrap();
        }
        (dir, ready)
    }

    fn contents(dir: &Path) -> Vec<(String, String)> {
        let mut all: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).unwrap_or_else(|_| "a folder".to_owned()))
            })
            .collect();
        all.sort();
        all
    }

    fn expected() -> Vec<(String, String)> {
        [
            ("auth.json", "new auth.json"),
            ("auth.json.replaced-20260221T000000123Z", "old auth.json"),
            ("patze.db", "new patze.db"),
            ("patze.db-head", "new patze.db-head"),
            ("patze.db.replaced-20260221T000000123Z", "old patze.db"),
            ("patze.db.replaced-20260221T000000123Z-head", "old patze.db-head"),
            ("patze.db.replaced-20260221T000000123Z-wal", "old patze.db-wal"),
            ("prices.toml", "new prices.toml"),
            ("x", "old x"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .to_vec()
    }

    #[test]
    fn what_is_there_is_moved_aside() {
        let (dir, ready) = folders();
        let aside = swap(dir.path(), ready, NOW).unwrap();
        assert_eq!(contents(dir.path()), expected());
        assert_eq!(aside.len(), 2, "{aside:?}");
        assert_eq!(finish(dir.path()).unwrap(), Vec::<PathBuf>::new(), "nothing is left to do");
    }

    /// A swap that dies after any of its steps is carried through by the next one. Every state between two steps is one of
    /// these: some of the old files are aside, in order, or all of them are and some of the new ones in place.
    #[test]
    fn a_swap_that_died_is_carried_through() {
        let suffix = ".replaced-20260221T000000123Z";
        let old = ["patze.db", "patze.db-head", "patze.db-wal"];
        let new = ["patze.db", "patze.db-head", "prices.toml"];
        for died in 0..=old.len() + new.len() {
            let (dir, ready) = folders();
            let folder = dir.path().join(format!("{READY}20260221T000000123Z"));
            ready.keep_as(&folder).unwrap();
            for name in &old[..died.min(old.len())] {
                let with_it = name.strip_prefix("patze.db").unwrap();
                fs::rename(dir.path().join(name), dir.path().join(format!("patze.db{suffix}{with_it}")))
                    .unwrap();
            }
            for name in &new[..died.saturating_sub(old.len())] {
                let _ = fs::remove_file(dir.path().join("history.db"));
                let _ = fs::remove_file(dir.path().join("history.db-wal"));
                fs::rename(folder.join(name), dir.path().join(name)).unwrap();
            }
            if died == 5 {
                fs::hard_link(dir.path().join("auth.json"), dir.path().join(format!("auth.json{suffix}")))
                    .unwrap();
            }
            finish(dir.path()).unwrap();
            assert_eq!(contents(dir.path()), expected(), "died after {died} steps");
        }
    }

    #[test]
    fn work_in_progress_is_private_and_goes() {
        let (dir, ready) = folders();
        let path = ready.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(ready);
        assert!(!path.exists());
        assert_eq!(fs::read_to_string(dir.path().join("patze.db")).unwrap(), "old patze.db");
    }
}
