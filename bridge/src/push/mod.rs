//! Delivery to the control plane (contract §14.6).
//!
//! ```text
//! spool --batch--> request --> response --answer--> Answer --plan--> Verdict --> spool
//! ```
//!
//! | to find out | open |
//! |---|---|
//! | what is tried next, and when | [`plan`] |
//! | what a response means | [`answer`] |
//! | how a request travels | [`http`], [`tls`] |
//! | who does it | [`actor`] |

pub mod actor;
pub mod answer;
pub mod http;
pub mod plan;
pub mod tls;

use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;

use crate::config::Config;

/// How an answer names the log that it comes from, if it does: a random id, new with each restored or imported log
/// (design §5).
pub const LOG_ID: HeaderName = HeaderName::from_static("x-patze-log-id");

const MACHINE_ID: HeaderName = HeaderName::from_static("x-patze-machine-id");
const MACHINE_LABEL: HeaderName = HeaderName::from_static("x-patze-machine-label");
const BRIDGE_VERSION: HeaderName = HeaderName::from_static("x-patze-bridge-version");
/// RFC 3339 with milliseconds: from it the control plane sees how far the machine's clock is off.
const SENT_AT: HeaderName = HeaderName::from_static("x-patze-sent-at");
/// RFC 7240.
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The headers of a request (contract §14.3, and ours). What a header cannot carry is left out; the events say it too.
pub fn headers(config: &Config, machine: &MachineId, now: Timestamp) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(PREFER, HeaderValue::from_static("return=minimal"));
    for (name, text) in [
        (MACHINE_ID, machine.as_str()),
        (MACHINE_LABEL, config.label.as_str()),
        (BRIDGE_VERSION, config.version.as_str()),
        (SENT_AT, now.to_string().as_str()),
    ] {
        if let Some(value) = http::header(text) {
            headers.insert(name, value);
        }
    }
    if let Some(mut value) =
        config.token.as_ref().and_then(|token| http::header(&format!("Bearer {}", token.secret())))
    {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    headers
}
