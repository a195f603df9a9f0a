//! The whole server on a port of its own: control plane, edge, sockets; on the machine's clock.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use patze_actors::control_plane::{Config, ControlPlane};
use patze_actors::credentials::{Credentials, Environment, Published};
use patze_server::edge::{self, Edge};
use patze_server::guard::{Allowed, Bind, Guard};
use patze_supervise::clock::Clock;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// How long anything real may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server.
pub struct Server {
    pub plane: ControlPlane,
    pub address: SocketAddr,
    pub client: reqwest::Client,
    handle: ServerHandle,
    _published: Published,
}

impl Server {
    /// Starts on the current arbiter, in the order that `patze` starts in.
    pub async fn start(dir: &Path, environment: Environment) -> Self {
        Self::start_with(dir, environment, Allowed::default(), "127.0.0.1").await
    }

    /// `host` is where it says that it listens; it listens on loopback in any case.
    pub async fn start_with(dir: &Path, environment: Environment, allowed: Allowed, host: &str) -> Self {
        let clock = Clock::system();
        let plane = ControlPlane::start(Config {
            dir: dir.to_owned(),
            version: "test".to_owned(),
            heartbeat_timeout: Duration::from_secs(120),
            retention: patze_core::retention::Retention::default(),
            clock: clock.clone(),
        })
        .unwrap();
        let credentials = Credentials::open(dir, environment).unwrap();
        credentials.reconcile(&plane.log, clock.now(), "server").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let published = Published::new(dir, &credentials, address).unwrap();
        let bind = Bind::new([host.parse().unwrap()], false);
        let guard = Guard::new(credentials, clock, allowed, bind);
        let server = edge::serve(vec![listener], Edge::new(plane.clone(), guard)).unwrap();
        let handle = server.handle();
        actix_rt::spawn(server);
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { plane, address, client, handle, _published: published }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// Sends a request and gives the status and the body as JSON.
    pub async fn ask(&self, request: RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    pub async fn get(&self, path: &str, authorization: Option<&str>) -> (u16, Value) {
        self.ask(with(self.request(Method::GET, path), authorization)).await
    }

    pub async fn post(&self, path: &str, authorization: Option<&str>, body: Value) -> (u16, Value) {
        self.ask(with(self.request(Method::POST, path), authorization).json(&body)).await
    }

    pub async fn delete(&self, path: &str, authorization: Option<&str>) -> (u16, Value) {
        self.ask(with(self.request(Method::DELETE, path), authorization)).await
    }

    /// Types and payloads of the control events in the log.
    pub async fn facts(&self) -> Vec<(String, Value)> {
        let stored = self.plane.log.read_after(0, 10_000, 16 << 20).await.unwrap();
        let control = stored.iter().filter(|stored| stored.event.type_name().starts_with("control."));
        let fact = |event: &patze_core::event::Event| {
            (event.type_name().to_owned(), serde_json::from_str(event.payload()).unwrap())
        };
        control.map(|stored| fact(&stored.event)).collect()
    }

    pub async fn stop(self) {
        self.plane.hub.close();
        self.handle.stop(true).await;
        self.plane.stop().await;
    }
}

fn with(request: RequestBuilder, authorization: Option<&str>) -> RequestBuilder {
    match authorization {
        Some(header) => request.header("authorization", header),
        None => request,
    }
}
