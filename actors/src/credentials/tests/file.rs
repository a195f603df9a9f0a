//! `auth.json`: precedence, damage, modes, crashes.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn auth_json_wins_over_the_environment_as_a_whole() {
    let token = |text: &str| format!("Bearer {text}").into_bytes();
    for (auth_json, environment, mode, lets_in) in [
        (None, environment("token", "from-env"), Mode::Token, "from-env"),
        (None, Environment::default(), Mode::None, "anything"),
        (Some(r#"{"mode":"none"}"#), environment("token", "from-env"), Mode::None, "anything"),
        (Some(r#"{"mode":"token","token":"from-file"}"#), environment("none", ""), Mode::Token, "from-file"),
        (
            Some(r#"{"mode":"token","token":"from-file"}"#),
            environment("token", "e"),
            Mode::Token,
            "from-file",
        ),
        (Some("{}"), environment("token", "from-env"), Mode::Token, "from-env"),
        (Some(r#"{"tokens":[]}"#), environment("token", "from-env"), Mode::Token, "from-env"),
    ] {
        let folder = auth_json.map_or_else(Folder::new, Folder::with);
        let store = Credentials::open(folder.path(), environment).unwrap();
        assert_eq!(store.mode(), mode, "{auth_json:?}");
        assert!(store.identify(Some(&token(lets_in)), at(0)).is_ok(), "{auth_json:?}");
        assert_eq!(store.identify(Some(&token("e")), at(0)).is_ok(), mode == Mode::None, "{auth_json:?}");
    }
}

#[test]
fn mode_token_without_a_token_does_not_start() {
    for (auth_json, environment) in [
        (None, environment("token", "")),
        (None, Environment::new(Some("token"), None).unwrap()),
        (Some(r#"{"mode":"token"}"#), environment("token", "from-env")),
        (Some(r#"{"mode":"token","token":""}"#), environment("token", "from-env")),
    ] {
        let folder = auth_json.map_or_else(Folder::new, Folder::with);
        let error = Credentials::open(folder.path(), environment).unwrap_err();
        assert!(matches!(error, OpenError::NoToken { .. }), "{auth_json:?}: {error}");
        assert!(error.to_string().contains("TELEMETRY_AUTH_TOKEN"), "names the remedy: {error}");
    }
    assert!(matches!(Environment::new(Some("Token"), None), Err(OpenError::UnknownMode)));
    assert!(Environment::new(Some(""), Some(String::new())).is_ok());
}

#[test]
fn w_s6_whatever_is_wrong_with_auth_json_refuses_the_start() {
    let stored = r#"{"id":"0123456789","name":"n","scope":"bridge","createdAt":"2026-01-01T00:00:00.000Z",
        "sha256":"3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0""#;
    for damaged in [
        String::new(),
        "{".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        r#"{"mode":"token","tok"#.to_owned(),
        r#"{"mode":"Token","token":"secretsecretsecret"}"#.to_owned(),
        r#"{"mode":"secretsecretsecret"}"#.to_owned(),
        r#"{"mode":7,"token":"secretsecretsecret"}"#.to_owned(),
        r#"{"mode":"token","token":["secretsecretsecret"]}"#.to_owned(),
        r#"{"mode":"none"} secretsecretsecret"#.to_owned(),
        r#"{"token":"secretsecretsecret"}"#.to_owned(),
        r#"{"mode":"none","tokens":{}}"#.to_owned(),
        format!(r#"{{"tokens":[{stored},"onlyFrom":"10.0.0.0/8"}}]}}"#),
        format!(r#"{{"tokens":[{stored}}},{stored}}}]}}"#),
        format!(r#"{{"tokens":[{}}}]}}"#, stored.replace("bridge", "secretsecretsecret")),
        format!(r#"{{"tokens":[{}}}]}}"#, stored.replace("3c469e", "secret")),
        format!(r#"{{"tokens":[{}}}]}}"#, stored.replace("0123456789\"", "01234\"")),
    ] {
        let folder = Folder::with(&damaged);
        let error = folder.refusal();
        let text = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(text.contains("auth.json"), "names the file: {text}");
        assert!(!text.contains("secretsecret"), "SE-1: {text}");
        assert_eq!(folder.text(), damaged, "the file is untouched");
    }
    let folder = Folder::with(&format!(r#"{{"tokens":[{stored}}}]}}"#));
    assert_eq!(folder.open().tokens().len(), 1, "and this is how a good one looks");
}

#[test]
fn w_s6_an_unreadable_auth_json_refuses_the_start() {
    let folder = Folder::new();
    // A folder in its place: unreadable for root too, whom permissions do not stop.
    fs::create_dir(folder.auth_json()).unwrap();
    assert!(matches!(folder.refusal(), OpenError::Read { .. }));
}

#[test]
fn files_and_folders_are_for_their_owner_alone() {
    let folder = Folder::new();
    let settings = folder.path().join("a/settings");
    let store = Credentials::open(&settings, Environment::default()).unwrap();
    assert_eq!(mode_of(&settings), 0o700);
    create(&store, Scope::Read);
    assert_eq!(mode_of(&settings.join("auth.json")), 0o600);

    let loose = Folder::with(r#"{"mode":"none"}"#);
    fs::set_permissions(loose.auth_json(), fs::Permissions::from_mode(0o644)).unwrap();
    drop(loose.open());
    assert_eq!(mode_of(&loose.auth_json()), 0o600, "what another umask made is closed");
}

#[test]
fn w_r15_a_crash_between_temporary_file_and_rename_leaves_the_old_file() {
    let folder = Folder::new();
    let created = create(&folder.open(), Scope::Read);
    let before = folder.text();
    // What such a crash leaves: half a file, perhaps one of another mode.
    let temporary = folder.path().join(".auth.json.tmp");
    fs::write(&temporary, r#"{"mode":"no"#).unwrap();
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o644)).unwrap();

    let store = folder.open();
    assert!(identify(&store, &created.secret, 0).unwrap().is_known());
    assert_eq!(folder.text(), before);
    create(&store, Scope::Admin);
    assert!(!temporary.exists(), "the next write takes it away");
    assert_eq!(mode_of(&folder.auth_json()), 0o600);
    assert_eq!(folder.open().tokens().len(), 2);
}

#[test]
fn w_r15_a_write_that_fails_changes_nothing_but_what_it_revokes() {
    let folder = Folder::new();
    let store = folder.open();
    let created = create(&store, Scope::Bridge);
    let before = folder.text();
    // A folder that the temporary file cannot replace.
    fs::create_dir(folder.path().join(".auth.json.tmp")).unwrap();

    let error = store.create(new_token(Scope::Admin), at(1), "t").unwrap_err();
    assert!(error.to_string().contains("auth.json"), "names the file: {error}");
    assert!(store.bind(created.token.id, &machine("m"), at(1), "t").is_err());
    assert!(store.set_auth(Some(Secret::new("0123456789abcdef"))).is_err());
    assert_eq!((store.tokens(), store.mode()), (vec![created.token.clone()], Mode::None));
    assert_eq!(identify(&store, &created.secret, 1).unwrap().reach(), &Reach::Unbound(created.token.id));

    assert!(store.revoke(created.token.id, at(1), "t").is_err());
    assert!(identify(&store, &created.secret, 1).is_err(), "no full disk keeps anybody in");
    assert_eq!(folder.text(), before);

    fs::remove_dir(folder.path().join(".auth.json.tmp")).unwrap();
    store.revoke(created.token.id, at(2), "t").unwrap();
    assert_eq!(folder.open().tokens()[0].revoked_at, Some(at(1)), "the first time stands");
}

#[test]
fn fields_of_other_versions_are_kept_and_the_contracts_server_can_read_it() {
    let folder = Folder::with(r#"{"mode":"token","token":"0123456789abcdef","theme":{"dark":true}}"#);
    let store = folder.open();
    create(&store, Scope::Read);
    let json: serde_json::Value = serde_json::from_str(&folder.text()).unwrap();
    assert_eq!(json["mode"], "token");
    assert_eq!(json["token"], "0123456789abcdef");
    assert_eq!(json["theme"]["dark"], true);
    assert!(folder.text().ends_with("}\n") && folder.text().contains("\n  \"mode\""), "{}", folder.text());
}
