//! `patze prices`: what unreported costs are estimated with.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use patze_core::money::NanoUsd;

use super::{CliError, Console};
use crate::prices;

pub(super) fn run<O: Write, E: Write>(dir: &Path, console: &mut Console<O, E>) -> Result<ExitCode, CliError> {
    let Console { out, notes } = console;
    let table = prices::load(dir)?;
    if table.rules().is_empty() {
        writeln!(
            notes,
            "No prices: costs that OpenClaw does not report are not estimated. docs/prices.example.toml is a table to copy to {}.",
            dir.join(prices::FILE).display()
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{:<20}  {:<28}  {:<10}  {:>9}  {:>9}  {:>9}  {:>9}",
        "PROVIDER", "MODEL", "FROM", "INPUT", "OUTPUT", "CACHE-RD", "CACHE-WR"
    )?;
    for rule in table.rules() {
        let from = rule.from.map_or_else(|| "-".to_owned(), |from| from.to_string()[..10].to_owned());
        let prices = rule.prices;
        let [input, output, cache_read, cache_write] =
            [prices.input, prices.output, prices.cache_read, prices.cache_write].map(NanoUsd::dollars);
        writeln!(
            out,
            "{:<20}  {:<28}  {from:<10}  {input:>9}  {output:>9}  {cache_read:>9}  {cache_write:>9}",
            rule.provider.as_str(),
            rule.model.as_str(),
        )?;
    }
    writeln!(notes, "US dollars for a million tokens; the first line that fits and has begun counts.")?;
    Ok(ExitCode::SUCCESS)
}
