//! What is said of actors: which are worth a look, and how each is, in words.

use super::answers::Actor;
use crate::say::word::State;
use crate::say::{NONE, number};

/// Whether an actor is worth a look: it fails, it is behind, or it is the only one of its kind.
pub fn is_interesting(actor: &Actor) -> bool {
    let one_of_many = matches!(actor.kind.as_str(), "machine" | "session");
    actor.state != "running"
        || actor.restarts > 0
        || actor.last_error.is_some()
        || actor.mailbox.depth * 2 > actor.mailbox.capacity
        || !one_of_many
}

/// How an actor is marked.
pub fn state(actor: &Actor) -> State {
    let troubled = ["/fault", "/lastRun/error"]
        .iter()
        .any(|at| actor.detail.pointer(at).is_some_and(|fault| !fault.is_null()));
    let differs = actor.detail.get("lastProof").is_some_and(|proof| proof == "differs");
    match actor.state.as_str() {
        "running" if troubled || differs => State::Degraded,
        "running" => State::Ok,
        "starting" | "stopping" => State::Unknown,
        _ => State::Down,
    }
}

/// What it tells of itself while it runs; else where it is in its life.
pub fn words(actor: &Actor) -> String {
    match actor.state.as_str() {
        "running" => detail(actor).unwrap_or_else(|| "running".to_owned()),
        "backoff" => "failed, waits for its restart".to_owned(),
        other => other.to_owned(),
    }
}

fn detail(actor: &Actor) -> Option<String> {
    let get = |name: &str| actor.detail.get(name).filter(|value| !value.is_null());
    let number_of = |name: &str| get(name)?.as_u64();
    match actor.kind.as_str() {
        "eventLog" => Some(format!("at {}", number::position(number_of("position")?))),
        "prover" => {
            let (proof, position) = (get("lastProof")?.as_str()?, number_of("position")?);
            Some(format!("last proof {proof} at {}", number::position(position)))
        }
        "history" => match (get("fault").and_then(|fault| fault.as_str()), number_of("behind")?) {
            (Some(fault), _) => Some(fault.to_owned()),
            (None, behind) => Some(format!("{} behind", number::of(behind as usize, "event", "events"))),
        },
        "machine" => Some(get("status")?.as_str()?.to_owned()),
        "session" if get("stalledSince").is_some() => Some("silent with an active run".to_owned()),
        "session" => Some(number::of(number_of("activeRuns")? as usize, "active run", "active runs")),
        "janitor" => Some(format!("{} free", number::bytes(number_of("freeBytes")? as f64))),
        _ => None,
    }
}

/// What stands for its key: machines by their name, nothing for the only one of its kind.
pub fn key(actor: &Actor) -> String {
    if actor.key == actor.kind {
        return NONE.to_owned();
    }
    let name = actor.detail.get("name").and_then(|name| name.as_str());
    name.map_or_else(|| actor.key.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::answers::Mailbox;
    use super::*;

    fn actor(kind: &str, state: &str, detail: serde_json::Value) -> Actor {
        Actor {
            kind: kind.to_owned(),
            key: "k".to_owned(),
            state: state.to_owned(),
            since: patze_core::time::Timestamp::EPOCH,
            detail,
            mailbox: Mailbox { depth: 0, capacity: 64 },
            restarts: 0,
            last_error: None,
        }
    }

    #[test]
    fn what_fails_is_behind_or_stands_alone_is_worth_a_look() {
        let machine =
            || actor("machine", "running", serde_json::json!({"name": "larch", "status": "online"}));
        assert!(!is_interesting(&machine()));
        assert!(is_interesting(&actor("machine", "backoff", serde_json::Value::Null)));
        assert!(is_interesting(&Actor { restarts: 2, ..machine() }));
        assert!(is_interesting(&Actor { mailbox: Mailbox { depth: 40, capacity: 64 }, ..machine() }));
        assert!(is_interesting(&actor("janitor", "running", serde_json::Value::Null)));
        assert_eq!((words(&machine()).as_str(), key(&machine()).as_str()), ("online", "larch"));
    }

    #[test]
    fn each_kind_tells_what_it_does() {
        let words = |kind, detail| words(&actor(kind, "running", detail));
        assert_eq!(words("eventLog", serde_json::json!({"position": 1234})), "at #1,234");
        assert_eq!(words("history", serde_json::json!({"behind": 0, "fault": null})), "no event behind");
        assert_eq!(words("prover", serde_json::json!({"lastProof": null, "position": null})), "running");
        assert_eq!(words("new", serde_json::json!(7)), "running");
        assert_eq!(
            state(&actor("history", "running", serde_json::json!({"fault": "disk"}))),
            State::Degraded
        );
        assert_eq!(state(&actor("x", "backoff", serde_json::Value::Null)), State::Down);
    }
}
