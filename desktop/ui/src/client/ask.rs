//! One question to the server: with the token, a deadline, and an error that says what happened, for people.

use patze_core::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, RequestInit, Response};

use super::token;

/// How long a question may take.
const DEADLINE_MS: u32 = 15_000;

/// What went wrong.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Problem {
    /// The server did not answer.
    #[error("The server cannot be reached.")]
    Unreachable,
    /// It took too long.
    #[error("The answer did not arrive in {} s.", DEADLINE_MS / 1000)]
    Late,
    /// A token is needed, or this one is not taken.
    #[error("The server asks for a token.")]
    Unauthorized,
    /// It refused.
    #[error("{message}")]
    Refused {
        /// The status.
        status: u16,
        /// The stable code.
        code: String,
        /// For people.
        message: String,
        /// The oldest moment that there is, where that is why.
        horizon: Option<Horizon>,
    },
    /// The answer is not what this page understands.
    #[error("The answer cannot be read: {0}")]
    Unreadable(String),
}

/// The oldest moment that is left.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Horizon {
    /// Its position.
    pub position: u64,
    /// Its time.
    pub time: Timestamp,
}

impl Problem {
    /// A word for it, which is stable.
    pub fn code(&self) -> &str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Late => "timeout",
            Self::Unauthorized => "unauthorized",
            Self::Refused { code, .. } => code,
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// The body of an error (docs/api.md).
#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    error: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    horizon: Option<Horizon>,
}

/// A question that can be given up: dropping it aborts the request.
pub struct Asking(Option<AbortController>);

impl Asking {
    /// A question that was not asked yet.
    pub fn new() -> Self {
        Self(AbortController::new().ok())
    }

    /// What aborts it.
    pub(super) fn controller(&self) -> Option<&AbortController> {
        self.0.as_ref()
    }
}

impl Default for Asking {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

/// Where the server is: where the page came from (a proxy may serve it under a path), unless a shell says otherwise.
pub fn url(path: &str) -> String {
    let base = web_sys::window()
        .and_then(|window| js_sys::Reflect::get(&window, &"__PATZE_SERVER__".into()).ok())
        .and_then(|base| base.as_string())
        .unwrap_or_else(|| ".".to_owned());
    format!("{base}{path}")
}

/// Asks, and reads the answer as JSON.
///
/// # Errors
/// Whatever went wrong.
pub async fn get<T: DeserializeOwned>(path: &str) -> Result<T, Problem> {
    read_json(&send("GET", path, None).await?)
}

/// Asks, and reads the answer as JSON also where its status says that something is wrong: `/readyz` then tells what.
///
/// # Errors
/// If nothing came, or nothing that can be read.
pub async fn get_whatever<T: DeserializeOwned>(path: &str) -> Result<T, Problem> {
    let (status, text) = exchange("GET", path, None).await?;
    read_json(&text).map_err(|unreadable| match status {
        200..300 => unreadable,
        _ => refused(status, &text),
    })
}

/// Sends a JSON body, and reads the answer.
///
/// # Errors
/// Whatever went wrong.
pub async fn post<T: DeserializeOwned>(path: &str, body: &serde_json::Value) -> Result<T, Problem> {
    read_json(&send("POST", path, Some(body.to_string())).await?)
}

/// Deletes something.
///
/// # Errors
/// Whatever went wrong.
pub async fn delete(path: &str) -> Result<(), Problem> {
    send("DELETE", path, None).await.map(drop)
}

fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| Problem::Unreadable(error.to_string()))
}

async fn send(method: &str, path: &str, body: Option<String>) -> Result<String, Problem> {
    let (status, text) = exchange(method, path, body).await?;
    if (200..300).contains(&status) { Ok(text) } else { Err(refused(status, &text)) }
}

/// Sends a request, and waits for its whole answer.
async fn exchange(method: &str, path: &str, body: Option<String>) -> Result<(u16, String), Problem> {
    let asking = Asking::new();
    let controller = asking.0.clone();
    let timer = gloo_timers::callback::Timeout::new(DEADLINE_MS, move || {
        if let Some(controller) = controller {
            controller.abort_with_reason(&JsValue::from_str("late"));
        }
    });
    let result = async {
        let response = open(method, path, body.as_deref(), asking.controller()).await?;
        let text = response.text().map_err(|_| Problem::Unreachable)?;
        let text = JsFuture::from(text).await.map_err(failed)?.as_string().unwrap_or_default();
        Ok((response.status(), text))
    }
    .await;
    timer.cancel();
    result
}

/// Sends a request and waits for the head of its answer.
pub(super) async fn open(
    method: &str,
    path: &str,
    body: Option<&str>,
    controller: Option<&AbortController>,
) -> Result<Response, Problem> {
    let window = web_sys::window().ok_or(Problem::Unreachable)?;
    let headers = Headers::new().map_err(|_| Problem::Unreachable)?;
    if let Some(token) = token::get() {
        // A token that no header can hold is a wrong one.
        headers.set("authorization", &format!("Bearer {token}")).map_err(|_| Problem::Unauthorized)?;
    }
    let init = RequestInit::new();
    init.set_method(method);
    if let Some(body) = body {
        headers.set("content-type", "application/json").map_err(|_| Problem::Unreachable)?;
        init.set_body(&JsValue::from_str(body));
    }
    init.set_headers(&headers);
    if let Some(controller) = controller {
        init.set_signal(Some(&controller.signal()));
    }
    let answer = JsFuture::from(window.fetch_with_str_and_init(&url(path), &init)).await.map_err(failed)?;
    answer.dyn_into::<Response>().map_err(|_| Problem::Unreachable)
}

/// Reads what was not the answer.
pub(super) async fn problem(response: &Response) -> Problem {
    let text = match response.text() {
        Ok(text) => JsFuture::from(text).await.ok().and_then(|text| text.as_string()),
        Err(_) => None,
    };
    refused(response.status(), text.as_deref().unwrap_or_default())
}

fn refused(status: u16, text: &str) -> Problem {
    if status == 401 {
        return Problem::Unauthorized;
    }
    let refusal = serde_json::from_str(text).unwrap_or(Refusal {
        error: format!("http_{status}"),
        message: String::new(),
        horizon: None,
    });
    let message =
        if refusal.message.is_empty() { format!("The server answered {status}.") } else { refusal.message };
    Problem::Refused { status, code: refusal.error, message, horizon: refusal.horizon }
}

#[allow(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn failed(error: JsValue) -> Problem {
    if error.as_string().as_deref() == Some("late") { Problem::Late } else { Problem::Unreachable }
}
