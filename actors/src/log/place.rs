//! The folder that holds the database: made, locked, and checked before SQLite opens anything.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, FlockOperation};

use super::open::OpenError;
use super::share;
use crate::sqlite::{beside, create_private};

/// The database's name in its folder.
pub const DATABASE: &str = "patze.db";
/// What is projected from the database ([`crate::history`]), in the same folder: of no use for another database.
pub const HISTORY: &str = "history.db";
/// The lock's name in its folder.
const LOCK: &str = "patze.lock";

/// Says that this process is the one server of a folder, for as long as it lives. The kernel drops the lock with the
/// process, however that ends.
#[derive(Debug)]
pub(super) struct ServerLock {
    _file: File,
}

/// Makes the folder, sees that it is fit, and locks it.
pub(super) fn take(dir: &Path) -> Result<ServerLock, OpenError> {
    if let Some(kind) = share::under(dir) {
        return Err(OpenError::NetworkShare { dir: dir.into(), kind });
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(dir).map_err(|source| unusable(dir, source))?;
    let lock = lock(&dir.join(LOCK))?;
    for path in [dir.to_owned(), dir.join(DATABASE)] {
        match rustix::fs::accessat(CWD, &path, Access::WRITE_OK, AtFlags::EACCESS) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(_) => return Err(OpenError::ReadOnly { path }),
        }
    }
    Ok(lock)
}

/// Sees that no server runs in a folder, at this moment: nothing but its lock is looked at.
///
/// # Errors
/// [`OpenError::Locked`] if one does; another if the lock cannot be asked for.
pub fn check_free(dir: &Path) -> Result<(), OpenError> {
    lock(&dir.join(LOCK)).map(drop)
}

/// Whether the disk under `path` has next to nothing left, which SQLite reports in many ways.
pub(super) fn is_full(path: &Path) -> bool {
    let dir = path.parent().unwrap_or(path);
    rustix::fs::statvfs(dir).is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) < 128 << 10)
}

/// Why a folder or file cannot be made.
fn unusable(path: &Path, source: std::io::Error) -> OpenError {
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            OpenError::ReadOnly { path: path.into() }
        }
        ErrorKind::StorageFull => OpenError::DiskFull { path: path.into() },
        _ => OpenError::Folder { dir: path.into(), source },
    }
}

fn lock(path: &Path) -> Result<ServerLock, OpenError> {
    let failed = |source| match unusable(path, source) {
        OpenError::Folder { dir, source } => OpenError::Lock { path: dir, source },
        other => other,
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(OpenError::Locked { path: path.into(), pid });
        }
        Err(errno) => return Err(failed(errno.into())),
    }
    // The pid is for people; the lock itself is what counts.
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
    written.map_err(failed)?;
    Ok(ServerLock { _file: file })
}

/// Leaves the database to its owner (0600), whatever the umask: one that is missing is made, empty, before SQLite makes
/// it, and one that others may read is closed to them. SQLite gives the files beside it the same mode.
pub(super) fn keep_private(database: &Path) -> Result<(), OpenError> {
    match create_private(database) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(source) => return Err(unusable(database, source)),
    }
    for path in [database.to_owned(), beside(database, "-wal"), beside(database, "-shm")] {
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        let mode = meta.permissions().mode() & 0o7777;
        if mode & 0o077 == 0 {
            continue;
        }
        match std::fs::set_permissions(&path, Permissions::from_mode(0o600)) {
            Ok(()) => {
                tracing::warn!(path = %path.display(), mode = format!("{mode:o}"), "others could read this file; closed it");
            }
            // It may be another user's, who lets this one write.
            Err(error) => {
                tracing::warn!(path = %path.display(), mode = format!("{mode:o}"), %error, "others can read this file");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_private_and_the_lock_names_its_holder() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("a/b");
        let held = take(&dir).unwrap();
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        let OpenError::Locked { pid, .. } = take(&dir).unwrap_err() else { panic!("not locked") };
        assert_eq!(pid, Some(std::process::id()));
        drop(held);
        assert!(take(&dir).is_ok());
    }
}
