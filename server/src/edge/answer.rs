//! How answers are written: JSON, `ETag`s, and what of a request decides on them.

use std::convert::Infallible;
use std::future;

use actix_web::body::SizedStream;
use actix_web::http::header::{self, EntityTag, Header as _, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use patze_core::fleet::FOLD_VERSION;
use patze_core::ids::LogId;
use serde::Serialize;

use super::budget::Share;
use crate::error::{Error, JSON};

/// Bytes of an answer that are sent at once.
const PIECE: usize = 64 * 1024;

/// 200 with a value as JSON.
pub fn json(value: &impl Serialize) -> Result<HttpResponse, Error> {
    let text = serde_json::to_string(value).map_err(Error::internal)?;
    Ok(json_text(text))
}

/// 200 with a text that is JSON.
pub fn json_text(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type(JSON).body(text)
}

/// The same in pieces, because a connection copies whatever it gets in one piece into its own buffer. The text's share of
/// the budget ends when it is sent, or its client is gone.
pub fn json_pieces(text: String, mut share: Share) -> HttpResponse {
    share.shrink_to(text.capacity());
    let (size, text) = (text.len() as u64, Bytes::from(text));
    let pieces = stream::unfold((text, share), |(mut text, share)| {
        let piece = text.split_to(text.len().min(PIECE));
        future::ready((!piece.is_empty()).then_some((Ok::<_, Infallible>(piece), (text, share))))
    });
    HttpResponse::Ok().content_type(JSON).body(SizedStream::new(size, pieces))
}

/// The tag of what a fleet looks like at a position. Weak, because it stands for the content in every coding, and
/// `/state` tells the time besides.
pub fn etag(log_id: &LogId, position: u64) -> EntityTag {
    EntityTag::new_weak(format!("{log_id}-{position}-{FOLD_VERSION}"))
}

/// Whether the client has what the tag stands for (RFC 9110 §13.1.2).
pub fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    if !request.headers().contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

/// The last value of a query parameter.
pub fn query(request: &HttpRequest, name: &str) -> Option<String> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string()).ok()?;
    pairs.into_inner().into_iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        let tag = etag(&LogId::new("L"), 7);
        assert_eq!(tag.to_string(), format!("W/\"L-7-{FOLD_VERSION}\""));
        for (header, known) in [
            (format!("W/\"L-7-{FOLD_VERSION}\""), true),
            (format!("\"other\", \"L-7-{FOLD_VERSION}\""), true),
            ("*".to_owned(), true),
            ("\"L-8-1\"".to_owned(), false),
            ("nonsense".to_owned(), false),
        ] {
            let request = TestRequest::default().insert_header((header::IF_NONE_MATCH, header.clone()));
            assert_eq!(is_known(&request.to_http_request(), &tag), known, "{header}");
        }
        assert!(!is_known(&TestRequest::default().to_http_request(), &tag));
    }

    #[test]
    fn query_parameters_are_decoded_and_the_last_one_counts() {
        let request = TestRequest::with_uri("/x?a=1&b=%41+c&a=2").to_http_request();
        assert_eq!(query(&request, "a").as_deref(), Some("2"));
        assert_eq!(query(&request, "b").as_deref(), Some("A c"));
        assert_eq!(query(&request, "c"), None);
    }
}
