//! The real binaries as child processes, and what the kernel says of them (Linux's `/proc`; elsewhere: not a number).

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

/// A child; asked to end, and waited for, when dropped.
pub struct Process(Child);

/// A server that listens.
pub struct Server {
    /// The process.
    pub process: Process,
    /// `127.0.0.1:<port>`.
    pub address: String,
}

impl Server {
    /// Starts one on a settings folder and waits until it listens.
    pub fn start(dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_patze"))
            .current_dir(dir)
            .env_clear()
            .env("PATZE_SETTINGS_DIR", dir)
            .envs([("PORT", "0"), ("RUST_LOG", "warn")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let process = Process(child);
        let address = line.trim().rsplit_once("http://").map(|(_, address)| address.to_owned());
        Self { process, address: address.expect("the server says where it listens") }
    }
}

impl Process {
    /// The child.
    pub const fn new(child: Child) -> Self {
        Self(child)
    }

    /// Resident memory, MiB.
    pub fn resident(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most that was ever resident, MiB.
    pub fn resident_peak(&self) -> f64 {
        self.status("VmHWM:")
    }

    /// CPU time of its living threads.
    pub fn cpu(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.0.id())).into_iter().flatten().flatten();
        let nanos = |task: std::fs::DirEntry| {
            let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
        };
        tasks.filter_map(nanos).sum()
    }

    fn status(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        kib.map_or(f64::NAN, |kib| kib / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// As many open files as this process may have: a thousand subscribers are a thousand sockets. The server raises its own.
pub fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Runs what waits for the network or the clock, on this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
