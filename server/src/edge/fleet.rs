//! `GET /snapshot`, the contract's view of the fleet (contract §7), and `GET /state`, the fleet itself (design §10); both
//! as they are, or as they were at `?at=`.

use std::convert::Infallible;
use std::iter::once;

use actix_web::body::{MessageBody, SizedStream};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::stream;
use patze_actors::log::Then;
use patze_core::fleet::snapshot::SnapshotWriter;
use patze_core::fleet::state::StateWriter;
use patze_core::fleet::{FOLD_VERSION, Text};

use super::bodies::{Body, Writer, Written};
use super::{Edge, answer, past};
use crate::error::{Error, JSON};

/// The contract's view.
pub async fn snapshot(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    match view::<SnapshotWriter>(&edge, &request, &edge.snapshot).await? {
        View::Known(answer) => Ok(answer),
        View::Written(Written { position, text }) => {
            Ok(fresh(&edge, position).body(shared(&text, 0, "", "")))
        }
        // The mark is the object's first member.
        View::Thinned(Written { text, .. }) => {
            Ok(thinned().body(shared(&text, 1, r#"{"thinned":true,"#, "")))
        }
    }
}

/// `{logId, position, foldVersion, now, state}`.
pub async fn state(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let head = |position: u64, mark: &str| {
        format!(
            r#"{{"logId":"{}","position":{position},"foldVersion":{FOLD_VERSION},"now":"{}",{mark}"state":"#,
            &edge.log_id,
            edge.plane.clock.now()
        )
    };
    match view::<StateWriter>(&edge, &request, &edge.state).await? {
        View::Known(answer) => Ok(answer),
        View::Written(Written { position, text }) => {
            Ok(fresh(&edge, position).body(shared(&text, 0, &head(position, ""), "}")))
        }
        View::Thinned(Written { position, text }) => {
            Ok(thinned().body(shared(&text, 0, &head(position, r#""thinned":true,"#), "}")))
        }
    }
}

/// What a client that asks for a view gets.
enum View {
    /// It has it: 304.
    Known(HttpResponse),
    Written(Written),
    /// Not in full what was live then (design §6).
    Thinned(Written),
}

/// The view of the fleet at `?at=`, or of the newest one, which is written once for all who ask.
async fn view<W: Writer>(edge: &Edge, request: &HttpRequest, newest: &Body<W>) -> Result<View, Error> {
    let Some(moment) = past::moment(request)? else {
        if let Some(answer) = known(edge, request, edge.log().fleet().position()) {
            return Ok(View::Known(answer));
        }
        return newest.newest(edge.log()).await.map(View::Written);
    };
    let Then { fleet, thinned } = past::fleet(edge, moment).await?;
    if let Some(answer) = known(edge, request, fleet.position()) {
        return Ok(View::Known(answer));
    }
    let position = fleet.position();
    let text = web::block(move || W::default().write(&fleet)).await.map_err(Error::internal)?;
    let written = Written { position, text: text.map_err(Error::internal)?.into() };
    Ok(if thinned { View::Thinned(written) } else { View::Written(written) })
}

/// A body whose large pieces are those of `text` itself, from its byte `from` on, which lies in the first of them.
fn shared(text: &Text, from: usize, head: &str, tail: &'static str) -> impl MessageBody + use<> {
    let mut pieces = text.pieces.clone();
    if let Some(first) = pieces.first_mut() {
        *first = first.slice(from.min(first.len())..);
    }
    let size = head.len() + pieces.iter().map(Bytes::len).sum::<usize>() + tail.len();
    let head = Bytes::copy_from_slice(head.as_bytes());
    let pieces = once(head).chain(pieces).chain(once(Bytes::from_static(tail.as_bytes())));
    let pieces = pieces.filter(|piece| !piece.is_empty()).map(Ok::<_, Infallible>);
    SizedStream::new(size as u64, stream::iter(pieces))
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

/// Without a tag: what is thinned may be thinned again.
fn thinned() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type(JSON).insert_header((header::CACHE_CONTROL, "no-cache"));
    response
}

fn fresh(edge: &Edge, position: u64) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type(JSON)
        .insert_header(header::ETag(answer::etag(&edge.log_id, position)))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    response
}
