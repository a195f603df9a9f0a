//! What people type into a search, as words that we write into the index's language ourselves.
//!
//! Allowed: words, `"a phrase"`, and the beginning of a word, `word*`. All of them must be in the line, in any order.
//! Upper and lower case and accents do not count; what is neither letter nor digit parts words, as it does in the index.

use super::super::door::QueryError;
use super::invalid;

/// The longest search, in characters.
const MAX_CHARS: usize = 256;
/// Words and phrases of a search.
const MAX_TERMS: usize = 16;
/// Letters before a `*`: shorter beginnings are those of too many words.
const MIN_PREFIX: usize = 3;

const ALLOWED: &str = "allowed are words, \"a phrase\" in double quotes, and word* for the beginning of a word; all of them \
                       must be in the line";

/// A search, understood.
#[derive(Debug)]
pub(super) struct Words(Vec<Term>);

#[derive(PartialEq, Eq, Debug)]
struct Term {
    text: String,
    /// It is the beginning of a word.
    prefix: bool,
}

impl Words {
    /// Reads what was typed.
    pub(super) fn parse(text: &str) -> Result<Self, QueryError> {
        let refuse = |what: &str| Err(invalid("q", format!("{what}; {ALLOWED}")));
        if text.chars().count() > MAX_CHARS {
            return refuse("the search is longer than 256 characters");
        }
        let mut terms = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let term;
            if let Some(quoted) = rest.strip_prefix('"') {
                let Some((phrase, after)) = quoted.split_once('"') else {
                    return refuse("a double quote is not closed");
                };
                if after.starts_with(|c: char| !c.is_whitespace()) {
                    return refuse("a phrase ends with its quote, and a space parts it from what follows");
                }
                term = Term { text: phrase.to_owned(), prefix: false };
                rest = after;
            } else {
                let (word, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
                let (word, prefix) = word.strip_suffix('*').map_or((word, false), |word| (word, true));
                if word.contains(['"', '*', '(', ')', '{', '}', '^'])
                    || matches!(word, "AND" | "OR" | "NOT" | "NEAR")
                {
                    return refuse(&format!(
                        "{word:?} is no word; to find it as it is, put it into double quotes"
                    ));
                }
                let letters = word.chars().rev().take_while(|c| c.is_alphanumeric()).count();
                if prefix && letters < MIN_PREFIX {
                    return refuse("a `*` needs at least three letters before it");
                }
                term = Term { text: word.to_owned(), prefix };
                rest = after;
            }
            if !term.text.chars().any(char::is_alphanumeric) {
                return refuse("there must be a letter or a digit in each word");
            }
            terms.push(term);
            rest = rest.trim_start();
        }
        match terms.len() {
            0 => refuse("there is nothing to search for"),
            1..=MAX_TERMS => Ok(Self(terms)),
            _ => refuse("the search has more than 16 words"),
        }
    }

    /// The search in the index's own language.
    pub(super) fn expression(&self) -> String {
        let terms: Vec<String> = self
            .0
            .iter()
            .map(|term| {
                // Whatever is in it: between quotes only the quote itself means anything, and there is none.
                let text = term.text.replace(['"', '\0'], " ");
                if term.prefix { format!("\"{text}\" *") } else { format!("\"{text}\"") }
            })
            .collect();
        terms.join(" AND ")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn what_people_type_and_what_the_index_gets() {
        for (typed, expression) in [
            ("timeout", "\"timeout\""),
            ("  a   b ", "\"a\" AND \"b\""),
            ("\"rate limit\" 429", "\"rate limit\" AND \"429\""),
            ("conn* reset", "\"conn\" * AND \"reset\""),
            ("src/main.rs:12", "\"src/main.rs:12\""),
            ("\"AND\" \"(x)\"", "\"AND\" AND \"(x)\""),
            ("don't", "\"don't\""),
        ] {
            assert_eq!(Words::parse(typed).unwrap().expression(), expression, "{typed}");
        }
    }

    #[test]
    fn what_is_refused_is_told_what_is_allowed() {
        for typed in [
            "",
            "  ",
            "\"open",
            "a\"b",
            "\"a\"b",
            "*",
            "ab*",
            "a*b",
            "x/ab*",
            "a AND b",
            "NEAR",
            "NEAR(a b)",
            "(a)",
            "^a",
            "{m}",
            "-",
            "\"--\"",
            &"x".repeat(257),
            &"x ".repeat(17),
        ] {
            let error = Words::parse(typed).unwrap_err().to_string();
            assert!(error.contains("allowed are words"), "{typed:?}: {error}");
        }
    }

    proptest! {
        /// SQLite reads every expression, and finds the line that the words were taken from.
        #[test]
        fn nothing_that_is_typed_is_syntax(typed in "[ a-zA-Zé0-9\"*():^{}+\\-'\u{0}\\\\.,;]{0,40}") {
            let conn = Connection::open_in_memory().unwrap();
            conn.execute_batch("CREATE VIRTUAL TABLE t USING fts5 (message, tags)").unwrap();
            conn.execute("INSERT INTO t VALUES (?1, '')", [&typed]).unwrap();
            if let Ok(words) = Words::parse(&typed) {
                let expression = format!("{{message}} : ({})", words.expression());
                let found: i64 =
                    conn.query_row("SELECT count(*) FROM t WHERE t MATCH ?1", [expression], |row| row.get(0)).unwrap();
                prop_assert_eq!(found, 1, "{:?}", words);
            }
        }
    }
}
