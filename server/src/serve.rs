//! Serving: from the configuration to a running control plane, and back to nothing in good order.
//!
//! Start: sockets first (the commonest mistake is a port that is taken, and nothing is touched yet), then who may be let
//! in, then the log with its lock, then the actors and the edge.
//! Stop (SIGTERM, SIGINT): streams end, accepted requests are answered, actors stop, the log is marked clean; in less
//! than 5 s.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::{Path, PathBuf};

use patze_actors::control_plane::{self, ControlPlane, StartError};
use patze_actors::credentials::{ChangeError, Credentials, Environment, OpenError, Published, RecordError};
use patze_supervise::clock::Clock;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::edge::{self, BUILD, Edge};
use crate::environment::{self, NotUnicode};
use crate::guard::{Bind, Guard, OpenBind};

/// Why the server does not serve; each names what and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no home folder to have the settings in.
    #[error("there is no home folder; name a settings folder in PATZE_SETTINGS_DIR")]
    NoSettings,
    /// `HOST` is no address of this machine.
    #[error("HOST={host} is no address; name one of this machine, such as 127.0.0.1")]
    Host {
        /// What was told.
        host: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// The port cannot be had.
    #[error("cannot listen on {address}; see who does (`ss -ltnp`), or choose another PORT")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the kernel says.
        source: io::Error,
    },
    /// Everybody would be let in.
    #[error(transparent)]
    OpenBind(#[from] OpenBind),
    /// A variable cannot be read.
    #[error(transparent)]
    Environment(#[from] NotUnicode),
    /// `auth.json` or the environment cannot be used.
    #[error(transparent)]
    Credentials(#[from] OpenError),
    /// The log cannot be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The log does not take the credentials' events.
    #[error("the credentials could not be recorded in the log")]
    Reconcile(#[source] RecordError),
    /// The files for commands cannot be written.
    #[error("cannot write server.json and cli-token in {}", dir.display())]
    Publish {
        /// The settings folder.
        dir: PathBuf,
        /// Why.
        source: ChangeError,
    },
    /// The server itself.
    #[error("the HTTP server failed")]
    Http(#[source] io::Error),
}

impl ServeError {
    /// The process's exit code: 2 for a start that would be open to everybody (design §10) and for variables that cannot
    /// be read, else 1.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::OpenBind(_) | Self::Environment(_)) { 2 } else { 1 }
    }
}

/// Serves until a signal ends it. Runs on the arbiter that will hold the actors; `beside` is called there once it serves.
///
/// # Errors
/// If it cannot start, or the HTTP server fails.
pub async fn serve(
    config: Config,
    clock: Clock,
    beside: impl FnOnce(&ControlPlane),
) -> Result<(), ServeError> {
    let dir = config.settings_dir().ok_or(ServeError::NoSettings)?;
    let addresses = resolve(&config.host, config.port)?;
    let bind = Bind::new(addresses.iter().map(SocketAddr::ip), config.allow_open);
    // Read once before anything is touched; opened again under the lock of the log, for another may change it until then.
    bind.check(Credentials::open(&dir, authentication()?)?.mode())?;
    let listeners = listen(&addresses)?;
    let plane = ControlPlane::start(control_plane::Config {
        dir: dir.clone(),
        version: BUILD.to_owned(),
        heartbeat_timeout: config.heartbeat_timeout.0,
        retention: config.retention(),
        clock: clock.clone(),
    })?;
    let served = serve_plane(&plane, &dir, config, bind, listeners, beside).await;
    plane.stop().await;
    served
}

async fn serve_plane(
    plane: &ControlPlane,
    dir: &Path,
    config: Config,
    bind: Bind,
    listeners: Vec<TcpListener>,
    beside: impl FnOnce(&ControlPlane),
) -> Result<(), ServeError> {
    let clock = plane.clock.clone();
    let credentials = Credentials::open(dir, authentication()?)?;
    bind.check(credentials.mode())?;
    credentials.reconcile(&plane.log, clock.now(), "start").await.map_err(ServeError::Reconcile)?;
    let addresses: Vec<SocketAddr> =
        listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let shown = addresses
        .first()
        .copied()
        .unwrap_or_else(|| SocketAddr::new(IpAddr::from([127, 0, 0, 1]), config.port));
    let published = Published::new(dir, &credentials, shown)
        .map_err(|source| ServeError::Publish { dir: dir.to_owned(), source })?;
    let guard = Guard::new(credentials, clock, config.allowed, bind);
    let server = edge::serve(listeners, Edge::new(plane.clone(), guard)).map_err(ServeError::Http)?;
    let handle = server.handle();
    let mut running = std::pin::pin!(server);
    for address in &addresses {
        tracing::info!(%address, version = BUILD, settings = %dir.display(), "serving");
    }
    beside(plane);
    println!("Patze Control listens on http://{shown}");
    tokio::select! {
        ended = &mut running => return ended.map_err(ServeError::Http),
        name = asked_to_stop() => tracing::info!(signal = name, "stopping"),
    }
    // Commands must not find a server that is about to go.
    drop(published);
    plane.hub.close();
    let stopping = handle.stop(true);
    let (ended, ()) = tokio::join!(running, stopping);
    ended.map_err(ServeError::Http)
}

fn authentication() -> Result<Environment, ServeError> {
    let mode = environment::value("TELEMETRY_AUTH_MODE")?;
    Ok(Environment::new(mode.as_deref(), environment::value("TELEMETRY_AUTH_TOKEN")?)?)
}

fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ServeError> {
    let fault = |source| ServeError::Host { host: host.to_owned(), source };
    let mut addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(fault)?.collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(fault(io::Error::from(io::ErrorKind::AddrNotAvailable)));
    }
    Ok(addresses)
}

fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ServeError> {
    addresses
        .iter()
        .map(|address| {
            TcpListener::bind(address).map_err(|source| ServeError::Listen { address: *address, source })
        })
        .collect()
}

/// The name of the signal that came. Where one cannot be watched, the other still is.
async fn asked_to_stop() -> &'static str {
    async fn came(kind: SignalKind, name: &'static str) -> &'static str {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
                name
            }
            Err(error) => {
                tracing::error!(%error, signal = name, "the signal cannot be watched");
                std::future::pending().await
            }
        }
    }
    tokio::select! {
        name = came(SignalKind::terminate(), "SIGTERM") => name,
        name = came(SignalKind::interrupt(), "SIGINT") => name,
    }
}
