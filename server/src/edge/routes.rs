//! Every route: the path, the method, [who](Who) may, the handler.
//!
//! Paths are matched exactly: a trailing slash, another method and an unknown path are all 404 `not_found` (contract §2.3).
//! Every GET answers HEAD too.

use actix_web::guard::{Any, Get, Head};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Handler, Responder, Route};

use super::{
    actors, commands, connections, events, fleet, health, history, ingest, landing, machines, metrics,
    openapi, settings,
};
use crate::error::Error;
use crate::guard::{ingest as ingest_by, read, write};

/// Who may ask for a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    /// Everybody, in every mode.
    Open,
    /// Whoever has scope `read`.
    Read,
    /// Whoever has scope `bridge`.
    Bridge,
    /// Whoever has scope `admin`, which may do everything else too.
    Admin,
}

/// A path and method with what answers it.
pub(super) struct Entry {
    pub(super) path: &'static str,
    pub(super) method: &'static str,
    pub(super) who: Who,
    route: Route,
}

/// The table; the methods of a path stand together. `server/openapi.json` describes each, which a test compares.
pub(super) fn table() -> Vec<Entry> {
    use Who::{Admin, Bridge, Open, Read};
    vec![
        get("/", Open, landing::page),
        get("/health", Open, health::health),
        get("/openapi.json", Open, openapi::document),
        get("/readyz", Read, health::readyz),
        get("/metrics", Read, metrics::metrics),
        get("/actors", Read, actors::list),
        post("/ingest", Bridge, ingest::one),
        post("/ingest/batch", Bridge, ingest::batch),
        get("/snapshot", Read, fleet::snapshot),
        get("/state", Read, fleet::state),
        get("/events", Read, events::events),
        get("/history/machines", Read, history::machines),
        get("/history/machines/{id}/series", Read, history::series),
        get("/history/sessions", Read, history::sessions),
        get("/history/runs", Read, history::runs),
        get("/history/runs/{id}/timeline", Read, history::timeline),
        get("/history/logs", Read, history::logs),
        get("/history/usage", Read, history::usage),
        get("/history/density", Read, history::density),
        get("/bridge/connections", Read, connections::list),
        post("/machines/{id}/rename", Admin, machines::rename),
        post("/machines/{id}/pause", Admin, machines::pause),
        post("/machines/{id}/resume", Admin, machines::resume),
        post("/machines/{id}/forget", Admin, machines::forget),
        get("/settings/auth", Read, settings::auth),
        post("/settings/auth", Admin, settings::set_auth),
        get("/settings/tokens", Read, settings::tokens),
        post("/settings/tokens", Admin, settings::create_token),
        delete("/settings/tokens/{id}", Admin, settings::revoke_token),
        post("/openclaw/bridge/commands/poll", Bridge, commands::poll),
    ]
}

/// Registers the table.
pub(super) fn routes(app: &mut ServiceConfig) {
    let mut table = table().into_iter().peekable();
    while let Some(Entry { path, route, .. }) = table.next() {
        let mut resource = web::resource(path).default_service(web::to(nothing)).route(route);
        while let Some(another) = table.next_if(|entry| entry.path == path) {
            resource = resource.route(another.route);
        }
        app.service(resource);
    }
}

/// The answer where there is nothing.
pub(super) async fn nothing() -> Result<&'static str, Error> {
    Err(Error::NotFound)
}

fn get<F, Args>(path: &'static str, who: Who, handler: F) -> Entry
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let route = web::route().guard(Any(Get()).or(Head())).to(handler);
    Entry { path, method: "get", who, route: who.may(route) }
}

fn post<F, Args>(path: &'static str, who: Who, handler: F) -> Entry
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Entry { path, method: "post", who, route: who.may(web::post().to(handler)) }
}

fn delete<F, Args>(path: &'static str, who: Who, handler: F) -> Entry
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Entry { path, method: "delete", who, route: who.may(web::delete().to(handler)) }
}

impl Who {
    /// The route, for those alone.
    fn may(self, route: Route) -> Route {
        match self {
            Self::Open => route,
            Self::Read => route.wrap(from_fn(read)),
            Self::Bridge => route.wrap(from_fn(ingest_by)),
            Self::Admin => route.wrap(from_fn(write)),
        }
    }
}
