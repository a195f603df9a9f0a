//! The machine's id: given, or made once and kept in a file (contract §14.1).

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use patze_core::ids::MachineId;

use super::MachineSource;
use crate::private;

/// Why there is no machine id.
#[derive(Debug, thiserror::Error)]
pub enum MachineIdError {
    /// The file is there and cannot be read.
    #[error("the machine id file {} cannot be read; correct its permissions, or MACHINE_ID_FILE", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file does not hold an id.
    #[error("the machine id file {} holds no id of one line and at most 256 characters; correct it, or remove it to get a new id", path.display())]
    Content {
        /// The file.
        path: PathBuf,
    },
    /// A new id cannot be kept.
    #[error("a new machine id cannot be kept in {}; make its folder writable, or set MACHINE_ID_FILE or MACHINE_ID", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no randomness for a new id.
    #[error("the operating system gave no random bytes for a new machine id")]
    Random(#[source] getrandom::Error),
}

/// The id that `source` has now; `None` if it is yet to be made.
///
/// # Errors
/// [`MachineIdError`] if the file cannot be read or holds no id.
pub fn known(source: &MachineSource) -> Result<Option<MachineId>, MachineIdError> {
    let path = match source {
        MachineSource::Given(id) => return Ok(Some(id.clone())),
        MachineSource::File(path) => path,
    };
    let mut text = String::new();
    match std::fs::File::open(path).and_then(|file| file.take(4_096).read_to_string(&mut text)) {
        Ok(_) if text.trim().is_empty() => Ok(None),
        Ok(_) => checked(text.trim()).map(Some).ok_or_else(|| MachineIdError::Content { path: path.clone() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(MachineIdError::Read { path: path.clone(), source }),
    }
}

/// The id of `source`; made and kept, if there is none.
///
/// # Errors
/// [`MachineIdError`].
pub fn ensure(source: &MachineSource) -> Result<MachineId, MachineIdError> {
    let path = match (known(source)?, source) {
        (Some(id), _) => return Ok(id),
        (None, MachineSource::Given(id)) => return Ok(id.clone()),
        (None, MachineSource::File(path)) => path,
    };
    let id = format!("machine_{}", uuid_v4().map_err(MachineIdError::Random)?);
    keep(path, &id).map_err(|source| MachineIdError::Write { path: path.clone(), source })?;
    Ok(MachineId::from(id))
}

/// `text` as a machine id, if contract §3.1 allows it.
pub fn checked(text: &str) -> Option<MachineId> {
    let fits =
        !text.trim().is_empty() && text.encode_utf16().count() <= 256 && !text.contains(char::is_control);
    fits.then(|| MachineId::new(text))
}

fn keep(path: &Path, id: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        private::create_folder(folder)?;
    }
    private::write(path, format!("{id}\n").as_bytes())
}

/// A random UUID (RFC 9562, version 4).
fn uuid_v4() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    let bits = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_id_is_made_once_and_kept_for_the_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/machine-id");
        let source = MachineSource::File(path.clone());
        assert_eq!(known(&source).unwrap(), None);
        let id = ensure(&source).unwrap();
        assert_eq!(ensure(&source).unwrap(), id);
        assert_eq!(known(&source).unwrap(), Some(id.clone()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{id}\n"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let uuid = id.as_str().strip_prefix("machine_").unwrap();
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{uuid}");
    }

    #[test]
    fn a_file_of_the_original_bridge_is_taken_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("machine-id");
        std::fs::write(&path, "machine_0b2f\r\n").unwrap();
        assert_eq!(ensure(&MachineSource::File(path.clone())).unwrap(), MachineId::new("machine_0b2f"));
        std::fs::write(&path, " \n").unwrap();
        let made = ensure(&MachineSource::File(path)).unwrap();
        assert!(made.as_str().starts_with("machine_"));
    }

    #[test]
    fn a_file_without_an_id_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("machine-id");
        for text in ["two\nlines", &"x".repeat(257)] {
            std::fs::write(&path, text).unwrap();
            let error = ensure(&MachineSource::File(path.clone())).unwrap_err();
            assert!(matches!(error, MachineIdError::Content { .. }), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        let folder = MachineSource::File(dir.path().to_owned());
        assert!(matches!(ensure(&folder).unwrap_err(), MachineIdError::Read { .. }));
    }
}
