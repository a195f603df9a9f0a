//! The order of the table: by which column, and which way. It stands in the address.

use super::range::Range;

/// What agents are ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The name.
    Name,
    /// What they do: the active first.
    Doing,
    /// Runs of a day.
    Runs,
    /// Tokens of a day.
    Tokens,
    /// What today cost.
    Today,
    /// What the range cost.
    Cost,
    /// When they were last heard of.
    Active,
}

impl By {
    const ALL: [Self; 7] =
        [Self::Name, Self::Doing, Self::Runs, Self::Tokens, Self::Today, Self::Cost, Self::Active];

    const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Doing => "state",
            Self::Runs => "runs",
            Self::Tokens => "tokens",
            Self::Today => "today",
            Self::Cost => "cost",
            Self::Active => "active",
        }
    }

    /// Whether the greatest comes first unless told otherwise.
    const fn greatest_first(self) -> bool {
        !matches!(self, Self::Name | Self::Doing)
    }
}

/// An order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sort {
    /// By what.
    pub by: By,
    /// The other way round than usual.
    pub reversed: bool,
}

impl Sort {
    /// The order that a range has unless another one is chosen: what costs most comes first.
    pub const fn usual(range: Range) -> Self {
        let by = match range {
            Range::Today => By::Today,
            Range::Week | Range::Month => By::Cost,
        };
        Self { by, reversed: false }
    }

    /// The order of a word in the address.
    pub fn of(word: &str, range: Range) -> Self {
        let (reversed, word) = word.strip_prefix('-').map_or((false, word), |word| (true, word));
        let by = By::ALL.into_iter().find(|by| by.word() == word);
        by.map_or_else(|| Self::usual(range), |by| Self { by, reversed })
    }

    /// The word in the address; empty for the usual order.
    pub fn word(self, range: Range) -> String {
        if self == Self::usual(range) {
            return String::new();
        }
        format!("{}{}", if self.reversed { "-" } else { "" }, self.by.word())
    }

    /// The order after a column's head was pressed.
    pub fn pressed(self, by: By) -> Self {
        Self { by, reversed: self.by == by && !self.reversed }
    }

    /// Whether the greatest comes first.
    pub const fn is_descending(self) -> bool {
        self.by.greatest_first() != self.reversed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_were_written() {
        for by in By::ALL {
            for reversed in [false, true] {
                let sort = Sort { by, reversed };
                assert_eq!(Sort::of(&sort.word(Range::Week), Range::Week), sort);
            }
        }
        assert_eq!(Sort::of("", Range::Today).by, By::Today);
        assert_eq!(Sort::of("-nonsense", Range::Month), Sort { by: By::Cost, reversed: false });
    }

    #[test]
    fn a_second_press_turns_the_order() {
        let sort = Sort::usual(Range::Week);
        assert!(sort.is_descending());
        assert!(!sort.pressed(By::Cost).is_descending());
        assert!(sort.pressed(By::Cost).pressed(By::Cost).is_descending());
        assert!(!sort.pressed(By::Name).is_descending());
        assert!(!sort.pressed(By::Name).reversed);
    }
}
