//! `GET /snapshot`, the contract's view of the fleet (contract §7), and `GET /state`, the fleet itself (design §10).

use std::convert::Infallible;

use actix_web::body::{MessageBody, SizedStream};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::stream;
use patze_actors::log::Moment;
use patze_core::fleet::snapshot::Snapshot;
use patze_core::fleet::{FOLD_VERSION, Fleet};

use super::bodies::{Body, Written};
use super::{Edge, answer, past};
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
    if let Some(moment) = past::moment(&request)? {
        return snapshot_at(&edge, &request, moment).await;
    }
    if let Some(known) = unchanged(&edge, &request) {
        return Ok(known);
    }
    let Written { position, text } = edge.snapshot.newest(edge.log()).await?;
    Ok(fresh(&edge, position).body(text))
}

/// `{logId, position, foldVersion, now, state}`.
pub async fn state(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    if let Some(moment) = past::moment(&request)? {
        return state_at(&edge, &request, moment).await;
    }
    if let Some(known) = unchanged(&edge, &request) {
        return Ok(known);
    }
    let Written { position, text } = edge.state.newest(edge.log()).await?;
    Ok(fresh(&edge, position).body(in_state(&edge, position, text)))
}

/// The contract's view of a past moment.
async fn snapshot_at(edge: &Edge, request: &HttpRequest, moment: Moment) -> Result<HttpResponse, Error> {
    let fleet = past::fleet(edge, moment).await?;
    if let Some(known) = known(edge, request, fleet.position()) {
        return Ok(known);
    }
    let position = fleet.position();
    let text = written(move || serde_json::to_vec(&Snapshot::of(&fleet))).await?;
    Ok(fresh(edge, position).body(text))
}

/// The fleet of a past moment.
async fn state_at(edge: &Edge, request: &HttpRequest, moment: Moment) -> Result<HttpResponse, Error> {
    let fleet = past::fleet(edge, moment).await?;
    if let Some(known) = known(edge, request, fleet.position()) {
        return Ok(known);
    }
    let position = fleet.position();
    let text = written(move || serde_json::to_vec(&*fleet)).await?;
    Ok(fresh(edge, position).body(in_state(edge, position, text)))
}

/// A body that is written off the worker threads.
async fn written(
    write: impl FnOnce() -> serde_json::Result<Vec<u8>> + Send + 'static,
) -> Result<Bytes, Error> {
    let text = web::block(write).await.map_err(Error::internal)?;
    Ok(text.map_err(Error::internal)?.into())
}

/// The answer of `/state` around the fleet's text: in three pieces, so that the large one stays shared.
fn in_state(edge: &Edge, position: u64, text: Bytes) -> impl MessageBody + use<> {
    let head = format!(
        r#"{{"logId":"{}","position":{position},"foldVersion":{FOLD_VERSION},"now":"{}","state":"#,
        &edge.log_id,
        edge.plane.clock.now()
    );
    let pieces = [Bytes::from(head), text, Bytes::from_static(b"}")];
    let size = pieces.iter().map(Bytes::len).sum::<usize>() as u64;
    SizedStream::new(size, stream::iter(pieces.map(Ok::<_, Infallible>)))
}

/// 304 if the client has the newest.
fn unchanged(edge: &Edge, request: &HttpRequest) -> Option<HttpResponse> {
    known(edge, request, edge.log().fleet().position())
}

/// 304 if the client has what the fleet looks like at `position`.
fn known(edge: &Edge, request: &HttpRequest, position: u64) -> Option<HttpResponse> {
    let tag = answer::etag(&edge.log_id, position);
    answer::is_known(request, &tag).then(|| {
        let mut response = HttpResponse::NotModified();
        response.insert_header(header::ETag(tag)).insert_header((header::CACHE_CONTROL, "no-cache"));
        response.finish()
    })
}

fn fresh(edge: &Edge, position: u64) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type(JSON)
        .insert_header(header::ETag(answer::etag(&edge.log_id, position)))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    response
}
