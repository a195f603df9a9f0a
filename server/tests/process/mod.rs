//! The real `patze` program as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a request may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long anything real may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Server {
    process: Child,
    /// `http://…` as it printed it.
    pub address: String,
}

#[allow(dead_code, reason = "each test starts it in its own way")]
impl Server {
    /// Starts one on the settings folder `dir`, on a free port, and waits until it listens.
    pub fn start(dir: &Path) -> Self {
        Self::start_on(dir, "0")
    }

    /// The same on a port of one's choice.
    pub fn start_on(dir: &Path, port: &str) -> Self {
        Self::start_with(dir, port, &[])
    }

    /// The same with these words on its command line.
    pub fn start_with(dir: &Path, port: &str, words: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_patze"))
            .args(words)
            .current_dir(dir)
            .env_clear()
            .envs([
                ("PATZE_SETTINGS_DIR", dir.as_os_str()),
                ("PORT", port.as_ref()),
                ("RUST_LOG", "warn".as_ref()),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(address.starts_with("http://"), "the server did not start: {line:?}");
        Self { process, address }
    }

    /// The JSON of a `GET`, which must succeed.
    pub async fn get(&self, path: &str) -> Value {
        let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build().unwrap();
        let answer = client.get(format!("{}{path}", self.address)).send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Waits until the server is ready and history has all.
    pub async fn caught_up(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // 503 while it is not ready; what it says is the same.
            let answer = reqwest::get(format!("{}/readyz", self.address)).await.unwrap();
            let is_ready = answer.status() == 200;
            let ready: Value = answer.json().await.unwrap();
            if is_ready && ready["history"]["behind"] == 0 && ready["history"]["state"] == "following" {
                return;
            }
            assert!(Instant::now() < deadline, "{ready}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGKILL: nothing of the process runs any more.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
