//! The HTTP edge (design §10): one module a resource, and the one table of routes ([`routes`]).
//!
//! # Constraints
//! 1. It holds no state of its own: recorded truth is the log's and the fleet's, live truth an actor's or a counter's. What
//!    it keeps are bodies that it has written ([`bodies`]).
//! 2. No SQLite call and nothing long runs on a worker thread.
//! 3. Every answer is the contract's, errors included (`crate::error`); never a dropped connection, a panic included.
//! 4. Whatever comes from outside is bounded: bodies by size and time, connections by number, streams by the ring.
//!
//! # What a request passes, outermost first
//! | layer | why there |
//! |---|---|
//! | count | sees every answer, those of the layers below too |
//! | errors as JSON | gives what a layer or a panic ended with the contract's form |
//! | catch panics | around everything that may panic |
//! | origin, host (`crate::guard`) | before anything looks at the request; CORS headers on every answer below |
//! | compression | of whole answers of 8 KiB and more; a stream's frames must go out one by one |
//! | routing | an unknown path is 404 for everybody |
//! | credentials (`crate::guard`) | by what the route asks for; before the body is read |
//! | body, handler | |

mod actors;
mod answer;
pub mod bodies;
pub mod body;
mod commands;
mod connections;
mod events;
mod fleet;
mod health;
mod ingest;
mod landing;
mod layers;
mod machines;
pub mod metrics;
mod routes;
mod serve;

use std::future::Future;
use std::sync::Arc;

use actix_web::web;
use patze_actors::connections::Connections;
use patze_actors::credentials::{Caller, TokenId};
use patze_actors::log::{Batch, Lane, Log};
use patze_actors::stream::Hub;
use patze_core::event::Event;
use patze_core::event::control::Control;
use patze_core::ids::{self, LogId, MachineId};
use patze_supervise::clock::Clock;
use patze_supervise::observe::Directory;

use crate::error::Error;
use crate::guard::Guard;
use bodies::Body;
use metrics::Counters;

pub use serve::serve;

/// The running version.
pub const BUILD: &str = env!("CARGO_PKG_VERSION");

/// What the edge is built from.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The event log, its writer running.
    pub log: Log,
    /// Where the log's publisher puts frames.
    pub hub: Hub,
    /// Who may do what.
    pub guard: Guard,
    /// The live table of bridges.
    pub connections: Connections,
    /// The states of all actors.
    pub directory: Directory,
}

/// What handlers share; one for all workers.
#[derive(Debug)]
pub struct Edge {
    log: Log,
    log_id: LogId,
    hub: Hub,
    guard: Guard,
    connections: Connections,
    directory: Directory,
    clock: Clock,
    counters: Counters,
    snapshot: Body,
    state: Body,
}

impl Edge {
    /// The edge of a control plane.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { log, hub, guard, connections, directory } = parts;
        Arc::new(Self {
            log_id: log.head().log_id,
            clock: guard.clock().clone(),
            log,
            hub,
            guard,
            connections,
            directory,
            counters: Counters::default(),
            snapshot: fleet::snapshot_body(),
            state: fleet::state_body(),
        })
    }

    /// Ends every open stream, so that a graceful stop of the server need not wait for them.
    pub fn end_streams(&self) {
        self.hub.close();
    }

    /// Ready when a caller's open streams are to be cut, because its credential ended (W-S24).
    fn cut(&self, caller: &Caller) -> impl Future<Output = ()> + use<> {
        self.guard.credentials().cut(caller, &self.clock)
    }

    /// The machine that a bridge token belongs to, from its first use on: `machine`, unless another request was first.
    async fn bind(&self, token: TokenId, machine: MachineId) -> Result<MachineId, Error> {
        let (credentials, now, trace) = (self.guard.credentials().clone(), self.clock.now(), trace_id()?);
        let bound = web::block(move || credentials.bind(token, &machine, now, &trace));
        let bound = bound.await.map_err(Error::internal)?.map_err(Error::internal)?;
        if let Some(event) = bound.event {
            let pending = self.log.append(Lane::Control, Batch::control([event]));
            // Bound it is, whatever becomes of the event; the next start appends it again (see the store's doc).
            if let Err(error) = pending.map_err(|_| Error::Overloaded)?.await {
                tracing::warn!(%error, "the event of a bound token is not stored");
            }
        }
        Ok(bound.machine)
    }

    /// A fact that a request decided, as an event.
    fn control_event(&self, control: &Control) -> Result<Event, Error> {
        let now = self.clock.now();
        Ok(control.to_event(ids::ulid(now, random()?), now, &trace_id()?))
    }
}

/// A request's id, for the traces of the events that it causes.
fn trace_id() -> Result<String, Error> {
    Ok(format!("req_{:032x}", random()?))
}

fn random() -> Result<u128, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| Error::internal(e.to_string()))?;
    Ok(u128::from_ne_bytes(bytes))
}
