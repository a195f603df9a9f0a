mod file;
mod identify;
mod model;
mod published;
mod recorded;
mod streams;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};

use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use tempfile::TempDir;

use super::*;

/// A settings folder of its own.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(auth_json: &str) -> Self {
        let folder = Self::new();
        fs::write(folder.auth_json(), auth_json).unwrap();
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn auth_json(&self) -> PathBuf {
        self.path().join("auth.json")
    }

    fn open(&self) -> Credentials {
        Credentials::open(self.path(), Environment::default()).unwrap()
    }

    fn refusal(&self) -> OpenError {
        Credentials::open(self.path(), Environment::default()).unwrap_err()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.auth_json()).unwrap()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + seconds * 1_000)
}

fn environment(mode: &str, token: &str) -> Environment {
    Environment::new(Some(mode), Some(token.to_owned())).unwrap()
}

fn new_token(scope: Scope) -> NewToken {
    NewToken { name: "nas".to_owned(), scope, machine_id: None, expires_at: None }
}

fn create(store: &Credentials, scope: Scope) -> Created {
    store.create(new_token(scope), at(0), "t").unwrap()
}

/// `Authorization: Bearer …` with this token.
fn with(token: &Secret) -> Vec<u8> {
    format!("Bearer {}", token.expose()).into_bytes()
}

fn identify(store: &Credentials, token: &Secret, seconds: i64) -> Result<Caller, Reason> {
    store.identify(Some(&with(token)), at(seconds)).map_err(|refusal| refusal.reason)
}

fn machine(name: &str) -> MachineId {
    MachineId::new(name)
}
