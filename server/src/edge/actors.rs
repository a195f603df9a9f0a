//! `GET /actors`: every actor's observable state, live (design §9).

use actix_web::{HttpResponse, web};

use super::{Edge, answer};
use crate::error::Error;

/// Lists the actors. Waits for none of them.
pub async fn list(edge: web::Data<Edge>) -> Result<HttpResponse, Error> {
    answer::json(&serde_json::json!({ "live": true, "actors": edge.plane.directory.states() }))
}
