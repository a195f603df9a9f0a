//! `/history/machines` and `/history/machines/{id}/series`.

use actix_web::{HttpRequest, HttpResponse, web};
use patze_actors::history::query::{MAX_POINTS, MIN_POINTS, MachineQuery, SeriesQuery};
use patze_core::fleet::rows::Status;
use patze_core::ids::MachineId;
use patze_core::time::DAY;

use super::answered;
use super::params::{Params, in_order};
use crate::edge::Edge;
use crate::error::Error;

/// Points of a series unless told.
const POINTS: usize = 300;

/// Machines, the newest first.
pub async fn machines(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let params = Params::read(&request, &["machineId", "status", "limit", "cursor"])?;
    let words = [Status::Online, Status::Offline, Status::Degraded].map(|status| (status.name(), status));
    let query = MachineQuery { machine: params.text("machineId")?, status: params.word("status", &words)? };
    answered(edge.plane.history.machines(query, params.paging()?).await)
}

/// A machine's gauges over time; of the last day unless told.
pub async fn series(
    edge: web::Data<Edge>,
    machine: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let params = Params::read(&request, &["from", "to", "points"])?;
    let to = params.time("to")?.unwrap_or_else(|| edge.plane.clock.now());
    let from = params.time("from")?.unwrap_or_else(|| to.plus(-DAY));
    in_order(from, to)?;
    let points = params.number("points", MIN_POINTS, MAX_POINTS)?.unwrap_or(POINTS);
    let query = SeriesQuery { machine: MachineId::from(machine.into_inner()), from, to, points };
    answered(edge.plane.history.series(query).await)
}
