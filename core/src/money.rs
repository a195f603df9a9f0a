//! Money: integer nano-dollars inside, a JSON number of dollars outside (design §5).

use serde::{Deserialize, Serialize};

/// US dollars × 10⁻⁹. Sums are exact and do not depend on their order. Serialises as the integer, for the state must
/// survive its text to the last digit (FO-1); views for people and clients say [`NanoUsd::dollars`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NanoUsd(pub i64);

impl NanoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The nearest amount to `dollars`; what is not a number counts as nothing, what does not fit as the bound.
    pub fn from_dollars(dollars: f64) -> Self {
        // `as` saturates and maps NaN to 0, which is what the text above says.
        Self((dollars * 1e9).round() as i64)
    }

    /// Dollars, for people and for JSON.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The sum, held within the bounds.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_rounded_to_the_nearest_nano() {
        assert_eq!(NanoUsd::from_dollars(0.045_606), NanoUsd(45_606_000));
        assert_eq!(NanoUsd::from_dollars(0.1 + 0.2), NanoUsd(300_000_000));
        assert_eq!(NanoUsd::from_dollars(f64::NAN), NanoUsd::ZERO);
        assert_eq!(NanoUsd::from_dollars(1e300), NanoUsd(i64::MAX));
        assert_eq!(NanoUsd(i64::MAX).plus(NanoUsd(1)), NanoUsd(i64::MAX));
    }
}
