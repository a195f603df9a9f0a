//! The guard: origin, host, credentials, throttling; the settings of it; the commands that change it.
//!
//! `app` is a small application behind the real middlewares, on a virtual clock. `server` is the whole thing: control
//! plane, edge, sockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod app;
mod authenticate;
mod cli;
mod host;
mod origin;
mod process;
mod server;
mod settings;
mod throttle;

use patze_actors::credentials::{Credentials, Environment};
use tempfile::TempDir;

/// The contract's own token in these tests.
const TOKEN: &str = "0123456789abcdef";

fn mode_none() -> Environment {
    Environment::default()
}

fn mode_token() -> Environment {
    Environment::new(Some("token"), Some(TOKEN.to_owned())).unwrap()
}

/// `Authorization` with one of the tokens of `tokens.json`, which is `auth.json` in these tests.
fn bearer(id: char, secret: char) -> String {
    let times = |c: char, n| std::iter::repeat_n(c, n).collect::<String>();
    format!("Bearer pz_{}_{}", times(id, 10), times(secret, 43))
}

fn admin() -> String {
    bearer('A', 'a')
}

fn reader() -> String {
    bearer('R', 'r')
}

fn bridge() -> String {
    bearer('B', 'b')
}

fn revoked() -> String {
    bearer('Z', 'z')
}

fn expired() -> String {
    bearer('E', 'e')
}

/// A settings folder with `tokens.json`, and its store.
fn credentials(environment: Environment) -> (TempDir, Credentials) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("auth.json"), include_str!("tokens.json")).unwrap();
    let store = Credentials::open(folder.path(), environment).unwrap();
    (folder, store)
}
