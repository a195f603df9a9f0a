//! Lone surrogates: escapes such as `\ud83d` that are half a character. JavaScript's strings hold them (a text cut in the
//! middle of an emoji has one), Unicode text cannot. Why they are replaced before anything reads them, see
//! `docs/decisions/lone-surrogates.md`.

/// `json` with `\ufffd`, the replacement character, for each escape of half a character; `None` if there is none. Its
/// length stays. `json` need not be well-formed.
pub fn replaced(json: &str) -> Option<String> {
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    // A backslash stands only in strings, and begins an escape there.
    while let Some(next) = json.get(at..).and_then(|rest| rest.find('\\')) {
        at += next;
        at += match unit(json, at) {
            Some(0xD800..=0xDBFF) if matches!(unit(json, at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(&json[copied..at]);
                out.push_str("\\ufffd");
                copied = at + 6;
                6
            }
            Some(_) => 6,
            // The escaped character is passed over too: `\\ud83d` is a backslash and plain letters.
            None => 1 + json[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    if copied == 0 {
        return None;
    }
    out.push_str(&json[copied..]);
    Some(out)
}

/// The UTF-16 unit that is escaped as `\uXXXX` at `at`.
fn unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_are_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""a\uDe00b\ud83d""#, Some(r#""a\ufffdb\ufffd""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ude00\ud83d""#, Some(r#""\ufffd\ufffd""#)),
            (r#""\ud83d\n""#, Some(r#""\ufffd\n""#)),
            (r#"{"\udfff":["\\\ud800"]}"#, Some(r#"{"\ufffd":["\\\ufffd"]}"#)),
            (r#""\ud83dé漢""#, Some(r#""\ufffdé漢""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""\\\\ud83d""#, None),
            (r#""\ue000\ud7ff\u0000""#, None),
            (r#""\ud83""#, None),
            (r#""\u+83d\é""#, None),
            ("\\", None),
            ("\\ud83d", Some("\\ufffd")),
            ("", None),
        ] {
            assert_eq!(replaced(json).as_deref(), expected, "{json}");
        }
    }

    proptest! {
        /// What JavaScript writes for any string of UTF-16 units is then read as Rust reads those units.
        #[test]
        fn it_reads_as_the_lossy_text(units in proptest::collection::vec(
            prop_oneof![any::<u16>(), 0xD7FE_u16..0xE002, Just(u16::from(b'\\')), Just(u16::from(b'u'))], 0..40)
        ) {
            let mut json = String::from('"');
            for result in char::decode_utf16(units.iter().copied()) {
                match result {
                    Ok(char) => {
                        let text = serde_json::to_string(&char).unwrap();
                        json.push_str(&text[1..text.len() - 1]);
                    }
                    Err(half) => json.push_str(&format!("\\u{:04x}", half.unpaired_surrogate())),
                }
            }
            json.push('"');
            let read = replaced(&json).unwrap_or_else(|| json.clone());
            prop_assert_eq!(read.len(), json.len());
            prop_assert_eq!(serde_json::from_str::<String>(&read).unwrap(), String::from_utf16_lossy(&units));
            prop_assert_eq!(replaced(&read), None);
        }

        #[test]
        fn no_text_breaks_it(text in "[\\\\ud83cé\"0f]{0,40}") {
            if let Some(read) = replaced(&text) {
                prop_assert_eq!(read.len(), text.len());
            }
        }
    }
}
