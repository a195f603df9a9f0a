//! The bodies of `/snapshot` and `/state`, written once a position and shared by all who ask (W-P4).

use std::sync::Arc;

use actix_web::web;
use bytes::Bytes;
use patze_actors::log::Log;
use patze_core::fleet::Fleet;
use tokio::sync::Mutex;

use crate::error::Error;

/// Above so many sessions and runs a body is written off the worker thread: about a millisecond's work.
const LARGE: usize = 500;

/// A view of the fleet as JSON, kept for as long as nothing happens.
#[derive(Debug)]
pub struct Body {
    write: fn(&Fleet) -> serde_json::Result<Vec<u8>>,
    newest: Mutex<Option<Written>>,
}

/// A view at a position.
#[derive(Clone, Debug)]
pub struct Written {
    /// The position of the fleet that it shows.
    pub position: u64,
    /// The JSON text.
    pub text: Bytes,
}

impl Body {
    /// A view that is written by `write`.
    pub fn new(write: fn(&Fleet) -> serde_json::Result<Vec<u8>>) -> Self {
        Self { write, newest: Mutex::new(None) }
    }

    /// The view of a fleet that is no older than this call. Whoever asks while it is being written waits for that.
    pub async fn newest(&self, log: &Log) -> Result<Written, Error> {
        let wanted = log.fleet().position();
        let mut newest = self.newest.lock().await;
        if let Some(written) = newest.as_ref().filter(|written| written.position >= wanted) {
            return Ok(written.clone());
        }
        let fleet = log.fleet();
        let position = fleet.position();
        let text = if fleet.facts().sessions.len() + fleet.facts().runs.len() > LARGE {
            let (write, fleet) = (self.write, Arc::clone(&fleet));
            web::block(move || write(&fleet)).await.map_err(Error::internal)?
        } else {
            (self.write)(&fleet)
        };
        let written = Written { position, text: text.map_err(Error::internal)?.into() };
        *newest = Some(written.clone());
        Ok(written)
    }
}
