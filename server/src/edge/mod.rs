//! The HTTP edge (design §10): one module a resource, and the one table of routes ([`routes`]).
//!
//! # Constraints
//! 1. It holds no state of its own: recorded truth is the log's and the fleet's, live truth an actor's or a counter's. What
//!    it keeps are bodies that it has written ([`bodies`]), while somebody asks for them.
//! 2. No SQLite call and nothing long runs on a worker thread.
//! 3. Every answer is the contract's, errors included (`crate::error`); never a dropped connection, a panic included.
//! 4. Whatever comes from outside is bounded: bodies by size and time, all requests together by what they hold
//!    ([`budget`]), connections by number, streams by the ring.
//!
//! # What a request passes, outermost first
//! | layer | why there |
//! |---|---|
//! | count | sees every answer, those of the layers below too |
//! | unread bodies | where nothing is answered any more: a refused body must not keep its connection |
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
pub mod budget;
mod commands;
mod connections;
mod events;
mod fleet;
mod health;
mod history;
mod ingest;
mod landing;
mod layers;
mod machines;
pub mod metrics;
mod openapi;
mod page;
mod past;
mod retention;
mod routes;
mod serve;
mod settings;

use std::future::Future;
use std::sync::Arc;

use patze_actors::connections::Connections;
use patze_actors::control_plane::ControlPlane;
use patze_actors::credentials::{Caller, TokenId};
use patze_actors::log::Log;
use patze_core::fleet::snapshot::SnapshotWriter;
use patze_core::fleet::state::StateWriter;
use patze_core::ids::{LogId, MachineId};

use crate::error::Error;
use crate::guard::Guard;
use bodies::Body;
use budget::Budget;
use metrics::Counters;

pub use serve::serve;

/// The running version.
pub const BUILD: &str = env!("CARGO_PKG_VERSION");

/// What handlers share; one for all workers.
#[derive(Debug)]
pub struct Edge {
    plane: ControlPlane,
    log_id: LogId,
    demo: bool,
    guard: Guard,
    connections: Connections,
    counters: Counters,
    budget: Budget,
    snapshot: Body<SnapshotWriter>,
    state: Body<StateWriter>,
}

impl Edge {
    /// The edge of a running control plane.
    pub fn new(plane: ControlPlane, guard: Guard) -> Arc<Self> {
        Arc::new(Self {
            log_id: plane.log.head().log_id,
            demo: crate::demo::is_demo(&plane.dir),
            connections: Connections::new(plane.clock.clone()),
            snapshot: Body::new(plane.clock.clone()),
            state: Body::new(plane.clock.clone()),
            plane,
            guard,
            counters: Counters::default(),
            budget: Budget::new(budget::LIMIT),
        })
    }

    fn log(&self) -> &Log {
        &self.plane.log
    }

    /// Ready when a caller's open streams are to be cut, because its credential ended (W-S24).
    fn cut(&self, caller: &Caller) -> impl Future<Output = ()> + use<> {
        self.guard.credentials().cut(caller, &self.plane.clock)
    }

    /// The machine that a bridge token belongs to, from its first use on: `machine`, unless another request was first.
    async fn bind(&self, token: TokenId, machine: MachineId) -> Result<MachineId, Error> {
        let (now, trace) = (self.plane.clock.now(), trace_id()?);
        let bound = self.guard.credentials().bind_recorded(&self.plane.recorder, token, machine, now, &trace);
        bound.await.map_err(settings::not_changed)
    }
}

/// A request's id, for the traces of the events that it causes.
fn trace_id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| Error::internal(e.to_string()))?;
    Ok(format!("req_{:032x}", u128::from_ne_bytes(bytes)))
}
