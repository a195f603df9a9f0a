//! What a server, a core or a bridge says, as a sentence of the page: it begins with a capital and ends with a stop.

/// `a double quote is not closed` → `A double quote is not closed.`
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let mut told: String = first.to_uppercase().chain(chars).collect();
    if !told.ends_with(['.', '?', '!', '…', ':']) {
        told.push('.');
    }
    told
}

/// The first letter alone is raised: for words that stand for themselves.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_becomes_a_sentence() {
        assert_eq!(sentence("a double quote is not closed"), "A double quote is not closed.");
        assert_eq!(sentence("Ends already. "), "Ends already.");
        assert_eq!(sentence("ärger"), "Ärger.");
        assert_eq!(sentence("  "), "");
        assert_eq!(capital("eventLog"), "EventLog");
        assert_eq!(capital(""), "");
    }

    #[test]
    fn lists_read_like_speech() {
        let list =
            |parts: &[&str]| super::list(&parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
        assert_eq!(list(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }
}
