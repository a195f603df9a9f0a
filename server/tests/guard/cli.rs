//! `patze token …`, with and without a running server.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use patze_actors::log::{Log, LogConfig};
use patze_core::time::Timestamp;
use patze_server::cli::{self, Cli, CliError, Console};
use patze_supervise::clock::Clock;
use serde_json::{Value, json};

use super::server::Server;
use super::{TOKEN, mode_none, mode_token};

/// What a command printed.
#[derive(Debug)]
struct Printed {
    success: bool,
    out: String,
    notes: String,
}

fn patze_at(dir: &Path, clock: &Clock, words: &[&str]) -> Result<Printed, CliError> {
    let dir = dir.to_str().unwrap();
    let line = [&["patze"], words, &["--settings-dir", dir]].concat();
    let cli = Cli::try_parse_from(line).unwrap();
    let mut console = Console { out: Vec::new(), notes: Vec::new() };
    let code = cli::run(&cli.command.unwrap(), &cli.config, clock, &mut console)?;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ok(Printed { success: code == ExitCode::SUCCESS, out: text(console.out), notes: text(console.notes) })
}

fn patze(dir: &Path, words: &[&str]) -> Result<Printed, CliError> {
    patze_at(dir, &Clock::system(), words)
}

/// On a thread of its own, because the server of the test runs on this one.
async fn beside(server: &Path, words: &[&str]) -> Result<Printed, CliError> {
    let (dir, words) = (server.to_owned(), words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    let run = move || patze(&dir, &words.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn variable<'a>(printed: &'a Printed, name: &str) -> &'a str {
    let line = printed.out.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.strip_prefix('=')).unwrap_or_else(|| panic!("no {name} in {printed:?}"))
}

fn id_of(token: &str) -> &str {
    &token[3..13]
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
    assert!(Cli::try_parse_from(["patze"]).unwrap().command.is_none(), "serves");
    for wrong in [
        &["patze", "token"][..],
        &["patze", "token", "create"],
        &["patze", "token", "create", "--machine", "m", "--expires", "soon"],
        &["patze", "token", "create", "--machine", "m", "--scope", "root"],
        &["patze", "token", "revoke", "short"],
    ] {
        assert!(Cli::try_parse_from(wrong).is_err(), "{wrong:?}");
    }
}

#[actix_rt::test]
async fn without_a_server_the_database_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, clock) = (folder.path(), Clock::system());
    assert!(
        beside(dir, &["token", "list"]).await.unwrap().notes.contains("patze token create"),
        "teaches the command"
    );
    let made = beside(dir, &["token", "create", "--machine", "nas", "--expires", "7d"]).await.unwrap();
    let token = variable(&made, "CONTROL_PLANE_TOKEN").to_owned();
    let end = Timestamp::parse(variable(&made, "TOKEN_EXPIRES_AT")).unwrap();
    let week = end.since(clock.now());
    assert!((7 * 86_400_000 - 600_000..=7 * 86_400_000).contains(&week), "{week}");
    assert_eq!(made.out.lines().count(), 2, "ready for an environment file: {made:?}");
    assert!(!made.notes.contains(&token[14..]), "shown once: {made:?}");

    let plain = beside(dir, &["token", "list"]).await.unwrap().out;
    assert!(plain.contains(id_of(&token)) && plain.contains("nas") && plain.contains("live"), "{plain}");
    let listed: Value =
        serde_json::from_str(&beside(dir, &["token", "list", "--json"]).await.unwrap().out).unwrap();
    assert_eq!(listed["tokens"][0]["id"], id_of(&token));
    assert!(!format!("{plain}{listed}").contains(&token[14..]), "SE-1");

    let other = beside(dir, &["token", "create", "--machine", "x", "--scope", "admin"]).await.unwrap();
    let other = variable(&other, "CONTROL_PLANE_TOKEN").to_owned();
    beside(dir, &["token", "revoke", &id_of(&other).to_lowercase()]).await.unwrap();

    // The server that starts later knows all of it, from the file and from the log.
    let server = Server::start(dir, mode_token()).await;
    let own = format!("Bearer {TOKEN}");
    let poll = ("/openclaw/bridge/commands/poll", json!({ "machineId": "m1" }));
    assert_eq!(server.post(poll.0, Some(&format!("Bearer {token}")), poll.1).await.0, 200);
    assert_eq!(server.get("/snapshot", Some(&format!("Bearer {other}"))).await.0, 401);
    assert_eq!(server.get("/settings/tokens", Some(&own)).await.1["tokens"].as_array().unwrap().len(), 2);
    let facts = server.facts().await;
    let count = |name: &str| facts.iter().filter(|(known, _)| known == name).count();
    assert_eq!((count("control.token.created"), count("control.token.revoked")), (2, 1));
    server.stop().await;
}

#[actix_rt::test]
async fn a_running_server_is_asked() {
    for environment in [mode_token(), mode_none()] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), environment).await;
        let made = beside(
            folder.path(),
            &["token", "create", "--machine", "nas", "--machine-id", "m1", "--scope", "bridge"],
        );
        let made = made.await.unwrap();
        let token = variable(&made, "CONTROL_PLANE_TOKEN").to_owned();
        assert!(!made.out.contains("TOKEN_EXPIRES_AT"), "it does not end: {made:?}");
        let header = format!("Bearer {token}");
        assert_eq!(server.get("/snapshot", Some(&header)).await.0, 403, "known at once");
        let listed = beside(folder.path(), &["token", "list"]).await.unwrap().out;
        assert!(listed.contains(id_of(&token)) && listed.contains("m1"), "{listed}");

        let refused = beside(folder.path(), &["token", "create", "--machine", " "]).await.unwrap_err();
        assert!(matches!(&refused, CliError::Refused { status: 400, .. }), "{refused}");
        let refused = beside(folder.path(), &["token", "revoke", "0000000000"]).await.unwrap_err();
        assert!(matches!(&refused, CliError::Refused { status: 404, .. }), "{refused}");

        let revoked = beside(folder.path(), &["token", "revoke", id_of(&token)]).await;
        assert!(revoked.unwrap().notes.contains(id_of(&token)));
        assert_eq!(server.get("/snapshot", Some(&header)).await.0, 401);
        server.stop().await;
    }
}

#[actix_rt::test]
async fn the_files_of_a_killed_server_mislead_nobody() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there, and the lock is free.
    std::fs::write(folder.path().join("server.json"), r#"{"pid":1,"address":"127.0.0.1:1"}"#).unwrap();
    std::fs::write(folder.path().join("cli-token"), "old").unwrap();
    beside(folder.path(), &["token", "create", "--machine", "nas"]).await.unwrap();

    // A server that runs, and the token of the one before: not let in, and said so in the end.
    let server = Server::start(folder.path(), mode_token()).await;
    let token = std::fs::read_to_string(folder.path().join("cli-token")).unwrap();
    std::fs::write(folder.path().join("cli-token"), "old").unwrap();
    let failed = silent(folder.path()).await;
    assert!(matches!(failed, CliError::Silent { .. }), "{failed}");
    std::fs::write(folder.path().join("cli-token"), token).unwrap();
    beside(folder.path(), &["token", "create", "--machine", "nas"]).await.unwrap();
    server.stop().await;
}

#[actix_rt::test]
async fn a_server_that_does_not_answer_is_named_after_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let _held = Log::open(LogConfig::new(folder.path(), Clock::system())).unwrap();
    let failed = silent(folder.path()).await;
    assert!(matches!(failed, CliError::Silent { source: None, .. }), "{failed}");
    std::fs::write(folder.path().join("server.json"), r#"{"pid":1,"address":"127.0.0.1:1"}"#).unwrap();
    std::fs::write(folder.path().join("cli-token"), "old").unwrap();
    let failed = silent(folder.path()).await;
    let text = cli::explain(&failed);
    assert!(text.contains(folder.path().to_str().unwrap()) && text.contains("because"), "{text}");
}

/// Runs a command that finds no server to answer it, on a clock that this moves.
async fn silent(dir: &Path) -> CliError {
    let (clock, time) = Clock::virtual_at(Timestamp::from_millis(1_800_000_000_000));
    let dir = dir.to_owned();
    let command =
        std::thread::spawn(move || patze_at(&dir, &clock, &["token", "create", "--machine", "nas"]));
    while !command.is_finished() {
        time.advance(Duration::from_millis(200)).await;
    }
    command.join().unwrap().unwrap_err()
}

#[test]
fn a_corrupt_auth_json_stops_commands_too() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("auth.json"), "{").unwrap();
    for words in [&["token", "list"][..], &["token", "create", "--machine", "nas"]] {
        let failed = patze(folder.path(), words).unwrap_err();
        assert!(cli::explain(&failed).contains("auth.json"), "{failed}");
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("auth.json")).unwrap(), "{");
}

#[actix_rt::test]
async fn verify_proves_a_sound_log_beside_its_server_and_finds_a_changed_row() {
    let folder = tempfile::tempdir().unwrap();
    let failed = patze(folder.path(), &["verify"]).unwrap_err();
    assert!(failed.to_string().contains("patze.db"), "{failed}");
    let server = Server::start(folder.path(), mode_none()).await;
    beside(folder.path(), &["token", "create", "--machine", "nas"]).await.unwrap();
    let sound = beside(folder.path(), &["verify"]).await.unwrap();
    let head = server.plane.log.head();
    assert!(sound.success && sound.out.contains("sound"), "{sound:?}");
    assert!(sound.out.contains(head.log_id.as_str()), "{sound:?}");
    server.stop().await;

    let database = rusqlite::Connection::open(folder.path().join("patze.db")).unwrap();
    let changed =
        "UPDATE events SET payload = replace(payload, 'nas', 'sun') WHERE type = 'control.token.created'";
    assert_eq!(database.execute(changed, []).unwrap(), 1);
    drop(database);
    let faulty = patze(folder.path(), &["verify"]).unwrap();
    assert!(!faulty.success && faulty.out.contains("FAULT"), "{faulty:?}");
}

#[test]
fn another_users_folder_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    // Giving a folder away takes root; as somebody else, root's own folder will do.
    let given = std::os::unix::fs::chown(folder.path(), Some(12_345), None).is_ok();
    let dir = if given { folder.path() } else { Path::new("/") };
    let failed = patze(dir, &["token", "create", "--machine", "nas"]).unwrap_err();
    assert!(matches!(failed, CliError::OtherUser { .. }), "{failed}");
    assert!(failed.to_string().contains("sudo -u"), "names the remedy: {failed}");
    assert!(!dir.join("patze.lock").exists());
}
