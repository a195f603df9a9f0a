//! `/history/runs` and `/history/runs/{id}/timeline`.

use actix_web::{HttpRequest, HttpResponse, web};
use patze_actors::history::query::RunQuery;
use patze_core::ids::RunId;

use super::answered;
use super::params::Params;
use crate::edge::Edge;
use crate::error::Error;

/// Runs, the newest first.
pub async fn runs(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let params = Params::read(
        &request,
        &["machineId", "agentId", "sessionId", "channel", "state", "from", "to", "limit", "cursor"],
    )?;
    let query = RunQuery {
        machine: params.text("machineId")?,
        agent: params.text("agentId")?,
        session: params.text("sessionId")?,
        channel: params.text("channel")?,
        state: params.state()?,
        span: params.span()?,
    };
    answered(edge.plane.history.runs(query, params.paging()?).await)
}

/// One run, step by step.
pub async fn timeline(
    edge: web::Data<Edge>,
    run: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let params = Params::read(&request, &["machineId"])?;
    let machine = params.text("machineId")?;
    answered(edge.plane.history.timeline(RunId::from(run.into_inner()), machine).await)
}
