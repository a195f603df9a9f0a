//! A control plane for tests that answers as it is told and remembers what it was asked, and a bridge process to push to it.
//!
//! It stands for a network peer that fails in every way; the real control plane has tests of its own with the bridge.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use patze_bridge::spool::{Limits, Spool};
use patze_core::event::{Event, Parts, Severity, envelope};
use patze_core::ids::{EventId, MachineId};
use patze_core::openclaw::MAPPER_VERSION;
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use serde_json::Value;
use tokio::sync::watch;

/// How long a test waits for what must come.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: usize,
    pub events: Vec<Value>,
    /// Since the control plane was started.
    pub at: Duration,
}

/// How a request is answered.
pub enum Reply {
    /// As a control plane does: what is valid is accepted.
    Take,
    Say {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// Not at all.
    Hang,
}

type Rule = Box<dyn FnMut(&Asked) -> Reply + Send>;

struct Shared {
    asked: Mutex<Vec<Asked>>,
    more: Condvar,
    count: watch::Sender<usize>,
    rule: Mutex<Rule>,
    clock: Clock,
}

/// See the module.
pub struct ControlPlane {
    shared: Arc<Shared>,
    pub url: String,
    pub port: u16,
    handle: actix_web::dev::ServerHandle,
    thread: Option<std::thread::JoinHandle<()>>,
}

pub fn say(status: u16, body: &str) -> Reply {
    Reply::Say { status, headers: Vec::new(), body: body.to_owned() }
}

// === impl Asked ===

impl Asked {
    pub fn ids(&self) -> Vec<String> {
        self.events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }

    pub fn types(&self) -> Vec<String> {
        self.events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    pub fn token(&self) -> Option<&str> {
        self.headers.get("authorization").and_then(|value| value.strip_prefix("Bearer "))
    }
}

// === impl ControlPlane ===

impl ControlPlane {
    /// One that takes everything.
    pub fn start() -> Self {
        Self::on(0)
    }

    /// The same on a port that it had before.
    pub fn on(port: u16) -> Self {
        let shared = Arc::new(Shared {
            asked: Mutex::default(),
            more: Condvar::new(),
            count: watch::Sender::new(0),
            rule: Mutex::new(Box::new(|_| Reply::Take)),
            clock: Clock::system(),
        });
        let (told, tell) = std::sync::mpsc::channel();
        let of_server = shared.clone();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(web::Data::from(of_server.clone()))
                        .app_data(web::PayloadConfig::new(8 << 20))
                        .default_service(web::to(handle))
                })
                .workers(1)
                .disable_signals()
                .shutdown_timeout(0)
                .bind(("127.0.0.1", port))
                .unwrap();
                let port = server.addrs()[0].port();
                let server = server.run();
                told.send((port, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (port, handle) = tell.recv().unwrap();
        Self { shared, url: format!("http://127.0.0.1:{port}"), port, handle, thread: Some(thread) }
    }

    /// From now on answers by `rule`.
    pub fn answer(&self, rule: impl FnMut(&Asked) -> Reply + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Every event that came, in the order of arrival.
    pub fn events(&self) -> Vec<Value> {
        self.asked().into_iter().flat_map(|asked| asked.events).collect()
    }

    /// Waits until what came fulfils `condition`.
    pub fn wait_until(&self, what: &str, mut condition: impl FnMut(&[Asked]) -> bool) -> Vec<Asked> {
        let asked = self.shared.asked.lock().unwrap();
        let (asked, timeout) =
            self.shared.more.wait_timeout_while(asked, DEADLINE, |asked| !condition(asked)).unwrap();
        let seen: MutexGuard<'_, Vec<Asked>> = asked;
        assert!(
            !timeout.timed_out(),
            "{what} did not come; what came: {:#?}",
            seen.iter().map(|asked| (&asked.path, asked.types())).collect::<Vec<_>>()
        );
        seen.clone()
    }

    /// Waits until at least `count` requests came, without blocking the thread.
    pub async fn requests(&self, count: usize) {
        let mut seen = self.shared.count.subscribe();
        let arrived = Clock::system().timeout(DEADLINE, seen.wait_for(|seen| *seen >= count)).await.is_ok();
        assert!(arrived, "{} of {count} requests came", self.asked().len());
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // It stops of itself once told; the future needs no polling for that.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn handle(shared: web::Data<Shared>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
    let events = match parsed {
        Value::Object(ref fields) if fields.contains_key("events") => {
            fields["events"].as_array().unwrap().clone()
        }
        Value::Object(_) => vec![parsed],
        _ => Vec::new(),
    };
    let headers = request.headers().iter();
    let asked = Asked {
        path: request.path().to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: body.len(),
        events,
        at: shared.clock.elapsed(),
    };
    let reply = shared.rule.lock().unwrap()(&asked);
    let answer = match reply {
        Reply::Take => taken(&asked),
        Reply::Say { status, headers, body } => {
            let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap());
            for header in headers {
                answer.insert_header(header);
            }
            answer.body(body)
        }
        Reply::Hang => {
            note(&shared, asked);
            return std::future::pending().await;
        }
    };
    note(&shared, asked);
    answer
}

fn note(shared: &Shared, asked: Asked) {
    let mut all = shared.asked.lock().unwrap();
    all.push(asked);
    shared.count.send_replace(all.len());
    shared.more.notify_all();
}

/// What a control plane says with `Prefer: return=minimal`.
fn taken(asked: &Asked) -> HttpResponse {
    let rejected: Vec<Value> = asked
        .events
        .iter()
        .enumerate()
        .filter_map(|(index, event)| Some((index, envelope::validate(&event.to_string()).err()?)))
        .map(|(index, rejection)| serde_json::json!({ "index": index, "error": rejection }))
        .collect();
    match asked.path.as_str() {
        "/ingest/batch" => HttpResponse::Ok().json(serde_json::json!({
            "acceptedCount": asked.events.len() - rejected.len(),
            "rejectedCount": rejected.len(),
            "rejected": rejected,
        })),
        "/ingest" => HttpResponse::Ok().json(serde_json::json!({ "ok": true })),
        "/health" => HttpResponse::Ok()
            .json(serde_json::json!({ "ok": true, "authMode": "token", "authRequired": true })),
        _ => HttpResponse::NotFound().json(serde_json::json!({ "error": "not_found" })),
    }
}

/// A bridge process with a home folder of its own. It is killed when dropped.
pub struct Bridge {
    child: Option<Child>,
    stderr: Arc<(Mutex<Text>, Condvar)>,
}

/// What a bridge wrote, and whether that is all.
#[derive(Default)]
struct Text {
    text: String,
    ended: bool,
}

/// Where bridges of one test live.
pub struct Place {
    pub dir: tempfile::TempDir,
    pub settings: BTreeMap<String, String>,
}

// === impl Place ===

impl Place {
    /// An empty user's home folder; bridges push to `url` as machine `m1`.
    pub fn new(url: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = BTreeMap::new();
        for (name, value) in [
            ("HOME", dir.path().to_str().unwrap()),
            ("CONTROL_PLANE_BASE_URL", url),
            ("MACHINE_ID", "m1"),
            ("MACHINE_LABEL", "test box"),
            ("HEARTBEAT_INTERVAL_MS", "1000"),
        ] {
            settings.insert(name.to_owned(), value.to_owned());
        }
        Self { dir, settings }
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join(".patze-control")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_patze-bridge"));
        command.args(arguments).env_clear().envs(&self.settings).current_dir(self.dir.path());
        command
    }

    pub fn start(&self) -> Bridge {
        Bridge::of(&mut self.command(&[]))
    }

    /// Puts `count` events into the spool, as if a home had been read.
    pub fn fill(&self, prefix: &str, count: usize) -> Vec<String> {
        let limits = Limits { cap: 1 << 30 };
        let mut spool = Spool::open(&self.state(), limits, &MachineId::new("m1"), MAPPER_VERSION).unwrap();
        let ids: Vec<String> = (0..count).map(|n| format!("{prefix}{n:06}")).collect();
        for ids in ids.chunks(500) {
            let events: Vec<Event> = ids.iter().map(|id| event(id, 300)).collect();
            let epoch = spool.begin("test").unwrap().epoch;
            spool.append("test", epoch, "cursor", &events).unwrap();
        }
        ids
    }
}

pub fn event(id: &str, fill: usize) -> Event {
    Event::new(Parts {
        id: EventId::new(id),
        machine: MachineId::new("m1"),
        type_name: "gateway.log",
        severity: Severity::Info,
        occurred_at: Timestamp::from_millis(1_700_000_000_000),
        trace: r#"{"traceId":"t"}"#,
        payload: &format!("{{\"fill\":\"{}\"}}", "x".repeat(fill)),
    })
}

/// The events with ids that begin with `prefix`, in the order of arrival.
pub fn with_prefix(asked: &[Asked], prefix: &str) -> Vec<String> {
    asked.iter().flat_map(Asked::ids).filter(|id| id.starts_with(prefix)).collect()
}

// === impl Bridge ===

impl Bridge {
    /// The bridge that `command` starts.
    pub fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = Arc::new((Mutex::new(Text::default()), Condvar::new()));
        let (pipe, shared) = (child.stderr.take().unwrap(), stderr.clone());
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(std::io::BufReader::new(pipe)).map_while(Result::ok) {
                shared.0.lock().unwrap().text.push_str(&(line + "\n"));
                shared.1.notify_all();
            }
            shared.0.lock().unwrap().ended = true;
            shared.1.notify_all();
        });
        Self { child: Some(child), stderr }
    }

    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn signal(&self, name: &str) {
        kill(name, self.id());
    }

    /// Waits for its end: its status and all that it wrote.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let (told, tell) = std::sync::mpsc::channel();
        let mut child = self.child.take().unwrap();
        let pid = child.id();
        let waiting = std::thread::spawn(move || told.send(child.wait().unwrap()));
        let status = tell.recv_timeout(DEADLINE).unwrap_or_else(|_| {
            kill("KILL", pid);
            panic!("it does not end: {}", self.text());
        });
        waiting.join().unwrap().unwrap();
        self.wait_for_end_of_text();
        (status, self.text())
    }

    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    pub fn text(&self) -> String {
        self.stderr.0.lock().unwrap().text.clone()
    }

    /// Waits until it has written `part`.
    pub fn wait_for(&self, part: &str) {
        self.wait_for_times(part, 1);
    }

    /// Waits until it has written `part` so many times.
    pub fn wait_for_times(&self, part: &str, times: usize) {
        let text = self.stderr.0.lock().unwrap();
        let missing = |text: &mut Text| text.text.matches(part).count() < times;
        let (text, timeout) = self.stderr.1.wait_timeout_while(text, DEADLINE, missing).unwrap();
        assert!(!timeout.timed_out(), "not {times} times {part:?} in {}", text.text);
    }

    fn wait_for_end_of_text(&self) {
        let text = self.stderr.0.lock().unwrap();
        drop(self.stderr.1.wait_timeout_while(text, DEADLINE, |text| !text.ended).unwrap());
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn kill(signal: &str, pid: u32) {
    let status = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
    assert!(status.unwrap().success(), "{signal} to {pid}");
}
