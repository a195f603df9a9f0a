//! What surrounds every handler; the order and its reasons are in the [edge's](super) doc.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;
use bytes::Bytes;
use futures_util::{Stream as _, stream};

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

/// Closes a connection whose chunked body was not read to its end, soon after its answer.
///
/// actix drains such a body once it is dropped, for as long as its sender likes (3.20); it lingers and closes only if
/// somebody still holds it when the answer has gone out. So this does.
pub(super) async fn hold_unread<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Answer<EitherBody<B, Holding>> {
    if !request.headers().contains_key(header::TRANSFER_ENCODING) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let payload = Rc::new(RefCell::new(request.take_payload()));
    let lent = Rc::clone(&payload);
    let stream = stream::poll_fn(move |cx| Pin::new(&mut *lent.borrow_mut()).poll_next(cx));
    request.set_payload(Payload::Stream { payload: Box::pin(stream) });
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| EitherBody::right(Holding { body: body.boxed(), _payload: payload })))
}

/// The body of an answer, and the request's that was perhaps not read.
pub(super) struct Holding {
    body: BoxBody,
    _payload: Rc<RefCell<Payload>>,
}

impl MessageBody for Holding {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
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

#[cfg(test)]
mod tests {
    use actix_web::dev::Service as _;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service};
    use actix_web::{App, web};
    use actix_web_lab::middleware::CatchPanic;

    use super::*;

    /// W-R4: no fault in a handler ends more than its own request.
    #[actix_rt::test]
    async fn w_r4_a_panic_is_a_500_as_json_and_the_next_request_is_served() {
        let app = App::new()
            .route("/panic", web::get().to(|| async { [200_u16; 0].first().map(u16::to_string).unwrap() }))
            .route("/fine", web::get().to(|| async { "fine" }))
            .wrap(CatchPanic::default())
            .wrap(from_fn(errors_as_json));
        let app = init_service(app).await;
        let error = app.call(TestRequest::with_uri("/panic").to_request()).await.err().unwrap();
        let answer = error.error_response();
        assert_eq!(answer.status(), 500);
        let text = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(text.starts_with(r#"{"error":"internal_server_error","message":""#), "{text}");
        assert!(app.call(TestRequest::with_uri("/fine").to_request()).await.unwrap().status().is_success());
    }
}
