//! `/history/density`: the moment rail.

use actix_web::{HttpRequest, HttpResponse, web};
use patze_actors::history::query::{DensityQuery, MAX_BUCKETS};

use super::answered;
use super::params::{Params, in_order};
use crate::edge::Edge;
use crate::error::Error;

/// Buckets unless told.
const BUCKETS: usize = 300;

/// Events, failures and the fleet's worst health; since recording began, unless told.
pub async fn density(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let params = Params::read(&request, &["from", "to", "buckets"])?;
    let from = params.time("from")?;
    let to = params.time("to")?.unwrap_or_else(|| edge.plane.clock.now());
    if let Some(from) = from {
        in_order(from, to)?;
    }
    let buckets = params.number("buckets", 1, MAX_BUCKETS)?.unwrap_or(BUCKETS);
    answered(edge.plane.history.density(DensityQuery { from, to, buckets }).await)
}
