//! An error's text with those of what it came from: errors here never repeat their source.

use std::error::Error;
use std::fmt::Write as _;

/// "what failed: what that came from: …", for people.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
