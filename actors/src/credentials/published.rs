//! How commands on this machine find the running server and are let in: `server.json` and `cli-token` in the settings
//! folder, both 0600.
//!
//! Whether a server runs is told by `patze.lock` alone. These files only say where and how; a crash leaves old ones,
//! whose token no server knows.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file::write_private;
use super::{ChangeError, Credentials, Secret};

const SERVER: &str = "server.json";
const CLI_TOKEN: &str = "cli-token";
/// Characters of base 62: 256 bits.
const CHARS: usize = 43;

/// The running server's two files. They are removed when this is dropped, as on a clean stop.
#[derive(Debug)]
#[must_use = "the files are removed when this is dropped"]
pub struct Published {
    folder: PathBuf,
}

/// How to talk to the running server.
#[derive(Clone, Debug)]
pub struct LiveServer {
    /// Its process id.
    pub pid: u32,
    /// Where it listens, as this machine reaches it.
    pub address: SocketAddr,
    /// Its token of scope admin.
    pub token: Secret,
}

#[derive(Serialize, Deserialize)]
struct Listening {
    pid: u32,
    address: SocketAddr,
}

impl Published {
    /// Makes a token of scope admin for this run of the server and writes both files. Blocks.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn new(
        settings: &Path,
        credentials: &Credentials,
        listening: SocketAddr,
    ) -> Result<Self, ChangeError> {
        let token = Secret::random::<CHARS>().map_err(ChangeError::Random)?;
        let server = Listening { pid: std::process::id(), address: reachable(listening) };
        let json = serde_json::json!(server).to_string() + "\n";
        let write = |name: &str, contents: &str| {
            write_private(settings, name, contents.as_bytes())
                .map_err(|source| ChangeError::Write { path: settings.join(name), source })
        };
        // Made first, so that the files go again if the second cannot be written.
        let published = Self { folder: settings.to_owned() };
        credentials.admit_cli(&token);
        write(CLI_TOKEN, token.expose())?;
        write(SERVER, &json)?;
        Ok(published)
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        for name in [SERVER, CLI_TOKEN] {
            let path = self.folder.join(name);
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove this file");
            }
        }
    }
}

impl LiveServer {
    /// Reads what the running server wrote; none if it wrote nothing (yet).
    ///
    /// # Errors
    /// If the files are there and cannot be read.
    pub fn find(settings: &Path) -> io::Result<Option<Self>> {
        let read = |name| match fs::read_to_string(settings.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        };
        let (Some(server), Some(token)) = (read(SERVER)?, read(CLI_TOKEN)?) else { return Ok(None) };
        let Listening { pid, address } = serde_json::from_str(&server)?;
        Ok(Some(Self { pid, address, token: Secret::new(token) }))
    }
}

/// An address that listens everywhere is reached through loopback.
fn reachable(mut listening: SocketAddr) -> SocketAddr {
    if listening.ip().is_unspecified() {
        listening.set_ip(match listening.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listening
}
