//! `POST /ingest` and `POST /ingest/batch` (contract §9.2, §9.3): validate on the worker, append, answer when it is on disk.
//!
//! The answer to a batch echoes each event, because original clients may look at it; `Prefer: return=minimal` leaves
//! that out (W-P9). Every content problem is a rejection inside a 200: a 4xx would wedge an original bridge for ever
//! (contract §14.6).

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use patze_actors::credentials::{Caller, Reach};
use patze_actors::log::{AppendError, Batch, Lane, Placed};
use patze_core::event::batch::{BatchFault, split};
use patze_core::event::{Event, Rejection, RejectionCode, envelope};
use patze_core::ids::MachineId;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::body::{self, Events};
use super::budget::Share;
use super::{Edge, answer, connections};
use crate::error::Error;

/// Events that are validated before other requests get a turn on the worker thread.
const TURN: usize = 256;
/// Rejections of a batch that have a text; a megabyte of `1,1,1,…` would become a hundred of explanations.
const MOST_MESSAGES: usize = 1_000;
/// Bytes that each event of a batch takes while it is looked at: its place in the body, in a list that may be twice as
/// large.
const ENVELOPE: usize = 2 * size_of::<&RawValue>();
/// The same for one that was taken, beside its text.
const TAKEN: usize = 2 * size_of::<(usize, Event)>();
/// The same for one that was not.
const REJECTED: usize = 2 * size_of::<(usize, Rejection)>();
/// The most bytes of an entry of the answer, beside the event or the text for people.
const ENTRY: usize = 80;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// Whose acknowledgement it is: a bridge that has another log acknowledged before begins anew with this one (W-B8).
const LOG_ID: HeaderName = HeaderName::from_static("x-patze-log-id");

/// What becomes of one event of a batch.
enum Fate<'a> {
    Accepted(&'a Event),
    Rejected(&'a Rejection),
}

/// Takes one envelope.
pub async fn one(
    edge: web::Data<Edge>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    mut body: Events,
) -> Result<HttpResponse, Error> {
    let (text, share) = body.parts();
    // The event, its echo, and what lies between.
    share.grow(3 * text.len() + ENTRY)?;
    // An envelope that is JSON but no envelope is a rejection; a text that is no JSON is not even that.
    serde_json::from_str::<IgnoredAny>(text).map_err(|e| body::malformed(&e))?;
    connections::note(&edge, &request, caller.reach());
    let mut events = Vec::with_capacity(1);
    match envelope::validate(text) {
        Ok(event) => events.push(event),
        Err(rejection) => return Err(refused(&edge, rejection)),
    }
    let mut rejected = Vec::new();
    restrict(&edge, &request, &caller, &mut events, &mut vec![0], &mut rejected).await?;
    if let Some((_, rejection)) = rejected.pop() {
        return Err(refused(&edge, rejection));
    }
    let events = std::sync::Arc::<[Event]>::from(events);
    let placed = append(&edge, Batch::ingest(std::sync::Arc::clone(&events))).await?;
    if let Some(Placed::Rejected(rejection)) = placed.first() {
        return Err(refused(&edge, rejection.clone()));
    }
    let minimal = wants_minimal(&request);
    let mut out = String::from(r#"{"ok":true"#);
    if !minimal && let Some(event) = events.first() {
        out.push_str(r#","event":"#);
        event.push_json(&mut out);
    }
    out.push('}');
    Ok(answered(&edge, out, body.into_share(), minimal))
}

/// Takes `{"events": […]}`.
pub async fn batch(
    edge: web::Data<Edge>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    mut body: Events,
) -> Result<HttpResponse, Error> {
    let minimal = wants_minimal(&request);
    let (text, share) = body.parts();
    // There are no more events than that.
    share.grow(ENVELOPE * (memchr::memchr_iter(b',', text.as_bytes()).count() + 1))?;
    let envelopes = split(text).map_err(|fault| match fault {
        BatchFault::NotJson(error) => body::malformed(&error),
        BatchFault::NotABatch => Error::InvalidBatchRequest,
    })?;
    connections::note(&edge, &request, caller.reach());
    let mut events = Vec::with_capacity(envelopes.len().min(TURN));
    // The place in the request of each event that is still in `events`.
    let mut indices = Vec::with_capacity(envelopes.len().min(TURN));
    let mut rejected = Vec::new();
    // Bytes of the answer; and of all that this turn made, the answer's part of it too.
    let (mut echo, mut made) = (128, 128);
    for (index, envelope) in envelopes.iter().enumerate() {
        if index % TURN == TURN - 1 {
            share.grow(std::mem::take(&mut made))?;
            tokio::task::yield_now().await;
        }
        let entry = match envelope::validate(envelope.get()) {
            Ok(event) => {
                let weight = event.weight();
                made += weight + TAKEN;
                events.push(event);
                indices.push(index);
                if minimal { ENTRY } else { ENTRY + weight }
            }
            Err(mut rejection) => {
                if rejected.len() >= MOST_MESSAGES {
                    rejection.message = String::new();
                }
                let text = rejection.message.len();
                made += text + REJECTED;
                rejected.push((index, rejection));
                ENTRY + 2 * text
            }
        };
        echo += entry;
        made += entry;
    }
    share.grow(made)?;
    drop(envelopes);
    restrict(&edge, &request, &caller, &mut events, &mut indices, &mut rejected).await?;
    let events = std::sync::Arc::<[Event]>::from(events);
    let placed = if events.is_empty() {
        Vec::new()
    } else {
        append(&edge, Batch::ingest(std::sync::Arc::clone(&events))).await?
    };
    let mut accepted = Vec::with_capacity(events.len());
    for ((event, index), placed) in events.iter().zip(&indices).zip(placed) {
        match placed {
            Placed::Stored { .. } | Placed::Duplicate => accepted.push((*index, event)),
            Placed::Rejected(rejection) => rejected.push((*index, rejection)),
        }
    }
    rejected.sort_unstable_by_key(|(index, _)| *index);
    for (_, rejection) in &rejected {
        edge.counters.rejected(rejection.code);
    }
    let mut out = String::with_capacity(echo);
    out.push_str(r#"{"accepted":["#);
    push_list(&mut out, accepted.iter().map(|(index, event)| (*index, Fate::Accepted(event))), minimal)?;
    out.push_str(r#"],"rejected":["#);
    push_list(&mut out, rejected.iter().map(|(index, fault)| (*index, Fate::Rejected(fault))), minimal)?;
    out.push_str(&format!(r#"],"acceptedCount":{},"rejectedCount":{}}}"#, accepted.len(), rejected.len()));
    Ok(answered(&edge, out, body.into_share(), minimal))
}

/// Turns events of other machines than the caller's into rejections (design §10, W-S17).
async fn restrict(
    edge: &Edge,
    request: &HttpRequest,
    caller: &Caller,
    events: &mut Vec<Event>,
    indices: &mut Vec<usize>,
    rejected: &mut Vec<(usize, Rejection)>,
) -> Result<(), Error> {
    let own = match (caller.reach(), events.first()) {
        (Reach::Everywhere, _) | (_, None) => return Ok(()),
        (Reach::Machine(own), _) => own.clone(),
        (Reach::Unbound(token), Some(first)) => {
            let own = edge.bind(*token, first.machine.clone()).await?;
            connections::note(edge, request, &Reach::Machine(own.clone()));
            own
        }
    };
    if events.iter().all(|event| event.machine == own) {
        return Ok(());
    }
    for (event, index) in std::mem::take(events).into_iter().zip(std::mem::take(indices)) {
        if event.machine == own {
            events.push(event);
            indices.push(index);
        } else {
            rejected.push((index, not_allowed(&own)));
        }
    }
    Ok(())
}

fn not_allowed(own: &MachineId) -> Rejection {
    let message = format!("this token is for machine {own:?}; make one for the other machine");
    Rejection::new(RejectionCode::MachineNotAllowed, message)
}

async fn append(edge: &Edge, batch: Batch) -> Result<Vec<Placed>, Error> {
    let pending = edge.log().append(Lane::Ingest, batch).map_err(|_| Error::Overloaded)?;
    pending.await.map(|appended| appended.placed).map_err(not_stored)
}

/// Why a batch was not stored, as HTTP. All but one are worth another try, and a bridge tries again at a 5xx.
pub(super) fn not_stored(error: AppendError) -> Error {
    match error {
        AppendError::Refused { .. } => Error::internal(error),
        _ => Error::Unavailable(error.to_string()),
    }
}

fn refused(edge: &Edge, rejection: Rejection) -> Error {
    edge.counters.rejected(rejection.code);
    Error::Rejected(rejection)
}

fn push_list<'a>(
    out: &mut String,
    entries: impl Iterator<Item = (usize, Fate<'a>)>,
    minimal: bool,
) -> Result<(), Error> {
    for (n, (index, fate)) in entries.enumerate() {
        out.push_str(if n == 0 { r#"{"index":"# } else { r#",{"index":"# });
        out.push_str(&index.to_string());
        match fate {
            Fate::Accepted(_) if minimal => {}
            Fate::Accepted(event) => {
                out.push_str(r#","event":"#);
                event.push_json(out);
            }
            Fate::Rejected(rejection) => {
                out.push_str(r#","error":"#);
                out.push_str(&serde_json::to_string(rejection).map_err(Error::internal)?);
            }
        }
        out.push('}');
    }
    Ok(())
}

/// Whether the client does without the echo (RFC 7240).
fn wants_minimal(request: &HttpRequest) -> bool {
    let preferences = request.headers().get_all(PREFER).filter_map(|value| value.to_str().ok());
    preferences.flat_map(|value| value.split(',')).any(|preference| {
        preference.split(';').next().is_some_and(|p| p.trim().eq_ignore_ascii_case("return=minimal"))
    })
}

fn answered(edge: &Edge, text: String, share: Share, minimal: bool) -> HttpResponse {
    let mut response = answer::json_pieces(text, share);
    if minimal {
        response.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static("return=minimal"));
    }
    if let Ok(log) = HeaderValue::from_str(edge.log_id.as_str()) {
        response.headers_mut().insert(LOG_ID, log);
    }
    response
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_batch_is_split_or_its_fault_is_told_apart() {
        let code = |text| match split(text).unwrap_err() {
            BatchFault::NotABatch => "shape",
            BatchFault::NotJson(_) => "json",
        };
        let events = split("\n {\"x\":[1,{}], \"events\" : [ {\"a\":1} , 2,\"s\" ] }").unwrap();
        assert_eq!(events.iter().map(|raw| raw.get()).collect::<Vec<_>>(), ["{\"a\":1}", "2", "\"s\""]);
        assert!(split("{\"events\":[]}").unwrap().is_empty());
        for text in
            ["[]", "[[{}]]", "1", "\"x\"", "null", "{}", "{\"events\":{}}", "{\"events\":null}", "[\"a\"]"]
        {
            assert_eq!(code(text), "shape", "{text}");
        }
        for text in [
            "{",
            "{\"events\":[}",
            "[1,",
            "{\"events\":[]} x",
            "nul",
            "\"abc",
            "",
            "{\"events\":[{\"a\":01}]}",
        ] {
            assert_eq!(code(text), "json", "{text}");
        }
    }

    #[test]
    fn the_preference_is_read_as_rfc_7240_says() {
        for (value, minimal) in [
            ("return=minimal", true),
            ("respond-async, Return=Minimal; foo=1", true),
            ("return=representation", false),
            ("x=return=minimal", false),
        ] {
            let request = TestRequest::default().insert_header((PREFER, value)).to_http_request();
            assert_eq!(wants_minimal(&request), minimal, "{value}");
        }
    }
}
