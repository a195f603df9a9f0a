//! Sums of model calls by quarter of an hour, packed: what one row of `usage` holds for its day.
//!
//! Format: for each quarter that has any, ascending: its number (0–95) in one byte, then [`FIELDS`] integers as LEB128: the
//! sums of all calls (calls, input, output, total, cache read, cache write, cost), then of the calls whose cost was reported
//! as nothing or not at all (the same without the cost). Costs are zigzag-coded, for nobody forbids a negative one.

use std::collections::BTreeMap;

use patze_core::fleet::usage::Totals;
use patze_core::money::NanoUsd;
use patze_core::time::{DAY, MINUTE, Timestamp};

/// The length of a quarter in ms.
pub(super) const QUARTER: i64 = 15 * MINUTE;
/// Quarters of a day.
const OF_DAY: u8 = 96;
const FIELDS: usize = 13;

/// What was used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Used {
    /// By all calls.
    pub(super) all: Totals,
    /// By those whose cost is not known: reported as 0, or not at all.
    pub(super) unpriced: Totals,
}

/// The quarters of one day.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Quarters(BTreeMap<u8, Used>);

impl Used {
    /// One call, or the sum of several of which all or none have a cost.
    pub(super) fn of(totals: &Totals) -> Self {
        let unpriced = if totals.cost == NanoUsd::ZERO { *totals } else { Totals::default() };
        Self { all: *totals, unpriced }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.all.add(&other.all);
        self.unpriced.add(&other.unpriced);
    }
}

impl Quarters {
    /// The day of an instant, and the quarter of that day.
    pub(super) fn place(at: Timestamp) -> (i64, u8) {
        let millis = at.millis();
        let quarter = millis.rem_euclid(DAY) / QUARTER;
        (millis.div_euclid(DAY), u8::try_from(quarter).unwrap_or(OF_DAY - 1))
    }

    pub(super) fn book(&mut self, quarter: u8, used: &Used) {
        self.0.entry(quarter).or_default().add(used);
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() * 32);
        for (quarter, used) in &self.0 {
            out.push(*quarter);
            for number in numbers(used) {
                push(&mut out, number);
            }
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut quarters = Self::default();
        visit(bytes, |quarter, used| quarters.book(quarter, used))?;
        Some(quarters)
    }
}

/// Shows each quarter of an encoded day to `each`; none if it is not one.
pub(super) fn visit(mut bytes: &[u8], mut each: impl FnMut(u8, &Used)) -> Option<()> {
    while let Some((quarter, rest)) = bytes.split_first() {
        if *quarter >= OF_DAY {
            return None;
        }
        bytes = rest;
        let mut numbers = [0; FIELDS];
        for number in &mut numbers {
            *number = pull(&mut bytes)?;
        }
        each(*quarter, &used(&numbers));
    }
    Some(())
}

fn numbers(Used { all, unpriced }: &Used) -> [u64; FIELDS] {
    [
        all.calls,
        all.input_tokens,
        all.output_tokens,
        all.total_tokens,
        all.cache_read_tokens,
        all.cache_write_tokens,
        zigzag(all.cost.0),
        unpriced.calls,
        unpriced.input_tokens,
        unpriced.output_tokens,
        unpriced.total_tokens,
        unpriced.cache_read_tokens,
        unpriced.cache_write_tokens,
    ]
}

fn used(n: &[u64; FIELDS]) -> Used {
    let totals = |at: usize, cost: i64| Totals {
        calls: n[at],
        input_tokens: n[at + 1],
        output_tokens: n[at + 2],
        total_tokens: n[at + 3],
        cache_read_tokens: n[at + 4],
        cache_write_tokens: n[at + 5],
        cost: NanoUsd(cost),
    };
    Used { all: totals(0, unzigzag(n[6])), unpriced: totals(7, 0) }
}

fn push(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn pull(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

const fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn totals()(n in prop::array::uniform6(any::<u64>()), cost in any::<i64>()) -> Totals {
            let [calls, input_tokens, output_tokens, total_tokens, cache_read_tokens, cache_write_tokens] = n;
            let cost = NanoUsd(cost);
            Totals { calls, input_tokens, output_tokens, total_tokens, cache_read_tokens, cache_write_tokens, cost }
        }
    }

    proptest! {
        #[test]
        fn a_day_survives_its_bytes(calls in prop::collection::vec((0..OF_DAY, totals()), 0..20)) {
            let mut day = Quarters::default();
            for (quarter, totals) in &calls {
                day.book(*quarter, &Used::of(totals));
            }
            prop_assert_eq!(Quarters::decode(&day.encode()), Some(day));
        }

        #[test]
        fn rubbish_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Quarters::decode(&bytes);
        }
    }

    #[test]
    fn an_instant_has_its_day_and_quarter() {
        for (text, place) in [
            ("1970-01-01T00:00:00Z", (0, 0)),
            ("1970-01-02T00:14:59.999Z", (1, 0)),
            ("1970-01-02T23:45:00Z", (1, 95)),
            ("1969-12-31T23:59:59.999Z", (-1, 95)),
        ] {
            assert_eq!(Quarters::place(Timestamp::parse(text).unwrap()), place, "{text}");
        }
    }
}
