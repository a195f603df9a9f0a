//! The lines of an export, one at a time, each checked.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use patze_core::event::{Exported, Rejection, envelope};

use super::ImportError;

/// No line that the log could hold is longer, escapes included.
const LINE_BYTES: u64 = 8 << 20;
/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is no event.
    #[error("{0}")]
    Event(#[from] Rejection),
    /// It is no text.
    #[error("it is not UTF-8")]
    Text,
    /// It has no end.
    #[error("it is longer than {} MiB", LINE_BYTES >> 20)]
    Long,
    /// It stands before one that came earlier.
    #[error(
        "position {position} comes after {before}: these are several exports in one file; import them one by one, the first \
         into the empty log"
    )]
    Order {
        /// The line's position.
        position: u64,
        /// The position before it.
        before: u64,
    },
}

/// The lines of a file with their events.
pub(super) struct Lines<'a> {
    path: &'a Path,
    file: BufReader<File>,
    number: u64,
    line: Vec<u8>,
}

impl<'a> Lines<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self, ImportError> {
        let file = File::open(path).map_err(|source| ImportError::Read { path: path.to_owned(), source })?;
        Ok(Self { path, file: BufReader::with_capacity(1 << 17, file), number: 0, line: Vec::new() })
    }

    /// The event of the next line that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<Exported>, ImportError> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = (&mut self.file).take(LINE_BYTES).read_until(b'\n', &mut self.line);
            let read = read.map_err(|source| ImportError::Read { path: self.path.to_owned(), source })?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 == LINE_BYTES && !self.line.ends_with(b"\n") {
                return Err(self.fault(LineError::Long));
            }
            let Ok(line) = std::str::from_utf8(&self.line) else { return Err(self.fault(LineError::Text)) };
            let line = line.trim();
            if !line.is_empty() {
                return envelope::validate_exported(line).map(Some).map_err(|e| self.fault(e.into()));
            }
        }
    }

    /// The fault of the line that was read last.
    pub(super) fn fault(&self, source: LineError) -> ImportError {
        ImportError::Line { path: self.path.to_owned(), number: self.number, source }
    }
}
