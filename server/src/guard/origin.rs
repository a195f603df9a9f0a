//! Which web pages may use this server (contract §2.2, W-S20).
//!
//! Our own code, because actix-cors 0.7 answers other than the contract: its preflight is 200 and not 204, a refused
//! origin is 400 as text and not our 403, and an `OPTIONS` that is no preflight goes on to the router.

use std::str::FromStr;

use actix_web::HttpResponse;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::uri::Authority;
use actix_web::middleware::Next;

use super::{guard_of, is_port_or_nothing, refuse};
use crate::error::Error;

const METHODS: &str = "GET, HEAD, PUT, PATCH, POST, DELETE, OPTIONS";

/// Origins that the user allows beside the contract's; comma-separated.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigins(Vec<String>);

/// Answers preflights, refuses foreign origins, and says on every other answer which origin may read it.
///
/// # Errors
/// Those of the service behind it.
pub async fn origin<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let allowed = match guard_of(&request) {
        Ok(guard) => &guard.0.allowed.origins,
        Err(error) => return Ok(refuse(request, &error)),
    };
    let origin = request.headers().get(header::ORIGIN).cloned();
    if let Some(origin) = &origin
        && !origin.to_str().is_ok_and(|origin| allowed.contain(origin, &request))
    {
        let shown = String::from_utf8_lossy(origin.as_bytes()).chars().take(256).collect();
        return Ok(finish(refuse(request, &Error::OriginNotAllowed(shown)), None));
    }
    if request.method() == Method::OPTIONS {
        let answer = preflight(request.headers());
        return Ok(finish(request.into_response(answer).map_into_right_body(), origin.as_ref()));
    }
    match next.call(request).await {
        Ok(answer) => Ok(finish(answer.map_into_left_body(), origin.as_ref())),
        // Some middleware failed; what it makes of its error needs the headers too.
        Err(mut error) => {
            error.add_response_mapper(move |mut answer| {
                mark(answer.headers_mut(), origin.as_ref());
                answer
            });
            Err(error)
        }
    }
}

/// 204 for a preflight; the contract's 400 for an `OPTIONS` that is none.
fn preflight(headers: &HeaderMap) -> HttpResponse {
    if !headers.contains_key(header::ORIGIN) || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return HttpResponse::BadRequest()
            .content_type("text/plain; charset=utf-8")
            .body("Invalid Preflight Request");
    }
    let mut answer = HttpResponse::NoContent();
    answer.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS));
    if let Some(wanted) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone()));
        answer.append_header((header::VARY, header::ACCESS_CONTROL_REQUEST_HEADERS.as_str()));
    }
    answer.finish()
}

fn finish<B>(mut answer: ServiceResponse<B>, origin: Option<&HeaderValue>) -> ServiceResponse<B> {
    mark(answer.headers_mut(), origin);
    answer
}

fn mark(headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

// === impl AllowedOrigins ===

impl AllowedOrigins {
    fn contain(&self, origin: &str, request: &ServiceRequest) -> bool {
        origin.starts_with("tauri://")
            || is_local(origin)
            || self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
            || is_own(origin, request)
    }
}

impl FromStr for AllowedOrigins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries =
            text.split(',').map(|entry| entry.trim().trim_end_matches('/')).filter(|e| !e.is_empty());
        let origin = |entry: &str| {
            let authority = entry.split_once("://").and_then(|(_, rest)| rest.parse::<Authority>().ok());
            match authority {
                Some(authority) if !authority.as_str().contains(['*', '@']) => Ok(entry.to_owned()),
                _ => Err(format!(
                    "PATZE_ALLOWED_ORIGINS: {entry:?} is no origin; write it as https://patze.example.org:8443, without a path"
                )),
            }
        };
        Ok(Self(entries.map(origin).collect::<Result<_, _>>()?))
    }
}

/// The contract's local origins, and Tauri 2's on Windows and Android.
fn is_local(origin: &str) -> bool {
    if origin == "http://tauri.localhost" {
        return true;
    }
    let Some((_, rest)) = web(origin) else { return false };
    let after = ["localhost", "127.0.0.1", "[::1]"].iter().find_map(|name| rest.strip_prefix(name));
    after.is_some_and(is_port_or_nothing)
}

/// Whether the page was served by this server, as its `Host` says. A proxy may have taken TLS away, so the schemes
/// need not agree.
fn is_own(origin: &str, request: &ServiceRequest) -> bool {
    let Some((default_port, page)) = web(origin) else { return false };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.or_else(|| Some(request.uri().authority()?.as_str())) else { return false };
    // A browser leaves the scheme's own port out of the origin; a proxy may put it into the host.
    let host = host.strip_suffix(default_port).unwrap_or(host);
    !page.is_empty() && page.eq_ignore_ascii_case(host)
}

/// A web origin's default port, with its colon, and what follows its scheme.
fn web(origin: &str) -> Option<(&'static str, &str)> {
    let http = origin.strip_prefix("http://").map(|rest| (":80", rest));
    http.or_else(|| origin.strip_prefix("https://").map(|rest| (":443", rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_origin_that_is_none_is_refused() {
        for text in [
            "*",
            "null",
            "example.org",
            "https://",
            "https://example.org/app",
            "https://*.example.org",
            "https://a@b",
        ] {
            let error = text.parse::<AllowedOrigins>().unwrap_err();
            assert!(error.contains(text.trim_end_matches('/')), "{error}");
        }
        assert!(" https://patze.example.org/ ,, app://patze".parse::<AllowedOrigins>().is_ok());
    }
}
