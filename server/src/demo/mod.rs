//! The demo: a made-up fleet with 30 days behind it, to look around in, and to develop the page with.
//!
//! - **It is no mock.** [`past`] lets the whole control plane run under a virtual clock from 30 days ago until now and feeds it
//!   what bridges would send; the log, its checkpoints, what machines' actors decide and the history are the real thing, so
//!   the past can be travelled. [`live`] feeds the running server in the same way from then on.
//! - **It cannot be mistaken.** It has a data folder of its own with a file [`MARK`] in it; a folder without the file is never
//!   touched, one with it is marked in `/health` (`"demo": true`); each machine's name says that it is not real.
//! - **It goes on.** What happens follows from the moment of creation alone ([`story`]): a demo that was stopped catches up,
//!   as bridges do, and tells nothing twice.

mod cast;
mod chance;
mod incidents;
mod live;
mod past;
mod run;
mod story;

use std::io;
use std::path::{Path, PathBuf};

use patze_actors::log::{OpenError, check_free};
use patze_core::time::Timestamp;
use serde::{Deserialize, Serialize};

pub use live::keep_alive;
pub use past::make;

/// The file that marks a demo's folder, and says when it was made.
pub const MARK: &str = "demo.json";

/// What marks a demo's folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// When it was made: its story counts from here.
    pub created_at: Timestamp,
    /// Whether its past is complete.
    pub complete: bool,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder has something else in it.
    #[error("{} is no demo's folder, so it is left alone; name an empty or new one with --folder", .0.display())]
    NotOurs(PathBuf),
    /// A file of it cannot be used.
    #[error("{} cannot be used", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Its server runs.
    #[error("the demo runs; stop it first")]
    Runs(#[source] OpenError),
    /// The control plane does not start there.
    #[error("the demo's control plane does not start")]
    Start(#[from] patze_actors::control_plane::StartError),
    /// The log does not take the events.
    #[error("the demo's log cannot be written")]
    Append(#[from] patze_actors::log::AppendError),
}

/// Whether a folder is a demo's.
pub fn is_demo(dir: &Path) -> bool {
    dir.join(MARK).exists()
}

/// Removes a demo's folder and all that is in it.
///
/// # Errors
/// If it is not a demo's, the demo runs, or it cannot be removed.
pub fn remove(dir: &Path) -> Result<(), DemoError> {
    if !is_demo(dir) {
        return Err(DemoError::NotOurs(dir.to_owned()));
    }
    refuse_running(dir)?;
    std::fs::remove_dir_all(dir).map_err(|source| DemoError::File { path: dir.to_owned(), source })
}

/// Whatever else is wrong with its folder, a demo that does not run can be removed and made anew.
fn refuse_running(dir: &Path) -> Result<(), DemoError> {
    match check_free(dir) {
        Err(error @ OpenError::Locked { .. }) => Err(DemoError::Runs(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The mark of a folder; none where there is nothing yet.
fn mark(dir: &Path) -> Result<Option<Mark>, DemoError> {
    let path = dir.join(MARK);
    match std::fs::read(&path) {
        Ok(text) => {
            let mark = serde_json::from_slice(&text);
            mark.map(Some).map_err(|error| DemoError::File { path, source: error.into() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let used = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
            if used { Err(DemoError::NotOurs(dir.to_owned())) } else { Ok(None) }
        }
        Err(source) => Err(DemoError::File { path, source }),
    }
}

fn set_mark(dir: &Path, mark: Mark) -> Result<(), DemoError> {
    let path = dir.join(MARK);
    let fault = |source| DemoError::File { path: path.clone(), source };
    let text = serde_json::to_vec(&mark).map_err(|error| fault(error.into()))?;
    std::fs::write(&path, text).map_err(fault)
}
