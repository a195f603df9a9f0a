//! `prices.toml` in the settings folder: prices of models whose cost OpenClaw does not report.
//!
//! ```toml
//! [[price]]                  # US dollars for a million tokens
//! provider = "anthropic"     # as events name it; * stands for anything
//! model = "claude-opus-4-5*"
//! from = 2025-11-24          # from when on, UTC; for ever without it
//! input = 5.0
//! output = 25.0
//! cache_read = 0.5           # without it: as input
//! cache_write = 6.25         # without it: as input
//! ```
//! The first entry that fits and has begun counts ([`PriceTable`]). A mistake names its line; what is unknown is a mistake.

use std::io;
use std::path::{Path, PathBuf};

use patze_core::glob::Glob;
use patze_core::money::NanoUsd;
use patze_core::prices::{PriceRule, PriceTable, Prices};
use patze_core::time::Timestamp;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

/// The file's name in the settings folder.
pub const FILE: &str = "prices.toml";
/// No model costs a million dollars for a million tokens; a price beyond is a slip.
const MAX_DOLLARS: f64 = 1e6;

/// Why there are no prices.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is a mistake in it.
    #[error("{}, line {line}: {what}", path.display())]
    Mistake {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what would be right.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    price: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    provider: Spanned<String>,
    model: Spanned<String>,
    from: Option<Spanned<Datetime>>,
    input: Spanned<f64>,
    output: Spanned<f64>,
    cache_read: Option<Spanned<f64>>,
    cache_write: Option<Spanned<f64>>,
}

/// Reads the table of the settings folder `dir`; an empty one if there is no file.
///
/// # Errors
/// If the file cannot be read, or there is a mistake in it.
pub fn load(dir: &Path) -> Result<PriceTable, PricesError> {
    let path = dir.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(PriceTable::default()),
        Err(source) => return Err(PricesError::Read { path, source }),
    };
    parse(&text).map_err(|(line, what)| PricesError::Mistake { path, line, what })
}

/// The table of a text, or the line and what is wrong there.
fn parse(text: &str) -> Result<PriceTable, (usize, String)> {
    let line =
        |at: usize| text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1;
    let document: Document = toml::from_str(text)
        .map_err(|error| (line(error.span().map_or(0, |span| span.start)), error.message().to_owned()))?;
    let price = |price: &Spanned<f64>| {
        let dollars = *price.get_ref();
        if (0.0..=MAX_DOLLARS).contains(&dollars) {
            return Ok(NanoUsd::from_dollars(dollars));
        }
        Err((
            line(price.span().start),
            format!("{dollars} is no price; it must be from 0 to {MAX_DOLLARS} dollars"),
        ))
    };
    let glob = |name: &Spanned<String>| {
        if name.get_ref().trim().is_empty() {
            return Err((line(name.span().start), "the name is empty; * stands for any".to_owned()));
        }
        Ok(Glob::new(name.get_ref()))
    };
    let from = |from: &Spanned<Datetime>| {
        Timestamp::parse(&from.get_ref().to_string()).ok_or_else(|| {
            (line(from.span().start), format!("{} is no day or time such as 2026-01-31", from.get_ref()))
        })
    };
    let rules = document.price.iter().map(|entry| {
        let input = price(&entry.input)?;
        let cached = |own: &Option<Spanned<f64>>| own.as_ref().map_or(Ok(input), price);
        Ok(PriceRule {
            provider: glob(&entry.provider)?,
            model: glob(&entry.model)?,
            from: entry.from.as_ref().map(from).transpose()?,
            prices: Prices {
                input,
                output: price(&entry.output)?,
                cache_read: cached(&entry.cache_read)?,
                cache_write: cached(&entry.cache_write)?,
            },
        })
    });
    Ok(PriceTable::new(rules.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "[[price]]\nprovider = \"anthropic\"\nmodel = \"claude-*\"\nfrom = 2025-11-24\ninput = 3\noutput = 15.0\ncache_read = 0.30\n";

    #[test]
    fn an_entry_is_read() {
        let table = parse(ENTRY).unwrap();
        let rule = &table.rules()[0];
        assert_eq!(rule.from, Timestamp::parse("2025-11-24T00:00:00Z"));
        let prices = Prices {
            input: NanoUsd(3_000_000_000),
            output: NanoUsd(15_000_000_000),
            cache_read: NanoUsd(300_000_000),
            cache_write: NanoUsd(3_000_000_000),
        };
        assert_eq!(rule.prices, prices);
        assert_eq!(parse("# nothing\n").unwrap(), PriceTable::default());
    }

    #[test]
    fn the_example_is_a_table() {
        let table = parse(include_str!("../../docs/prices.example.toml")).unwrap();
        assert!(table.rules().len() > 5);
        let at = Timestamp::parse("2026-11-25").unwrap();
        let prices = table.of("anthropic", "claude-opus-4-5-20251101").at(at).unwrap();
        assert_eq!(prices.input, NanoUsd::from_dollars(5.0));
        assert_eq!(table.of("ollama", "llama3.3").at(at).unwrap().output, NanoUsd::ZERO);
    }

    #[test]
    fn a_mistake_names_its_line() {
        for (from, to, line, what) in [
            ("output = 15.0", "output = -1", 6, "-1 is no price"),
            ("output = 15.0", "output = inf", 6, "no price"),
            ("output = 15.0", "output = \"15\"", 6, "invalid type"),
            ("output = 15.0", "outputs = 15.0", 6, "unknown field"),
            ("output = 15.0\n", "", 1, "missing field `output`"),
            ("model = \"claude-*\"", "model = \" \"", 3, "the name is empty"),
            ("from = 2025-11-24", "from = 07:32:00", 4, "no day or time"),
            ("[[price]]", "[[prices]]", 1, "unknown field"),
            ("input = 3", "input = ", 5, ""),
        ] {
            let (found, told) = parse(&ENTRY.replace(from, to)).unwrap_err();
            assert_eq!(found, line, "{to}: {told}");
            assert!(told.contains(what), "{to}: {told}");
        }
    }
}
