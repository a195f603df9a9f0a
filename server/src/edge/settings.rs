//! `/settings/auth` (contract §9.6) and `/settings/tokens`: who is let in, and by what.
//!
//! In mode `none` every request that reaches a handler may do everything, but what it may *not* do is to decide who is
//! let in later: else anybody could lock everybody out, or leave an admin token behind for the time after (W-S7). So
//! without a credential these changes are for requests from this machine. The contract's desktop on this machine works
//! as it did; one elsewhere needs an admin token first (`patze token create --scope admin` on this machine).

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse, web};
use patze_actors::credentials::{
    Caller, ChangeError, InvalidToken, Lifetime, Mode, NewToken, RecordError, Scope, Secret, Token, TokenId,
};
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::body::{Nothing, Object};
use super::{Edge, answer, ingest, trace_id};
use crate::error::{Code, Error, JSON};

/// The shortest token that may be set, in UTF-16 units as the contract counts (contract §9.6).
const SHORTEST_TOKEN: usize = 16;

/// `{"mode", "hasToken"}`.
pub async fn auth(edge: web::Data<Edge>) -> Result<HttpResponse, Error> {
    auth_answer(edge.guard.credentials().mode())
}

/// Sets the mode; effective for the next request.
pub async fn set_auth(
    edge: web::Data<Edge>,
    request: HttpRequest,
    caller: web::ReqData<Caller>,
    Object(body): Object,
) -> Result<HttpResponse, Error> {
    allow(&edge, &request, &caller)?;
    let (mode, token) = match body.get("mode").and_then(Value::as_str) {
        Some("token") => (Mode::Token, Some(token_of(&body)?)),
        Some("none") => (Mode::None, None),
        _ => return Err(invalid(Code::InvalidMode, "mode must be \"none\" or \"token\"")),
    };
    if mode == Mode::None {
        if body.get("confirm").and_then(Value::as_str) != Some("DISABLE_AUTH") {
            return Err(invalid(
                Code::ConfirmationRequired,
                "send \"confirm\": \"DISABLE_AUTH\" to need no token",
            ));
        }
        edge.guard.bind().check(mode).map_err(|open| invalid(Code::OpenBind, open.to_string()))?;
    }
    let trace = trace_id()?;
    let change = edge.guard.credentials().set_auth_recorded(&edge.plane.recorder, token, &trace);
    change.await.map_err(not_changed)?;
    auth_answer(mode)
}

/// All tokens that were ever made, without secrets and their hashes.
pub async fn tokens(edge: web::Data<Edge>) -> Result<HttpResponse, Error> {
    let now = edge.plane.clock.now();
    let tokens: Vec<Value> =
        edge.guard.credentials().tokens().iter().map(|token| shown(token, now)).collect();
    answer::json(&json!({ "tokens": tokens }))
}

/// `{"name", "scope"?, "machineId"?, "expiresIn"? | "expiresAt"?}`: makes a token and shows it, this once.
pub async fn create_token(
    edge: web::Data<Edge>,
    request: HttpRequest,
    caller: web::ReqData<Caller>,
    Object(body): Object,
) -> Result<HttpResponse, Error> {
    allow(&edge, &request, &caller)?;
    let now = edge.plane.clock.now();
    let new = NewToken {
        name: text(&body, "name")?.unwrap_or_default().to_owned(),
        scope: match text(&body, "scope")? {
            None => Scope::Bridge,
            Some(scope) => scope.parse().map_err(|error: &str| invalid(Code::InvalidScope, error))?,
        },
        machine_id: text(&body, "machineId")?.map(MachineId::new),
        expires_at: end(&body, now)?,
    };
    let trace = trace_id()?;
    let change = edge.guard.credentials().create_recorded(&edge.plane.recorder, new, now, &trace);
    let created = change.await.map_err(not_changed)?;
    let mut body = shown(&created.token, now);
    body["token"] = created.secret.expose().into();
    Ok(HttpResponse::Created().content_type(JSON).body(body.to_string()))
}

/// Revokes a token, for ever; its open streams are cut. Again is fine.
pub async fn revoke_token(
    edge: web::Data<Edge>,
    request: HttpRequest,
    caller: web::ReqData<Caller>,
    id: web::Path<String>,
    _: Nothing,
) -> Result<HttpResponse, Error> {
    allow(&edge, &request, &caller)?;
    let id = TokenId::from_str(&id)
        .map_err(|_| Error::NoSuch { kind: "token", id: id.chars().take(256).collect() })?;
    let (store, now) = (edge.guard.credentials(), edge.plane.clock.now());
    store.revoke_recorded(&edge.plane.recorder, id, now, &trace_id()?).await.map_err(not_changed)?;
    answer::json(&json!({ "ok": true, "id": id }))
}

/// Why credentials did not change, as HTTP.
pub(super) fn not_changed(error: RecordError) -> Error {
    let change = match error {
        RecordError::Change(change) => change,
        RecordError::Overloaded(_) => return Error::Overloaded,
        RecordError::NotStored(error) => return ingest::not_stored(error),
        RecordError::Stopping(_) => return Error::Unavailable(error.to_string()),
    };
    match change {
        ChangeError::NoSuch(id) => Error::NoSuch { kind: "token", id: id.to_string() },
        ChangeError::Invalid(why) => invalid(
            match why {
                InvalidToken::Name => Code::InvalidName,
                InvalidToken::Machine => Code::InvalidMachineId,
                InvalidToken::Expired => Code::InvalidExpiry,
            },
            why.to_string(),
        ),
        ChangeError::TooMany => invalid(Code::TooManyTokens, change.to_string()),
        ChangeError::Write { .. } | ChangeError::Random(_) => {
            tracing::error!(error = &change as &dyn std::error::Error, "credentials did not change");
            Error::Unavailable(change.to_string())
        }
    }
}

/// Whether the caller may decide who is let in, or what is deleted (W-S7).
pub(super) fn allow(edge: &Edge, request: &HttpRequest, caller: &Caller) -> Result<(), Error> {
    if caller.is_known() || edge.guard.peer(request).is_local() {
        return Ok(());
    }
    Err(Error::Forbidden("without an admin token, this is changed from the server's own machine"))
}

/// The contract's own token, as it is to be set.
fn token_of(body: &Map<String, Value>) -> Result<Secret, Error> {
    let token = body.get("token").and_then(Value::as_str).map(str::trim).unwrap_or_default();
    if token.encode_utf16().count() < SHORTEST_TOKEN {
        return Err(invalid(Code::TokenTooShort, "the token must have at least 16 characters"));
    }
    // Others cannot be sent in a header as they are: whoever set one would be locked out.
    if !token.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(invalid(Code::InvalidToken, "the token must be made of ASCII letters, digits and signs"));
    }
    Ok(Secret::new(token))
}

/// When a token that is made now ends: in `expiresIn` (`7d`, `12h`, `never`) or at `expiresAt`; never without either.
fn end(body: &Map<String, Value>, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let fault = |message: &str| invalid(Code::InvalidExpiry, message.to_owned());
    match (text(body, "expiresIn")?, text(body, "expiresAt")?) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(fault("send expiresIn or expiresAt, not both")),
        (Some(lifetime), None) => {
            lifetime.parse().map(|lifetime: Lifetime| lifetime.end(now)).map_err(|e: String| fault(&e))
        }
        (None, Some(at)) => Timestamp::parse(at).map(Some).ok_or_else(|| fault("expiresAt must be RFC 3339")),
    }
}

/// A text field; none if it is absent or null.
fn text<'a>(body: &'a Map<String, Value>, field: &'static str) -> Result<Option<&'a str>, Error> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(Code::InvalidBody, format!("{field} must be a text"))),
    }
}

fn invalid(code: Code, message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::InvalidField { code, message: message.into() }
}

fn auth_answer(mode: Mode) -> Result<HttpResponse, Error> {
    // Mode `token` never runs without one, and mode `none` has none (contract §9.6).
    answer::json(&json!({ "mode": mode.name(), "hasToken": mode == Mode::Token }))
}

fn shown(token: &Token, now: Timestamp) -> Value {
    let mut shown = json!(token);
    shown["state"] = token.state(now).into();
    shown
}
