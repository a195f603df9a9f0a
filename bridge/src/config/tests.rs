use std::path::Path;

use super::*;

fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::of(&Vars::read(environment, Path::new("/nonexistent")).unwrap())
}

#[test]
fn nothing_set_gives_the_defaults() {
    let config = config(&[("HOME", "/home/x")]).unwrap();
    assert_eq!(config.control_plane.to_string(), "http://127.0.0.1:9700");
    assert_eq!(config.state_dir, Path::new("/home/x/.patze-control"));
    assert_eq!(config.machine, MachineSource::File("/home/x/.patze-control/machine-id".into()));
    assert_eq!(config.kind, MachineKind::Local);
    assert_eq!(config.heartbeat, Duration::from_secs(5));
    assert_eq!(config.version, env!("CARGO_PKG_VERSION"));
    assert_eq!((config.token, config.token_expires_at, config.ca_file), (None, None, None));
    assert!(!config.capture_content && !config.label.is_empty());
    assert_eq!(config.notes, Vec::<String>::new());
}

#[test]
fn everything_set_is_taken() {
    let config = config(&[
        ("HOME", "/home/x"),
        ("CONTROL_PLANE_BASE_URL", "https://control.example"),
        ("CONTROL_PLANE_TOKEN", "pz_a_b"),
        ("TOKEN_EXPIRES_AT", "2030-01-01T00:00:00Z"),
        ("PATZE_CA_FILE", "~/ca.pem"),
        ("BRIDGE_STATE_DIR", "/etc/patze-bridge"),
        ("MACHINE_ID", "m1"),
        ("MACHINE_LABEL", "the box"),
        ("MACHINE_KIND", "vps"),
        ("BRIDGE_VERSION", "9.9"),
        ("OPENCLAW_BRIDGE_SOURCE", "auto"),
        ("OPENCLAW_STATE_DIR", "~/claw"),
        ("HEARTBEAT_INTERVAL_MS", "1000"),
        ("BRIDGE_CAPTURE_CONTENT", "1"),
    ])
    .unwrap();
    assert_eq!(config.control_plane.to_string(), "https://control.example");
    assert_eq!(config.token.as_ref().map(Token::secret), Some("pz_a_b"));
    assert_eq!(config.token_expires_at, Timestamp::parse("2030-01-01T00:00:00Z"));
    assert_eq!(config.ca_file.as_deref(), Some(Path::new("/home/x/ca.pem")));
    assert_eq!(config.machine, MachineSource::Given(MachineId::new("m1")));
    assert_eq!(
        (config.label.as_str(), config.kind, config.version.as_str()),
        ("the box", MachineKind::Vps, "9.9")
    );
    assert_eq!(config.homes.state_dir.as_deref(), Some(Path::new("/home/x/claw")));
    assert_eq!(config.heartbeat, Duration::from_secs(1));
    assert!(config.capture_content);
    assert_eq!(config.notes, Vec::<String>::new());
    assert!(!format!("{config:?}").contains("pz_a_b"), "a token in a Debug text");
}

#[test]
fn the_machine_id_file_has_two_names() {
    for name in ["MACHINE_ID_FILE", "BRIDGE_MACHINE_ID_FILE"] {
        let config = config(&[("HOME", "/home/x"), (name, "~/id")]).unwrap();
        assert_eq!(config.machine, MachineSource::File("/home/x/id".into()), "{name}");
    }
}

#[test]
fn openclaw_home_is_a_home_or_holds_one() {
    let dir = tempfile::tempdir().unwrap();
    let (named, folder, odd) =
        (dir.path().join(".openclaw-work"), dir.path().join("user"), dir.path().join("claw"));
    for path in [&folder, &odd] {
        std::fs::create_dir(path).unwrap();
    }
    std::fs::create_dir(folder.join(".openclaw")).unwrap();
    std::fs::write(odd.join("openclaw.json"), "{}").unwrap();
    for (path, is_home) in [(&named, true), (&folder, false), (&odd, true)] {
        let homes = config(&[("OPENCLAW_HOME", path.to_str().unwrap())]).unwrap().homes;
        let (home, holds) = (homes.state_dir.as_ref(), homes.openclaw_home.as_ref());
        assert_eq!((home, holds), if is_home { (Some(path), None) } else { (None, Some(path)) });
    }
    let both = config(&[("OPENCLAW_HOME", "/x/.openclaw"), ("OPENCLAW_STATE_DIR", "/y")]).unwrap().homes;
    assert_eq!(both.state_dir.as_deref(), Some(Path::new("/y")));
}

#[test]
fn every_bad_value_is_named_with_what_is_allowed() {
    let error = config(&[
        ("CONTROL_PLANE_BASE_URL", "box:9700"),
        ("CONTROL_PLANE_TOKEN", "secret words"),
        ("TOKEN_EXPIRES_AT", "tomorrow"),
        ("MACHINE_ID", "a\u{1}b"),
        ("MACHINE_KIND", "toaster"),
        ("OPENCLAW_BRIDGE_SOURCE", "magic"),
        ("BRIDGE_CAPTURE_CONTENT", "maybe"),
    ])
    .unwrap_err();
    let ConfigError::Values(bad) = &error else { panic!("{error}") };
    let names: Vec<_> = bad.iter().map(|value| value.name).collect();
    assert_eq!(
        names,
        [
            "OPENCLAW_BRIDGE_SOURCE",
            "CONTROL_PLANE_BASE_URL",
            "CONTROL_PLANE_TOKEN",
            "TOKEN_EXPIRES_AT",
            "MACHINE_ID",
            "MACHINE_KIND",
            "BRIDGE_CAPTURE_CONTENT"
        ]
    );
    let text = error.to_string();
    assert_eq!(text.lines().count(), 7);
    assert!(text.contains("MACHINE_KIND=toaster is not allowed: it must be local or vps"), "{text}");
    assert!(!text.contains("secret words"), "{text}");
}

#[test]
fn a_password_in_the_address_is_not_repeated() {
    let text = config(&[("CONTROL_PLANE_BASE_URL", "http://me:hunter2@box")]).unwrap_err().to_string();
    assert!(text.contains("CONTROL_PLANE_BASE_URL") && !text.contains("hunter2"), "{text}");
}

#[test]
fn the_heartbeat_rule_of_the_contract() {
    for (text, millis, notes) in [
        ("1000", 1_000, 0),
        ("999", 5_000, 1),
        ("-1", 5_000, 1),
        ("NaN", 5_000, 1),
        ("5s", 5_000, 1),
        ("60000", 60_000, 0),
        ("120000", 120_000, 1),
        ("999999999999", 5_000, 1),
    ] {
        let config = config(&[("HEARTBEAT_INTERVAL_MS", text)]).unwrap();
        assert_eq!((config.heartbeat.as_millis(), config.notes.len()), (millis, notes), "{text}");
    }
}

#[test]
fn what_is_accepted_otherwise_than_written_is_noted() {
    let config =
        config(&[("CONTROL_PLANE_BASE_URL", "http://box:1/patze"), ("OPENCLAW_BRIDGE_SOURCE", "files")])
            .unwrap();
    assert_eq!(config.control_plane.to_string(), "http://box:1");
    assert_eq!(config.notes.len(), 2);
    assert!(config.notes[0].contains("a later version reads these; using auto"), "{:?}", config.notes);
    assert!(config.notes[1].contains("path is dropped"), "{:?}", config.notes);
}

#[test]
fn what_is_no_text_is_refused_with_every_other_bad_value() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    let odd = || OsString::from_vec(b"secret\xFF".to_vec());
    let environment: Vec<(OsString, OsString)> = vec![
        ("CONTROL_PLANE_TOKEN".into(), odd()),
        ("HOME".into(), odd()),
        ("MACHINE_KIND".into(), "toaster".into()),
        ("LESSOPEN".into(), odd()),
    ];
    let vars = Vars::read(environment, Path::new("/nonexistent")).unwrap();
    let ConfigError::Values(bad) = Config::of(&vars).unwrap_err() else { panic!("another error") };
    let names: Vec<_> = bad.iter().map(|bad| bad.name).collect();
    assert_eq!(names, ["CONTROL_PLANE_TOKEN", "HOME", "MACHINE_KIND"]);
    assert!(bad.iter().all(|bad| !bad.value.contains("secret")), "{bad:?}");
}
