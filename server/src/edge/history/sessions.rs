//! `/history/sessions`.

use actix_web::{HttpRequest, HttpResponse, web};

use super::answered;
use super::params::{LIST, Params};
use crate::edge::Edge;
use crate::error::Error;

/// Sessions, the newest first.
pub async fn sessions(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let params = Params::read(&request, &LIST)?;
    answered(edge.plane.history.sessions(params.list()?, params.paging()?).await)
}
