//! Every error that the edge answers: the only place with HTTP codes (contract §2.3; design §10).
//!
//! `error` is a stable [`Code`], `message` a text for people: what, where, and how to mend it.

use std::borrow::Cow;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use patze_core::time::Timestamp;
use serde_json::json;

/// The content type of every answer but pages, streams and metrics (contract §2.3).
pub const JSON: &str = "application/json; charset=utf-8";

macro_rules! codes {
    ($($name:ident = $text:literal,)*) => {
        /// The stable codes of answers that are errors. `server/openapi.json` lists them, which a test compares.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Code {$(
            #[doc = concat!("`", $text, "`")]
            $name,
        )*}

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word on the wire.
            pub const fn name(self) -> &'static str {
                match self {$(Self::$name => $text,)*}
            }
        }
    };
}

codes! {
    AtBeforeHorizon = "at_before_horizon",
    AtInFuture = "at_in_future",
    ConfirmationRequired = "confirmation_required",
    Forbidden = "forbidden",
    HostNotAllowed = "host_not_allowed",
    InternalServerError = "internal_server_error",
    InvalidAfter = "invalid_after",
    InvalidAt = "invalid_at",
    InvalidBatchRequest = "invalid_batch_request",
    InvalidBody = "invalid_body",
    InvalidBucket = "invalid_bucket",
    InvalidBuckets = "invalid_buckets",
    InvalidBy = "invalid_by",
    InvalidCursor = "invalid_cursor",
    InvalidExpiry = "invalid_expiry",
    InvalidFilter = "invalid_filter",
    InvalidLevel = "invalid_level",
    InvalidLimit = "invalid_limit",
    InvalidMachineId = "invalid_machine_id",
    InvalidMode = "invalid_mode",
    InvalidName = "invalid_name",
    InvalidPoints = "invalid_points",
    InvalidQuery = "invalid_query",
    InvalidRetention = "invalid_retention",
    InvalidScope = "invalid_scope",
    InvalidSearch = "invalid_search",
    InvalidState = "invalid_state",
    InvalidTime = "invalid_time",
    InvalidToken = "invalid_token",
    InvalidTz = "invalid_tz",
    MachineIdRequired = "machineId_required",
    NotFound = "not_found",
    OpenBind = "open_bind",
    OriginNotAllowed = "origin_not_allowed",
    Overloaded = "overloaded",
    PayloadTooLarge = "payload_too_large",
    RequestError = "request_error",
    RequestTimeout = "request_timeout",
    TokenTooShort = "token_too_short",
    TooManyFailures = "too_many_failures",
    TooManyTokens = "too_many_tokens",
    TooMuch = "too_much",
    Unauthorized = "unauthorized",
    Unavailable = "unavailable",
    UnsupportedMediaType = "unsupported_media_type",
}

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
        code: Code,
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

    fn body(&self) -> serde_json::Value {
        let code = match self {
            Self::Rejected(rejection) => return json!({ "ok": false, "error": rejection }),
            Self::NotFound => Code::NotFound,
            Self::Unauthorized => Code::Unauthorized,
            Self::Forbidden(_) => Code::Forbidden,
            Self::TooManyFailures { .. } => Code::TooManyFailures,
            Self::OriginNotAllowed(_) => Code::OriginNotAllowed,
            Self::HostNotAllowed(_) => Code::HostNotAllowed,
            Self::MalformedBody(_) | Self::UnsupportedContentType(_) | Self::BodyTooLarge { .. } => {
                Code::RequestError
            }
            Self::InvalidBody => Code::InvalidBody,
            Self::InvalidBatchRequest => Code::InvalidBatchRequest,
            Self::InvalidField { code, .. } => *code,
            Self::UnsupportedMediaType => Code::UnsupportedMediaType,
            Self::PayloadTooLarge { .. } => Code::PayloadTooLarge,
            Self::NoSuch { .. } => Code::NotFound,
            Self::Gone { .. } => Code::AtBeforeHorizon,
            Self::TooSlow { .. } => Code::RequestTimeout,
            Self::Overloaded => Code::Overloaded,
            Self::TooMuch(_) => Code::TooMuch,
            Self::Unavailable(_) => Code::Unavailable,
            Self::Internal(_) => Code::InternalServerError,
        };
        match self {
            Self::Unauthorized => json!({ "error": code.name() }),
            Self::Gone { message, position, time } => json!({
                "error": code.name(), "message": message, "horizon": { "position": position, "time": time },
            }),
            _ => json!({ "error": code.name(), "message": self.to_string() }),
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
        response.content_type(JSON).json(self.body())
    }
}
