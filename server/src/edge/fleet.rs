//! `GET /snapshot`, the contract's view of the fleet (contract §7), and `GET /state`, the fleet itself (design §10); both
//! as they are, or as they were at `?at=`.

use std::convert::Infallible;
use std::iter::once;

use actix_web::body::{MessageBody, SizedStream};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::stream;
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
        View::Written(Written { position, text }) => Ok(fresh(&edge, position).body(shared(&text, "", ""))),
    }
}

/// `{logId, position, foldVersion, now, state}`.
pub async fn state(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    match view::<StateWriter>(&edge, &request, &edge.state).await? {
        View::Known(answer) => Ok(answer),
        View::Written(Written { position, text }) => {
            let head = format!(
                r#"{{"logId":"{}","position":{position},"foldVersion":{FOLD_VERSION},"now":"{}","state":"#,
                &edge.log_id,
                edge.plane.clock.now()
            );
            Ok(fresh(&edge, position).body(shared(&text, &head, "}")))
        }
    }
}

/// What a client that asks for a view gets.
enum View {
    /// It has it: 304.
    Known(HttpResponse),
    Written(Written),
}

/// The view of the fleet at `?at=`, or of the newest one, which is written once for all who ask.
async fn view<W: Writer>(edge: &Edge, request: &HttpRequest, newest: &Body<W>) -> Result<View, Error> {
    let Some(moment) = past::moment(request)? else {
        if let Some(answer) = known(edge, request, edge.log().fleet().position()) {
            return Ok(View::Known(answer));
        }
        return newest.newest(edge.log()).await.map(View::Written);
    };
    let fleet = past::fleet(edge, moment).await?;
    if let Some(answer) = known(edge, request, fleet.position()) {
        return Ok(View::Known(answer));
    }
    let position = fleet.position();
    let text = web::block(move || W::default().write(&fleet)).await.map_err(Error::internal)?;
    Ok(View::Written(Written { position, text: text.map_err(Error::internal)?.into() }))
}

/// A body whose large pieces are those of `text` itself.
fn shared(text: &Text, head: &str, tail: &'static str) -> impl MessageBody + use<> {
    let size = head.len() + text.len + tail.len();
    let head = Bytes::copy_from_slice(head.as_bytes());
    let pieces = once(head).chain(text.pieces.clone()).chain(once(Bytes::from_static(tail.as_bytes())));
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

fn fresh(edge: &Edge, position: u64) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type(JSON)
        .insert_header(header::ETag(answer::etag(&edge.log_id, position)))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    response
}
