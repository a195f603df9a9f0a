//! `/history/sessions`.

use actix_web::{HttpRequest, HttpResponse, web};
use patze_actors::history::query::SessionQuery;

use super::answered;
use super::params::Params;
use crate::edge::Edge;
use crate::error::Error;

/// Sessions, the newest first.
pub async fn sessions(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let params = Params::read(
        &request,
        &["machineId", "agentId", "sessionId", "channel", "state", "from", "to", "limit", "cursor"],
    )?;
    let query = SessionQuery {
        machine: params.text("machineId")?,
        agent: params.text("agentId")?,
        session: params.text("sessionId")?,
        channel: params.text("channel")?,
        state: params.state()?,
        span: params.span()?,
    };
    answered(edge.plane.history.sessions(query, params.paging()?).await)
}
