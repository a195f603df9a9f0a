//! What model calls would cost whose cost nobody reported: an estimate from a table of prices.
//!
//! OpenClaw reports 0 for models that it has no price of, such as those of a subscription. An estimate is never mixed
//! unmarked with reported cost: whoever shows one says so. It is made when it is shown and stored nowhere, so that a
//! corrected table corrects the past.
//!
//! Arithmetic is in integers from end to end: a price is nano-dollars for a million tokens, so that a tenth of a cent for
//! a million is exact, and the sum over a bucket is rounded once.

use crate::fleet::usage::Totals;
use crate::glob::Glob;
use crate::money::NanoUsd;
use crate::time::Timestamp;

/// Tokens that a price is for.
const MILLION: u128 = 1_000_000;

/// What a million tokens cost, by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prices {
    /// Tokens read, but for those that came from the cache.
    pub input: NanoUsd,
    /// Tokens written.
    pub output: NanoUsd,
    /// Tokens read from the provider's cache.
    pub cache_read: NanoUsd,
    /// Tokens written to the provider's cache.
    pub cache_write: NanoUsd,
}

/// One entry of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PriceRule {
    /// Which providers, as events name them.
    pub provider: Glob,
    /// Which models, as events name them.
    pub model: Glob,
    /// From when on; none for ever.
    pub from: Option<Timestamp>,
    /// The prices.
    pub prices: Prices,
}

/// A table of prices: the first entry that fits and has begun counts, so that newer and narrower ones stand before older
/// and wider ones.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PriceTable {
    rules: Vec<PriceRule>,
}

impl PriceTable {
    /// The table of these entries, in their order.
    pub fn new(mut rules: Vec<PriceRule>) -> Self {
        for rule in &mut rules {
            for glob in [&mut rule.provider, &mut rule.model] {
                *glob = Glob::new(glob.as_str().to_lowercase());
            }
        }
        Self { rules }
    }

    /// The entries, in their order.
    pub fn rules(&self) -> &[PriceRule] {
        &self.rules
    }

    /// The entries for a model. Upper and lower case are the same.
    pub fn of(&self, provider: &str, model: &str) -> ModelPrices<'_> {
        let (provider, model) = (provider.to_lowercase(), model.to_lowercase());
        let fits = |rule: &&PriceRule| rule.provider.fits(&provider) && rule.model.fits(&model);
        ModelPrices(self.rules.iter().filter(fits).collect())
    }
}

/// The entries of a table that fit one model: what is asked for many times is looked up once.
#[derive(Clone, Debug, Default)]
pub struct ModelPrices<'a>(Vec<&'a PriceRule>);

impl ModelPrices<'_> {
    /// The prices that count at a time, if the table has any.
    pub fn at(&self, at: Timestamp) -> Option<Prices> {
        self.0.iter().find(|rule| rule.from.is_none_or(|from| from <= at)).map(|rule| rule.prices)
    }

    /// What `tokens` would have cost at a time; none if the table has no entry. A sum of calls may be asked for at once,
    /// such as those of an hour; the calls whose cost was reported must not be in it. `total_tokens` is not looked at: it
    /// is the sum of the others.
    pub fn estimate(&self, at: Timestamp, tokens: &Totals) -> Option<NanoUsd> {
        self.at(at).map(|prices| prices.of(tokens))
    }
}

impl Prices {
    /// What `tokens` cost, to the nearest nano-dollar, and no more than [`NanoUsd`] holds.
    pub fn of(&self, tokens: &Totals) -> NanoUsd {
        let of = |price: NanoUsd, tokens: u64| u128::from(price.0.max(0).unsigned_abs()) * u128::from(tokens);
        // Four products of 63 and 64 bits: the sum fits into 128.
        let sum = [
            of(self.input, tokens.input_tokens),
            of(self.output, tokens.output_tokens),
            of(self.cache_read, tokens.cache_read_tokens),
            of(self.cache_write, tokens.cache_write_tokens),
        ]
        .into_iter()
        .fold(0, u128::saturating_add);
        NanoUsd(i64::try_from((sum.saturating_add(MILLION / 2)) / MILLION).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::HOUR;

    fn prices(input: i64, output: i64, cache_read: i64, cache_write: i64) -> Prices {
        let [input, output, cache_read, cache_write] = [input, output, cache_read, cache_write].map(NanoUsd);
        Prices { input, output, cache_read, cache_write }
    }

    fn rule(provider: &str, model: &str, from: Option<i64>, input: i64) -> PriceRule {
        PriceRule {
            provider: Glob::new(provider),
            model: Glob::new(model),
            from: from.map(Timestamp::from_millis),
            prices: prices(input, 0, 0, 0),
        }
    }

    fn tokens(input: u64, output: u64, cache_read: u64, cache_write: u64) -> Totals {
        Totals {
            input_tokens: input,
            output_tokens: output,
            cache_read_tokens: cache_read,
            cache_write_tokens: cache_write,
            ..Totals::default()
        }
    }

    #[test]
    fn kinds_of_tokens_have_prices_of_their_own() {
        let prices = prices(3_000_000_000, 15_000_000_000, 300_000_000, 3_750_000_000);
        // 3 + 15 + 0.3 + 3.75 dollars for a million of each.
        assert_eq!(prices.of(&tokens(1_000_000, 1_000_000, 1_000_000, 1_000_000)), NanoUsd(22_050_000_000));
        assert_eq!(prices.of(&tokens(1, 1, 0, 0)), NanoUsd(18_000));
        assert_eq!(prices.of(&tokens(0, 0, 0, 0)), NanoUsd::ZERO);
        assert_eq!(prices.of(&tokens(u64::MAX, u64::MAX, u64::MAX, u64::MAX)), NanoUsd(i64::MAX));
    }

    #[test]
    fn the_first_entry_that_fits_and_has_begun_counts() {
        let table = PriceTable::new(vec![
            rule("Anthropic", "claude-X*", Some(10 * HOUR), 1),
            rule("anthropic", "claude-x*", None, 2),
            rule("*", "*", Some(20 * HOUR), 3),
        ]);
        let input = |provider, model, hour| {
            let prices = table.of(provider, model).at(Timestamp::from_millis(hour * HOUR))?;
            Some(prices.input.0)
        };
        assert_eq!(input("anthropic", "claude-x-1", 9), Some(2));
        assert_eq!(input("Anthropic", "Claude-X-1", 10), Some(1), "case does not matter");
        assert_eq!(input("openai", "gpt", 19), None);
        assert_eq!(input("openai", "gpt", 20), Some(3));
        assert_eq!(table.of("openai", "gpt").estimate(Timestamp::EPOCH, &tokens(1, 0, 0, 0)), None);
    }

    proptest! {
        /// Whether a bucket is estimated at once or call by call differs by the roundings alone: half a nano-dollar each.
        #[test]
        fn a_sum_costs_what_its_calls_cost(
            calls in prop::collection::vec((0..200_000_u64, 0..20_000_u64, 0..900_000_u64, 0..50_000_u64), 1..40),
            input in 0..80_000_000_000_i64,
            output in 0..200_000_000_000_i64,
        ) {
            let prices = prices(input, output, input / 10, input / 4 * 5);
            let mut sum = Totals::default();
            let mut apart = 0;
            for (a, b, c, d) in &calls {
                let call = tokens(*a, *b, *c, *d);
                sum.add(&call);
                apart += prices.of(&call).0;
            }
            prop_assert!((prices.of(&sum).0 - apart).abs() <= calls.len() as i64);
        }
    }
}
