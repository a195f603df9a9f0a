//! A text in pieces, so that the large ones are shared and not copied.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Result;

use super::listing::{Listing, Order};
use crate::json;

/// A whole text.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// Its pieces in their order, none of them empty.
    pub pieces: Vec<Bytes>,
    /// Its length, bytes.
    pub len: usize,
}

/// A JSON object that is being written.
#[derive(Default)]
pub(super) struct Object {
    text: Text,
    /// What comes after the last piece.
    rest: Vec<u8>,
    is_open: bool,
}

impl Text {
    /// All in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len += piece.len();
            self.pieces.push(piece);
        }
    }
}

impl Object {
    /// The next field.
    pub fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        self.name(name);
        json::write(&mut self.rest, value)
    }

    /// The next field, a list.
    pub fn list<T: Serialize>(&mut self, name: &str, items: impl IntoIterator<Item = T>) -> Result<()> {
        self.name(name);
        json::write_list(&mut self.rest, items)
    }

    /// The next field, whose value is what a listing holds between `start` and `end`.
    pub fn listing<O: Order>(&mut self, name: &str, listing: &Listing<O>, [start, end]: [u8; 2]) {
        self.name(name);
        self.rest.push(start);
        for text in listing.texts() {
            self.cut();
            self.text.push(text);
        }
        self.rest.push(end);
    }

    /// The whole.
    pub fn close(mut self) -> Text {
        self.rest.extend_from_slice(if self.is_open { b"}" } else { b"{}" });
        self.cut();
        self.text
    }

    fn name(&mut self, name: &str) {
        self.rest.push(if self.is_open { b',' } else { b'{' });
        self.is_open = true;
        json::write_text(&mut self.rest, name);
        self.rest.push(b':');
    }

    fn cut(&mut self) {
        self.text.push(std::mem::take(&mut self.rest).into());
    }
}
