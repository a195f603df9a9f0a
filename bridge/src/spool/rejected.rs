//! What the control plane refused: `rejected.jsonl`, one event a line with the reason, for `doctor` and for people.
//!
//! A ring of two files: when `rejected.jsonl` has its half of the limit, it takes the place of `rejected.jsonl.1`.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use patze_core::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::private;

/// The files' size together, bytes.
pub const LIMIT: u64 = 10 << 20;

/// Why an event was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The control plane's code (contract §3.2), or the status of its answer, like `http_413`.
    pub code: String,
    /// Its explanation.
    pub message: String,
}

/// The ring of refused events.
#[derive(Clone, Debug)]
pub struct Rejected {
    path: PathBuf,
    limit: u64,
}

/// What is in the ring.
#[derive(Debug, Default)]
pub struct Contents {
    /// How many events.
    pub count: u64,
    /// The newest ones, oldest first.
    pub last: VecDeque<Line>,
}

/// One refused event, as it is read back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// When the refusal came.
    pub rejected_at: Timestamp,
    /// [`Reason::code`].
    pub code: String,
    /// [`Reason::message`].
    pub message: String,
    /// The event.
    pub event: Box<RawValue>,
}

// === impl Rejected ===

impl Rejected {
    /// The ring in the state folder `dir`.
    pub fn of(dir: &Path) -> Self {
        Self::with_limit(dir, LIMIT)
    }

    pub(super) fn with_limit(dir: &Path, limit: u64) -> Self {
        Self { path: dir.join("rejected.jsonl"), limit }
    }

    /// Adds events, each a JSON text on one line, and sees them onto the disk: their rows are deleted next.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn add<'a>(
        &self,
        at: Timestamp,
        events: impl IntoIterator<Item = (&'a str, &'a Reason)>,
    ) -> io::Result<()> {
        let mut file = private::open(&self.path, OpenOptions::new().append(true))?;
        for (event, reason) in events {
            let line = format!(
                "{{\"rejectedAt\":\"{at}\",\"code\":{},\"message\":{},\"event\":{event}}}\n",
                serde_json::Value::from(reason.code.as_str()),
                serde_json::Value::from(reason.message.as_str()),
            );
            let size = file.metadata()?.len();
            if size > 0 && size + line.len() as u64 > self.limit / 2 {
                file.sync_data()?;
                std::fs::rename(&self.path, self.older())?;
                file = private::open(&self.path, OpenOptions::new().append(true))?;
            }
            file.write_all(line.as_bytes())?;
        }
        file.sync_data()
    }

    /// Counts what is there, and reads the newest `last`. A line that is no refused event is counted and skipped.
    ///
    /// # Errors
    /// Whatever the file system says, other than that there is no file.
    pub fn read(&self, last: usize) -> io::Result<Contents> {
        let mut contents = Contents::default();
        for path in [self.older(), self.path.clone()] {
            let file = match std::fs::File::open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            for line in BufReader::new(file).lines() {
                contents.count += 1;
                if let Ok(line) = serde_json::from_str(&line?) {
                    contents.last.push_back(line);
                    if contents.last.len() > last {
                        contents.last.pop_front();
                    }
                }
            }
        }
        Ok(contents)
    }

    /// The newer of the two files.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn older(&self) -> PathBuf {
        self.path.with_extension("jsonl.1")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn reason(code: &str) -> Reason {
        Reason { code: code.to_owned(), message: "a \"quoted\"\nreason".to_owned() }
    }

    #[test]
    fn what_was_refused_is_read_back_newest_last() {
        let dir = tempfile::tempdir().unwrap();
        let rejected = Rejected::of(dir.path());
        assert_eq!(rejected.read(3).unwrap().count, 0);
        let at = Timestamp::from_millis(1_000);
        for n in 0..5 {
            rejected.add(at, [(format!("{{\"id\":{n}}}").as_str(), &reason("invalid_payload"))]).unwrap();
        }
        let contents = rejected.read(2).unwrap();
        assert_eq!(contents.count, 5);
        let events: Vec<_> = contents.last.iter().map(|line| line.event.get().to_owned()).collect();
        assert_eq!(events, [r#"{"id":3}"#, r#"{"id":4}"#]);
        let line = &contents.last[0];
        assert_eq!((line.rejected_at, line.code.as_str()), (at, "invalid_payload"));
        assert_eq!(line.message, "a \"quoted\"\nreason");
        assert_eq!(rejected.path().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_ring_keeps_its_limit_and_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        let rejected = Rejected::with_limit(dir.path(), 20_000);
        let event = format!("{{\"fill\":\"{}\"}}", "x".repeat(900));
        for _ in 0..100 {
            rejected.add(Timestamp::EPOCH, [(event.as_str(), &reason("c"))]).unwrap();
        }
        rejected.add(Timestamp::EPOCH, [("{\"id\":\"last\"}", &reason("c"))]).unwrap();
        let size: u64 = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(size <= 20_000, "{size}");
        let contents = rejected.read(1).unwrap();
        assert_eq!(contents.last[0].event.get(), "{\"id\":\"last\"}");
        assert!(contents.count >= 10, "{}", contents.count);
    }

    #[test]
    fn a_torn_line_is_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let rejected = Rejected::of(dir.path());
        std::fs::write(rejected.path(), "{\"rejectedAt\":\"20").unwrap();
        assert_eq!(rejected.read(9).unwrap().count, 1);
        assert_eq!(rejected.read(9).unwrap().last.len(), 0);
    }
}
