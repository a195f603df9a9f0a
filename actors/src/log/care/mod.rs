//! Care of the data: a copy of the log to keep, and its way back; the log as text, and its way back.
//!
//! # Constraints
//! 1. A backup is one moment of the log, whatever the server writes meanwhile. It is whole, or there is no file.
//! 2. Nothing that is there is overwritten: neither a file that a backup is to be written to, nor a log that is replaced,
//!    which is moved aside.
//! 3. A restore has read and proven everything before it touches anything. From then on it is carried through, by the
//!    next start if need be.
//! 4. Whoever reads a log after a restore must notice that it is another one: it gets a new log id (design §5), also if
//!    somebody copied a file by hand.
//! 5. What is blanked is blanked everywhere, and told ([`redact`]).
//! 6. Text that comes in is checked before any of it is stored. What came in says so: its origin is `import`.
//!
//! # Format
//! A backup is a tar in zstd (level 3, with zstd's own checksum). Its first member is `manifest.json` ([`Manifest`]: which
//! log, its head, the size and SHA-256 of each further member); then `patze.db`, a plain SQLite file; then what was asked
//! for of `auth.json`, `secrets.json`, `prices.toml`. `tar --zstd -xf` unpacks it without us. An export is one event a line,
//! the `data` of its frame on `/events`, or CSV.
//!
//! # Operation
//! ```text
//! backup:   VACUUM INTO (one read transaction) ─> head of the copy ─> hashes ─> tar ─> fsync ─> rename
//! restore:  lock ─> unpack, hashes ─> migrate ─> verify ─> new log id ─> patze.restoring-TIME ─> swap
//! import:   check every line ─> empty log: a new database, then the same swap; else: append through the writer
//! ```
//!
//! | to find out | open |
//! |---|---|
//! | how the copy is made, for migrations too | `copy.rs` |
//! | what a backup holds, and how it is read | `archive.rs` |
//! | when a log gets a new id by itself | `reached.rs` |
//! | how a database takes the place of another | `swap.rs` |
//! | how a text is taken out again | `redact/` |
//!
//! # Recovery
//! - *A backup is killed:* a hidden folder `.NAME.part` stays beside its file; the next one to the same file removes it.
//! - *A restore or import is killed before the swap:* nothing was touched; `patze.restore.part` goes with the next one.
//! - *… in the swap:* whoever takes the folder's lock next carries it through.

pub mod archive;
mod backup;
pub(super) mod copy;
mod disk;
mod export;
mod import;
pub(super) mod reached;
pub mod redact;
mod restore;
pub(super) mod swap;

pub use archive::{ArchiveError, Manifest, Member};
pub use backup::{Backup, BackupError, backup};
pub use disk::NewFile;
pub use export::{ExportError, Filter, export};
pub use import::{Import, ImportError, Imported, LineError, import};
pub use reached::{RenewError, renew};
pub use restore::{Checked, ReadyFault, RestoreError, Restored, check, restore};
pub use swap::SwapError;
