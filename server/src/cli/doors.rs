//! The two ways in which a command changes something: through the running server, or, if none runs, through the
//! database itself.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patze_actors::credentials::{
    Credentials, Environment, LiveServer, NewToken, RecordError, Secret, TokenId,
};
use patze_actors::log::{AppendError, Log, LogConfig, OpenError};
use patze_actors::recorder::Recorder;
use patze_supervise::clock::Clock;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::CliError;

/// How long a server may take to answer one request.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a server that holds the folder may take to start, or to stop, before a command gives up.
const REACH_WITHIN: Duration = Duration::from_secs(10);
const TRY_EVERY: Duration = Duration::from_millis(200);
/// The trace of events that commands cause without a server.
const TRACE: &str = "cli";

/// A way in.
#[derive(Debug)]
pub(super) enum Door {
    /// A server runs; it does what we ask.
    Server(Server),
    /// None runs, and none can start before we are done: we hold its lock.
    Database { credentials: Credentials, recorder: Recorder, clock: Clock },
}

/// The running server.
#[derive(Debug)]
pub(super) struct Server {
    client: reqwest::Client,
    live: LiveServer,
    dir: PathBuf,
}

/// An error as the server writes it.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    message: Option<String>,
}

/// A token that was made.
#[derive(Debug, Deserialize)]
pub(super) struct Made {
    /// Its public id.
    pub(super) id: TokenId,
    /// Its text.
    #[serde(rename = "token")]
    pub(super) secret: Secret,
}

impl Door {
    /// Does something through whichever way there is. A server that holds the folder and does not listen is starting or
    /// stopping, and is waited for.
    pub(super) fn through<T>(
        dir: &Path,
        clock: &Clock,
        act: impl AsyncFn(&Self) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        refuse_other_user(dir)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(CliError::Runtime)?;
        let until = clock.elapsed() + REACH_WITHIN;
        loop {
            match Log::open(LogConfig::new(dir, clock.clone())) {
                Ok(log) => return runtime.block_on(by_database(dir, clock, log, act)),
                Err(OpenError::Locked { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            match runtime.block_on(by_server(dir, &act)) {
                Err(CliError::Silent { .. }) if clock.elapsed() < until => {}
                done => return done,
            }
            runtime.block_on(async { clock.sleep(TRY_EVERY).await });
        }
    }

    pub(super) async fn create(&self, new: NewToken) -> Result<Made, CliError> {
        match self {
            Self::Server(server) => {
                let asked = json!({
                    "name": new.name,
                    "scope": new.scope,
                    "machineId": new.machine_id,
                    "expiresAt": new.expires_at,
                });
                server.ask(Method::POST, "/settings/tokens", Some(asked)).await
            }
            Self::Database { credentials, recorder, clock } => {
                let created = credentials.create_recorded(recorder, new, clock.now(), TRACE).await?;
                Ok(Made { id: created.token.id, secret: created.secret })
            }
        }
    }

    pub(super) async fn revoke(&self, id: TokenId) -> Result<(), CliError> {
        match self {
            Self::Server(server) => {
                let path = format!("/settings/tokens/{id}");
                server.ask::<IgnoredAny>(Method::DELETE, &path, None).await.map(drop)
            }
            Self::Database { credentials, recorder, clock } => {
                Ok(credentials.revoke_recorded(recorder, id, clock.now(), TRACE).await?)
            }
        }
    }
}

impl Server {
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, CliError> {
        let Self { client, live, dir } = self;
        let silent = |source| CliError::Silent { dir: dir.clone(), source: Some(source) };
        let broken = |source| CliError::Answer { address: live.address, source };
        let request = client.request(method, format!("http://{}{path}", live.address));
        let request = request.bearer_auth(live.token.expose());
        let request = if let Some(body) = &body { request.json(body) } else { request };
        let answer = request.send().await.map_err(|e| if e.is_connect() { silent(e) } else { broken(e) })?;
        let status = answer.status();
        if status == StatusCode::UNAUTHORIZED {
            // The files are of a server that was killed, and the one that runs has not written its own yet.
            return Err(CliError::Silent { dir: dir.clone(), source: None });
        }
        if status.is_success() {
            return answer.json().await.map_err(broken);
        }
        let refusal: Refusal = answer.json().await.map_err(broken)?;
        let message = refusal.message.unwrap_or(refusal.error);
        Err(CliError::Refused { address: live.address, status: status.as_u16(), message })
    }
}

async fn by_server<T>(dir: &Path, act: impl AsyncFn(&Door) -> Result<T, CliError>) -> Result<T, CliError> {
    let found =
        LiveServer::find(dir).map_err(|source| CliError::Published { dir: dir.to_owned(), source })?;
    let Some(live) = found else { return Err(CliError::Silent { dir: dir.to_owned(), source: None }) };
    // No proxy may see the token, whatever the environment says.
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build();
    let client = client.map_err(|source| CliError::Answer { address: live.address, source })?;
    act(&Door::Server(Server { client, live, dir: dir.to_owned() })).await
}

async fn by_database<T>(
    dir: &Path,
    clock: &Clock,
    log: Log,
    act: impl AsyncFn(&Door) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let mut writer = log.writer(Box::new(()))?;
    let (ended, end) = oneshot::channel();
    // Nobody waits for its end if the command is through before.
    let writing = std::thread::spawn(move || drop(ended.send(writer.run())));
    let work = async {
        let credentials = Credentials::open(dir, Environment::default())?;
        let recorder = Recorder::new(log.clone(), clock.clone());
        act(&Door::Database { credentials, recorder, clock: clock.clone() }).await
    };
    let done = tokio::select! {
        done = work => done,
        // It ends before the log is closed only if it failed, and then nobody would answer.
        failed = end => match failed {
            Ok(Err(error)) => Err(error.into()),
            _ => Err(RecordError::NotStored(AppendError::Lost).into()),
        },
    };
    log.close()?;
    // It has ended, and holds the lock until it is gone.
    let _ = writing.join();
    done
}

/// Files that root leaves in another user's folder lock the server out, which then fails closed.
pub(super) fn refuse_other_user(dir: &Path) -> Result<(), CliError> {
    let Ok(owner) = std::fs::metadata(dir).map(|folder| folder.uid()) else { return Ok(()) };
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(CliError::OtherUser { dir: dir.to_owned(), owner })
}
