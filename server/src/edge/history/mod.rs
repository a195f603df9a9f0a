//! `GET /history/…` (design §8): what was. One file a resource; the parameters of all are read in [`params`].
//!
//! What is answered are the types of `patze_core::history`, which the page shares.

mod density;
mod logs;
mod machines;
mod params;
mod runs;
mod sessions;
mod usage;

use actix_web::HttpResponse;
use patze_actors::history::QueryError;
use serde::Serialize;

use super::answer;
use crate::error::Error;

pub use density::density;
pub use logs::logs;
pub use machines::{machines, series};
pub use runs::{runs, timeline};
pub use sessions::sessions;
pub use usage::usage;

/// An answer of history's as JSON.
fn answered(answer: Result<impl Serialize, QueryError>) -> Result<HttpResponse, Error> {
    answer::json(&answer.map_err(unanswered)?)
}

/// What a question that was not answered is answered.
fn unanswered(error: QueryError) -> Error {
    match error {
        QueryError::Overloaded => Error::Unavailable(error.to_string()),
        QueryError::Deadline => Error::TooMuch(error.to_string()),
        QueryError::Closed | QueryError::NotReady | QueryError::Log(_) => {
            Error::Unavailable(error.to_string())
        }
        QueryError::Invalid { parameter, message } => params::invalid(parameter, message),
        QueryError::NoSuch { kind, id } => Error::NoSuch { kind, id: id.chars().take(256).collect() },
        QueryError::Read(source) => Error::internal(source),
    }
}
