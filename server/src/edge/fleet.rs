//! `GET /snapshot`, the contract's view of the fleet (contract §7), and `GET /state`, the fleet itself (design §10).

use std::convert::Infallible;
use std::iter::once;

use actix_web::body::{MessageBody, SizedStream};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::stream;
use patze_core::fleet::{FOLD_VERSION, Text};

use super::bodies::Written;
use super::{Edge, answer};
use crate::error::{Error, JSON};

/// The contract's view.
pub async fn snapshot(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    if let Some(known) = unchanged(&edge, &request)? {
        return Ok(known);
    }
    let Written { position, text } = edge.snapshot.newest(edge.log()).await?;
    Ok(fresh(&edge, position).body(shared(&text, "", "")))
}

/// `{logId, position, foldVersion, now, state}`.
pub async fn state(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    if let Some(known) = unchanged(&edge, &request)? {
        return Ok(known);
    }
    let Written { position, text } = edge.state.newest(edge.log()).await?;
    let head = format!(
        r#"{{"logId":"{}","position":{position},"foldVersion":{FOLD_VERSION},"now":"{}","state":"#,
        &edge.log_id,
        edge.plane.clock.now()
    );
    Ok(fresh(&edge, position).body(shared(&text, &head, "}")))
}

/// A body whose large pieces are those of `text` itself.
fn shared(text: &Text, head: &str, tail: &'static str) -> impl MessageBody + use<> {
    let size = head.len() + text.len + tail.len();
    let head = Bytes::copy_from_slice(head.as_bytes());
    let pieces = once(head).chain(text.pieces.clone()).chain(once(Bytes::from_static(tail.as_bytes())));
    let pieces = pieces.filter(|piece| !piece.is_empty()).map(Ok::<_, Infallible>);
    SizedStream::new(size as u64, stream::iter(pieces))
}

/// 304 if the client has the newest; 400 for a moment of the past, which is not built yet.
fn unchanged(edge: &Edge, request: &HttpRequest) -> Result<Option<HttpResponse>, Error> {
    if answer::query(request, "at").is_some() {
        return Err(Error::InvalidField {
            code: "at_not_supported",
            message: "this version shows the newest state alone; leave ?at= out".into(),
        });
    }
    let tag = answer::etag(&edge.log_id, edge.log().fleet().position());
    Ok(answer::is_known(request, &tag).then(|| {
        let mut response = HttpResponse::NotModified();
        response.insert_header(header::ETag(tag)).insert_header((header::CACHE_CONTROL, "no-cache"));
        response.finish()
    }))
}

fn fresh(edge: &Edge, position: u64) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type(JSON)
        .insert_header(header::ETag(answer::etag(&edge.log_id, position)))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    response
}
