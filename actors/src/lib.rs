//! The event log and the actors of the Patze Control server. Knows nothing of HTTP.
//!
//! ```text
//! append ──> log (writer thread: commit, fold, publish, acknowledge) ──> stream ──> subscribers
//!   ▲                                                             └────> dispatch ──> machine, session
//!   └──────────────────────── recorder <── machine, session, janitor <───────────────────┘
//! ```
//!
//! | to find out | open |
//! |---|---|
//! | what is stored and how | [`log`] |
//! | what was, searched and summed | [`history`] |
//! | how subscribers are fed | [`stream`] |
//! | who may do what, and how that survives | [`credentials`] |
//! | which bridges talk to us | [`connections`] |
//! | what runs, and how it is put together | [`control_plane`] |
//! | when a machine is called silent | [`machine`] |
//! | when a session has stalled | [`session`] |

pub mod connections;
pub mod control_plane;
pub mod credentials;
pub mod dispatch;
pub mod duty;
pub mod history;
pub mod janitor;
pub mod log;
pub mod machine;
mod pool;
pub mod recorder;
pub mod session;
mod sqlite;
pub mod stream;
