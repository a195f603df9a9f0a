//! `auth.json` on the disk: read whole or not at all, replaced atomically, never readable by others (W-S6, W-R15).

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

use super::secret::Secret;
use super::token::Stored;
use super::{ChangeError, OpenError};

/// Who needs a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nobody.
    None,
    /// Everybody.
    Token,
}

/// The contents of `auth.json`: the contract's `mode` and `token` (contract §1.2), and our tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Document {
    /// Absent while the environment decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<Mode>,
    /// The contract's own token, in clear as the contract's server reads it.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "in_clear")]
    pub(super) token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tokens: Vec<Stored>,
    /// What other versions put there, kept as it was.
    #[serde(flatten)]
    other: serde_json::Map<String, serde_json::Value>,
}

/// Where `auth.json` is.
#[derive(Clone, Debug)]
pub(super) struct AuthFile {
    folder: PathBuf,
}

// === impl Mode ===

impl Mode {
    /// The name on the wire and in `auth.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
        }
    }
}

// === impl AuthFile ===

impl AuthFile {
    const NAME: &str = "auth.json";

    pub(super) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(Self::NAME)
    }

    /// The stored document, or an empty one if there is no file. Whatever else is wrong is an error: an `auth.json`
    /// that cannot be understood must not mean "no token needed" (W-S6).
    pub(super) fn read(&self) -> Result<Document, OpenError> {
        let path = self.path();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Document::default()),
            Err(source) => return Err(OpenError::Read { path, source }),
        };
        keep_from_others(&path).map_err(|source| OpenError::Read { path: path.clone(), source })?;
        // The parser's own message may quote a secret that stands in the wrong place: only its position is told.
        let document: Document = serde_json::from_slice(&bytes).map_err(|error| OpenError::Damaged {
            path: path.clone(),
            line: error.line(),
            column: error.column(),
        })?;
        if document.token.is_some() && document.mode.is_none() {
            return Err(OpenError::TokenWithoutMode { path });
        }
        let mut ids = HashSet::new();
        for stored in &document.tokens {
            let id = stored.token.id;
            if let Some(field) = stored.unknown.keys().next() {
                return Err(OpenError::UnknownField { path, id, field: field.clone() });
            }
            if !ids.insert(id) {
                return Err(OpenError::TwiceTheSame { path, id });
            }
        }
        Ok(document)
    }

    /// Replaces the file. Blocks for two fsyncs.
    pub(super) fn write(&self, document: &Document) -> Result<(), ChangeError> {
        let failed = |source| ChangeError::Write { path: self.path(), source };
        let mut text = serde_json::to_vec_pretty(document).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        write_private(&self.folder, Self::NAME, &text).map_err(failed)
    }
}

/// Writes `<folder>/<name>` (0600): whoever reads it, after a crash too, finds the old contents or the new ones.
/// A temporary file that a crash left is replaced by the next write.
pub(super) fn write_private(folder: &Path, name: &str, contents: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!(".{name}.tmp"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    let mut file = options.mode(0o600).open(&temporary)?;
    // An odd umask may have taken from the owner too.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&temporary, folder.join(name))?;
    // Without this the rename itself may be lost with the power.
    File::open(folder)?.sync_all()
}

/// Makes the folder (0700) if it is not there. One that is there is left as it is: it may be the user's own.
pub(super) fn private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Takes away what others may do with a file that somebody else's umask made.
fn keep_from_others(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    tracing::warn!(path = %path.display(), mode = format!("{mode:o}"), "others could read this file; closing it");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

fn in_clear<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}
