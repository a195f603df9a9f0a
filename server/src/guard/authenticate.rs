//! Who may: credentials and scopes (contract §2.1, W-S4), and the throttling of failures (W-S24).
//!
//! | route asks for | admin | read | bridge |
//! |---|---|---|---|
//! | [`ingest`]: ingest, cron-sync, command poll | yes | no | yes, its machine (the handler's part) |
//! | [`read`]: every question, streams included | yes | yes | no |
//! | [`write`]: every other change | yes | no | no |
//!
//! In mode `none` a request without a token that we know passes as admin; one with a known token has its scope, and
//! one with a revoked or expired token is refused as in mode `token`.

use actix_web::HttpMessage as _;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use patze_actors::credentials::{Caller, Refusal, Scope};

use super::throttle::Verdict;
use super::{Guard, guard_of, refuse};
use crate::error::Error;

/// Lets bridges and admins pass.
///
/// # Errors
/// Those of the service behind it.
pub async fn ingest<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Answer<B> {
    pass(request, next, &[Scope::Bridge, Scope::Admin], "it needs scope bridge or admin").await
}

/// Lets readers and admins pass.
///
/// # Errors
/// Those of the service behind it.
pub async fn read<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Answer<B> {
    pass(request, next, &[Scope::Read, Scope::Admin], "it needs scope read or admin").await
}

/// Lets admins pass.
///
/// # Errors
/// Those of the service behind it.
pub async fn write<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Answer<B> {
    pass(request, next, &[Scope::Admin], "it needs scope admin").await
}

type Answer<B> = Result<ServiceResponse<EitherBody<B>>, actix_web::Error>;

async fn pass<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    scopes: &[Scope],
    needed: &'static str,
) -> Answer<B> {
    match identify(&request) {
        Ok(caller) if scopes.contains(&caller.scope()) => {
            request.extensions_mut().insert(caller);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Ok(_) => Ok(refuse(request, &Error::Forbidden(needed))),
        Err(error) => Ok(refuse(request, &error)),
    }
}

fn identify(request: &ServiceRequest) -> Result<Caller, Error> {
    let guard = guard_of(request)?;
    let header = request.headers().get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
    guard
        .0
        .credentials
        .identify(header, guard.0.clock.now())
        .map_err(|refusal| refused(guard, request, refusal))
}

/// Counts a failure. Whoever presents nothing guesses nothing and is not counted: a page that waits for its user to
/// enter the token asks again and again.
fn refused(guard: &Guard, request: &ServiceRequest, refusal: Refusal) -> Error {
    let Some(fingerprint) = refusal.fingerprint else { return Error::Unauthorized };
    let address = guard.peer(request.request()).address;
    match guard.0.throttle.failed(address, fingerprint, guard.0.clock.elapsed()) {
        Verdict::First => {
            let address = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
            tracing::warn!(address, path = request.path(), "refused {}", refusal.reason);
            Error::Unauthorized
        }
        Verdict::Again => Error::Unauthorized,
        Verdict::TooMany { retry_after_s } => Error::TooManyFailures { retry_after_s },
    }
}
