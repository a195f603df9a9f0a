//! One connection to the control plane, kept as long as it lasts.
//!
//! Not a general client: one host, one request at a time, no redirects, no proxies, HTTP/1.1 (why: see
//! `docs/decisions/bridge-http-client.md`). A connection that the other side closed while it was idle is replaced and the
//! request sent again without further ado, which is safe because every request may be sent twice (EL-3).

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use patze_supervise::clock::{Clock, Elapsed};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::answer::Response;
use super::tls::{TlsError, connector};
use crate::config::{BaseUrl, Config};

/// Contract §14.3: each request, from connecting to the last byte of the answer.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// The longest answer that is read. Original control planes echo every event of a batch.
const LONGEST_ANSWER: usize = 4 << 20;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path, from the root.
    pub path: &'static str,
    /// The headers, but for `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The host cannot be reached.
    #[error("{address} cannot be reached")]
    Connect {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The other side is not who it should be, or speaks no TLS.
    #[error("no trust in {address}")]
    Tls {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The connection broke, or what came is no HTTP.
    #[error("the connection to {address} failed")]
    Http {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// The answer broke off or does not end.
    #[error("the answer of {address} could not be read")]
    Answer {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The request could not be written.
    #[error("a request could not be written")]
    Request(#[source] hyper::http::Error),
    /// The deadline passed.
    #[error("{address} took too long")]
    Slow {
        /// The address.
        address: String,
        /// The deadline.
        #[source]
        source: Elapsed,
    },
}

/// See the module.
pub struct Client {
    base: BaseUrl,
    tls: Option<TlsConnector>,
    clock: Clock,
    connection: Option<SendRequest<Full<Bytes>>>,
}

// === impl Client ===

impl Client {
    /// A client without a connection yet.
    ///
    /// # Errors
    /// [`TlsError`], for an https address.
    pub fn new(config: &Config, clock: Clock) -> Result<Self, TlsError> {
        let base = config.control_plane.clone();
        let tls = if base.tls() { Some(connector(config.ca_file.as_deref())?) } else { None };
        Ok(Self { base, tls, clock, connection: None })
    }

    /// Whether the next call needs a new connection, as far as is known.
    pub fn is_apart(&self) -> bool {
        self.connection.as_ref().is_none_or(SendRequest::is_closed)
    }

    /// Makes one call, in [`DEADLINE`].
    ///
    /// # Errors
    /// [`CallError`]; there is no connection then.
    pub async fn call(&mut self, call: &Call) -> Result<Response, CallError> {
        // Taken out, so that a call that is given up in the middle leaves no connection with half an answer in it.
        let kept = self.connection.take().filter(|connection| !connection.is_closed());
        let (base, tls) = (&self.base, self.tls.as_ref());
        let exchange = async {
            if let Some(connection) = kept
                && let Ok(done) = exchange(base, connection, call).await
            {
                return Ok(done);
            }
            exchange(base, connect(base, tls).await?, call).await
        };
        let (response, connection) = self
            .clock
            .timeout(DEADLINE, exchange)
            .await
            .map_err(|source| CallError::Slow { address: base.to_string(), source })??;
        self.connection = Some(connection);
        Ok(response)
    }
}

async fn connect(base: &BaseUrl, tls: Option<&TlsConnector>) -> Result<SendRequest<Full<Bytes>>, CallError> {
    let address = || base.to_string();
    let stream = TcpStream::connect((base.host(), base.port()))
        .await
        .map_err(|source| CallError::Connect { address: address(), source })?;
    // Small requests go at once; failing that they go a little later.
    let _ = stream.set_nodelay(true);
    match tls {
        None => shake_hands(stream, base).await,
        Some(connector) => {
            let failed = |source| CallError::Tls { address: address(), source };
            let name = ServerName::try_from(base.host().to_owned())
                .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
            shake_hands(connector.connect(name, stream).await.map_err(failed)?, base).await
        }
    }
}

async fn shake_hands<S>(stream: S, base: &BaseUrl) -> Result<SendRequest<Full<Bytes>>, CallError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|source| CallError::Http { address: base.to_string(), source })?;
    // It ends when the sender is dropped or the other side closes; what went wrong is told to the request.
    actix_rt::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

async fn exchange(
    base: &BaseUrl,
    mut connection: SendRequest<Full<Bytes>>,
    call: &Call,
) -> Result<(Response, SendRequest<Full<Bytes>>), CallError> {
    let http = |source| CallError::Http { address: base.to_string(), source };
    connection.ready().await.map_err(http)?;
    let response = connection.send_request(request(base, call)?).await.map_err(http)?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, LONGEST_ANSWER)
        .collect()
        .await
        .map_err(|source| CallError::Answer { address: base.to_string(), source })?;
    let body = body.to_bytes().to_vec();
    let status: StatusCode = parts.status;
    Ok((Response { status, headers: parts.headers, body }, connection))
}

fn request(base: &BaseUrl, call: &Call) -> Result<Request<Full<Bytes>>, CallError> {
    let mut request = Request::builder()
        .method(&call.method)
        .uri(call.path)
        .header(HOST, base.authority())
        .body(Full::new(call.body.clone()))
        .map_err(CallError::Request)?;
    request.headers_mut().extend(call.headers.clone());
    Ok(request)
}

/// `text` as a header's value, unless it holds what headers cannot be trusted to carry (they are ASCII for most).
pub fn header(text: &str) -> Option<HeaderValue> {
    let plain = !text.is_empty() && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if plain { HeaderValue::from_str(text).ok() } else { None }
}
