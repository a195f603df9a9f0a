//! Money: integer nano-dollars inside, a JSON number of dollars outside (design §5).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// US dollars × 10⁻⁹. Sums are exact and do not depend on their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
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

impl Serialize for NanoUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.dollars())
    }
}

impl<'de> Deserialize<'de> for NanoUsd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from_dollars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_survive_json() {
        for nano in [0, 1, 45_606_000, 1_234_567_890_123, -7, 9_007_199_254_740_992] {
            let text = serde_json::to_string(&NanoUsd(nano)).unwrap();
            assert_eq!(serde_json::from_str::<NanoUsd>(&text).unwrap(), NanoUsd(nano), "{text}");
        }
        assert_eq!(NanoUsd::from_dollars(f64::NAN), NanoUsd::ZERO);
    }
}
