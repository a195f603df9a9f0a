//! What the folder of the simulated year holds.

use std::path::{Path, PathBuf};

use patze_actors::log::{DATABASE, HISTORY};
use patze_core::time::MINUTE;
use rusqlite::{Connection, OpenFlags};

/// The folder.
pub struct Folder(pub PathBuf);

/// What was found there.
pub struct Found {
    /// Events in the log.
    kept: u64,
    /// How many of them are heartbeats.
    heartbeats: u64,
    /// Rows of rollups by their tier's length in ms.
    rollups: Vec<(i64, u64)>,
    /// Bytes of all files.
    bytes: u64,
}

impl Folder {
    /// The log, for reading.
    pub fn log(&self) -> Connection {
        read(&self.0.join(DATABASE))
    }

    /// Counts all that is kept.
    pub fn found(&self) -> Found {
        let log = self.log();
        let (kept, heartbeats) = log
            .query_row("SELECT count(*), total(type = 'machine.heartbeat') FROM events", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, f64>(1)?))
            })
            .unwrap();
        let mut tiers = log.prepare("SELECT tier, count(*) FROM heartbeat_rollup GROUP BY tier").unwrap();
        let rollups = tiers.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())));
        let rollups = rollups.unwrap().collect::<Result<_, _>>().unwrap();
        Found { kept: kept.unsigned_abs(), heartbeats: heartbeats as u64, rollups, bytes: self.bytes() }
    }

    /// Bytes of all files, write-ahead logs too.
    pub fn bytes(&self) -> u64 {
        let files = std::fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().metadata().unwrap());
        files.filter(|file| file.is_file()).map(|file| file.len()).sum()
    }

    /// The largest tables and indexes of each database, and their MB.
    pub fn tables(&self) -> [(&'static str, String); 2] {
        [DATABASE, HISTORY].map(|name| {
            let file = read(&self.0.join(name));
            let sql = "SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE ORDER BY pgsize DESC LIMIT 6";
            let mut statement = file.prepare(sql).unwrap();
            let rows = statement
                .query_map([], |row| {
                    Ok(format!("{} {:.1}", row.get::<_, String>(0)?, row.get::<_, f64>(1)? / 1e6))
                })
                .unwrap();
            (name, rows.collect::<Result<Vec<_>, _>>().unwrap().join(", "))
        })
    }
}

impl Found {
    /// Bytes of all files a kept event.
    pub fn each(&self) -> f64 {
        self.bytes as f64 / self.kept.max(1) as f64
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rollups: Vec<String> =
            self.rollups.iter().map(|(tier, rows)| format!("{rows} of {} min", tier / MINUTE)).collect();
        let [kept, heartbeats, megabytes] = [self.kept, self.heartbeats, self.bytes / 1_000_000];
        write!(f, "{kept} kept ({heartbeats} heartbeats), {megabytes} MB; rollups {}", rollups.join(", "))
    }
}

fn read(file: &Path) -> Connection {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}
