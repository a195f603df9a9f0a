//! `GET /snapshot`, the contract's view of the fleet (contract §7), and `GET /state`, the fleet itself (design §10).

use std::convert::Infallible;

use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::stream;
use patze_core::fleet::snapshot::Snapshot;
use patze_core::fleet::{FOLD_VERSION, Fleet};

use super::bodies::{Body, Written};
use super::{Edge, answer};
use crate::error::{Error, JSON};

/// The contract's view, for [`Edge`].
pub(super) fn snapshot_body() -> Body {
    Body::new(|fleet: &Fleet| serde_json::to_vec(&Snapshot::of(fleet)))
}

/// The fleet itself, for [`Edge`].
pub(super) fn state_body() -> Body {
    Body::new(|fleet: &Fleet| serde_json::to_vec(fleet))
}

/// The contract's view.
pub async fn snapshot(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    if let Some(known) = unchanged(&edge, &request)? {
        return Ok(known);
    }
    let Written { position, text } = edge.snapshot.newest(edge.log()).await?;
    Ok(fresh(&edge, position).body(text))
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
    // In three pieces, so that the large one stays shared.
    let pieces = [Bytes::from(head), text, Bytes::from_static(b"}")];
    let size = pieces.iter().map(Bytes::len).sum::<usize>() as u64;
    let body = SizedStream::new(size, stream::iter(pieces.map(Ok::<_, Infallible>)));
    Ok(fresh(&edge, position).body(body))
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
