//! Errors as one text for people.

use std::error::Error;

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
