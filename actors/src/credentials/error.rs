//! What can go wrong with the store of credentials, and the remedies.

use std::path::PathBuf;

use super::store::MOST_TOKENS;
use super::token::{InvalidToken, TokenId};

/// Why the credentials cannot be opened. The server does not start then.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings folder cannot be made.
    #[error("cannot make the settings folder {}; make it yourself or set PATZE_SETTINGS_DIR", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is there and cannot be read.
    #[error("cannot read {}; give its owner read access, or move it away to start without its tokens", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not the JSON that it should be.
    #[error("{} is damaged (line {line}, column {column}); restore it from a backup, or move it away and make new tokens", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, counted from 1; 0 if the parser cannot tell.
        line: usize,
        /// Where, counted from 1; 0 if the parser cannot tell.
        column: usize,
    },
    /// A token without a word on whether it is needed.
    #[error("{} has a token and no mode; add \"mode\": \"token\" or \"mode\": \"none\"", path.display())]
    TokenWithoutMode {
        /// The file.
        path: PathBuf,
    },
    /// A token with a field that this version does not know, which may restrict it.
    #[error("{}: token {id} has the unknown field {field:?}; start the version that wrote it, or revoke the token there", path.display())]
    UnknownField {
        /// The file.
        path: PathBuf,
        /// The token.
        id: TokenId,
        /// The field.
        field: String,
    },
    /// Two tokens with one id.
    #[error("{}: token {id} is there twice; remove one of them", path.display())]
    TwiceTheSame {
        /// The file.
        path: PathBuf,
        /// The token.
        id: TokenId,
    },
    /// Mode `token`, and nothing to compare with (contract §1.1).
    #[error("authentication mode token needs a token: set TELEMETRY_AUTH_TOKEN, or \"token\" in {}", path.display())]
    NoToken {
        /// The settings folder's `auth.json`.
        path: PathBuf,
    },
    /// The environment's mode is no mode. The contract's server takes it for `none`; to fail closed is safer.
    #[error("TELEMETRY_AUTH_MODE must be none or token")]
    UnknownMode,
}

/// Why credentials did not change.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The file cannot be replaced; the one that was there stands.
    #[error("cannot write {}; is the disk full or the folder read-only?", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The system gives no random numbers.
    #[error("the system's random generator failed")]
    Random(#[source] getrandom::Error),
    /// A token that cannot be made as asked.
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
    /// Too many tokens were made.
    #[error("{MOST_TOKENS} tokens were made here, and no more can be; move auth.json away and make new ones")]
    TooMany,
    /// No such token.
    #[error("no token {0}; `patze token list` shows them")]
    NoSuch(TokenId),
}
