//! What surrounds every handler; the order and its reasons are in the [edge's](super) doc.

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;

use super::Edge;
use super::metrics::Class;
use crate::error::Error;

/// Bodies from this size on are compressed (design §10).
const COMPRESSED_FROM: u64 = 8 * 1024;
/// What tells `Compress` to leave a body alone; taken off again outside of it.
const LEAVE_ALONE: HeaderValue = HeaderValue::from_static("identity");

type Answer<B> = Result<ServiceResponse<B>, actix_web::Error>;

/// Counts answers by class and status.
pub(super) async fn count<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Answer<B> {
    let class = Class::of(request.path());
    let edge = request.app_data::<web::Data<Edge>>().cloned();
    let answer = next.call(request).await;
    let status = match &answer {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    if let Some(edge) = edge {
        edge.counters.answered(class, status);
    }
    answer
}

/// Gives errors that are not ours the form of ours: a panic's among them.
pub(super) async fn errors_as_json<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Answer<B> {
    next.call(request).await.map_err(|error| {
        if error.as_error::<Error>().is_some() {
            return error;
        }
        if error.as_response_error().status_code().is_client_error() {
            return Error::MalformedBody(error.to_string()).into();
        }
        Error::internal(format!("a handler panicked or failed: {error}")).into()
    })
}

/// Lets `Compress` have whole bodies that are large enough, and no streams.
pub(super) async fn choose_for_compression<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Answer<B> {
    let mut response = next.call(request).await?;
    let large = matches!(response.response().body().size(), BodySize::Sized(size) if size >= COMPRESSED_FROM);
    if !large && !response.headers().contains_key(header::CONTENT_ENCODING) {
        response.headers_mut().insert(header::CONTENT_ENCODING, LEAVE_ALONE);
    }
    Ok(response)
}

/// Takes the mark of [`choose_for_compression`] off.
pub(super) async fn after_compression<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Answer<B> {
    let mut response = next.call(request).await?;
    if response.headers().get(header::CONTENT_ENCODING) == Some(&LEAVE_ALONE) {
        response.headers_mut().remove(header::CONTENT_ENCODING);
    }
    Ok(response)
}
