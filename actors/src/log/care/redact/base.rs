//! Blanking the base: its events are gone, so that its own texts must go.

use serde_json::Value;

use super::super::super::base::Base;
use super::super::super::checkpoint::{self, CodecError};
use super::super::super::digest::Digest;
use super::needle::Needle;

/// The base without the text.
#[derive(Debug)]
pub(super) struct Blanked {
    pub(super) position: u64,
    pub(super) chain: Digest,
    pub(super) bytes: Vec<u8>,
    /// Texts that were blanked.
    pub(super) texts: u64,
    /// Ids and words that hold it and stay.
    pub(super) names: u64,
}

/// Blanks every text of the base that holds the needle, but what rows are known by, words and times.
pub(super) fn blank(base: &Base, needle: &Needle) -> Result<Blanked, CodecError> {
    let position = base.position;
    let mut state = serde_json::to_value(base.fleet()?)?;
    let mut blanked = Blanked { position, chain: base.chain, bytes: Vec::new(), texts: 0, names: 0 };
    visit(&mut state, false, needle, &mut blanked);
    if blanked.texts > 0 {
        // Written by way of a fleet: what cannot be read back must not take the base's place.
        let fleet = serde_json::from_slice(&serde_json::to_vec(&state)?)?;
        blanked.bytes = checkpoint::encode(&fleet)?;
    }
    Ok(blanked)
}

fn visit(value: &mut Value, stays: bool, needle: &Needle, blanked: &mut Blanked) {
    match value {
        Value::String(text) if stays => blanked.names += u64::from(needle.is_in_text(text)),
        Value::String(text) if needle.is_in_kept(text) => {
            text.clear();
            blanked.texts += 1;
        }
        Value::Array(values) => values.iter_mut().for_each(|value| visit(value, stays, needle, blanked)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let texts = blanked.texts;
                visit(value, stays || is_name(name), needle, blanked);
                // No name at all is shown better than an empty one.
                if blanked.texts > texts && matches!(name.as_str(), "reportedName" | "givenName") {
                    *value = Value::Null;
                }
            }
        }
        _ => {}
    }
}

/// Whether a field holds what rows are known by, a word of ours or a time. A field that is new here counts as text.
fn is_name(field: &str) -> bool {
    matches!(
        field,
        "id" | "home"
            | "key"
            | "type"
            | "status"
            | "life"
            | "level"
            | "told"
            | "scope"
            | "mode"
            | "ts"
            | "at"
            | "since"
            | "touched"
            | "clockSkew"
            | "logTime"
    ) || field.ends_with("Id")
        || field.ends_with("At")
        || field.ends_with("Since")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROZEN: &str = include_str!("../../../../tests/log/base-1.json");

    fn base(text: &str) -> Base {
        let bytes = zstd::encode_all(text.as_bytes(), 3).unwrap();
        Base { position: 679, chain: Digest::default(), pruned: 680, schema: 1, bytes }
    }

    fn text(blanked: &Blanked) -> String {
        String::from_utf8(zstd::decode_all(&blanked.bytes[..]).unwrap()).unwrap()
    }

    #[test]
    fn texts_go_and_names_stay() {
        let with = FROZEN
            .replace("\"message\":\"line\"", "\"message\":\"the hunter22 key\"")
            .replace("\"message\": \"line\"", "\"message\":\"the hunter22 key\"")
            .replace("x \u{2192} completed", "hunter22");
        assert!(with.contains("hunter22"), "the frozen base has such texts");
        let blanked = blank(&base(&with), &Needle::new("hunter22").unwrap()).unwrap();
        assert!(blanked.texts >= 2 && blanked.names == 0, "{blanked:?}");
        assert!(!text(&blanked).contains("hunter22"));
        let named = with.replace("\"a1\"", "\"hunter22\"");
        let blanked = blank(&base(&named), &Needle::new("hunter22").unwrap()).unwrap();
        assert!(blanked.names > 0 && text(&blanked).contains("\"agentId\":\"hunter22\""));
    }

    /// Whatever is looked for, what is left is a base.
    #[test]
    fn any_text_of_it_can_be_blanked() {
        let state: Value = serde_json::from_str(FROZEN).unwrap();
        let mut texts = std::collections::BTreeSet::new();
        fn collect(value: &Value, texts: &mut std::collections::BTreeSet<String>) {
            match value {
                Value::String(text) => drop(texts.insert(text.clone())),
                Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
                Value::Object(fields) => fields.values().for_each(|value| collect(value, texts)),
                _ => {}
            }
        }
        collect(&state, &mut texts);
        let before = base(FROZEN).fleet().unwrap();
        for needle in texts.iter().filter_map(|text| Needle::new(text).ok()) {
            let blanked = blank(&base(FROZEN), &needle).unwrap();
            if blanked.texts > 0 {
                let fleet = checkpoint::decode(&blanked.bytes).unwrap();
                assert_eq!(fleet.position(), before.position());
                let counts = |fleet: &patze_core::fleet::Fleet| {
                    let facts = fleet.facts();
                    (facts.machines.len(), facts.sessions.len(), facts.runs.len(), facts.usage.len())
                };
                assert_eq!(counts(&fleet), counts(&before));
            }
        }
    }
}
