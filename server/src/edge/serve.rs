//! The server: workers, limits and sockets.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpServer, web};
use actix_web_lab::middleware::CatchPanic;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::layers::{after_compression, choose_for_compression, count, errors_as_json, hold_unread};
use super::{Edge, routes};
use crate::error::Error;
use crate::guard;

/// Worker threads. Handlers do little but parse and copy; the writer, the fold and the actors want cores too.
const WORKERS: usize = 2;
/// Open connections of each worker, if the process may open so many files; beyond that the kernel's queue holds them.
const MOST_CONNECTIONS: usize = 4_096;
/// Files that connections leave to the rest: the databases and their readers, the workers, backups.
const RESERVED_FILES: usize = 128;
/// Threads of each worker for what may block: large bodies, compression, credentials on the disk.
const BLOCKING_THREADS: usize = 4;
/// How long an idle connection is kept (contract §2.3).
const KEEP_ALIVE: Duration = Duration::from_secs(72);
/// The same where connections are few, so that idle ones do not keep others out.
const SHORT_KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long a request's head may take.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How long the rest of a refused body is read, so that its sender gets to see the refusal.
const LINGER: Duration = Duration::from_secs(3);
/// How long a stop waits for answers that are on their way.
const STOP_SECONDS: u64 = 3;
/// How long a client may take nothing of what is sent to it before the kernel closes the connection: what cuts a
/// subscriber that has stopped reading, and a peer that is gone without a word.
#[cfg(target_os = "linux")]
const STUCK: Duration = Duration::from_secs(30);

/// Serves on `listeners` until the returned server is stopped.
///
/// Signals are the caller's. To stop: end the streams (`ControlPlane::hub`'s `close`), `server.handle().stop(true)`, then
/// stop the control plane, so that what was accepted is answered.
///
/// # Errors
/// If a listener cannot be used.
pub fn serve(listeners: Vec<TcpListener>, edge: Arc<Edge>) -> io::Result<Server> {
    let files = raise_open_files();
    let connections = connections(files);
    tracing::info!(open_files = files, connections = WORKERS * connections, "limits");
    let keep_alive = if connections < MOST_CONNECTIONS / 4 { SHORT_KEEP_ALIVE } else { KEEP_ALIVE };
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(Arc::clone(&edge)))
            .app_data(web::Data::new(edge.guard.clone()))
            .app_data(web::PathConfig::default().error_handler(|_, _| Error::NotFound.into()))
            .configure(routes::routes)
            .default_service(web::to(routes::nothing))
            // From the innermost to the outermost.
            .wrap(from_fn(choose_for_compression))
            .wrap(Compress::default())
            .wrap(from_fn(after_compression))
            .wrap(from_fn(guard::host))
            .wrap(from_fn(guard::origin))
            .wrap(CatchPanic::default())
            .wrap(from_fn(errors_as_json))
            .wrap(from_fn(hold_unread))
            .wrap(from_fn(count))
    })
    .workers(WORKERS)
    .worker_max_blocking_threads(BLOCKING_THREADS)
    .max_connections(connections)
    .keep_alive(keep_alive)
    .client_request_timeout(HEAD_DEADLINE)
    .client_disconnect_timeout(LINGER)
    .shutdown_timeout(STOP_SECONDS)
    .tcp_nodelay(true)
    // A client that has closed its half is gone, and its stream no longer counts.
    .h1_allow_half_closed(false)
    .on_connect(|connection, _| bound(connection))
    .disable_signals();
    for listener in listeners {
        server = server.listen(listener)?;
    }
    Ok(server.run())
}

/// Lets this process open as many files as it may ask for, and tells how many that are. Each connection is one.
fn raise_open_files() -> usize {
    /// macOS says that it has no limit and takes no more than this (`OPEN_MAX`).
    const MACOS: u64 = 10_240;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = [maximum, Some(MACOS)].into_iter().find(|wanted| {
        let more = current.is_some_and(|now| wanted.is_none_or(|wanted| wanted > now));
        more && setrlimit(Resource::Nofile, Rlimit { current: *wanted, maximum }).is_ok()
    });
    raised.unwrap_or(current).map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// Connections of each worker where the process may open so many files.
fn connections(files: usize) -> usize {
    (files.saturating_sub(RESERVED_FILES) / WORKERS).clamp(16, MOST_CONNECTIONS)
}

#[cfg(target_os = "linux")]
fn bound(connection: &dyn std::any::Any) {
    let Some(stream) = connection.downcast_ref::<actix_rt::net::TcpStream>() else { return };
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(STUCK)) {
        tracing::debug!(%error, "a connection has no limit for a stuck client");
    }
}

#[cfg(not(target_os = "linux"))]
fn bound(_: &dyn std::any::Any) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_rest() {
        for (files, each) in
            [(0, 16), (128, 16), (256, 64), (1_024, 448), (1 << 20, MOST_CONNECTIONS), (usize::MAX, 4_096)]
        {
            assert_eq!(connections(files), each, "{files}");
        }
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let files = raise_open_files();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current.map(|files| files as usize).unwrap_or(usize::MAX), files);
        assert!(current == maximum || cfg!(target_os = "macos"));
    }
}
