//! Sums: the CRC-32 of each row of a commit, so that a row that was changed is named and not only its commit.
//!
//! A digest proves a whole transaction and says nothing of which row is another one; these say which, and prove nothing:
//! whoever changes a row on purpose changes its sum too, and then the digest still tells. They are taken over the very
//! bytes that the digest takes (see [`super::digest`]), so that they cost the append path next to nothing.

/// Adds a row of an ordinary commit, whose rows are dense.
pub(super) fn push(sums: &mut Vec<u8>, sum: u32) {
    sums.extend_from_slice(&sum.to_be_bytes());
}

/// Adds a row that stays of a pruned range, `offset` positions behind its first.
pub(super) fn push_kept(sums: &mut Vec<u8>, offset: u32, sum: u32) {
    sums.extend_from_slice(&offset.to_be_bytes());
    sums.extend_from_slice(&sum.to_be_bytes());
}

/// The sums of a commit, as they are stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Sums {
    /// The commit is older than sums.
    None,
    /// One for each position.
    Each(Vec<u8>),
    /// One for each row that stays, by offset.
    Kept(Vec<u8>),
}

impl Sums {
    /// What the columns `sums` and `pruned` hold.
    pub(super) fn stored(sums: Option<Vec<u8>>, pruned: bool) -> Self {
        match (sums, pruned) {
            (sums, true) => Self::Kept(sums.unwrap_or_default()),
            (Some(sums), false) => Self::Each(sums),
            (None, false) => Self::None,
        }
    }

    /// The sum of the row that lies `offset` positions behind the first; none if no row is to be there, or if it is not
    /// known.
    pub(super) fn of(&self, offset: u64) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Each(sums) => sums.chunks_exact(4).nth(usize::try_from(offset).ok()?).map(number),
            Self::Kept(sums) => {
                let offset = u32::try_from(offset).ok()?;
                let (pairs, _) = sums.as_chunks::<8>();
                let at = pairs.binary_search_by_key(&offset, |pair| number(&pair[..4])).ok()?;
                Some(number(&pairs[at][4..]))
            }
        }
    }

    /// The offset of the first row at or behind `offset` that is to be there.
    pub(super) fn next(&self, offset: u64) -> Option<u64> {
        let Self::Kept(sums) = self else { return Some(offset) };
        let (pairs, _) = sums.as_chunks::<8>();
        let at = pairs.partition_point(|pair| u64::from(number(&pair[..4])) < offset);
        pairs.get(at).map(|pair| u64::from(number(&pair[..4])))
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_found_by_offset() {
        let mut each = Vec::new();
        let mut kept = Vec::new();
        for n in 0..5 {
            push(&mut each, 100 + n);
            push_kept(&mut kept, n * 10, 200 + n);
        }
        let each = Sums::stored(Some(each), false);
        assert_eq!([0, 4, 5].map(|at| each.of(at)), [Some(100), Some(104), None]);
        assert_eq!(each.next(3), Some(3));
        let kept = Sums::stored(Some(kept), true);
        assert_eq!([0, 5, 40, 41].map(|at| kept.of(at)), [Some(200), None, Some(204), None]);
        assert_eq!([0, 5, 40, 41].map(|at| kept.next(at)), [Some(0), Some(10), Some(40), None]);
        assert_eq!((Sums::stored(None, false).of(0), Sums::stored(None, true).next(0)), (None, None));
    }
}
