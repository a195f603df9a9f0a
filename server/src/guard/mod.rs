//! What every request passes before a handler sees it (design §10 "Secure by default"; contract §2.1, §2.2).
//!
//! ```text
//! request -> origin (CORS) -> host (DNS rebinding) -> router -> ingest | read | write (who may) -> handler, then body
//! ```
//!
//! [`origin`] and [`host`] wrap the application, origin outermost, so that every answer carries the CORS headers. The
//! router comes before the credentials: a path that is nothing is 404 for everybody. Each route names what it needs by
//! one of [`ingest`], [`read`] and [`write`]; a route without is open: `/health`, `/openapi.json` and the page's files.
//! The credentials are looked at before the body is.
//!
//! All of these are plain functions for `actix_web::middleware::from_fn`; they find the [`Guard`] in the application's
//! data and answer 500 if it is not there.

mod authenticate;
mod bind;
mod host;
mod origin;
mod peer;
mod throttle;

use std::sync::Arc;

use actix_web::body::EitherBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{ResponseError as _, web};
use patze_actors::credentials::Credentials;
use patze_supervise::clock::Clock;

pub use authenticate::{ingest, read, write};
pub use bind::{Bind, OpenBind};
pub use host::{AllowedHosts, host};
pub use origin::{AllowedOrigins, origin};
pub use peer::{Peer, TrustedProxies};

use crate::error::Error;
use throttle::Throttle;

/// What the guard is told by the command line or the environment.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Allowed {
    /// Origins whose pages may use this server, beside local ones; comma-separated, such as https://patze.example.org
    #[arg(
        long = "allowed-origins",
        env = "PATZE_ALLOWED_ORIGINS",
        value_name = "ORIGINS",
        default_value = ""
    )]
    pub origins: AllowedOrigins,
    /// Host names under which this server may be asked without a token; comma-separated
    #[arg(long = "allowed-hosts", env = "PATZE_ALLOWED_HOSTS", value_name = "HOSTS", default_value = "")]
    pub hosts: AllowedHosts,
    /// Proxies whose X-Forwarded-For is believed; comma-separated addresses or networks, such as 10.0.0.0/8
    #[arg(
        long = "trusted-proxies",
        env = "PATZE_TRUSTED_PROXIES",
        value_name = "ADDRESSES",
        default_value = ""
    )]
    pub proxies: TrustedProxies,
}

/// What the middlewares share. Clones are the same guard; put one into the application's data.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    credentials: Credentials,
    clock: Clock,
    allowed: Allowed,
    bind: Bind,
    throttle: Throttle,
}

impl Guard {
    /// A guard of one server: one for all of its workers, so that failures are counted together.
    pub fn new(credentials: Credentials, clock: Clock, allowed: Allowed, bind: Bind) -> Self {
        Self(Arc::new(Inner { credentials, clock, allowed, bind, throttle: Throttle::default() }))
    }

    /// The store behind it.
    pub fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// The clock that it judges expiry by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Where the server is bound, and what follows for mode `none`.
    pub fn bind(&self) -> &Bind {
        &self.0.bind
    }

    /// Where a request comes from, as far as that can be believed (W-S8).
    pub fn peer(&self, request: &actix_web::HttpRequest) -> Peer {
        Peer::of(request.peer_addr(), request.headers(), &self.0.allowed.proxies)
    }
}

fn guard_of(request: &ServiceRequest) -> Result<&Guard, Error> {
    let guard = request.app_data::<web::Data<Guard>>().map(web::Data::get_ref);
    guard.ok_or_else(|| Error::internal("the application has no guard"))
}

/// Ends a request with an error, in the type of a middleware's answer.
fn refuse<B>(request: ServiceRequest, error: &Error) -> ServiceResponse<EitherBody<B>> {
    request.into_response(error.error_response()).map_into_right_body()
}

/// What may follow the name in an authority: nothing, or a colon and a port.
fn is_port_or_nothing(text: &str) -> bool {
    let port = text.strip_prefix(':').filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    text.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_ok())
}
