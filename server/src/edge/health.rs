//! `GET /health`, open to all and answered from memory (W-R16), and `GET /readyz`, which proves and explains.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use patze_actors::credentials::Mode;
use patze_actors::history::HistoryStatus;
use patze_actors::log::digest::hex;
use patze_actors::log::{Check, Status};
use patze_core::fleet::FOLD_VERSION;
use serde_json::json;

use super::{BUILD, Edge, answer};
use crate::error::{Error, JSON};

/// Whether somebody is there, and whether a token is needed (contract §9.1).
///
/// The original probes `openclaw --version` on its own machine here. We do not: whether OpenClaw is installed is a fact
/// of each machine that its bridge tells, and `false` means "not asked".
pub async fn health(edge: web::Data<Edge>) -> Result<HttpResponse, Error> {
    let mode = edge.guard.credentials().mode();
    let mut body = json!({
        "ok": true,
        "authMode": mode.name(),
        "authRequired": mode == Mode::Token,
        "openclawCliAvailable": false,
        "openclawCliVersion": null,
    });
    if edge.demo {
        body["demo"] = json!(true);
    }
    answer::json(&body)
}

/// Whether events can be stored, and the head of the log: an outside copy of it proves the past (design §6).
pub async fn readyz(edge: web::Data<Edge>) -> Result<HttpResponse, Error> {
    let (head, status) = (edge.log().head(), edge.log().status());
    let reasons = reasons(&status);
    let body = json!({
        "ready": reasons.is_empty(),
        "reasons": reasons,
        "logId": head.log_id,
        "position": head.position,
        "digest": hex(&head.digest),
        "foldVersion": FOLD_VERSION,
        "build": BUILD,
        "checkpoint": status.checkpoint,
        "check": word(status.check),
        "differed": status.differed,
        "history": history(&edge),
        "queueBytes": edge.log().metrics().queue_bytes.load(std::sync::atomic::Ordering::Relaxed),
    });
    let code = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(HttpResponse::build(code).content_type(JSON).body(body.to_string()))
}

/// How history fares. It is made from the log, so that it never keeps the control plane from being ready.
fn history(edge: &Edge) -> serde_json::Value {
    let HistoryStatus { progress, lag, fault } = edge.plane.history.status();
    let state = match (&fault, progress.rebuilding) {
        (Some(_), _) => "failed",
        (None, true) => "rebuilding",
        (None, false) => "following",
    };
    json!({
        "state": state,
        "position": progress.position,
        "behind": progress.behind,
        "lagSeconds": lag.as_secs_f64(),
        "fault": fault,
    })
}

/// Why nothing can be stored.
fn reasons(status: &Status) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(fault) = &status.fault {
        reasons.push(format!("the database is damaged ({fault}); see `patze verify`, restore a backup"));
    }
    if let Some(error) = &status.write_error {
        reasons.push(error.clone());
    }
    if !status.writing {
        reasons.push("the log's writer does not run".to_owned());
    }
    reasons
}

const fn word(check: Check) -> &'static str {
    match check {
        Check::NotNeeded => "notNeeded",
        Check::Running => "running",
        Check::Passed => "passed",
        Check::Failed => "failed",
        Check::Interrupted => "interrupted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told() {
        let well = Status { writing: true, ..Status::default() };
        assert!(reasons(&well).is_empty());
        let ill = Status {
            writing: false,
            fault: Some("page 7".into()),
            write_error: Some("disk full".into()),
            ..Status::default()
        };
        let reasons = reasons(&ill).join("|");
        assert!(["page 7", "disk full", "writer"].iter().all(|word| reasons.contains(word)), "{reasons}");
    }
}
