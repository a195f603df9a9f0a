//! Secrets that do not show themselves, and the digests that stand for them (SE-1).

use std::fmt;

use constant_time_eq::constant_time_eq_32;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use crate::log::digest::hex;

/// The alphabet of secrets: no character that a shell, a URL or a double click treats specially.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A text that must not reach the log, a log line or an answer (SE-1). It has no `Display` and no `Serialize`, and its
/// `Debug` is a placeholder: only [`Secret::expose`] gives the text, so that a search for it finds every place.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// SHA-256 of a presented or stored token. It has no `PartialEq`: the only comparison takes constant time.
#[derive(Clone, Copy)]
pub(super) struct Digest([u8; 32]);

// === impl Secret ===

impl Secret {
    /// Wraps `text` as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `N` random characters of the system's generator, 5.95 bits each.
    pub(super) fn random<const N: usize>() -> Result<Self, getrandom::Error> {
        Ok(Self(random_chars::<N>(BASE62)?.map(char::from).iter().collect()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

// === impl Digest ===

impl Digest {
    pub(super) fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    pub(super) fn matches(&self, other: &Self) -> bool {
        constant_time_eq_32(&self.0, &other.0)
    }

    /// The first 64 bits: enough to tell failed tokens apart, useless to find one.
    pub(super) fn fingerprint(&self) -> u64 {
        self.0.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.as_bytes();
        let mut digest = [0; 32];
        if digits.len() != 64 {
            return Err(de::Error::custom("not 64 hexadecimal digits"));
        }
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
            let (Some(high), Some(low)) = (value(pair[0]), value(pair[1])) else {
                return Err(de::Error::custom("not 64 hexadecimal digits"));
            };
            *byte = high << 4 | low;
        }
        Ok(Self(digest))
    }
}

/// `N` characters of `alphabet` (at most 256 of them), each equally likely: bytes past its last multiple are thrown away.
pub(super) fn random_chars<const N: usize>(alphabet: &[u8]) -> Result<[u8; N], getrandom::Error> {
    let limit = 256 - 256 % alphabet.len();
    let mut chars = [0; N];
    let mut filled = 0;
    while filled < N {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes)?;
        let usable = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < limit);
        for (char, byte) in chars[filled..].iter_mut().zip(usable) {
            *char = alphabet[byte % alphabet.len()];
            filled += 1;
        }
    }
    Ok(chars)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows_itself() {
        let secret = Secret::new("hunter2hunter2");
        assert_eq!(
            format!("{secret:?} {:?} {:?}", Some(&secret), Digest::of(b"hunter2")),
            "Secret(…) Some(Secret(…)) Digest(…)"
        );
        assert_eq!(secret.expose(), "hunter2hunter2");
    }

    #[test]
    fn random_texts_have_their_alphabet_and_length_and_differ() {
        let secret = Secret::random::<43>().unwrap();
        assert_eq!(secret.expose().len(), 43);
        assert!(secret.expose().bytes().all(|b| b.is_ascii_alphanumeric()), "43 characters of base 62");
        assert_ne!(secret.expose(), Secret::random::<43>().unwrap().expose());
        assert_eq!(random_chars::<200>(b"x").unwrap(), [b'x'; 200]);
    }

    #[test]
    fn a_digest_survives_its_text_and_odd_texts_are_refused() {
        let digest = Digest::of(b"token");
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(text, "\"3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0\"");
        assert!(serde_json::from_str::<Digest>(&text).unwrap().matches(&digest));
        assert!(!Digest::of(b"tokem").matches(&digest));
        for odd in ["\"\"", "\"3c46\"", &text.replace('3', "g"), &text.replace("3c", "é"), "7"] {
            assert!(serde_json::from_str::<Digest>(odd).is_err(), "{odd}");
        }
    }
}
