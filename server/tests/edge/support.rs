//! A server to talk to, events to send, and clients that see bytes.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use patze_actors::control_plane::{Config, ControlPlane, StartError};
use patze_actors::credentials::{Credentials, Environment, NewToken, Scope};
use patze_actors::log::OpenError;
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use patze_server::edge::{Edge, serve};
use patze_server::guard::{Allowed, Bind, Guard};
use patze_supervise::clock::{Clock, VirtualTime};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long something real may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    pub address: SocketAddr,
    pub plane: ControlPlane,
    pub credentials: Credentials,
    pub client: reqwest::Client,
    handle: ServerHandle,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
    folder: TempDir,
}

impl Server {
    /// A new one, with an empty log, in mode `none`.
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), Clock::system(), "").await
    }

    /// One whose time stands still until it is moved.
    pub async fn start_virtual() -> (Self, VirtualTime) {
        let (clock, time) = Clock::virtual_at(Timestamp::parse("2026-02-21T00:00:00Z").unwrap());
        (Self::start_in(tempfile::tempdir().unwrap(), clock, "").await, time)
    }

    pub async fn start_in(folder: TempDir, clock: Clock, proxies: &str) -> Self {
        static STARTS: AtomicU64 = AtomicU64::new(0);
        let version = format!("test {}", STARTS.fetch_add(1, Ordering::Relaxed));
        let config = Config {
            dir: folder.path().to_owned(),
            version: version.clone(),
            heartbeat_timeout: Duration::from_secs(120),
            retention: patze_core::retention::Retention::default(),
            clock: clock.clone(),
        };
        let mut plane = None;
        until("the folder's last owner is gone", async || {
            plane = match ControlPlane::start(config.clone()) {
                Ok(plane) => Some(plane),
                Err(StartError::Open(OpenError::Locked { .. })) => None,
                Err(error) => panic!("{error}"),
            };
            plane.is_some()
        })
        .await;
        let plane = plane.unwrap();
        let credentials = Credentials::open(folder.path(), Environment::default()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let allowed = Allowed { proxies: proxies.parse().unwrap(), ..Allowed::default() };
        let guard = Guard::new(credentials.clone(), clock, allowed, Bind::new([address.ip()], false));
        let server = serve(vec![listener], Edge::new(plane.clone(), guard)).unwrap();
        let handle = server.handle();
        let serving = actix_rt::spawn(server);
        let client = reqwest::Client::new();
        until("the start is recorded and published", async || {
            let fleet = plane.log.fleet();
            let known = fleet.facts().server.version.as_deref() == Some(version.as_str());
            known && plane.hub.head() == plane.log.head().position
        })
        .await;
        Self { address, plane, credentials, client, handle, serving, folder }
    }

    /// Stops it in good order and gives its folder back.
    pub async fn stop(self) -> TempDir {
        self.plane.hub.close();
        self.handle.stop(true).await;
        in_time(self.serving).await.unwrap().unwrap();
        self.plane.stop().await;
        self.folder
    }

    /// Stops it and starts another on its folder.
    pub async fn restart(self) -> Self {
        let folder = self.stop().await;
        Self::start_in(folder, Clock::system(), "").await
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.client.post(self.url(path)).json(body).send().await.unwrap()
    }

    pub async fn snapshot(&self) -> Value {
        json_of(self.get("/snapshot").await).await.1
    }

    /// Ingests events that must all be taken.
    pub async fn ingest(&self, events: &[Value]) {
        let (status, answer) = json_of(self.post("/ingest/batch", &json!({ "events": events })).await).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["acceptedCount"], events.len(), "{answer}");
    }

    /// A bridge token, for `machine` or for whichever uses it first.
    pub async fn bridge_token(&self, machine: Option<&str>) -> String {
        self.token(Scope::Bridge, machine).await
    }

    pub async fn token(&self, scope: Scope, machine: Option<&str>) -> String {
        let new = NewToken {
            name: "test".to_owned(),
            scope,
            machine_id: machine.map(MachineId::new),
            expires_at: None,
        };
        let made =
            self.credentials.create_recorded(&self.plane.recorder, new, self.plane.clock.now(), "test");
        let created = made.await.unwrap();
        created.secret.expose().to_owned()
    }

    /// Sends bytes on a connection of their own and reads until the server closes it.
    pub async fn raw(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_ref()).await.unwrap();
        let mut answer = Vec::new();
        in_time(stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Opens `/events` and reads the head of the answer.
    pub async fn events(&self, query: &str) -> Stream {
        Stream::open(self.address, query, "").await
    }
}

/// A client of `/events` that sees each HTTP chunk.
pub struct Stream {
    socket: TcpStream,
    read: Vec<u8>,
    pub head: String,
}

impl Stream {
    pub async fn open(address: SocketAddr, query: &str, headers: &str) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /events{query} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut stream = Self { socket, read: Vec::new(), head: String::new() };
        let end = loop {
            if let Some(end) = find(&stream.read, b"\r\n\r\n") {
                break end + 4;
            }
            assert!(stream.more().await, "the head is incomplete");
        };
        stream.head = String::from_utf8(stream.read.drain(..end).collect()).unwrap();
        stream
    }

    /// The next HTTP chunk's content; none at the end, orderly or not.
    pub async fn chunk(&mut self) -> Option<String> {
        loop {
            if let Some(line) = find(&self.read, b"\r\n") {
                let size =
                    usize::from_str_radix(std::str::from_utf8(&self.read[..line]).unwrap(), 16).unwrap();
                if self.read.len() >= line + 2 + size + 2 {
                    let chunk = self.read[line + 2..line + 2 + size].to_vec();
                    self.read.drain(..line + 2 + size + 2);
                    return (size > 0).then(|| String::from_utf8(chunk).unwrap());
                }
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// The next frame, which must be one chunk: its event name and data. Comments are passed over.
    pub async fn frame(&mut self) -> Option<(String, Value)> {
        loop {
            let chunk = self.chunk().await?;
            if !chunk.starts_with(':') {
                return Some(parse(&chunk));
            }
        }
    }

    /// The data of the next frame of a stored event, but for the ticks of a quiet log.
    pub async fn event(&mut self) -> Value {
        loop {
            let event = self.any_event().await;
            if event["type"] != "control.tick" {
                return event;
            }
        }
    }

    /// The data of the next frame of a stored event.
    pub async fn any_event(&mut self) -> Value {
        let (name, data) = self.frame().await.expect("the stream goes on");
        assert!(name == "telemetry" || name == "patze", "{name} {data}");
        data
    }

    async fn more(&mut self) -> bool {
        let read = in_time(self.socket.read_buf(&mut self.read)).await;
        read.is_ok_and(|count| count > 0)
    }
}

/// One frame's event name and data.
pub fn parse(frame: &str) -> (String, Value) {
    let mut name = None;
    let mut data = None;
    for line in frame.strip_suffix("\n\n").expect("a frame ends with a blank line").split('\n') {
        match line.split_once(": ") {
            Some(("event", value)) => name = Some(value.to_owned()),
            Some(("data", value)) => data = Some(serde_json::from_str(value).unwrap()),
            Some(("id", _)) => {}
            _ => panic!("an odd line: {line:?}"),
        }
    }
    (name.unwrap(), data.unwrap())
}

pub async fn json_of(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    (status, response.json().await.unwrap())
}

/// The output of what really has to happen, or a failed test.
pub async fn in_time<F: Future>(future: F) -> F::Output {
    Clock::system().timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let clock = Clock::system();
    let deadline = clock.elapsed() + PATIENCE;
    while !so().await {
        assert!(clock.elapsed() < deadline, "never: {what}");
        clock.sleep(Duration::from_millis(5)).await;
    }
}

#[allow(clippy::needless_pass_by_value, reason = "every caller makes its payload for this")]
pub fn envelope(id: &str, machine: &str, kind: &str, payload: Value) -> Value {
    json!({
        "version": "telemetry.v1",
        "id": id,
        "ts": "2026-02-21T00:00:00.000Z",
        "machineId": machine,
        "severity": "info",
        "type": kind,
        "payload": payload,
        "trace": { "traceId": "trace_1" },
    })
}

pub fn heartbeat(id: &str, machine: &str) -> Value {
    let resource = json!({ "cpuPct": 1.5, "memoryBytes": 1024, "memoryPct": 2 });
    let payload = json!({ "machineId": machine, "status": "online", "resource": resource });
    envelope(id, machine, "machine.heartbeat", payload)
}

pub fn registered(id: &str, machine: &str, name: &str) -> Value {
    let payload = json!({
        "machineId": machine, "name": name, "kind": "local", "status": "online",
        "registeredAt": "2026-02-21T00:00:00.000Z",
    });
    envelope(id, machine, "machine.registered", payload)
}

pub fn run_state(id: &str, machine: &str, run: &str, from: &str, to: &str) -> Value {
    let payload = json!({ "runId": run, "sessionId": "s1", "agentId": "a1", "from": from, "to": to });
    envelope(id, machine, "run.state.changed", payload)
}

pub fn session_state(id: &str, machine: &str, from: &str, to: &str) -> Value {
    let payload = json!({ "sessionId": "s1", "agentId": "a1", "machineId": machine, "from": from, "to": to });
    envelope(id, machine, "session.state.changed", payload)
}

/// A log line of about `size` bytes.
pub fn log_line(id: &str, machine: &str, size: usize) -> Value {
    let payload = json!({
        "logEntryId": id, "runId": "r1", "sessionId": "s1", "level": "info",
        "message": "x".repeat(size), "ts": "2026-02-21T00:00:00.000Z",
    });
    envelope(id, machine, "run.log.emitted", payload)
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
