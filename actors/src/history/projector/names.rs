//! The dictionary: a text's number, and back.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _};
use smol_str::SmolStr;

/// Names kept in memory. Senders choose them, so that there must be a bound.
const KEPT: usize = 20_000;

/// What is known of the table `names`.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<SmolStr, i64>,
    texts: HashMap<i64, SmolStr>,
}

impl Names {
    /// The number of a text, which gets one if it has none.
    pub(super) fn number(&mut self, conn: &Connection, text: &str) -> rusqlite::Result<i64> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(number) = self.numbers.get(text) {
            return Ok(*number);
        }
        let found = conn
            .prepare_cached("SELECT id FROM names WHERE text = ?1")?
            .query_row([text], |row| row.get(0))
            .optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                conn.prepare_cached("INSERT INTO names (text) VALUES (?1)")?.execute([text])?;
                conn.last_insert_rowid()
            }
        };
        self.keep(number, SmolStr::new(text));
        Ok(number)
    }

    /// The text of a number.
    pub(super) fn text(&mut self, conn: &Connection, number: i64) -> rusqlite::Result<SmolStr> {
        if number == 0 {
            return Ok(SmolStr::default());
        }
        if let Some(text) = self.texts.get(&number) {
            return Ok(text.clone());
        }
        let text: String = conn
            .prepare_cached("SELECT text FROM names WHERE id = ?1")?
            .query_row([number], |row| row.get(0))?;
        let text = SmolStr::from(text);
        self.keep(number, text.clone());
        Ok(text)
    }

    fn keep(&mut self, number: i64, text: SmolStr) {
        if self.numbers.len() >= KEPT {
            self.numbers.clear();
            self.texts.clear();
        }
        self.texts.insert(number, text.clone());
        self.numbers.insert(text, number);
    }
}
