//! The digest chain (design §6): what makes a later change of a stored row visible.
//!
//! `digest = SHA-256(digest before ‖ row ‖ row ‖ …)`, one a transaction, 32 zero bytes before the first. A row is its ten
//! columns in the table's order; an integer is 8 bytes, a text its length in 4 bytes and then its UTF-8, all numbers
//! big-endian. So no two different lists of rows give the same bytes, and a script can compute it from `sqlite3` alone.

use patze_core::event::Recorded;
use sha2::{Digest as _, Sha256};

/// A link of the chain.
pub type Digest = [u8; 32];

/// The digest before the first transaction.
pub const GENESIS: Digest = [0; 32];

/// A transaction's digest in the making. A clone remembers a state to go back to, for a batch that is undone.
#[derive(Clone)]
pub(super) struct Chain {
    hash: Sha256,
}

// === impl Chain ===

impl Chain {
    /// The start of the transaction after `previous`.
    pub(super) fn after(previous: &Digest) -> Self {
        Self { hash: Sha256::new_with_prefix(previous) }
    }

    /// Adds a row and tells the CRC-32 of its bytes (see [`super::sums`]). `scratch` is kept between rows to save its
    /// allocation.
    pub(super) fn push(&mut self, row: &Recorded<'_>, scratch: &mut Vec<u8>) -> u32 {
        scratch.clear();
        scratch.extend_from_slice(&row.position.to_be_bytes());
        push_text(scratch, row.id);
        push_text(scratch, row.type_name);
        push_text(scratch, row.machine);
        scratch.extend_from_slice(&row.occurred_at.millis().to_be_bytes());
        scratch.extend_from_slice(&row.recorded_at.millis().to_be_bytes());
        push_text(scratch, row.severity.name());
        push_text(scratch, row.origin.as_str());
        push_text(scratch, row.trace);
        push_text(scratch, row.payload);
        self.hash.update(&scratch);
        crc32fast::hash(scratch)
    }

    /// The transaction's digest.
    pub(super) fn finish(self) -> Digest {
        self.hash.finalize().into()
    }
}

/// A digest as people and `/readyz` see it.
pub fn hex(digest: &Digest) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(nibble), 16));
        }
        text
    })
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    // SQLite holds no text of 4 GiB.
    bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use patze_core::event::{Origin, Severity};
    use patze_core::time::Timestamp;

    fn row<'a>(id: &'a str, type_name: &'a str) -> Recorded<'a> {
        Recorded {
            position: 1,
            recorded_at: Timestamp::from_millis(2),
            origin: Origin::INGEST,
            id,
            machine: "m",
            type_name,
            severity: Severity::Info,
            occurred_at: Timestamp::from_millis(-1),
            trace: "{}",
            payload: "{}",
        }
    }

    fn digest(rows: &[Recorded<'_>]) -> Digest {
        let mut chain = Chain::after(&GENESIS);
        let mut scratch = Vec::new();
        for row in rows {
            chain.push(row, &mut scratch);
        }
        chain.finish()
    }

    #[test]
    fn it_is_what_the_documentation_says() {
        let mut bytes = vec![0; 32];
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, b'e', b'1', 0, 0, 0, 1, b't', 0, 0, 0, 1, b'm']);
        bytes.extend([255; 8]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 2]);
        bytes.extend(*b"\0\0\0\x04info\0\0\0\x06ingest\0\0\0\x02{}\0\0\0\x02{}");
        let expected: Digest = Sha256::digest(&bytes).into();
        assert_eq!(hex(&digest(&[row("e1", "t")])), hex(&expected));
    }

    #[test]
    fn columns_and_rows_do_not_run_together() {
        assert_ne!(digest(&[row("ab", "c")]), digest(&[row("a", "bc")]));
        assert_ne!(digest(&[row("a", "t"), row("b", "t")]), digest(&[row("b", "t"), row("a", "t")]));
        assert_ne!(digest(&[]), GENESIS);
    }
}
