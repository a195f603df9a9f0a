//! Files and folders as a backup needs them: private, never in the place of another, on the disk when we say so.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};

use crate::sqlite::create_private;

/// A folder (0700) for work in progress, removed with all that is in it unless it is kept.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    kept: bool,
}

/// A file (0600) that appears under its name once it is whole and on the disk, or not at all.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    part: PathBuf,
    path: PathBuf,
    done: bool,
}

// === impl NewFile ===

impl NewFile {
    /// Begins a file of a name that is still free.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if it is not, or what the system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let name = path.file_name().ok_or(ErrorKind::IsADirectory)?;
        let part = parent(path).join(format!(".{}.part", name.display()));
        match fs::remove_file(&part) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self { file: create_private(&part)?, part, path: path.to_owned(), done: false })
    }

    /// What it is written through.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// If it cannot be put on the disk, or the name was taken meanwhile.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        rename_new(&self.part, &self.path)?;
        self.done = true;
        sync_parent(&self.path)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.part);
        }
    }
}

// === impl Scratch ===

impl Scratch {
    /// Makes it anew; what an earlier attempt left there goes.
    pub(super) fn make(path: PathBuf) -> io::Result<Self> {
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path, kept: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it another name, under which it stays.
    pub(super) fn keep_as(mut self, path: &Path) -> io::Result<()> {
        rename_new(&self.path, path)?;
        self.kept = true;
        sync_parent(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed now is removed by the next attempt.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Renames, unless there is something of the new name.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system knows how; then looking first has to do.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            if to.symlink_metadata().is_ok() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        done => Ok(done?),
    }
}

/// Puts the entries of the folder of `path` on the disk: without it a rename may be lost with the power.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}

/// The folder of `path`.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether an error says that there is no room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
