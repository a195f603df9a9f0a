//! The server: workers, limits and sockets.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpServer, web};
use actix_web_lab::middleware::CatchPanic;

use super::layers::{after_compression, choose_for_compression, count, errors_as_json, hold_unread};
use super::{Edge, routes};
use crate::error::Error;
use crate::guard;

/// Worker threads. Handlers do little but parse and copy; the writer, the fold and the actors want cores too.
const WORKERS: usize = 2;
/// Open connections of each worker; beyond that the kernel's queue holds them.
const MOST_CONNECTIONS: usize = 4_096;
/// Threads of each worker for what may block: large bodies, compression, credentials on the disk.
const BLOCKING_THREADS: usize = 4;
/// How long an idle connection is kept (contract §2.3).
const KEEP_ALIVE: Duration = Duration::from_secs(72);
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
    .max_connections(MOST_CONNECTIONS)
    .keep_alive(KEEP_ALIVE)
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

#[cfg(target_os = "linux")]
fn bound(connection: &dyn std::any::Any) {
    let Some(stream) = connection.downcast_ref::<actix_rt::net::TcpStream>() else { return };
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(STUCK)) {
        tracing::debug!(%error, "a connection has no limit for a stuck client");
    }
}

#[cfg(not(target_os = "linux"))]
fn bound(_: &dyn std::any::Any) {}
