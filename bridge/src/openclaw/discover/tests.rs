use std::collections::BTreeSet;
use std::fs;

use super::*;

fn settings(user_home: &Path) -> HomeSettings {
    HomeSettings { state_dir: None, openclaw_home: None, user_home: user_home.to_owned() }
}

/// What the doctor lists.
fn find(settings: &HomeSettings) -> Vec<HomeInfo> {
    candidates(settings).iter().filter_map(|candidate| candidate.look(&settings.user_home)).collect()
}

fn names(settings: &HomeSettings) -> Vec<String> {
    find(settings).into_iter().map(|home| home.name).collect()
}

#[test]
fn profiles_are_found_the_default_first() {
    let user = tempfile::tempdir().unwrap();
    assert_eq!(names(&settings(user.path())), [""; 0]);
    for dir in [".openclaw-work", ".openclaw", ".openclaw-a", ".openclawish", "openclaw"] {
        fs::create_dir(user.path().join(dir)).unwrap();
    }
    fs::write(user.path().join(".openclaw-file"), "").unwrap();
    std::os::unix::fs::symlink(user.path().join(".openclaw"), user.path().join(".openclaw-same")).unwrap();
    assert_eq!(names(&settings(user.path())), ["default", "a", "same", "work"]);
    // Two names of one directory are one home, which goes by its true path.
    let paths: BTreeSet<_> =
        candidates(&settings(user.path())).iter().filter_map(Candidate::true_path).collect();
    let at = |name: &str| user.path().canonicalize().unwrap().join(name);
    assert_eq!(paths, [at(".openclaw"), at(".openclaw-a"), at(".openclaw-work")].into());
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
    fs::create_dir_all(user.path().join("claw")).unwrap();
    fs::write(user.path().join("claw/openclaw.json"), "{}").unwrap();
    assert_eq!(names(&HomeSettings { openclaw_home: at("claw"), ..settings(user.path()) }), ["claw"]);

    // It is listed though it is not there, so that somebody is told.
    let missing = find(&HomeSettings { state_dir: at("gone"), ..settings(user.path()) });
    let [home] = missing.as_slice() else { panic!("{missing:?}") };
    assert!(matches!(home.generation, Generation::Unreadable(ReadError::Missing { .. })), "{home}");
    assert!(
        home.to_string().contains("unreadable: ") && home.to_string().contains("gone is not there"),
        "{home}"
    );
}
