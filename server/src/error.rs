//! Every error that the edge answers: the only place with HTTP codes (contract §2.3; design §10).
//!
//! `error` is a stable code, `message` a text for people: what, where, and how to mend it.

use std::borrow::Cow;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use patze_core::time::Timestamp;
use serde_json::json;

/// The content type of every answer but pages, streams and metrics (contract §2.3).
pub const JSON: &str = "application/json; charset=utf-8";

/// What a request is answered when it is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Unknown path or method, a trailing slash, an over-long parameter.
    #[error("nothing is here; docs/api.md lists the routes")]
    NotFound,
    /// No or a wrong credential where one is needed; a revoked or expired token in any mode.
    #[error("unauthorized")]
    Unauthorized,
    /// A valid credential without the scope that the route needs.
    #[error("this token may not do that: {0}")]
    Forbidden(&'static str),
    /// Too many failed credentials from this address.
    #[error("too many failed credentials; try again in {retry_after_s} s")]
    TooManyFailures {
        /// Seconds until the next try is looked at.
        retry_after_s: u64,
    },
    /// The `Origin` is neither local nor allowed.
    #[error("origin {0:?} is not allowed; add it to PATZE_ALLOWED_ORIGINS")]
    OriginNotAllowed(String),
    /// The `Host` may be a rebound DNS name.
    #[error("host {0:?} is not allowed without a token; add it to PATZE_ALLOWED_HOSTS")]
    HostNotAllowed(String),
    /// The body cannot be read as the JSON that it claims to be.
    #[error("{0}")]
    MalformedBody(String),
    /// A JSON body that is not an object.
    #[error("the body must be a JSON object")]
    InvalidBody,
    /// A batch that is not `{"events": […]}`.
    #[error("the body must be an object with an array `events`")]
    InvalidBatchRequest,
    /// A field of a request is off.
    #[error("{message}")]
    InvalidField {
        /// The stable code.
        code: &'static str,
        /// What is allowed.
        message: Cow<'static, str>,
    },
    /// A body with a content type other than JSON on an ingest route, or none.
    #[error("the body must be application/json")]
    UnsupportedMediaType,
    /// A body with a content type other than JSON elsewhere.
    #[error("content type {0:?} is not supported; send application/json")]
    UnsupportedContentType(String),
    /// A body over the ingest limit, counted on real bytes (contract §2.3).
    #[error("the body is larger than {limit} bytes; send it in smaller batches")]
    PayloadTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A body over the general limit.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// One event that was refused on `/ingest` (contract §9.2).
    #[error("{0}")]
    Rejected(patze_core::event::Rejection),
    /// No such machine, token or other object.
    #[error("no {kind} {id:?}")]
    NoSuch {
        /// What was looked for.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// It was there; history was cut since (design §6).
    #[error("{message}")]
    Gone {
        /// What was asked for, and from where on there is something.
        message: String,
        /// The horizon: the oldest position that there still is.
        position: u64,
        /// The log time there.
        time: Timestamp,
    },
    /// The body did not come in time.
    #[error("the body did not come within {limit_s} s")]
    TooSlow {
        /// The limit in seconds.
        limit_s: u64,
    },
    /// The queue is full; nothing was taken.
    #[error("overloaded; nothing was stored, send it again")]
    Overloaded,
    /// It takes longer than a question may; the text says how to narrow it.
    #[error("{0}")]
    TooMuch(String),
    /// Nothing can be stored or read just now; the text says why and what to do.
    #[error("{0}")]
    Unavailable(String),
    /// Something of ours failed; the log has the details.
    #[error("something failed here; the server's log says what")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Wraps a failure of ours.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::TooManyFailures { .. } => "too_many_failures",
            Self::OriginNotAllowed(_) => "origin_not_allowed",
            Self::HostNotAllowed(_) => "host_not_allowed",
            Self::MalformedBody(_) | Self::UnsupportedContentType(_) | Self::BodyTooLarge { .. } => {
                "request_error"
            }
            Self::InvalidBody => "invalid_body",
            Self::InvalidBatchRequest => "invalid_batch_request",
            Self::InvalidField { code, .. } => code,
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::PayloadTooLarge { .. } => "payload_too_large",
            Self::Rejected(_) => "rejected",
            Self::NoSuch { .. } => "not_found",
            Self::Gone { .. } => "at_before_horizon",
            Self::TooSlow { .. } => "request_timeout",
            Self::Overloaded => "overloaded",
            Self::TooMuch(_) => "too_much",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal_server_error",
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::NoSuch { .. } => StatusCode::NOT_FOUND,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::OriginNotAllowed(_) | Self::HostNotAllowed(_) => StatusCode::FORBIDDEN,
            Self::Gone { .. } => StatusCode::GONE,
            Self::TooManyFailures { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::MalformedBody(_)
            | Self::InvalidBody
            | Self::InvalidBatchRequest
            | Self::InvalidField { .. }
            | Self::Rejected(_) => StatusCode::BAD_REQUEST,
            Self::UnsupportedMediaType | Self::UnsupportedContentType(_) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::PayloadTooLarge { .. } | Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Overloaded | Self::TooMuch(_) | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Internal(source) = self {
            tracing::error!(error = %source, "a request failed");
        }
        let mut response = HttpResponse::build(self.status_code());
        match self {
            // Asking for too much again, unchanged, would not help, and so nothing says when to.
            Self::Overloaded | Self::Unavailable(_) => {
                response.insert_header((header::RETRY_AFTER, "1"));
            }
            Self::TooManyFailures { retry_after_s } => {
                response.insert_header((header::RETRY_AFTER, retry_after_s.to_string()));
            }
            _ => {}
        }
        response.content_type(JSON).json(match self {
            Self::Rejected(rejection) => json!({ "ok": false, "error": rejection }),
            Self::Unauthorized => json!({ "error": self.code() }),
            Self::Gone { message, position, time } => json!({
                "error": self.code(), "message": message, "horizon": { "position": position, "time": time },
            }),
            _ => json!({ "error": self.code(), "message": self.to_string() }),
        })
    }
}
