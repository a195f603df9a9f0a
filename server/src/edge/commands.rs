//! `POST /openclaw/bridge/commands/poll` (contract §14.9): there are no commands for bridges yet.

use actix_web::HttpResponse;
use serde_json::Value;

use super::answer;
use super::body::Object;
use crate::error::{Code, Error};

/// Tells a bridge that there is nothing to do.
pub async fn poll(Object(body): Object) -> Result<HttpResponse, Error> {
    match body.get("machineId") {
        Some(Value::String(machine)) if !machine.trim().is_empty() => {
            Ok(answer::json_text(r#"{"available":false}"#.to_owned()))
        }
        _ => Err(Error::InvalidField {
            code: Code::MachineIdRequired,
            message: "machineId must be the id of the bridge's machine".into(),
        }),
    }
}
