use std::fs;

use super::*;

fn settings(user_home: &Path) -> HomeSettings {
    HomeSettings { state_dir: None, openclaw_home: None, user_home: user_home.to_owned() }
}

fn names(settings: &HomeSettings) -> Vec<String> {
    find(settings).into_iter().map(|home| home.name).collect()
}

#[test]
fn profiles_are_found_once_the_default_first() {
    let user = tempfile::tempdir().unwrap();
    assert_eq!(names(&settings(user.path())), [""; 0]);
    for dir in [".openclaw-work", ".openclaw", ".openclaw-a", ".openclawish", "openclaw"] {
        fs::create_dir(user.path().join(dir)).unwrap();
    }
    fs::write(user.path().join(".openclaw-file"), "").unwrap();
    std::os::unix::fs::symlink(user.path().join(".openclaw"), user.path().join(".openclaw-same")).unwrap();
    assert_eq!(names(&settings(user.path())), ["default", "a", "work"]);
    assert!(find(&settings(user.path())).iter().all(|home| matches!(home.generation, Generation::Nothing)));
}

#[test]
fn a_named_directory_is_the_only_one() {
    let user = tempfile::tempdir().unwrap();
    for dir in [".openclaw", "elsewhere", "other/.openclaw-x", "itself/agents"] {
        fs::create_dir_all(user.path().join(dir)).unwrap();
    }
    let at = |dir: &str| Some(user.path().join(dir));
    let named = HomeSettings { state_dir: at("elsewhere"), ..settings(user.path()) };
    assert_eq!(names(&named), ["elsewhere"]);
    assert_eq!(names(&HomeSettings { openclaw_home: at("other"), ..settings(user.path()) }), ["x"]);
    assert_eq!(names(&HomeSettings { openclaw_home: at("itself"), ..settings(user.path()) }), ["itself"]);

    // It is listed though it is not there, so that somebody is told.
    let missing = find(&HomeSettings { state_dir: at("gone"), ..settings(user.path()) });
    let [home] = missing.as_slice() else { panic!("{missing:?}") };
    assert!(matches!(home.generation, Generation::Unreadable(ReadError::Missing { .. })), "{home}");
    assert!(
        home.to_string().contains("unreadable: ") && home.to_string().contains("gone is not there"),
        "{home}"
    );
}
