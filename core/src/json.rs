//! JSON text, the very bytes that `serde_json` writes, at a fraction of the CPU: the bodies of `/snapshot` and `/state`
//! are megabytes of short texts, which `serde_json` looks at byte by byte, names of fields included.
//!
//! Texts are searched eight bytes at a time for what must be escaped; numbers are left to `serde_json`. Keys of maps must
//! be texts. That the bytes are the same is held by the tests below and, for whole bodies, by those of the fleet.

use serde::ser::{self, Error as _, Serialize, Serializer};
use serde_json::{Error, Result};

/// Appends `value` to `out`.
///
/// # Errors
/// If a key of a map is no text, or the value itself refuses.
pub fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<()> {
    value.serialize(Json(out))
}

/// Appends a list.
///
/// # Errors
/// See [`write`].
pub fn write_list<T: Serialize>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>) -> Result<()> {
    Json(out).collect_seq(items)
}

/// Appends a text with its quotes.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        bytes.iter().for_each(|byte| escape(out, *byte));
    }
    out.push(b'"');
}

/// Whether no byte must be escaped: no quote, no backslash, no control character.
fn is_plain(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // The high bit of a byte that is less than `n`, for n ≤ 128; false alarms only above a true one.
    let less = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word & HIGH;
    let odd = |word: u64| {
        less(word, 0x20)
            | less(word ^ (ONES * u64::from(b'"')), 1)
            | less(word ^ (ONES * u64::from(b'\\')), 1)
    };
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().all(|byte| *byte >= 0x20 && *byte != b'"' && *byte != b'\\');
    };
    // The last eight bytes overlap the word before.
    let words = bytes.as_chunks::<8>().0.iter().chain(std::iter::once(last));
    words.fold(0, |found, word| found | odd(u64::from_le_bytes(*word))) == 0
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        0..0x20 => {
            let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
        }
        _ => return out.push(byte),
    };
    out.extend_from_slice(&[b'\\', short]);
}

struct Json<'a>(&'a mut Vec<u8>);

/// A list or object that is being written.
struct Inside<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
    end: &'static str,
}

impl<'a> Json<'a> {
    fn open(self, start: &str, end: &'static str) -> Inside<'a> {
        self.0.extend_from_slice(start.as_bytes());
        Inside { out: self.0, is_first: true, end }
    }

    /// An object of one key, whose value comes next.
    fn open_variant(self, name: &str, start: &str, end: &'static str) -> Inside<'a> {
        self.0.push(b'{');
        write_text(self.0, name);
        self.0.push(b':');
        self.open(start, end)
    }

    fn word(self, word: &str) -> Result<()> {
        self.0.extend_from_slice(word.as_bytes());
        Ok(())
    }

    fn number<T: Serialize>(self, number: T) -> Result<()> {
        serde_json::to_writer(self.0, &number)
    }
}

impl Inside<'_> {
    fn comma(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.comma();
        write(self.out, value)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        self.out.reserve(name.len() + 4);
        self.comma();
        write_text(self.out, name);
        self.out.push(b':');
        write(self.out, value)
    }

    fn close(self) -> Result<()> {
        Json(self.out).word(self.end)
    }
}

/// Methods that write a number.
macro_rules! numbers {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, number: $type) -> Result<()> {
            self.number(number)
        }
    )*};
}

impl<'a> Serializer for Json<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Inside<'a>;
    type SerializeTuple = Inside<'a>;
    type SerializeTupleStruct = Inside<'a>;
    type SerializeTupleVariant = Inside<'a>;
    type SerializeMap = Inside<'a>;
    type SerializeStruct = Inside<'a>;
    type SerializeStructVariant = Inside<'a>;

    numbers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64,
    }

    fn serialize_bool(self, value: bool) -> Result<()> {
        self.word(if value { "true" } else { "false" })
    }

    fn serialize_char(self, value: char) -> Result<()> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<()> {
        write_text(self.0, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.word("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        let mut object = self.open("{", "}");
        object.field(variant, value)?;
        object.close()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inside<'a>> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Inside<'a>> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Inside<'a>> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inside<'a>> {
        Ok(self.open_variant(variant, "[", "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Inside<'a>> {
        Ok(self.open("{", "}"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Inside<'a>> {
        // What `serde_json` passes on as it is comes as a struct of this name.
        if name.starts_with("$serde_json::") {
            return Err(Error::custom("raw JSON cannot be written here"));
        }
        Ok(self.open("{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inside<'a>> {
        Ok(self.open_variant(variant, "{", "}}"))
    }
}

/// The traits of what has items, by the name of their method.
macro_rules! lists {
    ($($trait:ident $method:ident,)*) => {$(
        impl ser::$trait for Inside<'_> {
            type Ok = ();
            type Error = Error;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.item(value)
            }
            fn end(self) -> Result<()> {
                self.close()
            }
        }
    )*};
}

lists! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

/// The traits of what has fields.
macro_rules! structs {
    ($($trait:ident,)*) => {$(
        impl ser::$trait for Inside<'_> {
            type Ok = ();
            type Error = Error;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
                self.field(name, value)
            }
            fn end(self) -> Result<()> {
                self.close()
            }
        }
    )*};
}

structs! { SerializeStruct, SerializeStructVariant, }

impl ser::SerializeMap for Inside<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.comma();
        let start = self.out.len();
        write(self.out, key)?;
        if self.out.get(start) == Some(&b'"') { Ok(()) } else { Err(Error::custom("a key must be a text")) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.out.push(b':');
        write(self.out, value)
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

#[cfg(test)]
mod tests;
