//! Patterns for names: `*` stands for any text, `?` for one character, all else for itself. The whole name must fit.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A pattern.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Glob(SmolStr);

impl Glob {
    /// The pattern of this text; every text is one.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(SmolStr::new(text))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `name` fits. Takes no more steps than both lengths multiplied, whatever the pattern.
    pub fn fits(&self, name: &str) -> bool {
        let (mut pattern, mut name) = (self.0.as_str(), name);
        // Where to go on if what follows the last star does not fit: that star takes one character more.
        let mut star: Option<(&str, &str)> = None;
        loop {
            let mut rest = pattern.chars();
            match (rest.next(), name.chars().next()) {
                (Some('*'), _) => {
                    pattern = rest.as_str();
                    star = Some((pattern, name));
                    continue;
                }
                (None, None) => return true,
                (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                    pattern = rest.as_str();
                    name = &name[found.len_utf8()..];
                    continue;
                }
                _ => {}
            }
            let Some((after, from)) = star else { return false };
            let Some(taken) = from.chars().next() else { return false };
            name = &from[taken.len_utf8()..];
            pattern = after;
            star = Some((after, name));
        }
    }
}

impl std::str::FromStr for Glob {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_marks() {
        for (pattern, name, fits) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("run.*", "run.state.changed", true),
            ("run.*", "run", false),
            ("*.changed", "run.state.changed", true),
            ("claude-opus-4*", "claude-opus-4-5-20251101", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("?", "é", true),
            ("??", "é", false),
            ("a[b]", "a[b]", true),
        ] {
            assert_eq!(Glob::new(pattern).fits(name), fits, "{pattern:?} {name:?}");
        }
    }

    /// What the words above say, told without thought for time.
    fn plain(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=name.len()).any(|taken| plain(rest, &name[taken..])),
            (['?', rest @ ..], [_, name @ ..]) => plain(rest, name),
            ([wanted, rest @ ..], [found, name @ ..]) => wanted == found && plain(rest, name),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_plain_rule(pattern in "[ab*?]{0,7}", name in "[ab]{0,9}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Glob::new(&pattern).fits(&name), plain(&chars(&pattern), &chars(&name)));
        }
    }
}
