//! `/settings/retention`: how long and how much is kept, what was deleted, what is to come (design §6).
//!
//! What is set here is a fact in the log and wins over the environment from then on. It deletes history, and so it is for
//! whoever may change credentials.

use actix_web::{HttpRequest, HttpResponse, web};
use patze_actors::credentials::Caller;
use patze_actors::log::{Forecast, ReadError, Report};
use patze_core::event::control::Control;
use patze_core::retention::{Keep, Retention, Size};
use serde_json::{Map, Value, json};

use super::body::Object;
use super::{Edge, answer, ingest, settings, trace_id};
use crate::error::{Code, Error};

/// `{"keep", "setBy", "horizon", "filesBytes", "freeBytes", "runs", "forecast"}`.
pub async fn show(edge: web::Data<Edge>) -> Result<HttpResponse, Error> {
    shown(&edge).await
}

/// `{"heartbeats"?, "logs"?, "maxSize"?}`: what is left out stays as it is. What is too old by that leaves at once.
pub async fn set(
    edge: web::Data<Edge>,
    request: HttpRequest,
    caller: web::ReqData<Caller>,
    Object(body): Object,
) -> Result<HttpResponse, Error> {
    settings::allow(&edge, &request, &caller)?;
    let retention = changed(&body, edge.plane.retention())?;
    if edge.log().fleet().facts().server.retention != Some(retention) {
        let fact = Control::RetentionChanged { retention };
        let pending = edge.plane.recorder.record(&fact, &trace_id()?).map_err(|_| Error::Overloaded)?;
        pending.await.map_err(ingest::not_stored)?;
        edge.log().retention_is_due();
    }
    shown(&edge).await
}

async fn shown(edge: &Edge) -> Result<HttpResponse, Error> {
    let retention = edge.plane.retention();
    let report = edge.log().retention_report(retention).await.map_err(|error| match error {
        ReadError::Read { .. } => Error::internal(error),
        _ => Error::Unavailable(error.to_string()),
    })?;
    let Retention { heartbeats_ms, logs_ms, max_bytes } = retention;
    let set = edge.log().fleet().facts().server.retention.is_some();
    let Report { files_bytes, free_bytes, runs, forecast } = report;
    answer::json(&json!({
        "keep": { "heartbeats": Keep(heartbeats_ms), "logs": Keep(logs_ms), "maxSize": Size(max_bytes) },
        "setBy": if set { "user" } else { "environment" },
        "horizon": edge.log().horizon().map(|at| json!({ "position": at.position, "time": at.time })),
        "filesBytes": files_bytes,
        "freeBytes": free_bytes,
        "runs": runs,
        "forecast": forecast.map(|forecast| foretold(&forecast, retention)),
    }))
}

fn foretold(forecast: &Forecast, retention: Retention) -> Value {
    let mut shown = json!(forecast);
    let limit = retention.max_bytes.filter(|most| *most < forecast.after_a_year);
    let held =
        limit.map(|most| format!(", held at {} by cutting the oldest", Size(Some(most)))).unwrap_or_default();
    shown["text"] = format!("at this rate {} a year{held}", rough(forecast.after_a_year)).into();
    shown
}

/// A size in two digits or three: 1.4 GB, 36 MB.
fn rough(bytes: u64) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB")];
    let (unit, name) = units.into_iter().find(|(unit, _)| bytes as f64 >= *unit).unwrap_or((1e6, "MB"));
    let size = bytes as f64 / unit;
    if size < 9.95 { format!("{size:.1} {name}") } else { format!("{size:.0} {name}") }
}

/// What `body` makes of the settings.
fn changed(body: &Map<String, Value>, mut retention: Retention) -> Result<Retention, Error> {
    let known = ["heartbeats", "logs", "maxSize"];
    if body.is_empty() || body.keys().any(|name| !known.contains(&name.as_str())) {
        return Err(invalid(
            "send one or more of heartbeats, logs (48h, 30d, forever) and maxSize (2GB, unlimited)".into(),
        ));
    }
    if let Some(Keep(millis)) = field(body, "heartbeats", "48h, 30d, 2w, 1y or forever")? {
        retention.heartbeats_ms = millis;
    }
    if let Some(Keep(millis)) = field(body, "logs", "48h, 30d, 2w, 1y or forever")? {
        retention.logs_ms = millis;
    }
    if let Some(Size(bytes)) = field(body, "maxSize", "2GB, 500MB, 2GiB or unlimited")? {
        retention.max_bytes = bytes;
    }
    Ok(retention)
}

fn field<T: std::str::FromStr<Err = String>>(
    body: &Map<String, Value>,
    name: &str,
    allowed: &str,
) -> Result<Option<T>, Error> {
    let Some(value) = body.get(name) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| invalid(format!("{name} must be a text such as {allowed}")))?;
    text.parse().map(Some).map_err(|error| invalid(format!("{name}: {error}")))
}

fn invalid(message: String) -> Error {
    Error::InvalidField { code: Code::InvalidRetention, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_set_alone_and_what_is_odd_is_named() {
        let parsed = |body: Value| changed(body.as_object().unwrap(), Retention::default());
        let is = Retention::default();
        let parsed_logs = parsed(json!({ "logs": "1y" })).unwrap();
        assert_eq!(parsed_logs, Retention { logs_ms: Some(365 * 86_400_000), ..is });
        let all = parsed(json!({ "heartbeats": "forever", "maxSize": "2GB" })).unwrap();
        assert_eq!(all, Retention { heartbeats_ms: None, max_bytes: Some(2_000_000_000), ..is });
        for (body, names) in [
            (json!({}), "heartbeats"),
            (json!({ "log": "1d" }), "logs"),
            (json!({ "logs": 30 }), "logs must be a text such as 48h"),
            (json!({ "logs": null }), "logs must be a text"),
            (json!({ "heartbeats": "5m" }), "heartbeats: \"5m\" is too short; at least 1h"),
            (json!({ "maxSize": "1GB", "logs": "soon" }), "logs: \"soon\" is no time"),
            (json!({ "maxSize": "1kB" }), "maxSize: \"1kB\" is too small; at least 256MB"),
        ] {
            let error = parsed(body.clone()).unwrap_err().to_string();
            assert!(error.contains(names), "{body}: {error}");
        }
    }

    #[test]
    fn a_forecast_is_told_in_words() {
        let forecast = |after_a_year| Forecast {
            over_ms: 1,
            heartbeats_per_day: 1,
            logs_per_day: 1,
            others_per_day: 1,
            after_a_year,
        };
        let text = |bytes, max_bytes| {
            foretold(&forecast(bytes), Retention { max_bytes, ..Retention::default() })["text"].clone()
        };
        assert_eq!(text(1_400_000_000, None), "at this rate 1.4 GB a year");
        assert_eq!(text(36_000_000, Some(1_000_000_000)), "at this rate 36 MB a year");
        assert_eq!(
            text(1_400_000_000_000, Some(2_000_000_000)),
            "at this rate 1.4 TB a year, held at 2GB by cutting the oldest"
        );
    }
}
