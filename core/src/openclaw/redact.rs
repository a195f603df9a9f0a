//! What of a text may leave the machine: error texts, shortened, without secrets and home paths (design §11).
//!
//! # What is taken out
//!
//! | shape | becomes |
//! |---|---|
//! | `-----BEGIN … PRIVATE KEY-----` up to its end | `[redacted]` |
//! | `scheme://user:password@host` | `scheme://[redacted]@host` |
//! | `Bearer …`, `Basic …` | the value |
//! | `password=…`, `"apiKey": "…"`, `--token …`, `Authorization: …`, and the like | the value; of a header the whole line |
//! | known prefixes: `sk-…`, `ghp_…`, `xoxb-…`, `AKIA…`, `eyJ…` and more (`look.rs`) | the whole word |
//! | a Telegram bot token, `123456:AA…` | the whole token |
//! | 32 or more hexadecimal digits; 32 or more characters with capitals, small letters and digits mixed; 40 or more small letters with many digits; base64 | the whole word |
//! | the user's folder, `/home/<name>`, `/Users/<name>`, `/root`, `C:\Users\<name>` | `~` |
//!
//! It errs on the safe side: a harmless word that looks random goes too. UUIDs stay, for they name runs and sessions.
//! No rule finds a secret that looks like prose; that is why only errors leave, and only their first
//! [`MAX_ERROR_CHARS`] characters.

mod look;

use std::path::Path;

use self::look::{MIN_PREFIXED, secret_word};

/// The longest error text that leaves, in characters (design §11).
pub const MAX_ERROR_CHARS: usize = 300;

/// How much of a text is looked at: far more than what is left of it can need.
const MAX_SCANNED_BYTES: usize = 16 * 1024;

const MARK: &str = "[redacted]";

/// Words that make a key's value secret, wherever in the key they stand.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "privatekey",
    "private_key",
    "private-key",
    "credential",
    "signature",
    "authorization",
    "cookie",
];

/// The first [`MAX_ERROR_CHARS`] characters of an error, without secrets and home paths.
pub fn error_text(text: &str, user_dir: Option<&Path>) -> String {
    let end =
        (0..=text.len().min(MAX_SCANNED_BYTES)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    cut(redact(&text[..end], user_dir).trim(), MAX_ERROR_CHARS)
}

/// The first `chars` characters of `text`.
pub fn cut(text: &str, chars: usize) -> String {
    text.char_indices().nth(chars).map_or(text, |(at, _)| &text[..at]).to_owned()
}

/// `text` without secrets and home paths.
pub fn redact(text: &str, user_dir: Option<&Path>) -> String {
    let user_dir =
        user_dir.and_then(Path::to_str).map(|dir| dir.trim_end_matches('/')).filter(|dir| dir.len() > 1);
    let mut scan =
        Scan { text, at: 0, out: String::with_capacity(text.len().min(MAX_SCANNED_BYTES)), user_dir };
    while scan.step() {}
    scan.out
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    out: String,
    user_dir: Option<&'a str>,
}

impl<'a> Scan<'a> {
    /// Takes the next piece; false at the end.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return false };
        let before = self.text[..self.at].bytes().next_back();
        if let Some(len) = private_key(rest) {
            self.mark(len);
        } else if let Some(len) = user_info(rest) {
            self.out.push_str("://");
            self.mark(len);
        } else if let Some(len) = self.home_path(before) {
            self.out.push('~');
            self.at += len;
        } else if is_word(first) {
            self.word();
        } else {
            self.copy(first.len_utf8());
        }
        true
    }

    /// Takes a word, with its value if it is a key.
    fn word(&mut self) {
        let rest = self.rest();
        let word = &rest[..len_while(rest, is_word)];
        // `/etc/passwd: no such file` is a path, not a key.
        let path = self.text[..self.at].ends_with('/');
        let lower = word.to_ascii_lowercase();
        if let Some(len) = secret_word(rest) {
            self.mark(len);
            return;
        }
        self.copy(word.len());
        if matches!(lower.as_str(), "bearer" | "basic") {
            let gap = len_while(self.rest(), |c| c == ' ');
            let value = len_while(&self.rest()[gap..], |c| !is_end(c));
            if gap > 0 && value >= MIN_PREFIXED {
                self.copy(gap);
                self.mark(value);
            }
            return;
        }
        if !SECRET_WORDS.iter().any(|secret| lower.contains(secret)) || lower.ends_with("tokens") {
            return;
        }
        let Some((gap, quote)) = value_after(self.rest(), word.starts_with("--"), path) else { return };
        let value = &self.rest()[gap..];
        let header = lower.ends_with("authorization") || lower.ends_with("cookie");
        let len = match quote {
            Some(quote) => quoted_len(value, quote),
            None if header => len_while(value, |c| c != '\n' && c != '"' && c != '\''),
            None => len_while(value, |c| !is_end(c)),
        };
        // "token: 12" is a count.
        let count = len < 10 && value[..len].bytes().all(|b| b.is_ascii_digit());
        if !count {
            self.copy(gap);
            self.mark(len);
        }
    }

    /// The length of a home path that begins here.
    fn home_path(&self, before: Option<u8>) -> Option<usize> {
        let rest = self.rest();
        let in_path = before
            .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/' | b'~'));
        if rest.starts_with('/') && !in_path {
            let ends = |len: usize| rest[len..].chars().next().is_none_or(|c| !is_word(c) && c != '.');
            if let Some(dir) = self.user_dir.filter(|dir| rest.starts_with(dir) && ends(dir.len())) {
                return Some(dir.len());
            }
            if rest.starts_with("/root") && ends("/root".len()) {
                return Some("/root".len());
            }
            return ["/home/", "/Users/"]
                .iter()
                .find(|dir| rest.starts_with(**dir))
                .and_then(|dir| named(rest, dir.len()));
        }
        let drive = rest.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && !in_path;
        // In JSON text the backslashes are doubled.
        let dirs = [":\\Users\\", ":\\\\Users\\\\"];
        dirs.iter()
            .filter(|_| drive)
            .find(|dir| rest[1..].starts_with(**dir))
            .and_then(|dir| named(rest, 1 + dir.len()))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn copy(&mut self, len: usize) {
        self.out.push_str(&self.rest()[..len]);
        self.at += len;
    }

    fn mark(&mut self, len: usize) {
        if len > 0 {
            self.out.push_str(MARK);
            self.at += len;
        }
    }
}

/// The length of a private key block that begins here; to the end of the text if it does not end.
fn private_key(rest: &str) -> Option<usize> {
    if !rest.starts_with("-----BEGIN")
        || !rest[..rest.find('\n').unwrap_or(rest.len())].contains("PRIVATE KEY")
    {
        return None;
    }
    const END: &str = "-----END";
    let Some(end) = rest.find(END) else { return Some(rest.len()) };
    let tail = end + END.len();
    Some(rest[tail..].find("-----").map_or(rest.len(), |at| tail + at + 5))
}

/// The length of `://user:password` before an `@` that begins here.
fn user_info(rest: &str) -> Option<usize> {
    let authority = rest.strip_prefix("://")?;
    let authority = &authority[..len_while(authority, |c| !is_end(c) && !matches!(c, '/' | '?' | '#'))];
    Some(3 + authority.rfind('@')?)
}

/// Where the value of a key begins, and the quote that it stands in (`\"` inside of quoted JSON). After an option a space
/// may stand for the `=`; after a path a `:` says nothing.
fn value_after(rest: &str, option: bool, path: bool) -> Option<(usize, Option<&str>)> {
    let quotes = |c: char| matches!(c, '"' | '\'' | '\\' | '`');
    let mut at = len_while(rest, quotes);
    let spaces = len_while(&rest[at..], |c| c == ' ');
    at += spaces;
    let signs = len_while(&rest[at..], |c| matches!(c, '=' | '>') || (c == ':' && !path));
    if signs == 0 && !(option && spaces > 0) {
        return None;
    }
    at += signs;
    at += len_while(&rest[at..], |c| c == ' ');
    let open = &rest[at..at + len_while(&rest[at..], quotes)];
    at += open.len();
    (at < rest.len()).then_some((at, (!open.is_empty()).then_some(open)))
}

/// How far a value in quotes goes: to the same quote, or to the line's end.
fn quoted_len(value: &str, quote: &str) -> usize {
    let line = &value[..len_while(value, |c| c != '\n')];
    let ends = |at: &usize| quote.starts_with('\\') || !line[..*at].ends_with('\\');
    line.match_indices(quote).map(|(at, _)| at).find(ends).unwrap_or(line.len())
}

/// The length of `prefix` and the name that follows, if one does.
fn named(rest: &str, prefix: usize) -> Option<usize> {
    let name = len_while(&rest[prefix..], |c| is_word(c) || matches!(c, '.' | '@'));
    (name > 0).then_some(prefix + name)
}

fn len_while(text: &str, keep: impl Fn(char) -> bool) -> usize {
    text.find(|c| !keep(c)).unwrap_or(text.len())
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Where a value without quotes ends.
fn is_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '&' | '"' | '\'' | '`' | '}' | ')' | ']' | '<' | '>')
}

#[cfg(test)]
mod tests;
