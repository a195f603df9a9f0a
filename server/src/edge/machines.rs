//! `POST /machines/{id}/{rename,pause,resume,forget}` (design §7, §10): what the user decides about a machine.
//!
//! Each is a control event; the answer is sent when the fleet has it. What is so already is answered without an event.

use actix_web::{HttpResponse, web};
use patze_core::event::control::Control;
use patze_core::ids::MachineId;
use serde_json::{Value, json};

use super::body::{Nothing, Object};
use super::{Edge, answer, ingest};
use crate::error::{Code, Error};

/// The longest name, in characters.
const MOST_NAME_CHARS: usize = 128;

/// `{"name": "…"}` gives the machine a name, `{"name": null}` takes it back.
pub async fn rename(
    edge: web::Data<Edge>,
    machine: web::Path<String>,
    Object(body): Object,
) -> Result<HttpResponse, Error> {
    let name = match body.get("name") {
        Some(Value::Null) => None,
        Some(Value::String(name)) if is_name(name) => Some(name.trim().to_owned()),
        _ => {
            return Err(Error::InvalidField {
                code: Code::InvalidName,
                message: "name must be null, or a text of 1 to 128 characters without control characters"
                    .into(),
            });
        }
    };
    let machine_id = known(&edge, &machine)?;
    let current = edge.log().fleet().facts().machines.get(&machine_id).and_then(|m| m.given_name.clone());
    let done = current.as_deref() == name.as_deref();
    decide(&edge, done, Control::MachineRenamed { machine_id, name }).await
}

/// Its data is still taken; it counts in no health and raises no attention.
pub async fn pause(
    edge: web::Data<Edge>,
    machine: web::Path<String>,
    _: Nothing,
) -> Result<HttpResponse, Error> {
    let machine_id = known(&edge, &machine)?;
    decide(&edge, edge.log().fleet().is_paused(&machine_id), Control::MachinePaused { machine_id }).await
}

/// It counts again.
pub async fn resume(
    edge: web::Data<Edge>,
    machine: web::Path<String>,
    _: Nothing,
) -> Result<HttpResponse, Error> {
    let machine_id = known(&edge, &machine)?;
    decide(&edge, !edge.log().fleet().is_paused(&machine_id), Control::MachineResumed { machine_id }).await
}

/// It leaves the hot state and is new with its next event; the log stays as it is.
pub async fn forget(
    edge: web::Data<Edge>,
    machine: web::Path<String>,
    _: Nothing,
) -> Result<HttpResponse, Error> {
    let machine_id = known(&edge, &machine)?;
    decide(&edge, false, Control::MachineForgotten { machine_id }).await
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= MOST_NAME_CHARS && !name.chars().any(char::is_control)
}

fn known(edge: &Edge, machine: &str) -> Result<MachineId, Error> {
    let machine_id = MachineId::new(machine);
    if edge.log().fleet().facts().machines.get(&machine_id).is_some() {
        Ok(machine_id)
    } else {
        Err(Error::NoSuch { kind: "machine", id: machine.chars().take(256).collect() })
    }
}

/// Appends what was decided, unless it is so already, and shows the machine as it is then.
async fn decide(edge: &Edge, done: bool, control: Control) -> Result<HttpResponse, Error> {
    if !done {
        let pending =
            edge.plane.recorder.record(&control, &super::trace_id()?).map_err(|_| Error::Overloaded)?;
        pending.await.map_err(ingest::not_stored)?;
    }
    let fleet = edge.log().fleet();
    answer::json(&json!({
        "ok": true,
        "position": fleet.position(),
        "machine": fleet.facts().machines.get(&control.machine()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_machine_may_have() {
        for (name, good) in [
            ("Desk", true),
            ("büro 2 🦀", true),
            ("", false),
            ("   ", false),
            ("a\nb", false),
            ("a\u{7f}", false),
            (&"x".repeat(128), true),
            (&"x".repeat(129), false),
        ] {
            assert_eq!(is_name(name), good, "{name:?}");
        }
    }
}
