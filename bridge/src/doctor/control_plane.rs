//! The control plane, as the doctor sees it.

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{DATE, HeaderMap};
use patze_core::causes::with_causes;
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::push::answer::{Response, Sent, of_response};
use crate::push::http::{Call, CallError, Client};
use crate::push::plan::Answer;
use crate::push::{LOG_ID, headers};
use crate::spool::Shape;

/// The clocks may differ by this much, seconds; the control plane calls more a skew (design §7).
const MOST_SKEW: i64 = 60;

/// Whether events are taken.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlane {
    /// Whether something answers at the address.
    pub reachable: bool,
    /// Whether that takes events from this bridge.
    pub takes_events: bool,
    /// Whether it wants a token, if it says so.
    pub auth_required: Option<bool>,
    /// Its version, if it tells that to this token.
    pub version: Option<String>,
    /// Its log.
    pub log_id: Option<String>,
    /// How far this machine's clock is ahead of its, seconds (exact to one or two).
    pub clock_ahead_seconds: Option<i64>,
    /// What is to be done.
    pub problems: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    ok: bool,
    auth_required: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    build: Option<String>,
    log_id: Option<String>,
    #[serde(default)]
    reasons: Vec<String>,
}

/// Asks for its health, sends it an empty batch, and asks what it tells of itself.
pub(super) async fn examine(config: &Config, machine: Option<&MachineId>, clock: &Clock) -> ControlPlane {
    let mut seen = ControlPlane::default();
    if let Some(at) = config.token_expires_at.filter(|at| *at <= clock.now()) {
        seen.problems
            .push(format!("the token ended at {at}; set a new CONTROL_PLANE_TOKEN and TOKEN_EXPIRES_AT"));
    }
    let mut client = match Client::new(config, clock.clone()) {
        Ok(client) => client,
        Err(error) => {
            seen.problems.push(with_causes(&error));
            return seen;
        }
    };
    let headers = headers(config, &machine.cloned().unwrap_or_default(), clock.now());
    match ask(&mut client, Method::GET, "/health", &headers, "").await {
        Ok(response) => health(&mut seen, &response, clock.now()),
        Err(error) => {
            let to = &config.control_plane;
            seen.problems.push(format!(
                "{}; does the control plane run, and is CONTROL_PLANE_BASE_URL={to} right?",
                with_causes(&error)
            ));
            return seen;
        }
    }
    match ask(&mut client, Method::POST, "/ingest/batch", &headers, "{\"events\":[]}").await {
        Ok(response) => taken(&mut seen, &response, clock.now()),
        Err(error) => seen.problems.push(with_causes(&error)),
    }
    if let Ok(response) = ask(&mut client, Method::GET, "/readyz", &headers, "").await
        && let Ok(ready) = serde_json::from_slice::<Ready>(&response.body)
    {
        seen.version = ready.build;
        seen.log_id = seen.log_id.or(ready.log_id);
        seen.problems.extend(
            ready.reasons.into_iter().map(|reason| format!("the control plane is not ready: {reason}")),
        );
    }
    seen
}

async fn ask(
    client: &mut Client,
    method: Method,
    path: &'static str,
    headers: &HeaderMap,
    body: &'static str,
) -> Result<Response, CallError> {
    let body = Bytes::from_static(body.as_bytes());
    client.call(&Call { method, path, headers: headers.clone(), body }).await
}

fn health(seen: &mut ControlPlane, response: &Response, now: Timestamp) {
    seen.reachable = true;
    match serde_json::from_slice::<Health>(&response.body) {
        Ok(health) if health.ok => seen.auth_required = health.auth_required,
        _ => seen.problems.push(format!(
            "what answers GET /health ({}) is no control plane; is CONTROL_PLANE_BASE_URL right?",
            response.status.as_u16()
        )),
    }
    let date = response.headers.get(DATE).and_then(|value| value.to_str().ok());
    let date = date.and_then(|text| httpdate::parse_http_date(text).ok());
    let since_1970 = date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
    seen.clock_ahead_seconds = since_1970
        .and_then(|since| Some(now.millis().div_euclid(1_000) - i64::try_from(since.as_secs()).ok()?));
    if let Some(ahead) = seen.clock_ahead_seconds.filter(|ahead| ahead.abs() > MOST_SKEW) {
        let word = if ahead > 0 { "ahead of" } else { "behind" };
        seen.problems.push(format!(
            "this machine's clock is {} s {word} the control plane's; set it right (for instance by systemd-timesyncd)",
            ahead.abs()
        ));
    }
}

fn taken(seen: &mut ControlPlane, response: &Response, now: Timestamp) {
    seen.log_id = response.headers.get(LOG_ID).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let sent = Sent { shape: Shape::Batch, events: 0, foreign: 0 };
    match of_response(sent, response, now) {
        Answer::Taken(_) => seen.takes_events = true,
        // An original control plane without the batch route; events go one by one.
        Answer::NoRoute if seen.problems.is_empty() => seen.takes_events = true,
        Answer::NoRoute => {}
        Answer::Unwelcome(why) | Answer::Later { why, .. } => {
            seen.problems.push(format!("the control plane: {why}"));
        }
        Answer::Refused(reason) => {
            seen.problems.push(format!(
                "the control plane refuses an empty batch ({} {})",
                reason.code, reason.message
            ));
        }
    }
}
