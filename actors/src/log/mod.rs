//! The event log: one append-only SQLite table that everything else is a function of (design §6).
//!
//! # Constraints
//! 1. Positions are 1, 2, 3, … without gaps; nothing is visible before its commit (EL-1).
//! 2. Acknowledged means on disk: write-ahead log, `synchronous=FULL`, and no answer before the commit returns (EL-2).
//! 3. An event (machine, id) is stored once, over all deliveries and restarts; the first content stands; a duplicate is
//!    answered as accepted and burns no position (EL-3).
//! 4. One thread writes. No call of SQLite runs on a caller's thread but in functions that say that they block.
//! 5. Nothing waits in an unbounded queue: a full lane refuses at once, and ingest cannot fill the control lane (AC-2).
//! 6. A batch is stored whole or not at all; one that fails does not harm its neighbours in the transaction.
//! 7. `recorded_at` never decreases, whatever the clock does.
//! 8. A fleet rebuilt from the log is the live one, byte for byte (FO-1); this is checked every 50,000 events.
//! 9. What was stored cannot be changed unnoticed: a chain of digests over all columns.
//! 10. `sqlite3 patze.db` is a forensic tool: plain columns, JSON as text, views with readable times.
//! 11. Whatever is wrong with the file when it is opened is told with its name and the remedy, and nothing is written.
//!
//! # Format
//! `sql/migrations/` is the schema, with the reason for each table; `sql/views.sql` is for people. In `patze.db`: `events`,
//! `commits` (one a transaction, with its digest, see [`digest`]), `checkpoints` (zstd of the fleet's JSON, with its fold
//! version), `cursors`, `meta` (`logId`, `cleanStop`, `viewsDigest`), `migrations`. Beside it: `patze.lock`, held while a
//! server runs, `patze.db-head`, which tells a file that was put back by hand, and `patze.db.before-NNNN`, made before a
//! migration.
//!
//! # Operation
//! ```text
//! append ─> queue (2 lanes, bytes) ─> writer: BEGIN, a savepoint a batch, digest, COMMIT ─> fold ─> publish ─> answer
//!                                        │ every 50,000 positions: a clone of the fleet
//! read_after, cursor ─> readers          └─> proof: checkpoint + log == live? then it is the next checkpoint
//! ```
//! [`Log::append`] queues and hands back a [`Pending`]. The [`Writer`] takes all that waits, at most 5,000 events or 8 MiB,
//! and waits for nobody (design §18.9): under load transactions grow, so that one sync serves many batches. What it
//! commits it folds, then publishes ([`Publish`]), then answers, so that what is acknowledged is in the next `/snapshot`.
//! A thread copies the write-ahead log into the database beside it, so that no commit has to.
//!
//! | to find out | open |
//! |---|---|
//! | what callers use | `door.rs`, `batch.rs`, `publish.rs`, `follow.rs`, `health.rs` |
//! | what one transaction does | `transaction.rs`, `writer.rs` |
//! | why a start is refused | `open.rs`, `place.rs`, `migrate.rs` |
//! | how checkpoints are made and proven | `checkpoint.rs`, `proof.rs` |
//! | how a look at the past is answered | `past.rs` |
//! | how the past is verified | [`verify`] |
//! | how it is backed up, restored, exported, imported | [`care`] |
//!
//! # Recovery
//! - *Crash or kill:* SQLite recovers the write-ahead log; the newest checkpoint and the tail give the fleet; as the last
//!   stop was not clean, `quick_check` runs beside everything else. A fault stops writing and shows in [`Status`].
//! - *The writer fails or panics:* whoever waits for what it had in hand gets [`AppendError::Lost`] and may send again. The
//!   next writer folds and publishes what was committed and not published, then takes from the same queue.
//! - *Disk full:* the batches are answered with [`AppendError::Storage`]; the next ones are tried as if nothing had been.
//! - *Damage, or somebody else who writes:* [`AppendError::Damaged`], and no more is written. Reading goes on.
//! - *A rebuilt fleet differs:* nothing is stored, [`Status::differed`] and an error in the log say so; the live fleet goes
//!   on.
//!
//! Nothing outside this folder knows the tables of `patze.db`, so that another engine fits behind the same door (design §16).

mod base;
mod batch;
pub mod care;
pub mod checkpoint;
mod connect;
pub mod digest;
mod door;
mod follow;
mod health;
mod migrate;
mod open;
mod past;
mod place;
mod proof;
mod publish;
pub mod queue;
mod reader;
mod retention;
mod rollup;
mod row;
mod scan;
mod share;
mod sums;
mod transaction;
mod upkeep;
pub mod verify;
mod wal;
mod writer;

pub use base::Horizon;
pub use batch::{AppendError, Appended, Batch, Cursor, Lane, Overloaded, Pending, Placed};
pub use digest::Digest;
pub use door::{CloseError, Head, Log, LogConfig};
pub use follow::Follower;
pub use health::{Check, Metrics, Status};
pub use open::{Fault, OpenError};
pub use past::{Moment, PastError, Then};
pub use place::{DATABASE, HISTORY, check_free};
pub use proof::{Proof, ProofError, Proven};
pub use publish::{Fresh, News, Publish};
pub use reader::{ReadError, StoredEvent};
pub use retention::{Forecast, Report, RetentionError, Run, Shares};
pub use rollup::Rollup;
pub use row::RowError;
pub use writer::{Writer, WriterError};
