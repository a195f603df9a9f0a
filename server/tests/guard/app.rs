//! A small application behind the real middlewares.

use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpResponse, web};
use patze_actors::credentials::{Caller, Credentials, Environment};
use patze_core::time::Timestamp;
use patze_server::guard::{self, Allowed, Bind, Guard};
use patze_supervise::clock::{Clock, VirtualTime};
use tempfile::TempDir;

use super::credentials;

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: actix_web::http::header::HeaderMap,
    pub body: String,
}

/// A guard with its store and its clock.
pub struct Scene {
    pub guard: Guard,
    pub store: Credentials,
    pub time: VirtualTime,
    _folder: TempDir,
}

impl Scene {
    pub fn new(environment: Environment) -> Self {
        Self::with(environment, Allowed::default())
    }

    pub fn with(environment: Environment, allowed: Allowed) -> Self {
        let (folder, store) = credentials(environment);
        let (clock, time) = Clock::virtual_at(Timestamp::from_millis(1_800_000_000_000));
        let bind = Bind::new(["127.0.0.1".parse().unwrap()], false);
        let guard = Guard::new(store.clone(), clock, allowed, bind);
        Self { guard, store, time, _folder: folder }
    }

    pub async fn ask(&self, request: TestRequest) -> Answer {
        self.ask_from("127.0.0.1:5000", request).await
    }

    /// Sends one request through a new application with this scene's guard.
    pub async fn ask_from(&self, peer: &str, request: TestRequest) -> Answer {
        let app = init_service(
            App::new()
                .app_data(web::Data::new(self.guard.clone()))
                .route("/health", web::get().to(open))
                .route("/read", web::get().to(known).wrap(from_fn(guard::read)))
                .route("/ingest", web::post().to(known).wrap(from_fn(guard::ingest)))
                .route("/write", web::post().to(known).wrap(from_fn(guard::write)))
                .route("/broken", web::get().to(open).wrap(from_fn(fail)))
                .wrap(from_fn(guard::host))
                .wrap(from_fn(guard::origin)),
        )
        .await;
        let request = request.peer_addr(peer.parse().unwrap()).to_request();
        match app.call(request).await {
            Ok(response) => read(response).await,
            // As actix answers it.
            Err(error) => {
                let response = error.error_response();
                let (status, headers) = (response.status(), response.headers().clone());
                Answer { status, headers, body: error.to_string() }
            }
        }
    }

    pub async fn wait(&self, seconds: u64) {
        self.time.advance(Duration::from_secs(seconds)).await;
    }
}

impl Answer {
    /// The stable error code.
    pub fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// All values of a header, as one list.
    pub fn list(&self, name: &str) -> Vec<String> {
        let values = self.headers.get_all(name).map(|value| value.to_str().unwrap());
        values.flat_map(|value| value.split(',')).map(|part| part.trim().to_ascii_lowercase()).collect()
    }
}

async fn open() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// Says who it thinks the caller is. That it runs at all needs the caller in the extensions.
async fn known(caller: web::ReqData<Caller>) -> String {
    format!("{:?} {:?}", caller.scope(), caller.token())
}

/// A middleware that fails, as others' do.
async fn fail<B: actix_web::body::MessageBody>(
    _: actix_web::dev::ServiceRequest,
    _: actix_web::middleware::Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    Err(actix_web::error::ErrorImATeapot("no"))
}

async fn read<B: actix_web::body::MessageBody>(response: ServiceResponse<B>) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("a body"));
    Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
}
