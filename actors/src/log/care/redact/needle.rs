//! The text that is looked for. It is never printed, not by `Debug` either.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use memchr::memmem;
use serde_json::Value;

/// A shorter text would be found in half of the log.
const LEAST_CHARS: usize = 4;
/// JSON in JSON in JSON: a tool's output that a log line quotes.
const NESTED: u32 = 3;
/// Bytes of a file that are looked at in one go.
const PIECE: usize = 1 << 20;

/// A text to find, as it is and as JSON writes it.
#[derive(Clone)]
pub struct Needle {
    text: String,
    /// The text, and what it looks like within the quotes of JSON, if that differs.
    forms: Vec<String>,
}

/// The text is too short to look for.
#[derive(Debug, thiserror::Error)]
#[error("the text to match must have at least {LEAST_CHARS} characters, or it would be found everywhere")]
pub struct TooShort;

impl Needle {
    /// A text to find; case counts.
    ///
    /// # Errors
    /// If it has fewer than four characters, or is nothing but space.
    pub fn new(text: &str) -> Result<Self, TooShort> {
        if text.trim().chars().count() < LEAST_CHARS {
            return Err(TooShort);
        }
        let quoted = Value::from(text).to_string();
        let escaped = quoted[1..quoted.len() - 1].to_owned();
        let mut forms = vec![text.to_owned()];
        if escaped != text {
            forms.push(escaped);
        }
        Ok(Self { text: text.to_owned(), forms })
    }

    /// Whether a plain text holds it.
    pub(super) fn is_in_text(&self, text: &str) -> bool {
        self.forms.iter().any(|form| text.contains(form.as_str()))
    }

    /// Whether a JSON text holds it, in whichever way it is escaped there.
    pub(super) fn is_in_json(&self, json: &str) -> bool {
        self.is_in(json, NESTED)
    }

    fn is_in(&self, text: &str, deeper: u32) -> bool {
        if self.is_in_text(text) {
            return true;
        }
        // Without a backslash nothing is written in another way than it is.
        if deeper == 0 || !text.contains('\\') {
            return false;
        }
        serde_json::from_str(text).is_ok_and(|value| self.is_in_value(&value, deeper - 1))
    }

    fn is_in_value(&self, value: &Value, deeper: u32) -> bool {
        match value {
            Value::String(text) => self.is_in(text, deeper),
            Value::Array(values) => values.iter().any(|value| self.is_in_value(value, deeper)),
            Value::Object(fields) => {
                fields.iter().any(|(name, value)| self.is_in_text(name) || self.is_in_value(value, deeper))
            }
            _ => false,
        }
    }

    /// Whether a text that was kept cut holds it, or ends with its beginning, which may be all that the cut left of it.
    pub(super) fn is_in_kept(&self, text: &str) -> bool {
        self.is_in(text, NESTED)
            || self.forms.iter().any(|form| {
                form.char_indices().skip(LEAST_CHARS).any(|(end, _)| text.ends_with(&form[..end]))
            })
    }

    /// Whether the bytes of a file hold it.
    pub(super) fn is_in_file(&self, path: &Path) -> io::Result<bool> {
        let longest = self.forms.iter().map(String::len).max().unwrap_or(0);
        let mut file = File::open(path)?;
        let mut bytes = Vec::with_capacity(PIECE + longest);
        loop {
            // What the last piece ended with may be the text's beginning.
            bytes.drain(..bytes.len().saturating_sub(longest));
            if (&mut file).take(PIECE as u64).read_to_end(&mut bytes)? == 0 {
                return Ok(false);
            }
            if self.forms.iter().any(|form| memmem::find(&bytes, form.as_bytes()).is_some()) {
                return Ok(true);
            }
        }
    }
}

impl fmt::Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Needle({} bytes)", self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_texts_are_refused() {
        for text in ["", "abc", "    ", " ab \n", "漢漢漢"] {
            assert!(Needle::new(text).is_err(), "{text:?}");
        }
        assert!(Needle::new("漢漢漢漢").is_ok());
    }

    #[test]
    fn it_never_shows_itself() {
        let needle = Needle::new("hunter22").unwrap();
        assert_eq!(format!("{needle:?}"), "Needle(8 bytes)");
    }

    #[test]
    fn it_is_found_in_whichever_way_it_is_written() {
        let needle = Needle::new("pa\"ss\né").unwrap();
        let inner = serde_json::json!({ "out": "x pa\"ss\né y" }).to_string();
        for (json, found) in [
            (r#"{"m":"pa\"ss\né"}"#, true),
            (r#"{"m":"pa\u0022ss\u000a\u00e9"}"#, true),
            (r#"{"pa\"ss\né":1}"#, true),
            (&serde_json::json!({ "m": [inner] }).to_string(), true),
            (r#"{"m":"pa\"ss\né"#, true),
            (r#"{"m":"PA\"SS\nÉ"}"#, false),
            (r#"{"m":"pa\\\"ss"}"#, false),
        ] {
            assert_eq!(needle.is_in_json(json), found, "{json}");
        }
        assert!(needle.is_in_kept("a long line that was cut: pa\"ss"));
        assert!(!needle.is_in_kept("a long line that ends with pa\""));
    }

    #[test]
    fn it_is_found_where_pieces_of_a_file_meet() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let needle = Needle::new("hunter22").unwrap();
        for at in [0, PIECE - 8, PIECE - 7, PIECE - 1, PIECE, 2 * PIECE - 3] {
            let mut bytes = vec![b'h'; at];
            bytes.extend(b"hunter22");
            std::fs::write(&path, &bytes).unwrap();
            assert!(needle.is_in_file(&path).unwrap(), "{at}");
            std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
            assert!(!needle.is_in_file(&path).unwrap(), "{at}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_found_in_its_json(text in "\\PC{4,12}|[\\x00-\\x7f]{4,12}", before in "\\PC{0,5}") {
            prop_assume!(text.trim().chars().count() >= 4);
            let needle = Needle::new(&text).unwrap();
            let json = serde_json::json!({ "a": [{ "b": format!("{before}{text}!") }] }).to_string();
            prop_assert!(needle.is_in_json(&json));
            let nested = serde_json::json!({ "line": json }).to_string();
            prop_assert!(needle.is_in_json(&nested));
        }
    }
}
