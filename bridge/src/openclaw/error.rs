//! Why a home cannot be read.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// A source that cannot be read. Its text says what, where and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is not there, or is no file.
    #[error("{} is not there: is this OpenClaw's state directory?", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file may not be read by us.
    #[error("{} may not be read: run the bridge as the user who runs OpenClaw{}", path.display(), owned(*owner))]
    Forbidden {
        /// The file.
        path: PathBuf,
        /// The user id that owns it, if that can be told.
        owner: Option<u32>,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// SQLite cannot open it.
    #[error("cannot open {} as a database", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// It is locked by somebody else for too long. It will pass.
    #[error("{} is locked by another program; trying again", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// It is damaged, or no database at all.
    #[error("{} is damaged or no database: `openclaw doctor` may repair it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// It lacks what we need: an OpenClaw that is too old, too new, or something else.
    #[error("unreadable: {} needs {needs}, which it does not have (OpenClaw 2026.8 and later have it)", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The table and columns.
        needs: String,
    },
    /// A question failed for another reason.
    #[error("cannot read {what} from {}", path.display())]
    Query {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        what: &'static str,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
}

impl ReadError {
    /// Whether it may pass by itself within moments.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Locked { .. })
    }

    /// The file that cannot be read.
    pub fn path(&self) -> &Path {
        match self {
            Self::Missing { path, .. }
            | Self::Forbidden { path, .. }
            | Self::Open { path, .. }
            | Self::Locked { path, .. }
            | Self::Damaged { path, .. }
            | Self::Schema { path, .. }
            | Self::Query { path, .. } => path,
        }
    }

    /// A failed file operation.
    pub(super) fn file(path: &Path, owner: Option<u32>, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            std::io::ErrorKind::PermissionDenied => Self::Forbidden { path, owner, source },
            _ => Self::Missing { path, source },
        }
    }

    /// A failed question: `what` was asked of the database at `path`.
    pub(super) fn sqlite(path: &Path, what: &'static str, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path, source },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { path, source },
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Self::Open { path, source },
            _ => Self::Query { path, what, source },
        }
    }
}

fn owned(owner: Option<u32>) -> String {
    owner.map_or_else(String::new, |uid| format!(" (user id {uid})"))
}
