//! The token that the bridge presents.

use std::fmt;

/// A bearer token. Neither `Debug` nor anything else but [`Token::secret`] shows it (SE-1).
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

// === impl Token ===

impl Token {
    /// Takes `text` as a token, if an HTTP header can carry it as such.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// The token itself, for the `Authorization` header alone.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// What may be shown: the public id of a token of ours (`pz_<id>_<secret>`), the length of any other.
    pub fn masked(&self) -> String {
        match self.0.strip_prefix("pz_").and_then(|rest| rest.split_once('_')) {
            Some((id, secret)) if !id.is_empty() && !secret.is_empty() => format!("pz_{id}_…"),
            _ => format!("… ({} characters)", self.0.len()),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_shown() {
        for (text, shown) in [
            ("pz_ab12_topsecret", "pz_ab12_…"),
            ("pz_ab12_", "… (8 characters)"),
            ("pz__topsecret", "… (13 characters)"),
            ("topsecret", "… (9 characters)"),
        ] {
            let token = Token::new(text).unwrap();
            assert_eq!(token.masked(), shown);
            assert_eq!(format!("{token:?}"), shown);
            assert_eq!(token.secret(), text);
        }
    }

    #[test]
    fn what_no_header_can_carry_is_no_token() {
        for text in ["", "a b", "a\nb", "ä", "a\u{7f}"] {
            assert_eq!(Token::new(text), None, "{text:?}");
        }
    }
}
