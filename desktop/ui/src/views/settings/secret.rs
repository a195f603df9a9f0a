//! The token that everybody shares: what it must be, and a new one made by the browser.

use wasm_bindgen::JsCast as _;

/// The shortest token that the server takes, in UTF-16 units as it counts.
pub const SHORTEST: usize = 16;
/// Characters of one that is made here, of 32 letters and digits: 160 bits.
const MADE: u32 = 32;
/// Crockford's base 32 in small letters: no two look alike.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What is wrong with a token, if anything.
pub fn fault(token: &str) -> Option<String> {
    let token = token.trim();
    let length = token.encode_utf16().count();
    if length < SHORTEST {
        return Some(format!("At least {SHORTEST} characters, {length} so far."));
    }
    let sendable = token.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (!sendable).then(|| "Letters without accents, digits and signs only: others cannot be sent.".to_owned())
}

/// A token that nobody guesses; none if the browser makes no random numbers.
pub fn made() -> Option<String> {
    let bytes = js_sys::Uint8Array::new_with_length(MADE);
    let crypto = js_sys::Reflect::get(&js_sys::global(), &"crypto".into()).ok()?;
    let fill: js_sys::Function =
        js_sys::Reflect::get(&crypto, &"getRandomValues".into()).ok()?.dyn_into().ok()?;
    fill.call1(&crypto, &bytes).ok()?;
    Some(written(&bytes.to_vec()))
}

fn written(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_enough_and_can_be_sent() {
        assert_eq!(fault("correct-horse").as_deref(), Some("At least 16 characters, 13 so far."));
        assert_eq!(fault("  123456789012345  ").as_deref(), Some("At least 16 characters, 15 so far."));
        assert_eq!(fault("1234567890123456"), None);
        assert!(fault("straßenbahnschaffner").is_some());
        assert_eq!(fault(&written(&[0, 31, 32, 255, 7, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])), None);
        assert_eq!(written(&[0, 31, 32, 255]), "0z0z");
    }
}
