//! The event log (design §6). Being written.

mod batch;
pub mod checkpoint;
mod connect;
pub mod digest;
mod door;
mod health;
mod migrate;
mod open;
mod place;
mod proof;
mod publish;
pub mod queue;
mod reader;
mod row;
mod scan;
mod transaction;
pub mod verify;
mod wal;
mod writer;

pub use batch::{AppendError, Appended, Batch, Cursor, Lane, Overloaded, Pending, Placed};
pub use digest::Digest;
pub use door::{CloseError, Head, Log, LogConfig};
pub use health::{Check, Metrics, Status};
pub use open::{Fault, OpenError};
pub use place::DATABASE;
pub use proof::{Proof, ProofError, Proven};
pub use publish::{Fresh, News, Publish};
pub use reader::{ReadError, StoredEvent};
pub use row::RowError;
pub use writer::{Writer, WriterError};
