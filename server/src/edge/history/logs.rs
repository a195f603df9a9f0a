//! `/history/logs`.

use actix_web::{HttpRequest, HttpResponse, web};
use patze_actors::history::query::LogQuery;

use super::answered;
use super::params::Params;
use crate::edge::Edge;
use crate::error::Error;

/// Log lines, the newest arrival first.
pub async fn logs(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let params = Params::read(
        &request,
        &["q", "level", "machineId", "agentId", "sessionId", "runId", "from", "to", "limit", "cursor"],
    )?;
    let query = LogQuery {
        text: params.search(),
        levels: params.levels()?,
        machine: params.text("machineId")?,
        agent: params.text("agentId")?,
        session: params.text("sessionId")?,
        run: params.text("runId")?,
        span: params.span()?,
    };
    answered(edge.plane.history.logs(query, params.paging()?).await)
}
