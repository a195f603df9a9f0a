//! Reading OpenClaw: finding homes, reading their store, and being woken when it changes.
//!
//! ```text
//! discover::look --HomeInfo--> OpenclawHome::open --read(cursor)--> Page { events, cursor } --> the spool
//!                                     ^                                      (one transaction)
//!                              watch::Watch (a wake-up, no facts)
//! ```
//!
//! What the rows mean is in `patze_core::openclaw`; here is only how to get at them without harm.
//!
//! # Constraints
//!
//! 1. **Read only.** Databases are opened read-only, never `immutable` (new rows sit in the `-wal` file), with short
//!    read transactions, so that OpenClaw's checkpoints are not held up. Nothing in a home is written.
//! 2. **Unreadable is not empty.** A source that cannot be read is a [`ReadError`], and then there are no events and
//!    the cursor stands still: nothing ends, and nothing is made up, because of an error. One agent's store out of several
//!    stops the others for [`PASSED_OVER_AFTER`] only; then its cursor alone stands still, and each page names it.
//! 3. **The cursor says it all.** [`Cursor`] holds the places in the source and the mapper's state there. Given the
//!    same cursor, a fresh reader goes on as the old one would have. Whoever stores a page stores its events and its
//!    cursor in one transaction.
//! 4. **Bounded.** A page has no more rows and bytes than its [`Budget`] (and the few rows that must stay together).

mod cursor;
pub mod discover;
mod error;
mod sqlite;
pub mod watch;

pub use cursor::{Budget, Cursor, Now, Page};
pub use discover::{Generation, HomeInfo};
pub use error::ReadError;
pub use sqlite::{OpenclawHome, PASSED_OVER_AFTER};
