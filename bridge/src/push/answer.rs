//! What a control plane's response means.
//!
//! Not every answer comes from a control plane: a proxy, a captive portal or another program may be at the address. So
//! nothing counts as delivered, and nothing as refused for good, unless the body is one that a control plane writes
//! (BR-1): an HTML page with status 200 acknowledges nothing, and one with status 400 rejects nothing.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderMap, LOCATION, RETRY_AFTER};
use patze_core::time::Timestamp;
use serde::Deserialize;

use super::plan::Answer;
use crate::spool::{Reason, Shape};

/// The codes that concern this bridge and not the event: the token belongs to another machine, or there are too many
/// machines. Nothing is gained by throwing the events away one after the other.
const ABOUT_US: [&str; 2] = ["machine_not_allowed", "machine_limit"];

/// What was sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// To which route.
    pub shape: Shape,
    /// How many events.
    pub events: usize,
    /// How many of them, from the first, were made under a former machine id.
    pub foreign: usize,
}

/// A response, read whole.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchBody {
    accepted_count: usize,
    rejected_count: usize,
    #[serde(default)]
    rejected: Vec<Rejection>,
}

#[derive(Deserialize)]
struct Rejection {
    index: usize,
    error: ErrorObject,
}

#[derive(Deserialize)]
struct ErrorObject {
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct SingleBody {
    ok: bool,
    error: Option<ErrorObject>,
}

/// Contract §2.3: `{"error": code, "message"?}`.
#[derive(Deserialize)]
struct ErrorBody {
    error: String,
    #[serde(default)]
    message: String,
}

/// What `response` to `sent` means. `now` is the wall clock, for a `Retry-After` that names a date.
pub fn of_response(sent: Sent, response: &Response, now: Timestamp) -> Answer {
    let Response { status, headers, body } = response;
    match status.as_u16() {
        200..=299 => taken(sent, body),
        300..=399 => {
            let to = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("another address");
            later(format!("the address redirects to {to}; set CONTROL_PLANE_BASE_URL to where the control plane is"))
        }
        400 => match refusal(sent, body) {
            Some(answer) => answer,
            None => later("it answers 400 and not as a control plane does; is CONTROL_PLANE_BASE_URL right, and http or https?".to_owned()),
        },
        401 => Answer::Unwelcome(match code(body) {
            Some(_) => "it refuses the token (401); set CONTROL_PLANE_TOKEN to a valid one".to_owned(),
            None => "something at the address wants another sign-in than a token (401)".to_owned(),
        }),
        403 => Answer::Unwelcome(match serde_json::from_slice::<ErrorBody>(body) {
            Ok(ErrorBody { error, message }) => format!("it refuses this bridge (403 {error}) {message}").trim_end().to_owned(),
            Err(_) => "something at the address refuses this bridge (403)".to_owned(),
        }),
        404 | 405 => Answer::NoRoute,
        // Smaller pieces may pass. What is alone and refused by somebody else's rule stays: that rule is what is wrong.
        413 if sent.events > 1 || code(body).is_some_and(|code| is_of_content(&code)) => Answer::Refused(Reason {
            code: "http_413".to_owned(),
            message: "the event is larger than the control plane, or a proxy before it, takes".to_owned(),
        }),
        413 => later("a proxy before it refuses a single event as too large (413); raise its limit for bodies to 1 MiB".to_owned()),
        other => Answer::Later {
            why: match serde_json::from_slice::<ErrorBody>(body) {
                Ok(ErrorBody { error, .. }) => format!("it answers {other} ({error})"),
                Err(_) => format!("it answers {other}"),
            },
            retry_after: headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now)),
            slow: false,
        },
    }
}

fn taken(sent: Sent, body: &[u8]) -> Answer {
    match sent.shape {
        Shape::Batch => match serde_json::from_slice::<BatchBody>(body) {
            Ok(answer) if answer.accepted_count + answer.rejected_count == sent.events => {
                let rejected = answer.rejected.into_iter().filter(|rejection| rejection.index < sent.events);
                judged(sent, rejected.map(|Rejection { index, error }| (index, error)).collect())
            }
            _ => no_control_plane(),
        },
        Shape::Single => match serde_json::from_slice::<SingleBody>(body) {
            Ok(SingleBody { ok: true, .. }) => Answer::Taken(Vec::new()),
            _ => no_control_plane(),
        },
    }
}

/// A 400 in a control plane's own words. Anybody may answer `{"error": …}`: only the codes that a control plane has for
/// what it was sent lose an event (BR-1).
fn refusal(sent: Sent, body: &[u8]) -> Option<Answer> {
    if sent.shape == Shape::Single
        && let Ok(SingleBody { ok: false, error: Some(error) }) = serde_json::from_slice(body)
    {
        return Some(judged(sent, vec![(0, error)]));
    }
    let ErrorBody { error, message } = serde_json::from_slice(body).ok()?;
    is_of_content(&error).then_some(Answer::Refused(Reason { code: error, message }))
}

/// Whether a control plane says by this code that what it was sent is wrong (contract §2.3, §9.2).
fn is_of_content(code: &str) -> bool {
    matches!(code, "request_error" | "invalid_body" | "invalid_batch_request" | "payload_too_large")
}

/// Events that were refused for good, unless one of our own was refused for what this bridge is.
fn judged(sent: Sent, rejected: Vec<(usize, ErrorObject)>) -> Answer {
    let about_us = rejected
        .iter()
        .find(|(index, error)| *index >= sent.foreign && ABOUT_US.contains(&error.code.as_str()));
    if let Some((_, ErrorObject { code, message })) = about_us {
        return Answer::Unwelcome(
            format!("it takes no events of this machine ({code}) {message}").trim_end().to_owned(),
        );
    }
    let reason = |ErrorObject { code, message }| Reason { code, message };
    Answer::Taken(rejected.into_iter().map(|(index, error)| (index, reason(error))).collect())
}

fn no_control_plane() -> Answer {
    later("it answers 200 and not as a control plane does; is CONTROL_PLANE_BASE_URL right?".to_owned())
}

fn later(why: String) -> Answer {
    Answer::Later { why, retry_after: None, slow: false }
}

fn code(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<ErrorBody>(body).ok().map(|body| body.error)
}

/// RFC 9110 §10.2.3: seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let millis = i64::try_from(at.as_millis()).ok()?.saturating_sub(now.millis());
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(sent: Sent, status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            (
                hyper::header::HeaderName::from_static(name),
                hyper::header::HeaderValue::from_str(value).unwrap(),
            )
        });
        let response = Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
        };
        of_response(sent, &response, Timestamp::parse("2026-11-25T12:00:00Z").unwrap())
    }

    fn batch(events: usize) -> Sent {
        Sent { shape: Shape::Batch, events, foreign: 0 }
    }

    const SINGLE: Sent = Sent { shape: Shape::Single, events: 1, foreign: 0 };

    fn reason(code: &str, message: &str) -> Reason {
        Reason { code: code.to_owned(), message: message.to_owned() }
    }

    fn is_later(answer: &Answer) -> bool {
        matches!(answer, Answer::Later { retry_after: None, slow: false, .. })
    }

    #[test]
    fn a_taken_batch_and_its_rejections() {
        let body = r#"{"accepted":[{"index":0,"event":{"id":"a"}}],"acceptedCount":1,"rejectedCount":1,
            "rejected":[{"index":1,"error":{"code":"invalid_payload","message":"no"}}]}"#;
        let expected = Answer::Taken(vec![(1, reason("invalid_payload", "no"))]);
        assert_eq!(answer(batch(2), 200, &[], body), expected);
        assert_eq!(
            answer(batch(3), 200, &[], r#"{"acceptedCount":3,"rejectedCount":0}"#),
            Answer::Taken(vec![])
        );
        assert_eq!(answer(SINGLE, 200, &[], r#"{"ok":true,"event":{}}"#), Answer::Taken(vec![]));
    }

    #[test]
    fn what_no_control_plane_writes_acknowledges_nothing() {
        for body in [
            "",
            "<html>welcome to the hotel</html>",
            "{}",
            "{\"ok\":false}",
            r#"{"acceptedCount":1,"rejectedCount":0}"#,
        ] {
            assert!(is_later(&answer(batch(2), 200, &[], body)), "{body}");
            assert!(is_later(&answer(SINGLE, 200, &[], body)), "{body}");
        }
        for body in [
            "",
            "<center>The plain HTTP request was sent to HTTPS port</center>",
            "[]",
            // Somebody else's JSON.
            r#"{"error":"missing tenant"}"#,
            r#"{"ok":false,"error":{"code":"bad_request","message":"who are you"}}"#,
        ] {
            assert!(is_later(&answer(batch(2), 400, &[], body)), "{body}");
        }
        assert!(is_later(&answer(batch(1), 413, &[], "<html>nginx</html>")), "it can be made no smaller");
    }

    #[test]
    fn what_is_wrong_with_the_content_is_refused() {
        for (sent, status, body, code) in [
            (batch(2), 400, r#"{"error":"invalid_batch_request"}"#, "invalid_batch_request"),
            (batch(1), 400, r#"{"error":"request_error","message":"m"}"#, "request_error"),
            (batch(2), 413, r#"{"error":"payload_too_large"}"#, "http_413"),
            (batch(2), 413, "<html>nginx</html>", "http_413"),
        ] {
            let answer = answer(sent, status, &[], body);
            assert!(matches!(&answer, Answer::Refused(reason) if reason.code == code), "{answer:?}");
        }
        let one =
            answer(SINGLE, 400, &[], r#"{"ok":false,"error":{"code":"invalid_timestamp","message":"m"}}"#);
        assert_eq!(one, Answer::Taken(vec![(0, reason("invalid_timestamp", "m"))]));
    }

    #[test]
    fn what_is_wrong_with_the_bridge_holds_its_events() {
        let rejected = |code: &str| {
            format!(
                r#"{{"acceptedCount":1,"rejectedCount":1,"rejected":[{{"index":1,"error":{{"code":"{code}"}}}}]}}"#
            )
        };
        for code in ABOUT_US {
            assert!(matches!(answer(batch(2), 200, &[], &rejected(code)), Answer::Unwelcome(_)), "{code}");
            let body = format!(r#"{{"ok":false,"error":{{"code":"{code}","message":""}}}}"#);
            assert!(matches!(answer(SINGLE, 400, &[], &body), Answer::Unwelcome(_)), "{code}");
        }
        // An event of a former machine id is one that this token will never bring in.
        let foreign = Sent { foreign: 2, ..batch(2) };
        let expected = Answer::Taken(vec![(1, reason("machine_not_allowed", ""))]);
        assert_eq!(answer(foreign, 200, &[], &rejected("machine_not_allowed")), expected);
        for status in [401, 403] {
            for body in ["", r#"{"error":"unauthorized"}"#] {
                assert!(matches!(answer(batch(2), status, &[], body), Answer::Unwelcome(_)), "{status}");
            }
        }
    }

    #[test]
    fn the_rest_is_tried_later() {
        for status in [301, 308, 402, 406, 408, 415, 429, 500, 502, 503, 504] {
            assert!(is_later(&answer(batch(2), status, &[], "")), "{status}");
        }
        for status in [404, 405] {
            assert_eq!(answer(batch(2), status, &[], ""), Answer::NoRoute);
        }
        let Answer::Later { why, .. } = answer(batch(1), 301, &[("location", "https://box/")], "") else {
            panic!()
        };
        assert!(why.contains("https://box/"), "{why}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (text, expected) in [
            ("7", Some(Duration::from_secs(7))),
            ("Wed, 25 Nov 2026 12:01:30 GMT", Some(Duration::from_secs(90))),
            ("Wed, 25 Nov 2026 11:00:00 GMT", Some(Duration::ZERO)),
            ("soon", None),
            ("-1", None),
        ] {
            let Answer::Later { retry_after, .. } = answer(batch(1), 429, &[("retry-after", text)], "")
            else {
                panic!()
            };
            assert_eq!(retry_after, expected, "{text}");
        }
    }
}
