//! Typed ids, and how the ids that we make ourselves are derived.
//!
//! Ids from outside are opaque text (contract §3.1): they are compared, never parsed. Each kind has a type of its own,
//! so that a run id cannot be passed where a session id is meant. Clones are cheap (a counted or inline string).
//!
//! Ids that *we* make are pure functions of their source (design §5, §18.1), so that reading the same history twice
//! gives the same ids: [`entity_id`] for sessions and runs, [`event_id`] for events.

use std::borrow::Borrow;
use std::cmp::Ordering;

use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use crate::time::Timestamp;

/// Ids and names kept in the hot state are cut to this many characters (design §7).
pub const MAX_ID_CHARS: usize = 256;

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(SmolStr);

        impl $name {
            /// Wraps `text` as it is.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(SmolStr::new(text))
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// Whether the id is the empty text, which stands for "none".
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                in_order(&self.0, &other.0)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:?}", self.0.as_str())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(SmolStr::from(text))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

typed_ids! {
    /// A machine: a computer that runs OpenClaw. Empty for events of the control plane itself (design §18.2).
    MachineId;
    /// A session: a lane of work, unique within its machine.
    SessionId;
    /// A run, unique within its machine.
    RunId;
    /// An agent, unique within its machine and home.
    AgentId;
    /// A home's shown name: the profile, `default` for `~/.openclaw`; empty where the sender names none.
    Home;
    /// A tool call, unique within its run.
    ToolCallId;
    /// An event, unique within its machine (EL-3).
    EventId;
    /// One history: new for each new, restored or imported log (design §5).
    LogId;
}

/// The order of two texts. Rows of one machine share its id, and such a pair is not read.
fn in_order(one: &str, other: &str) -> Ordering {
    if std::ptr::eq(one, other) { Ordering::Equal } else { one.cmp(other) }
}

/// Crockford's base 32, the alphabet of ULIDs.
pub const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// `bits` as 26 Crockford characters (the first carries only three bits), as ULIDs are written.
fn crockford(bits: u128) -> String {
    (0..26).map(|i| char::from(CROCKFORD[(bits >> (125 - 5 * i)) as usize & 31])).collect()
}

/// SHA-256 over `parts`, each preceded by its length so that no two lists collide.
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn first_128_bits(digest: &[u8; 32]) -> u128 {
    digest.iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte))
}

/// The id of a session (`prefix` `s_`) or run (`r_`) that OpenClaw calls `openclaw_id` in the home at the canonical
/// path `home`: the prefix and the first 128 bits of SHA-256 as 26 Crockford characters (design §18.1).
pub fn entity_id(prefix: &str, machine: &MachineId, home: &str, openclaw_id: &str) -> String {
    format!("{prefix}{}", crockford(first_128_bits(&digest(&[machine.as_str(), home, openclaw_id]))))
}

/// A ULID-shaped event id: 48 bits of source time, then 80 bits of a hash of where it came from. Deterministic, and
/// cheap to index because it is ordered by time (design §5). Times before 1970 count as 1970.
pub fn event_id(at: Timestamp, machine: &MachineId, home: &str, source_row: &str, kind: &str) -> EventId {
    let hash = first_128_bits(&digest(&[machine.as_str(), home, source_row, kind])) >> 48;
    ulid(at, hash)
}

/// A ULID-shaped id from a time and 80 bits that the caller vouches for (random ones, for events of our own making).
pub fn ulid(at: Timestamp, low_80_bits: u128) -> EventId {
    let millis = u128::try_from(at.millis()).unwrap_or(0) & ((1 << 48) - 1);
    EventId::from(crockford(millis << 80 | low_80_bits & ((1 << 80) - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_are_deterministic_and_ordered_by_time() {
        let machine = MachineId::new("m1");
        let at = Timestamp::from_millis(1_700_000_000_000);
        let id = event_id(at, &machine, "/home/x/.openclaw", "audit:7", "run");
        assert_eq!(id, event_id(at, &machine, "/home/x/.openclaw", "audit:7", "run"));
        assert_eq!(id.as_str().len(), 26);
        let later = event_id(Timestamp::from_millis(at.millis() + 1), &machine, "", "", "");
        assert!(id < later, "{id} < {later}");
        assert_ne!(id, event_id(at, &MachineId::new("m2"), "/home/x/.openclaw", "audit:7", "run"));
    }

    #[test]
    fn parts_do_not_run_together() {
        let m = MachineId::new("m");
        assert_ne!(entity_id("s_", &m, "ab", "c"), entity_id("s_", &m, "a", "bc"));
        assert_eq!(entity_id("r_", &m, "a", "b").len(), 28);
    }

    #[test]
    fn the_largest_value_is_written_like_a_ulid() {
        assert_eq!(crockford(u128::MAX), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_eq!(ulid(Timestamp::from_millis(-5), 0).as_str(), "00000000000000000000000000");
    }
}
