//! Who a request comes from, as far as its credential tells; and who is let in (contract §2.1).

use std::collections::HashMap;
use std::fmt;

use patze_core::ids::MachineId;
use patze_core::time::Timestamp;

use super::file::Mode;
use super::secret::Digest;
use super::token::{Scope, Stored, TokenId};

/// Who a request comes from. The edge's guard puts it into the request's extensions.
#[derive(Clone, Debug)]
pub struct Caller {
    scope: Scope,
    reach: Reach,
    credential: Credential,
}

/// Which machines a caller may send events of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reach {
    /// All: an admin, or anybody in mode `none` without a token that we know.
    Everywhere,
    /// One: a bridge whose token is bound.
    Machine(MachineId),
    /// The first that it names: a bridge whose token has not been used. See `Credentials::bind_recorded`.
    Unbound(TokenId),
}

#[derive(Clone, Copy, Debug)]
enum Credential {
    /// None that we know, which is enough in mode `none`.
    Nothing,
    /// The contract's own token.
    Contract(Digest),
    /// The running server's `cli-token`.
    Cli(Digest),
    /// One of our tokens.
    Token(TokenId),
}

/// Why a request is not let in. All are answered alike (401), so that guessing teaches nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The reason, for our own log lines.
    pub reason: Reason,
    /// Tells failed tokens apart, for throttling; absent if none was presented. Not reversible.
    pub fingerprint: Option<u64>,
}

/// The reason of a [`Refusal`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// No `Authorization` header, or one that is not `Bearer <token>`.
    Missing,
    /// No such token.
    Unknown,
    /// The token was revoked; refused in every mode.
    Revoked(TokenId),
    /// The token's end has come; refused in every mode.
    Expired(TokenId),
}

/// What requests are judged by: immutable, replaced as a whole on each change.
#[derive(Debug)]
pub(super) struct State {
    pub(super) mode: Mode,
    /// In mode `token` the contract's own token.
    pub(super) contract: Option<Digest>,
    pub(super) cli: Option<Digest>,
    pub(super) tokens: HashMap<TokenId, Stored>,
    /// The tokens' ids, oldest first, as the file lists them.
    pub(super) order: Vec<TokenId>,
}

// === impl Caller ===

impl Caller {
    /// What the caller may do.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Which machines it may send events of, when the request came. Bind an unbound one before believing it.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Its token, if it is one of ours.
    pub fn token(&self) -> Option<TokenId> {
        match self.credential {
            Credential::Token(id) => Some(id),
            _ => None,
        }
    }

    /// Whether it proved with a credential who it is; otherwise mode `none` alone let it in.
    pub fn is_known(&self) -> bool {
        !matches!(self.credential, Credential::Nothing)
    }

    fn admin(credential: Credential) -> Self {
        Self { scope: Scope::Admin, reach: Reach::Everywhere, credential }
    }

    fn of(stored: &Stored) -> Self {
        let token = &stored.token;
        let reach = match (token.scope, &token.machine_id) {
            (Scope::Bridge, Some(machine)) => Reach::Machine(machine.clone()),
            (Scope::Bridge, None) => Reach::Unbound(token.id),
            _ => Reach::Everywhere,
        };
        Self { scope: token.scope, reach, credential: Credential::Token(token.id) }
    }
}

// === impl State ===

impl State {
    /// Lets a request in or not. One SHA-256, at most three comparisons, whatever the number of tokens.
    pub(super) fn identify(&self, authorization: Option<&[u8]>, now: Timestamp) -> Result<Caller, Refusal> {
        let Some(presented) = authorization.and_then(bearer) else {
            return self.unproved(Refusal { reason: Reason::Missing, fingerprint: None });
        };
        let digest = Digest::of(presented);
        let refusal = |reason| Refusal { reason, fingerprint: Some(digest.fingerprint()) };
        if self.contract.is_some_and(|contract| contract.matches(&digest)) {
            return Ok(Caller::admin(Credential::Contract(digest)));
        }
        if self.cli.is_some_and(|cli| cli.matches(&digest)) {
            return Ok(Caller::admin(Credential::Cli(digest)));
        }
        let stored = TokenId::of(presented).and_then(|id| self.tokens.get(&id));
        let Some(stored) = stored.filter(|stored| stored.sha256.matches(&digest)) else {
            return self.unproved(refusal(Reason::Unknown));
        };
        let token = &stored.token;
        if token.revoked_at.is_some() {
            return Err(refusal(Reason::Revoked(token.id)));
        }
        if token.has_expired(now) {
            return Err(refusal(Reason::Expired(token.id)));
        }
        Ok(Caller::of(stored))
    }

    /// Whether a request with the caller's credential would still be let in.
    pub(super) fn holds(&self, caller: &Caller, now: Timestamp) -> bool {
        match caller.credential {
            Credential::Nothing => self.mode == Mode::None,
            Credential::Contract(digest) => {
                self.mode == Mode::None || self.contract.is_some_and(|contract| contract.matches(&digest))
            }
            Credential::Cli(digest) => {
                self.mode == Mode::None || self.cli.is_some_and(|cli| cli.matches(&digest))
            }
            Credential::Token(id) => self.tokens.get(&id).is_some_and(|stored| stored.token.is_live(now)),
        }
    }

    /// When the caller's credential ends by itself.
    pub(super) fn end_of(&self, caller: &Caller) -> Option<Timestamp> {
        self.tokens.get(&caller.token()?)?.token.expires_at
    }

    /// Mode `none` lets in whoever proves nothing.
    fn unproved(&self, refusal: Refusal) -> Result<Caller, Refusal> {
        match self.mode {
            Mode::None => Ok(Caller::admin(Credential::Nothing)),
            Mode::Token => Err(refusal),
        }
    }
}

// === impl Reason ===

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no token"),
            Self::Unknown => f.write_str("an unknown token"),
            Self::Revoked(id) => write!(f, "the revoked token {id}"),
            Self::Expired(id) => write!(f, "the expired token {id}"),
        }
    }
}

/// The token in an `Authorization` header: all that follows the first space, untrimmed, if the scheme is exactly
/// `Bearer` (contract §2.1).
fn bearer(header: &[u8]) -> Option<&[u8]> {
    header.strip_prefix(b"Bearer ").filter(|token| !token.is_empty())
}
