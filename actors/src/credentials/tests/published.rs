//! How commands find the server.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn commands_find_the_running_server_and_are_let_in() {
    let folder = Folder::new();
    let store = Credentials::open(folder.path(), environment("token", "0123456789abcdef")).unwrap();
    assert!(LiveServer::find(folder.path()).unwrap().is_none());
    let published = Published::new(folder.path(), &store, "0.0.0.0:9700".parse().unwrap()).unwrap();
    let found = LiveServer::find(folder.path()).unwrap().unwrap();
    assert_eq!((found.pid, found.address.to_string().as_str()), (std::process::id(), "127.0.0.1:9700"));
    let caller = identify(&store, &found.token, 0).unwrap();
    assert_eq!((caller.scope(), caller.token(), caller.is_known()), (Scope::Admin, None, true));
    for name in ["cli-token", "server.json"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(!format!("{found:?} {published:?} {caller:?} {store:?}").contains(found.token.expose()), "SE-1");
    store.set_auth(None).unwrap();
    assert!(identify(&store, &found.token, 0).unwrap().is_known(), "a change of mode leaves it as it is");

    drop(published);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "auth.json alone is left");
}

#[test]
fn every_start_makes_another_token() {
    let folder = Folder::new();
    let store = Credentials::open(folder.path(), environment("token", "0123456789abcdef")).unwrap();
    // A crash leaves the files: nothing is dropped.
    std::mem::forget(Published::new(folder.path(), &store, "[::]:9700".parse().unwrap()).unwrap());
    let old = LiveServer::find(folder.path()).unwrap().unwrap();
    assert_eq!(old.address.to_string(), "[::1]:9700");

    let store = Credentials::open(folder.path(), environment("token", "0123456789abcdef")).unwrap();
    assert_eq!(identify(&store, &old.token, 0).unwrap_err(), Reason::Unknown);
    let _published = Published::new(folder.path(), &store, "192.0.2.1:80".parse().unwrap()).unwrap();
    let new = LiveServer::find(folder.path()).unwrap().unwrap();
    assert_eq!(new.address.to_string(), "192.0.2.1:80");
    assert!(identify(&store, &new.token, 0).is_ok());
    assert!(identify(&store, &old.token, 0).is_err());
}

#[test]
fn a_file_that_is_not_ours_is_an_error_and_half_of_them_is_none() {
    let folder = Folder::new();
    fs::write(folder.path().join("server.json"), "{}").unwrap();
    assert!(LiveServer::find(folder.path()).unwrap().is_none(), "a server that is just starting");
    fs::write(folder.path().join("cli-token"), "x").unwrap();
    assert!(LiveServer::find(folder.path()).is_err());
}
