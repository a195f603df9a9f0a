//! Scoped tokens: what they may do, how they are written, and what the store keeps of one (design §10, W-S4).

use std::fmt;
use std::str::FromStr;

use patze_core::ids::{CROCKFORD, MachineId};
use patze_core::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::secret::{Digest, Secret, random_chars};

/// Characters of a token's id: 50 bits, public.
const ID_CHARS: usize = 10;
/// Characters of base 62 in a token's secret: 256 bits.
const SECRET_CHARS: usize = 43;
/// How every token of ours starts, so that scanners of leaked secrets find it.
const PREFIX: &str = "pz_";

/// What a token may do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything.
    Admin,
    /// Every question, no change.
    Read,
    /// What a bridge needs: ingest, cron-sync and the command poll, for one machine.
    Bridge,
}

/// The public part of a token: ten Crockford characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId([u8; ID_CHARS]);

/// What may be told of a token: everything but its secret and the secret's hash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// The public id.
    pub id: TokenId,
    /// The label that it was made with.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The machine that a bridge token belongs to, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<MachineId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its first use bound it to its machine; absent if it was made for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound_at: Option<Timestamp>,
    /// When it ends by itself; absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// A token as `auth.json` keeps it. Fields that this version does not know are refused, not kept: one of them may be
/// a restriction, and ignoring a restriction opens what it closed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    #[serde(flatten)]
    pub(super) token: Token,
    pub(super) sha256: Digest,
    #[serde(flatten)]
    pub(super) unknown: serde_json::Map<String, serde_json::Value>,
}

/// What to make a token of.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The label; 1 to 256 characters without control characters.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The machine that a bridge token is for; without one its first use decides.
    pub machine_id: Option<MachineId>,
    /// When it ends by itself; absent for never.
    pub expires_at: Option<Timestamp>,
}

/// Why a token cannot be made as asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidToken {
    /// No name, a too long one, or one with control characters.
    #[error("a token's name must have 1 to 256 characters and no control characters")]
    Name,
    /// A machine for a token that is not a bridge's, or a machine id that no event can have (contract §3.1).
    #[error("a machine id is for tokens of scope bridge alone, 1 to 256 characters, no line breaks")]
    Machine,
    /// An end that has passed already.
    #[error("the token would have ended before it began")]
    Expired,
}

// === impl Scope ===

impl Scope {
    /// The name on the wire, in the log and in `auth.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Read => "read",
            Self::Bridge => "bridge",
        }
    }
}

impl FromStr for Scope {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Admin, Self::Read, Self::Bridge]
            .into_iter()
            .find(|scope| scope.name() == text)
            .ok_or("must be admin, read or bridge")
    }
}

// === impl TokenId ===

impl TokenId {
    /// The id's text.
    pub fn as_str(&self) -> &str {
        // Made of Crockford characters alone, by every way there is to make one.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id in a presented token, if it is written as ours are.
    pub(super) fn of(presented: &[u8]) -> Option<Self> {
        let (id, secret) = presented.strip_prefix(PREFIX.as_bytes())?.split_first_chunk::<ID_CHARS>()?;
        let secret = secret.strip_prefix(b"_")?;
        (secret.len() == SECRET_CHARS && secret.iter().all(u8::is_ascii_alphanumeric)).then_some(())?;
        id.iter().all(|c| CROCKFORD.contains(c)).then_some(Self(*id))
    }
}

impl FromStr for TokenId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id: Option<[u8; ID_CHARS]> = text.to_ascii_uppercase().as_bytes().try_into().ok();
        id.filter(|id| id.iter().all(|c| CROCKFORD.contains(c)))
            .map(Self)
            .ok_or("a token id has ten characters, such as 7ZK2M0Q9XA")
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TokenId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

// === impl Token ===

impl Token {
    /// Whether a request with it is let in at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && !self.has_expired(now)
    }

    /// `live`, `expired` or `revoked`, for people and answers.
    pub fn state(&self, now: Timestamp) -> &'static str {
        match (self.revoked_at, self.has_expired(now)) {
            (Some(_), _) => "revoked",
            (None, true) => "expired",
            (None, false) => "live",
        }
    }

    /// Whether its end has come.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

// === impl NewToken ===

impl NewToken {
    /// Whether a token may be made of this.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, now: Timestamp) -> Result<(), InvalidToken> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 256 || name.chars().any(char::is_control) {
            return Err(InvalidToken::Name);
        }
        if let Some(machine) = &self.machine_id {
            let text = machine.as_str();
            let possible =
                !text.trim().is_empty() && text.encode_utf16().count() <= 256 && !text.contains(['\r', '\n']);
            if self.scope != Scope::Bridge || !possible {
                return Err(InvalidToken::Machine);
            }
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(InvalidToken::Expired);
        }
        Ok(())
    }

    /// The token, and the text that stands for it. The text is not kept.
    pub(super) fn make(self, now: Timestamp) -> Result<(Stored, Secret), getrandom::Error> {
        let id = TokenId(random_chars(CROCKFORD)?);
        let text = format!("{PREFIX}{id}_{}", Secret::random::<SECRET_CHARS>()?.expose());
        let token = Token {
            id,
            name: self.name.trim().to_owned(),
            scope: self.scope,
            machine_id: self.machine_id,
            created_at: now,
            bound_at: None,
            expires_at: self.expires_at,
            revoked_at: None,
        };
        let stored = Stored { token, sha256: Digest::of(text.as_bytes()), unknown: serde_json::Map::new() };
        Ok((stored, Secret::new(text)))
    }
}
