//! Secrets that are known by their look.

use super::{is_word, len_while};

/// How keys and tokens of well-known services begin. At least [`MIN_PREFIXED`] more characters must follow.
pub(super) const PREFIXES: &[&str] = &[
    "sk-",
    "sk_",
    "pk-",
    "pk_",
    "rk-",
    "rk_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxa-",
    "xoxb-",
    "xoxc-",
    "xoxd-",
    "xoxe-",
    "xoxp-",
    "xoxr-",
    "xoxs-",
    "xapp-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "eyJ",
    "hf_",
    "npm_",
    "pypi-",
    "SG.",
    "dop_v1_",
    "shpat_",
    "whsec_",
    "tvly-",
    "gsk_",
    "xai-",
    "r8_",
    "nvapi-",
    "pz_",
    "AGE-SECRET-KEY-",
];
/// See [`PREFIXES`].
pub(super) const MIN_PREFIXED: usize = 8;

/// The length of a secret that begins here and is known by its look.
pub(super) fn secret_word(rest: &str) -> Option<usize> {
    let long = len_while(rest, |c| is_word(c) || matches!(c, '.' | '+' | '/' | '='));
    if PREFIXES.iter().any(|prefix| rest.starts_with(prefix) && long >= prefix.len() + MIN_PREFIXED) {
        return Some(long);
    }
    let word = &rest[..len_while(rest, is_word)];
    let bot = word.strip_prefix("bot").unwrap_or(word);
    if bot.len() >= 6
        && bot.bytes().all(|b| b.is_ascii_digit())
        && let Some(token) = rest[word.len()..].strip_prefix(':')
    {
        let len = len_while(token, is_word);
        if len >= 30 {
            return Some(word.len() + 1 + len);
        }
    }
    let base64 = &rest[..len_while(rest, |c| is_word(c) || matches!(c, '+' | '/' | '='))];
    if base64.len() >= 40 && base64.contains(['+', '=']) && Mix::of(base64).all() {
        return Some(base64.len());
    }
    looks_random(word).then_some(word.len())
}

fn looks_random(word: &str) -> bool {
    if word.len() < 32 {
        return false;
    }
    let mix = Mix::of(word);
    mix.all()
        || word.bytes().all(|b| b.is_ascii_hexdigit())
        || (word.len() >= 40 && mix.digits >= 8 && mix.plain)
}

/// Which characters a word is made of.
struct Mix {
    upper: bool,
    lower: bool,
    digits: usize,
    plain: bool,
}

impl Mix {
    fn of(word: &str) -> Self {
        Self {
            upper: word.bytes().any(|b| b.is_ascii_uppercase()),
            lower: word.bytes().any(|b| b.is_ascii_lowercase()),
            digits: word.bytes().filter(u8::is_ascii_digit).count(),
            plain: word.bytes().all(|b| b.is_ascii_alphanumeric()),
        }
    }

    fn all(&self) -> bool {
        self.upper && self.lower && self.digits > 0
    }
}
