//! Files that only their owner may read and write (0600, in folders of 0700), as everything that the bridge keeps
//! (W-B11), whatever the umask.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Makes `folder`, and what is missing above it, for its owner alone. One that is there is left as it is.
///
/// # Errors
/// Whatever the file system says.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Opens `path` for reading and writing as `options` say, made with 0600 if it is missing, and held to 0600 if not.
///
/// # Errors
/// Whatever the file system says.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.read(true).create(true).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o777 != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Replaces `path` by `content` at once: whoever reads it, now or after a power cut, finds the old or the new content.
///
/// # Errors
/// Whatever the file system says.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = open(&temporary, OpenOptions::new().write(true).truncate(true))?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
