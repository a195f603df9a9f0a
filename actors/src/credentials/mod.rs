//! Credentials: who may do what, and how that survives (design §10 "Secure by default", contract §2.1).
//!
//! # Constraints
//! 1. *Fails closed.* An `auth.json` that cannot be read or understood refuses the start; it never means mode `none`
//!    (W-S6). The same holds for mode `token` without a token, and for a word that is no mode.
//! 2. *No secret leaves.* Of our tokens only SHA-256 is kept. The contract's own token must stay readable for the
//!    contract's server and is in `auth.json` (0600) alone. `Debug` of everything here shows placeholders (SE-1).
//! 3. *The hot path takes no lock and does not grow.* [`Credentials::identify`] loads an immutable state, hashes once,
//!    looks up one id and compares in constant time.
//! 4. *Atomic.* A crash at any moment leaves the old file or the new one (W-R15).
//! 5. *Revoked is for ever.* Revoked and expired tokens stay in the file: in mode `none` a forgotten one would be an
//!    unknown one, and that is let in.
//!
//! # Format
//! `auth.json` is `{"mode", "token", "tokens": [{id, name, scope, sha256, machineId?, createdAt, boundAt?, expiresAt?,
//! revokedAt?}]}`. Without `mode` the environment decides (contract §1.1); the contract's server reads such a file the
//! same way. Unknown fields beside these are kept, as they may be of another version; unknown fields *of a token* are
//! refused, as one may be a restriction. A token is `pz_<id>_<secret>`: ten Crockford characters that are public, and
//! 43 of base 62 (256 bits).
//!
//! # Operation
//! One order for every change: **file, then state, then log, then answer** (`recorded.rs`). The file is what is enforced, so
//! it goes first. It is the right order for each of them:
//! - *create*: the effect in the world is that somebody learns the token. That happens in the answer, after the event
//!   is in the log (AC-3). If the append fails, the token that nobody has seen is revoked.
//! - *bind* and *revoke* only take rights away. To do that late because the log is full would be the greater harm.
//!   A revocation even counts in memory if the file cannot be written.
//!
//! Streams that are open when a credential ends are cut by [`Credentials::cut`] (W-S24).
//!
//! # Recovery
//! A crash between file and log loses an event, not a right. [`Credentials::reconcile`] appends all events of all tokens at
//! each start, with ids that depend on nothing but the token, and EL-3 stores the missing ones. A token that the log
//! knows and the file does not (it was moved away) is recorded as revoked: nobody is let in by it any more.
//!
//! Whoever opens credentials to change them holds `patze.lock`; there is no second writer.

mod caller;
mod error;
mod file;
mod lifetime;
mod published;
mod recorded;
mod secret;
mod store;
mod token;

pub use caller::{Caller, Reach, Reason, Refusal};
pub use error::{ChangeError, OpenError};
pub use file::Mode;
pub use lifetime::Lifetime;
pub use published::{LiveServer, Published};
pub use recorded::RecordError;
pub use secret::Secret;
use store::Bound;
pub use store::{Created, Credentials, Environment};
pub use token::{InvalidToken, NewToken, Scope, Token, TokenId};

#[cfg(test)]
mod tests;
