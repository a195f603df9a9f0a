//! The `patze` binary itself: what refuses its start, and how commands meet a server that runs, stops or was killed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use patze_supervise::clock::Clock;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::TOKEN;

/// `patze` with nothing in its environment but this, in a folder without a `.env`.
fn patze(dir: &Path, environment: &[(&str, &str)], words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patze"));
    command.env_clear().env("PATZE_SETTINGS_DIR", dir.join("settings")).env("PORT", "0").current_dir(dir);
    command.envs(environment.iter().copied()).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(dir: &Path, environment: &[(&str, &str)], words: &[&str]) -> Output {
    patze(dir, environment, words).output().unwrap()
}

/// A server that is killed if a test fails.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    /// Starts it and waits until it says where it listens.
    fn start(dir: &Path, environment: &[(&str, &str)]) -> Self {
        Self::of(patze(dir, environment, &[]).stderr(Stdio::null()))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("Patze Control listens on ").unwrap_or_default().to_owned();
        let running = Self { child, url };
        assert!(running.url.starts_with("http://127.0.0.1:"), "{line:?}");
        running
    }

    async fn status(&self, path: &str, token: &str) -> u16 {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("{}{path}", self.url)).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn token_in(output: &Output) -> String {
    let out = String::from_utf8(output.stdout.clone()).unwrap();
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{notes}");
    let line = out.lines().find_map(|line| line.strip_prefix("CONTROL_PLANE_TOKEN="));
    line.unwrap_or_else(|| panic!("no token in {out}")).to_owned()
}

#[test]
fn what_refuses_the_start() {
    let good = r#"{"mode":"token","token":"secretsecretsecret"}"#;
    for (auth_json, environment, code, says) in [
        (None, &[("HOST", "0.0.0.0")][..], 2, "PATZE_ALLOW_OPEN=1"),
        (None, &[("HOST", "::")], 2, "PATZE_ALLOW_OPEN=1"),
        (
            Some(r#"{"mode":"none"}"#),
            &[("HOST", "0.0.0.0"), ("TELEMETRY_AUTH_MODE", "token")],
            2,
            "mode none",
        ),
        (None, &[("TELEMETRY_AUTH_MODE", "token")], 1, "TELEMETRY_AUTH_TOKEN"),
        (None, &[("TELEMETRY_AUTH_MODE", "token"), ("TELEMETRY_AUTH_TOKEN", "")], 1, "TELEMETRY_AUTH_TOKEN"),
        (None, &[("TELEMETRY_AUTH_MODE", "Token"), ("TELEMETRY_AUTH_TOKEN", TOKEN)], 1, "none or token"),
        // W-S6
        (Some(&good[..30]), &[], 1, "auth.json"),
        (Some(r#"{"mode":"secretsecretsecret"}"#), &[], 1, "auth.json"),
        (Some(good), &[("PATZE_ALLOWED_ORIGINS", "*")], 2, "PATZE_ALLOWED_ORIGINS"),
        (Some(good), &[("PATZE_ALLOWED_HOSTS", "http://x")], 2, "PATZE_ALLOWED_HOSTS"),
        (Some(good), &[("PATZE_TRUSTED_PROXIES", "proxy.lan")], 2, "PATZE_TRUSTED_PROXIES"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("settings");
        std::fs::create_dir(&settings).unwrap();
        if let Some(text) = auth_json {
            std::fs::write(settings.join("auth.json"), text).unwrap();
        }
        let output = run(folder.path(), environment, &[]);
        let notes = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{auth_json:?} {environment:?}: {notes}");
        assert!(notes.contains(says), "{auth_json:?} {environment:?}: {notes}");
        assert!(!notes.contains("secretsecret"), "SE-1: {notes}");
        assert!(!settings.join("patze.db").exists(), "nothing was begun: {environment:?}");
        if let Some(text) = auth_json {
            assert_eq!(std::fs::read_to_string(settings.join("auth.json")).unwrap(), text);
        }
    }
}

#[test]
fn a_variable_that_is_no_text_is_refused_by_its_name() {
    let odd = OsStr::from_bytes(b"secretsecretsecret\xFF");
    for name in [
        "HEARTBEAT_TIMEOUT_MS",
        "HOST",
        "PATZE_ALLOWED_HOSTS",
        "PATZE_ALLOWED_ORIGINS",
        "PATZE_ALLOW_OPEN",
        "PATZE_SETTINGS_DIR",
        "PATZE_TRUSTED_PROXIES",
        "PORT",
        "RUST_LOG",
        "TELEMETRY_AUTH_MODE",
        "TELEMETRY_AUTH_TOKEN",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = patze(folder.path(), &[], &[]).env(name, odd).output().unwrap();
        let notes = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {notes}");
        assert!(notes.contains(name) && !notes.contains("secretsecret"), "{name}: {notes}");
        assert!(!folder.path().join("settings/patze.db").exists(), "{name}");
    }
}

#[test]
fn a_blank_variable_counts_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let blank = [
        ("HEARTBEAT_TIMEOUT_MS", ""),
        ("HOST", ""),
        ("PATZE_ALLOWED_HOSTS", ""),
        ("PATZE_ALLOWED_ORIGINS", ""),
        ("PATZE_ALLOW_OPEN", ""),
        ("PATZE_TRUSTED_PROXIES", " "),
        ("RUST_LOG", ""),
        ("TELEMETRY_AUTH_MODE", " "),
        ("TELEMETRY_AUTH_TOKEN", ""),
    ];
    drop(Running::start(folder.path(), &blank));
    // It would be the usual port, which a test must not take.
    assert!(run(folder.path(), &[("PORT", "")], &["token", "list"]).status.success());

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "HEARTBEAT_TIMEOUT_MS=\nHOST= \nPATZE_ALLOW_OPEN=\n").unwrap();
    drop(Running::start(folder.path(), &[]));
}

/// What a folder above holds belongs to something else.
#[test]
fn the_env_file_is_the_working_folders_own() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("below");
    std::fs::create_dir(&below).unwrap();
    std::fs::write(folder.path().join(".env"), "HEARTBEAT_TIMEOUT_MS=soon\n").unwrap();
    let token_list = |dir: &Path| run(dir, &[], &["token", "list"]).status.success();
    assert!(token_list(&below));
    assert!(!token_list(folder.path()), "its own is read, and is wrong");
}

/// The soft limit of open files is raised to the hard one. Where that is low, connections leave files to the rest, and
/// idle ones give way.
#[actix_rt::test]
async fn idle_connections_lock_nobody_out() {
    for (limit, idle) in [("ulimit -Sn 256", 300), ("ulimit -n 256", 240)] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{limit} && exec \"$0\""), env!("CARGO_BIN_EXE_patze")]);
        command.env_clear().env("PATZE_SETTINGS_DIR", folder.path()).env("PORT", "0");
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let running = Running::of(&mut command);
        let address = running.url.trim_start_matches("http://");
        let idle: Vec<_> = (0..idle).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let proc = Path::new("/proc").join(running.child.id().to_string());
        let mut most_open = 0;
        let mut health = std::pin::pin!(running.status("/health", ""));
        let health = loop {
            most_open = most_open.max(std::fs::read_dir(proc.join("fd")).unwrap().count());
            if let Ok(status) = Clock::system().timeout(Duration::from_millis(20), &mut health).await {
                break status;
            }
        };
        assert_eq!(health, 200, "{limit}");
        let limits = std::fs::read_to_string(proc.join("limits")).unwrap();
        let limits = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        let limits: Vec<_> = limits.split_whitespace().take(2).collect();
        assert_eq!(limits[0], limits[1], "{limit}: raised");
        assert!(most_open < 224 || limits[1] != "256", "{limit}: {most_open} files");
        drop(idle);
    }
}

#[test]
fn a_tilde_in_the_settings_folder_is_the_home_folder() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let environment = [("HOME", home.to_str().unwrap()), ("PATZE_SETTINGS_DIR", "~/a/b")];
    token_in(&run(folder.path(), &environment, &["token", "create", "--machine", "nas"]));
    assert!(home.join("a/b/patze.db").exists());
    let blank = [("HOME", home.to_str().unwrap()), ("PATZE_SETTINGS_DIR", "")];
    token_in(&run(folder.path(), &blank, &["token", "create", "--machine", "nas"]));
    assert!(home.join(".patze-control/patze.db").exists());
}

#[actix_rt::test]
async fn a_stopped_server_takes_its_files_with_it_and_a_killed_one_misleads_no_command() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, settings) = (folder.path(), folder.path().join("settings"));
    let mode = [("TELEMETRY_AUTH_MODE", "token"), ("TELEMETRY_AUTH_TOKEN", TOKEN)];
    let create = ["token", "create", "--machine", "screen", "--scope", "read", "--expires", "7d"];

    // Commands do not need what the server is started with.
    let mut server = Running::start(dir, &mode);
    let first = token_in(&run(dir, &[], &create));
    assert_eq!(server.status("/snapshot", &first).await, 200);
    assert!(settings.join("cli-token").exists());
    kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    for name in ["cli-token", "server.json"] {
        assert!(!settings.join(name).exists(), "{name}");
    }

    let mut server = Running::start(dir, &mode);
    assert_eq!(server.status("/snapshot", &first).await, 200, "it survives a restart");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert!(settings.join("cli-token").exists() && settings.join("server.json").exists());
    let second = token_in(&run(dir, &[], &create));
    assert!(run(dir, &[], &["token", "revoke", &first[3..13]]).status.success());
    let verified = run(dir, &[], &["verify"]);
    assert!(verified.status.success());
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(said.contains("no checkpoint yet that a rebuild could be compared with"), "{said}");

    let server = Running::start(dir, &mode);
    assert_eq!(server.status("/snapshot", &first).await, 401);
    assert_eq!(server.status("/snapshot", &second).await, 200);
}

/// What a server says to a terminal as its standard error, until it serves.
fn says_to_a_terminal(dir: &Path, environment: &[(&str, &str)]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let screen = File::options().read(true).write(true).open(name).unwrap();
    let mut server = Running::of(patze(dir, environment, &[]).stderr(screen));
    kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
    server.child.wait().unwrap();
    // The last one who can write is gone; a read of more than there is says so with an error.
    let mut said = Vec::new();
    let _ = File::from(terminal).read_to_end(&mut said);
    String::from_utf8(said).unwrap()
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let folder = tempfile::tempdir().unwrap();
    let escape = '\u{1b}';
    for (no_color, coloured) in [(None, true), (Some(""), true), (Some("1"), false)] {
        let environment: Vec<_> = no_color.map(|value| ("NO_COLOR", value)).into_iter().collect();
        let said = says_to_a_terminal(folder.path(), &environment);
        assert!(said.contains("serving"), "{said:?}");
        assert_eq!(said.contains(escape), coloured, "{no_color:?}: {said:?}");
    }
    let mut server = Running::of(&mut patze(folder.path(), &[], &[]));
    kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
    let mut said = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("serving") && !said.contains(escape), "{said:?}");
}

#[test]
fn its_files_are_its_owners_alone_even_where_the_umask_gives_all_away() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, settings) = (folder.path(), folder.path().join("settings"));
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 000; exec \"$0\"", env!("CARGO_BIN_EXE_patze")]).env_clear().current_dir(dir);
    shell.envs([("PATZE_SETTINGS_DIR", settings.as_os_str()), ("PORT", "0".as_ref())]);
    let server = Running::of(shell.stdout(Stdio::piped()).stderr(Stdio::null()));
    token_in(&run(dir, &[], &["token", "create", "--machine", "nas"]));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let modes: BTreeMap<_, _> = std::fs::read_dir(&settings)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), mode(&entry.path())))
        .collect();
    for name in
        ["auth.json", "cli-token", "patze.db", "patze.db-shm", "patze.db-wal", "patze.lock", "server.json"]
    {
        assert!(modes.contains_key(name), "{name} is not in {modes:?}");
    }
    assert!(modes.values().all(|mode| *mode == 0o600), "{modes:?}");
    assert_eq!(mode(&settings), 0o700);

    // What an earlier version left open is closed at the next start.
    drop(server);
    for name in ["patze.db", "patze.db-wal"] {
        std::fs::set_permissions(settings.join(name), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let _server = Running::start(dir, &[]);
    for name in ["patze.db", "patze.db-wal", "patze.db-shm"] {
        assert_eq!(mode(&settings.join(name)), 0o600, "{name}");
    }
}

#[test]
fn se_1_what_a_server_says_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let loud = [("TELEMETRY_AUTH_MODE", "token"), ("TELEMETRY_AUTH_TOKEN", TOKEN), ("RUST_LOG", "trace")];
    let mut child = patze(dir, &loud, &[]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut said = Vec::new();
        stderr.read_to_end(&mut said).map(|_| String::from_utf8_lossy(&said).into_owned())
    });
    let made = token_in(&run(dir, &[], &["token", "create", "--machine", "nas"]));
    let cli_token = std::fs::read_to_string(dir.join("settings/cli-token")).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
    let said = reading.join().unwrap().unwrap();
    assert!(said.contains("/settings/tokens") || said.contains("serving"), "it says something: {said}");
    for secret in [TOKEN, &made[14..], cli_token.as_str()] {
        assert!(!said.contains(secret), "SE-1: {said}");
    }
}
