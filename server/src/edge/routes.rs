//! Every route: the path, the method, who may ([`ingest`], [`read`], [`write`]; without one of these it is open), the handler.
//!
//! Paths are matched exactly: a trailing slash, another method and an unknown path are all 404 `not_found` (contract §2.3).
//! Every GET answers HEAD too.

use actix_web::guard::{Any, Get, Head};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Handler, Resource, Responder, Route};

use super::{
    actors, commands, connections, events, fleet, health, history, ingest, landing, machines, metrics,
    retention, settings,
};
use crate::error::Error;
use crate::guard::{ingest as bridges, read, write};

/// The table.
pub(super) fn routes(app: &mut ServiceConfig) {
    app.service(at("/").route(get(landing::page)))
        .service(at("/health").route(get(health::health)))
        .service(at("/readyz").route(get(health::readyz).wrap(from_fn(read))))
        .service(at("/metrics").route(get(metrics::metrics).wrap(from_fn(read))))
        .service(at("/actors").route(get(actors::list).wrap(from_fn(read))))
        .service(at("/ingest").route(post(ingest::one).wrap(from_fn(bridges))))
        .service(at("/ingest/batch").route(post(ingest::batch).wrap(from_fn(bridges))))
        .service(at("/snapshot").route(get(fleet::snapshot).wrap(from_fn(read))))
        .service(at("/state").route(get(fleet::state).wrap(from_fn(read))))
        .service(at("/events").route(get(events::events).wrap(from_fn(read))))
        .service(at("/history/machines").route(get(history::machines).wrap(from_fn(read))))
        .service(at("/history/machines/{id}/series").route(get(history::series).wrap(from_fn(read))))
        .service(at("/history/sessions").route(get(history::sessions).wrap(from_fn(read))))
        .service(at("/history/runs").route(get(history::runs).wrap(from_fn(read))))
        .service(at("/history/runs/{id}/timeline").route(get(history::timeline).wrap(from_fn(read))))
        .service(at("/history/logs").route(get(history::logs).wrap(from_fn(read))))
        .service(at("/history/usage").route(get(history::usage).wrap(from_fn(read))))
        .service(at("/history/density").route(get(history::density).wrap(from_fn(read))))
        .service(at("/bridge/connections").route(get(connections::list).wrap(from_fn(read))))
        .service(at("/machines/{id}/rename").route(post(machines::rename).wrap(from_fn(write))))
        .service(at("/machines/{id}/pause").route(post(machines::pause).wrap(from_fn(write))))
        .service(at("/machines/{id}/resume").route(post(machines::resume).wrap(from_fn(write))))
        .service(at("/machines/{id}/forget").route(post(machines::forget).wrap(from_fn(write))))
        .service(
            at("/settings/auth")
                .route(get(settings::auth).wrap(from_fn(read)))
                .route(post(settings::set_auth).wrap(from_fn(write))),
        )
        .service(
            at("/settings/tokens")
                .route(get(settings::tokens).wrap(from_fn(read)))
                .route(post(settings::create_token).wrap(from_fn(write))),
        )
        .service(
            at("/settings/tokens/{id}").route(web::delete().to(settings::revoke_token).wrap(from_fn(write))),
        )
        .service(
            at("/settings/retention")
                .route(get(retention::show).wrap(from_fn(read)))
                .route(post(retention::set).wrap(from_fn(write))),
        )
        .service(at("/openclaw/bridge/commands/poll").route(post(commands::poll).wrap(from_fn(bridges))));
}

/// The answer where there is nothing.
pub(super) async fn nothing() -> Result<&'static str, Error> {
    Err(Error::NotFound)
}

fn at(path: &str) -> Resource {
    web::resource(path).default_service(web::to(nothing))
}

fn get<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::route().guard(Any(Get()).or(Head())).to(handler)
}

fn post<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::post().to(handler)
}
