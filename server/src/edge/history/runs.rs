//! `/history/runs` and `/history/runs/{id}/timeline`.

use actix_web::{HttpRequest, HttpResponse, web};
use patze_core::ids::RunId;

use super::answered;
use super::params::{LIST, Params};
use crate::edge::Edge;
use crate::error::Error;

/// Runs, the newest first.
pub async fn runs(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let params = Params::read(&request, &LIST)?;
    answered(edge.plane.history.runs(params.list()?, params.paging()?).await)
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
