//! What callers get instead of an answer.

use std::{error, fmt};

use tokio::sync::mpsc::error::TrySendError;

use crate::clock::Elapsed;

/// A message (or key) that was not taken, and comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Refused<M> {
    /// The queue is full. This is what becomes 503 + Retry-After at the edge (AC-2).
    Full(M),
    /// There is nobody to take it now. Whoever comes reads the fleet, so for most messages this is no loss.
    Away(M),
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Its mailbox is full.
    #[error("the mailbox of the actor {kind} `{key}` is full; ask again in a moment")]
    Full {
        /// The kind of the actor.
        kind: &'static str,
        /// Its key.
        key: String,
    },
    /// It is not there, or ended before it answered.
    #[error("the actor {kind} `{key}` is away; `GET /actors` shows whether it will be back")]
    Away {
        /// The kind of the actor.
        kind: &'static str,
        /// Its key.
        key: String,
    },
    /// It did not answer within the limit.
    #[error("the actor {kind} `{key}` did not answer in time; `GET /actors` shows what it is doing")]
    Late {
        /// The kind of the actor.
        kind: &'static str,
        /// Its key.
        key: String,
        /// The limit that passed.
        #[source]
        source: Elapsed,
    },
}

// === impl Refused ===

impl<M> Refused<M> {
    pub(super) fn because(error: &TrySendError<()>, message: M) -> Self {
        match error {
            TrySendError::Full(()) => Self::Full(message),
            TrySendError::Closed(()) => Self::Away(message),
        }
    }

    /// The message that was not taken.
    pub fn into_inner(self) -> M {
        match self {
            Self::Full(message) | Self::Away(message) => message,
        }
    }
}

/// Without the message, which may be long or private.
impl<M> fmt::Debug for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Away(_) => "Away(..)",
        })
    }
}

impl<M> fmt::Display for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "refused: the queue is full",
            Self::Away(_) => "refused: there is nobody to take it now",
        })
    }
}

impl<M> error::Error for Refused<M> {}
