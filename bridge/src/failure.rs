//! Failures: errors as one text for people, and panics of blocking tasks.

use std::error::Error;

use tokio::task::JoinError;

/// `error` and what is behind it: what failed, and why, down to the system's own words.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What a blocking task returned; its panic becomes the actor's.
pub fn returned<T>(joined: Result<T, JoinError>) -> T {
    match joined {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => std::panic::resume_unwind(Box::new(error.to_string())),
        },
    }
}
