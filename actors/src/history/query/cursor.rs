//! Where a page ended: (time, row), with a digest of what was asked, so that no cursor serves another question.
//!
//! Opaque to clients. Text: 16 hex digits of the digest, then the numbers, joined by `.`.

use sha2::{Digest as _, Sha256};

use super::super::door::QueryError;
use super::invalid;

/// What a list is of: its cursors fit no other.
pub(super) struct Asked(u64);

impl Asked {
    /// The digest of a list's name, its log, and its filters.
    pub(super) fn new(list: &str, log_id: &str, filters: &impl std::fmt::Debug) -> Self {
        let mut hash = Sha256::new();
        for part in [list, log_id, &format!("{filters:?}")] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }

    /// The cursor after a row.
    pub(super) fn after<const N: usize>(&self, row: [i64; N]) -> String {
        let mut text = format!("{:016x}", self.0);
        for number in row {
            text.push_str(&format!(".{number}"));
        }
        text
    }

    /// The row that a cursor stands for.
    pub(super) fn row<const N: usize>(&self, cursor: Option<&str>) -> Result<Option<[i64; N]>, QueryError> {
        let Some(cursor) = cursor else { return Ok(None) };
        let refused = || {
            invalid(
                "cursor",
                "the cursor is not of this list with these filters; take `next` of the page before, or leave it out",
            )
        };
        let mut parts = cursor.split('.');
        let digest = parts.next().filter(|text| text.len() == 16);
        if digest.and_then(|text| u64::from_str_radix(text, 16).ok()) != Some(self.0) {
            return Err(refused());
        }
        let mut row = [0; N];
        for number in &mut row {
            *number = parts.next().and_then(|text| text.parse().ok()).ok_or_else(refused)?;
        }
        if parts.next().is_some() { Err(refused()) } else { Ok(Some(row)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_serves_its_own_list_alone() {
        let asked = Asked::new("runs", "log", &("m1", 7));
        let cursor = asked.after([-5, 9]);
        assert_eq!(asked.row::<2>(Some(&cursor)).unwrap(), Some([-5, 9]));
        assert_eq!(asked.row::<2>(None).unwrap(), None);
        for other in [
            Asked::new("logs", "log", &("m1", 7)),
            Asked::new("runs", "gol", &("m1", 7)),
            Asked::new("runs", "log", &("m1", 8)),
        ] {
            assert!(other.row::<2>(Some(&cursor)).is_err());
        }
        for odd in [
            "",
            "x",
            ".",
            "0000000000000000.1.2",
            &format!("{cursor}.3"),
            &cursor[..18],
            &format!("+{cursor}"),
        ] {
            assert!(asked.row::<2>(Some(odd)).is_err(), "{odd}");
        }
    }
}
