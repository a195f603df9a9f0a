//! History: what was, for lists, search, timelines and charts (design §8).
//!
//! # Constraints
//! 1. A function of the log alone, kept in `history.db` beside it. Nothing else is in it, and nothing is lost with it: one
//!    that is missing, damaged, of another version or of another log is made anew.
//! 2. It never holds the log up: one thread follows the log on connections of its own, woken when the log has grown.
//! 3. The cursor is written in the transaction of the rows that it stands for: a crash neither repeats nor skips an event.
//! 4. What an event means is said once, in `core`: a row is loaded, told of the event by the fleet's own rules, stored.
//! 5. All is kept, cut to the fleet's lengths, until the log itself loses it (`control.pruned`, `control.redacted`).
//! 6. Every answer says how far history was; one that is being rebuilt says so.
//! 7. No question is without bound: lists walk an index and give a page, what is summed is kept in few rows, and a deadline
//!    ends the rest. What a user types never becomes query syntax.
//! 8. Pages are stable while events arrive: they are cut by (time, row), never counted.
//!
//! # Format
//! `sql/history.sql`, with the reason for each table. Texts that repeat are numbers of one dictionary, `names`; runs and
//! sessions have numbers of their own, so that the large tables hold integers. `synchronous=NORMAL`, for what a power cut
//! takes is projected again.
//!
//! # Operation
//! ```text
//! log ── grown ──> projector ── a page of events, one transaction ──> history.db ──> a pool of readers ──> queries
//! ```
//!
//! | to find out | open |
//! |---|---|
//! | what callers use | `door.rs`, [`query`] |
//! | when the file is made anew | `file.rs` |
//! | what an event does | `projector/`, a file for each family |
//! | how usage is packed | `quarters.rs` |
//! | what may be searched for | `query/words.rs` |
//!
//! # Recovery
//! - *Crash, kill, power cut:* SQLite recovers its write-ahead log; the projector goes on at the cursor.
//! - *The projector fails:* its duty is started again after a backoff (AC-1); questions are still answered, and show the lag.
//! - *Damage:* whoever meets it condemns the file; the projector makes it anew. Meanwhile answers are partial and say so.
//! - *No room, no rights:* the duty fails and tries again; `/readyz` names the fault and stays ready, for events are safe.

mod door;
mod file;
mod projector;
mod quarters;
pub mod query;

pub use door::{History, HistoryStatus, QueryError};
pub use file::FileError;
pub use projector::{ProjectError, Projector};
