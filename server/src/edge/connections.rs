//! `GET /bridge/connections` (contract §13.7), and what the headers of an ingest request add to it.

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use patze_actors::connections::Sighting;
use patze_actors::credentials::Reach;
use patze_actors::machine::Heard;
use patze_core::event::envelope::MAX_ID_UNITS;
use patze_core::ids::MachineId;
use patze_core::time::{SECOND, Timestamp};

use super::{Edge, answer};
use crate::error::Error;

/// Lists the bridges that were heard of within five minutes.
pub async fn list(edge: web::Data<Edge>) -> Result<HttpResponse, Error> {
    answer::json(&serde_json::json!({ "connections": edge.connections.list() }))
}

/// Notes what a bridge tells of itself, if it may speak for the machine that it names (W-S17).
pub(super) fn note(edge: &Edge, request: &HttpRequest, reach: &Reach) {
    let headers = request.headers();
    let Some(machine) = told(headers, "x-patze-machine-id").map(MachineId::from) else { return };
    let may = match reach {
        Reach::Everywhere => machine.as_str().encode_utf16().count() <= MAX_ID_UNITS,
        Reach::Machine(own) => machine == *own,
        Reach::Unbound(_) => false,
    };
    if !may {
        return;
    }
    let sent_at = told(headers, "x-patze-sent-at").and_then(|text| Timestamp::parse(&text));
    let version = told(headers, "x-patze-bridge-version");
    let skew_seconds = sent_at.map(|sent_at| sent_at.since(edge.plane.clock.now()) / SECOND);
    edge.plane.heard(&machine, Heard { bridge_version: version.clone(), skew_seconds });
    edge.connections.saw(Sighting {
        machine,
        label: told(headers, "x-patze-machine-label"),
        version,
        address: edge.guard.peer(request).address,
    });
}

/// A header's value, trimmed, if there is anything.
fn told(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
