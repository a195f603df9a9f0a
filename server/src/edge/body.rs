//! Reading bodies by the contract's matrix (contract §2.3).
//!
//! | body | [`Events`] (ingest, batch) | [`Object`] | [`Nothing`] (body-less POST) |
//! |---|---|---|---|
//! | JSON | taken | taken, else 400 `invalid_body` | read and dropped |
//! | `application/json`, empty or malformed, or with a key `__proto__` | 400 `request_error` | the same | the same |
//! | none, without content type | 415 `unsupported_media_type` | 400 `invalid_body` | taken |
//! | `text/plain` | 415 `unsupported_media_type` | 400 `invalid_body` | read and dropped |
//! | another content type | 415 `request_error` | 415 `request_error` | 415 `request_error` |
//! | more bytes than the limit | 413 `payload_too_large` (1 MiB) | 413 `request_error` (4 MiB) | the same |
//! | more than all requests together may hold | 503 `overloaded` | the same | the same |
//!
//! Limits count the bytes that come, chunked or not; what a length promises only spares the reading. A body must be
//! here within [`DEADLINE`]. What it holds, and what is made of it, is its request's share of the [budget](super::budget).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use memchr::memmem;
use patze_core::event::surrogates;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Edge;
use super::budget::Share;
use crate::error::Error;

/// The limit of `/ingest` and `/ingest/batch` (contract §2.3).
pub const EVENTS_LIMIT: usize = 1024 * 1024;
/// The limit of everything else.
pub const GENERAL_LIMIT: usize = 4 * 1024 * 1024;
/// How long a whole body may take: 4 MiB at about 0.6 Mbit/s.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// The most values that the text of an object may hold, so that one alone is far from using the budget up.
const MOST_VALUES: usize = 400_000;
/// The most bytes that a value takes in a tree: `[1],` is one in a vector that may be twice as large, and a vector for
/// four of its own.
const VALUE: usize = 200;

/// A body of events: some JSON text, well-formed as far as UTF-8 and `__proto__` go. The handler parses it.
#[derive(Debug)]
pub struct Events {
    bytes: Bytes,
    share: Share,
}

/// A JSON object.
#[derive(Debug)]
pub struct Object(pub Map<String, Value>);

/// No body, or one that does not matter.
#[derive(Debug)]
pub struct Nothing;

/// What a request says of its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Json,
    PlainText,
    /// No content type.
    Unnamed,
    Other,
}

type Read<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

// === impl Events ===

impl Events {
    /// The JSON text, and the request's share of the budget, for what is made of it.
    pub fn parts(&mut self) -> (&str, &mut Share) {
        // Checked when it was read.
        (std::str::from_utf8(&self.bytes).unwrap_or_default(), &mut self.share)
    }

    /// The share alone, for the answer.
    pub fn into_share(self) -> Share {
        self.share
    }
}

impl FromRequest for Events {
    type Error = Error;
    type Future = Read<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            match Kind::of(&request) {
                Kind::Json => {}
                Kind::Other if has_body(&request) => return Err(unsupported(&request)),
                _ => return Err(Error::UnsupportedMediaType),
            }
            let too_large = || Error::PayloadTooLarge { limit: EVENTS_LIMIT };
            let (bytes, share) = read(&request, payload, EVENTS_LIMIT, too_large).await?;
            let bytes = whole_characters(bytes);
            check_json(&bytes)?;
            Ok(Self { bytes, share })
        })
    }
}

impl FromRequest for Object {
    type Error = Error;
    type Future = Read<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let (bytes, mut share) = general(&request, payload).await?;
            let bytes = bytes.ok_or(Error::InvalidBody)?;
            share.grow(tree(&bytes)?)?;
            // For as long as the request lives, and so what was made of its body.
            request.extensions_mut().insert(share);
            match serde_json::from_slice(&bytes).map_err(|e| malformed(&e))? {
                Value::Object(object) => Ok(Self(object)),
                _ => Err(Error::InvalidBody),
            }
        })
    }
}

impl FromRequest for Nothing {
    type Error = Error;
    type Future = Read<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let (bytes, _share) = general(&request, payload).await?;
            if let Some(bytes) = bytes {
                serde_json::from_slice::<IgnoredAny>(&bytes).map_err(|e| malformed(&e))?;
            }
            Ok(Self)
        })
    }
}

// === impl Kind ===

impl Kind {
    fn of(request: &HttpRequest) -> Self {
        let Some(value) = request.headers().get(header::CONTENT_TYPE) else { return Self::Unnamed };
        let starts_with = |text: &str| {
            value
                .as_bytes()
                .get(..text.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
        };
        match () {
            () if starts_with("application/json") => Self::Json,
            () if starts_with("text/plain") => Self::PlainText,
            () => Self::Other,
        }
    }
}

/// The JSON text of a general body; none where there is none, or plain text, which is read and dropped.
async fn general(request: &HttpRequest, payload: Payload) -> Result<(Option<Bytes>, Share), Error> {
    let kind = Kind::of(request);
    if kind == Kind::Other && has_body(request) {
        return Err(unsupported(request));
    }
    let too_large = || Error::BodyTooLarge { limit: GENERAL_LIMIT };
    let (bytes, share) = read(request, payload, GENERAL_LIMIT, too_large).await?;
    match kind {
        Kind::Json => check_json(&bytes).map(|()| (Some(bytes), share)),
        Kind::Unnamed if !bytes.is_empty() => Err(unsupported(request)),
        _ => Ok((None, share)),
    }
}

/// The most bytes that a JSON text takes as a tree of values.
fn tree(json: &[u8]) -> Result<usize, Error> {
    let values = 1 + memchr::memchr3_iter(b',', b'[', b'{', json).count();
    if values > MOST_VALUES {
        return Err(Error::MalformedBody(format!("the body has more than {MOST_VALUES} values")));
    }
    Ok(values * VALUE)
}

/// All bytes of the body. One that comes in one piece is not copied.
async fn read(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
    too_large: impl Fn() -> Error,
) -> Result<(Bytes, Share), Error> {
    let promised = promised_length(request);
    if promised.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let edge = request.app_data::<web::Data<Edge>>().ok_or_else(|| Error::internal("no edge"))?;
    let mut share = edge.budget.share();
    let all = async {
        let Some(first) = payload.next().await else { return Ok((Bytes::new(), share)) };
        let first = first.map_err(|e| incomplete(&e))?;
        share.grow(first.len())?;
        if promised == Some(first.len() as u64) {
            return Ok((first, share));
        }
        // What a length promises is reserved only as far as a client has shown that it means it.
        let mut whole = BytesMut::with_capacity(first.len().saturating_mul(4).min(limit));
        let mut weighed = first.len();
        let mut next = Some(Ok(first));
        while let Some(chunk) = next {
            let chunk = chunk.map_err(|e| incomplete(&e))?;
            if whole.len() + chunk.len() > limit {
                return Err(too_large());
            }
            whole.extend_from_slice(&chunk);
            share.grow(whole.capacity().saturating_sub(weighed))?;
            weighed = weighed.max(whole.capacity());
            next = payload.next().await;
        }
        Ok((whole.freeze(), share))
    };
    let in_time = edge.plane.clock.timeout(DEADLINE, all).await;
    in_time.unwrap_or(Err(Error::TooSlow { limit_s: DEADLINE.as_secs() }))
}

fn promised_length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn has_body(request: &HttpRequest) -> bool {
    request.headers().contains_key(header::TRANSFER_ENCODING)
        || promised_length(request).is_some_and(|length| length > 0)
}

fn incomplete(error: &actix_web::error::PayloadError) -> Error {
    Error::MalformedBody(format!("the body is incomplete: {error}"))
}

fn unsupported(request: &HttpRequest) -> Error {
    let value = request.headers().get(header::CONTENT_TYPE);
    let value = value.map_or_else(Default::default, |value| String::from_utf8_lossy(value.as_bytes()));
    Error::UnsupportedContentType(value.chars().take(100).collect())
}

/// The answer to a text that is no JSON.
pub(super) fn malformed(error: &serde_json::Error) -> Error {
    Error::MalformedBody(format!("the body is not JSON: {error}"))
}

/// The body with U+FFFD for escapes of half a character, which original clients can send and Rust cannot hold. Nearly
/// every body has no escape that begins like one, and is only looked through.
fn whole_characters(bytes: Bytes) -> Bytes {
    if !memmem::find_iter(&bytes, b"\\u").any(|at| matches!(bytes.get(at + 2), Some(b'd' | b'D'))) {
        return bytes;
    }
    let replaced = std::str::from_utf8(&bytes).ok().and_then(surrogates::replaced);
    replaced.map_or(bytes, Bytes::from)
}

/// What can be told of a JSON text without parsing it: it is not empty, UTF-8, and has no key `__proto__`.
fn check_json(bytes: &[u8]) -> Result<(), Error> {
    if bytes.is_empty() {
        return Err(Error::MalformedBody("the body is empty; a JSON body is announced".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        Error::MalformedBody(format!("the body is not UTF-8 from byte {} on", e.valid_up_to()))
    })?;
    // A text that does not even hold these letters, written out or as escapes, has no such key.
    if may_hold_proto(text.as_bytes()) && has_proto_key(text) {
        return Err(Error::MalformedBody("the body has a key \"__proto__\"".to_owned()));
    }
    Ok(())
}

/// Whether `__proto__` stands in the text, or an escape of one of its letters (`\u005f`, `\u0070`, …).
fn may_hold_proto(bytes: &[u8]) -> bool {
    memmem::find(bytes, b"__proto__").is_some()
        || memmem::find_iter(bytes, b"\\u00").any(|at| matches!(bytes.get(at + 4), Some(b'5'..=b'7')))
}

/// Whether some object in the text has the key `__proto__`. Text that is no JSON has none; that is told elsewhere.
fn has_proto_key(text: &str) -> bool {
    struct Search<'a>(&'a mut bool);

    impl<'de> serde::de::DeserializeSeed<'de> for Search<'_> {
        type Value = ();
        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_any(self)
        }
    }

    impl<'de> Visitor<'de> for Search<'_> {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("JSON")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
                *self.0 |= key == "__proto__";
                map.next_value_seed(Search(self.0))?;
            }
            Ok(())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
            while seq.next_element_seed(Search(self.0))?.is_some() {}
            Ok(())
        }
        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            Ok(())
        }
        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            Ok(())
        }
        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            Ok(())
        }
        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            Ok(())
        }
        fn visit_str<E>(self, _: &str) -> Result<(), E> {
            Ok(())
        }
        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }
    }

    let mut found = false;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // An error ends the search; whoever parses the text next meets it again.
    let _ = serde::de::DeserializeSeed::deserialize(Search(&mut found), &mut deserializer);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proto_key_is_found_wherever_and_however_it_is_written() {
        for (text, found) in [
            (r#"{"__proto__":1}"#, true),
            (r#"{"a":[{"b":{"__proto__":{}}}]}"#, true),
            (r#"{"\u005f_proto__":1}"#, true),
            (r#"{"__\u0070roto\u005F\u005f":1}"#, true),
            (r#"[1,2.5,-3,true,null,"x",{"a":"__proto__"}]"#, false),
            (r#"{"a":"{\"__proto__\":1}"}"#, false),
            (r#"{"__proto":1,"proto__":2}"#, false),
            (r#"{"a":"\u001b[31mred\u001b[0m"}"#, false),
            (r#"{"a":1}"#, false),
        ] {
            assert_eq!(check_json(text.as_bytes()).is_err(), found, "{text}");
        }
    }

    #[test]
    fn only_halves_of_characters_change_a_body() {
        let after = |text: &'static str| whole_characters(Bytes::from_static(text.as_bytes()));
        for text in [r#"{"a":"\ud83d\ude00 \u0041 \\ud83d"}"#, "{", ""] {
            assert_eq!(after(text), text);
        }
        assert_eq!(after(r#"{"a":"\uD83D"}"#), r#"{"a":"\ufffd"}"#);
        let hidden = after(r#"{"a":"\ud83d","__proto__":{}}"#);
        assert!(check_json(&hidden).is_err(), "half a character hides no key");
        let odd = Bytes::from_static(b"\"\\ud83d\xff\"");
        assert_eq!(whole_characters(odd.clone()), odd, "no UTF-8; that is told next");
    }

    #[test]
    fn only_escapes_of_its_letters_cost_a_second_look() {
        assert!(!may_hold_proto(br#"{"a":"\u001b[31m\u2028"}"#));
        assert!(may_hold_proto(br#"{"a":"\u005f"}"#));
        assert!(!may_hold_proto(br#"\u00"#));
    }

    #[test]
    fn empty_and_odd_bytes_are_no_json() {
        assert!(check_json(b"").is_err());
        assert!(check_json(b"{\"a\":\"\xff\"}").is_err());
        assert!(check_json(b"{").is_ok(), "that is for the parser to say");
    }
}
