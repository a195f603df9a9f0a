//! Every route: the path, the method, [who](Who) may, the handler.
//!
//! Paths are matched exactly: a trailing slash, another method and an unknown path are all 404 `not_found` (contract §2.3).
//! Every GET answers HEAD too.

use actix_web::guard::{Any, Get, Head};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Handler, Responder, Route};

use super::{
    actors, commands, connections, events, fleet, health, history, ingest, landing, machines, metrics,
    openapi, page, retention, settings,
};
use crate::error::Error;
use crate::guard::{ingest as bridges, read, write};

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
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) who: Who,
    route: Route,
}

/// The table; the methods of a path stand together. `server/openapi.json` describes each, which a test compares.
pub(super) fn table() -> Vec<Entry> {
    use Who::{Admin, Bridge, Open, Read};
    vec![
        at(Method::GET, "/", Open, page::page),
        at(Method::GET, "/page/{file}", Open, page::file),
        at(Method::GET, "/plain", Open, landing::page),
        at(Method::GET, "/health", Open, health::health),
        at(Method::GET, "/openapi.json", Open, openapi::document),
        at(Method::GET, "/readyz", Read, health::readyz),
        at(Method::GET, "/metrics", Read, metrics::metrics),
        at(Method::GET, "/actors", Read, actors::list),
        at(Method::POST, "/ingest", Bridge, ingest::one),
        at(Method::POST, "/ingest/batch", Bridge, ingest::batch),
        at(Method::GET, "/snapshot", Read, fleet::snapshot),
        at(Method::GET, "/state", Read, fleet::state),
        at(Method::GET, "/events", Read, events::events),
        at(Method::GET, "/history/machines", Read, history::machines),
        at(Method::GET, "/history/machines/{id}/series", Read, history::series),
        at(Method::GET, "/history/sessions", Read, history::sessions),
        at(Method::GET, "/history/runs", Read, history::runs),
        at(Method::GET, "/history/runs/{id}/timeline", Read, history::timeline),
        at(Method::GET, "/history/logs", Read, history::logs),
        at(Method::GET, "/history/usage", Read, history::usage),
        at(Method::GET, "/history/density", Read, history::density),
        at(Method::GET, "/bridge/connections", Read, connections::list),
        at(Method::POST, "/machines/{id}/rename", Admin, machines::rename),
        at(Method::POST, "/machines/{id}/pause", Admin, machines::pause),
        at(Method::POST, "/machines/{id}/resume", Admin, machines::resume),
        at(Method::POST, "/machines/{id}/forget", Admin, machines::forget),
        at(Method::GET, "/settings/auth", Read, settings::auth),
        at(Method::POST, "/settings/auth", Admin, settings::set_auth),
        at(Method::GET, "/settings/tokens", Read, settings::tokens),
        at(Method::POST, "/settings/tokens", Admin, settings::create_token),
        at(Method::DELETE, "/settings/tokens/{id}", Admin, settings::revoke_token),
        at(Method::GET, "/settings/retention", Read, retention::show),
        at(Method::POST, "/settings/retention", Admin, retention::set),
        at(Method::POST, "/openclaw/bridge/commands/poll", Bridge, commands::poll),
    ]
}

/// Registers the table.
pub(super) fn routes(app: &mut ServiceConfig) {
    let mut table = table().into_iter().peekable();
    while let Some(entry) = table.next() {
        let path = entry.path;
        let mut resource = web::resource(path).default_service(web::to(nothing)).route(entry.into_route());
        while let Some(another) = table.next_if(|entry| entry.path == path) {
            resource = resource.route(another.into_route());
        }
        app.service(resource);
    }
}

/// The answer where there is nothing.
pub(super) async fn nothing() -> Result<&'static str, Error> {
    Err(Error::NotFound)
}

fn at<F, Args>(method: Method, path: &'static str, who: Who, handler: F) -> Entry
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Entry { method, path, who, route: web::route().to(handler) }
}

impl Entry {
    /// The route, for its method and for those who may.
    fn into_route(self) -> Route {
        let route = match self.method {
            Method::GET => self.route.guard(Any(Get()).or(Head())),
            method => self.route.method(method),
        };
        match self.who {
            Who::Open => route,
            Who::Read => route.wrap(from_fn(read)),
            Who::Bridge => route.wrap(from_fn(bridges)),
            Who::Admin => route.wrap(from_fn(write)),
        }
    }
}
