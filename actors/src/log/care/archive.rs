//! The file of a backup: a tar in zstd, the manifest first (the format is in the module's documentation).

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use patze_core::ids::LogId;
use patze_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::digest::hex;
use super::super::place::DATABASE;
use super::disk;
use crate::sqlite;

const FORMAT: &str = "patze-backup";
/// The newest format that this version reads and the one that it writes.
const FORMAT_VERSION: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// More than any manifest takes.
const MANIFEST_BYTES: u64 = 1 << 20;
/// Files of the settings folder with secrets.
pub(super) const SECRETS: [&str; 2] = ["auth.json", "secrets.json"];
/// Files of the settings folder that people write.
pub(super) const SETTINGS: [&str; 1] = ["prices.toml"];
/// As for checkpoints: higher levels gain little on such data and take several times the time.
const ZSTD_LEVEL: i32 = 3;

/// What a backup holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `patze-backup`.
    pub format: String,
    /// The version of the format.
    pub format_version: u32,
    /// Which log it is of.
    pub log_id: LogId,
    /// The log's last position.
    pub position: u64,
    /// The digest chain up to there, in hexadecimal.
    pub digest: String,
    /// The schema of the database.
    pub schema: u32,
    /// The version of `patze` that made it.
    pub version: String,
    /// When.
    pub created_at: Timestamp,
    /// The files in it, in their order, but for the manifest itself.
    pub members: Vec<Member>,
}

/// One file of a backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its name in the settings folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Why a file is not taken for a backup.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read at all.
    #[error("{} cannot be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is no zstd, no tar, or ends early.
    #[error(
        "{} is no backup that can be read to its end (it is cut, damaged, or something else); nothing was changed, take \
         another one",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What was found.
        source: io::Error,
    },
    /// It is a tar, but not ours.
    #[error("{} is no backup of patze: it does not begin with a manifest", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A later version made it.
    #[error(
        "{} was made by patze {version} in format {found}, this version reads up to {FORMAT_VERSION}; install that version",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version that made it.
        version: String,
        /// Its format.
        found: u32,
    },
    /// What is in it is not what its manifest says.
    #[error("{} is damaged: {what}; nothing was changed, take another one", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The members cannot be written.
    #[error("{} cannot be unpacked to {}{}", path.display(), to.display(), room(source))]
    Unpack {
        /// The file.
        path: PathBuf,
        /// What was being written.
        to: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

// === impl Manifest ===

impl Manifest {
    /// The manifest of what lies in `folder`: the database, and as many of the other files as are there.
    pub(super) fn of(
        folder: &Path,
        head: &super::super::Head,
        schema: u32,
        version: &str,
        now: Timestamp,
    ) -> io::Result<Self> {
        let mut members = Vec::new();
        for name in [DATABASE].into_iter().chain(SECRETS).chain(SETTINGS) {
            match File::open(folder.join(name)) {
                Ok(file) => {
                    let (bytes, sha256) = pass(file, io::sink())?;
                    members.push(Member { name: name.to_owned(), bytes, sha256 });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            log_id: head.log_id.clone(),
            position: head.position,
            digest: hex(&head.digest),
            schema,
            version: version.to_owned(),
            created_at: now,
            members,
        })
    }

    /// Whether it holds tokens and other secrets.
    pub fn has_secrets(&self) -> bool {
        self.members.iter().any(|member| SECRETS.contains(&member.name.as_str()))
    }
}

/// Writes the manifest and the members that it names, from `folder`, and puts them on the disk.
pub(super) fn pack(manifest: &Manifest, folder: &Path, to: &File) -> io::Result<()> {
    let mut zstd = zstd::Encoder::new(BufWriter::with_capacity(1 << 17, to), ZSTD_LEVEL)?;
    zstd.include_checksum(true)?;
    let mut tar = tar::Builder::new(zstd);
    let mut text = serde_json::to_vec_pretty(manifest)?;
    text.push(b'\n');
    let header = |bytes: u64| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(manifest.created_at.millis().max(0).unsigned_abs() / 1_000);
        header
    };
    tar.append_data(&mut header(text.len() as u64), MANIFEST, text.as_slice())?;
    for member in &manifest.members {
        let file = File::open(folder.join(&member.name))?;
        tar.append_data(&mut header(member.bytes), &member.name, BufReader::with_capacity(1 << 17, file))?;
    }
    let mut buffer = tar.into_inner()?.finish()?;
    buffer.flush()?;
    to.sync_all()
}

/// Unpacks a backup into the empty folder `into`, each member once, with the length and hash that the manifest says, and
/// reads the file to its end.
pub(super) fn unpack(archive: &Path, into: &Path) -> Result<Manifest, ArchiveError> {
    let path = || archive.to_owned();
    let read = |source| ArchiveError::Read { path: path(), source };
    let damaged = |what: String| ArchiveError::Damaged { path: path(), what };
    let file = File::open(archive).map_err(|source| ArchiveError::Open { path: path(), source })?;
    let mut tar = tar::Archive::new(zstd::Decoder::new(file).map_err(read)?);
    let mut entries = tar.entries().map_err(read)?;
    let first = entries.next().ok_or_else(|| ArchiveError::NotOurs { path: path() })?;
    let manifest = manifest(archive, first.map_err(read)?)?;
    let mut expected = manifest.members.iter();
    for entry in entries {
        let mut entry = entry.map_err(read)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some(member) = expected.next().filter(|member| member.name == name) else {
            return Err(damaged(format!("its manifest does not name {name:?} there")));
        };
        if !entry.header().entry_type().is_file() || entry.size() != member.bytes {
            return Err(damaged(format!(
                "{name} is not the file of {} bytes that its manifest names",
                member.bytes
            )));
        }
        let to = into.join(&member.name);
        let unpack = |source| ArchiveError::Unpack { path: path(), to: to.clone(), source };
        let file = sqlite::create_private(&to).map_err(unpack)?;
        let mut writer = Writing { file: &file, failed: None };
        let (bytes, sha256) = match pass(&mut entry, &mut writer) {
            Ok(passed) => passed,
            Err(error) => return Err(writer.failed.map_or_else(|| read(error), unpack)),
        };
        if (bytes, &sha256) != (member.bytes, &member.sha256) {
            return Err(damaged(format!("{name} does not have the SHA-256 that its manifest names")));
        }
        file.sync_all().map_err(unpack)?;
    }
    if let Some(member) = expected.next() {
        return Err(damaged(format!("{} is missing", member.name)));
    }
    // The last of it holds the checksum.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(read)?;
    Ok(manifest)
}

fn manifest(archive: &Path, entry: tar::Entry<'_, impl Read>) -> Result<Manifest, ArchiveError> {
    let path = || archive.to_owned();
    if !entry.header().entry_type().is_file() || *entry.path_bytes() != *MANIFEST.as_bytes() {
        return Err(ArchiveError::NotOurs { path: path() });
    }
    let mut text = Vec::new();
    entry
        .take(MANIFEST_BYTES)
        .read_to_end(&mut text)
        .map_err(|source| ArchiveError::Read { path: path(), source })?;
    // What every format has, so that one that is newer is called so.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Begin {
        format: String,
        format_version: u32,
        #[serde(default)]
        version: String,
    }
    let begin: Begin = serde_json::from_slice(&text).map_err(|_| ArchiveError::NotOurs { path: path() })?;
    if begin.format != FORMAT {
        return Err(ArchiveError::NotOurs { path: path() });
    }
    if begin.format_version > FORMAT_VERSION {
        let Begin { version, format_version, .. } = begin;
        return Err(ArchiveError::Newer { path: path(), version, found: format_version });
    }
    let damaged = |what: String| ArchiveError::Damaged { path: path(), what };
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| damaged(format!("its manifest cannot be read: {error}")))?;
    let known = |name: &str| name == DATABASE || SECRETS.contains(&name) || SETTINGS.contains(&name);
    if let Some(member) = manifest.members.iter().find(|member| !known(&member.name)) {
        return Err(damaged(format!("{:?} does not belong into a backup", member.name)));
    }
    if !manifest.members.iter().any(|member| member.name == DATABASE) {
        return Err(damaged(format!("it has no {DATABASE}")));
    }
    Ok(manifest)
}

/// A file that remembers its own failure, to tell it from one of what is read.
struct Writing<'a> {
    file: &'a File,
    failed: Option<io::Error>,
}

impl Write for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Passes everything on; tells its length and SHA-256.
fn pass(mut from: impl Read, mut to: impl Write) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    let mut bytes = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok((bytes, hex(&hash.finalize().into()))),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
}

/// The remedy, where it is room.
fn room(error: &io::Error) -> &'static str {
    if disk::is_full(error) { "; make room there, nothing was changed" } else { "; nothing was changed" }
}
