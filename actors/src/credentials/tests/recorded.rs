//! What becomes of a change when the log does not take its event.

use patze_supervise::clock::Clock;

use super::*;
use crate::log::{AppendError, Log, LogConfig};
use crate::recorder::Recorder;

#[actix_rt::test]
async fn a_log_that_takes_nothing_gives_no_right_and_keeps_none() {
    let folder = Folder::new();
    let (clock, _) = Clock::virtual_at(at(0));
    let log = Log::open(LogConfig::new(folder.path(), clock.clone())).unwrap();
    let recorder = Recorder::new(log.clone(), clock);
    let store = folder.open();
    let (bridge, reader) = (create(&store, Scope::Bridge), create(&store, Scope::Read));
    log.close().unwrap();
    let closed = |error: &RecordError| matches!(error, RecordError::NotStored(AppendError::Closed));

    // Nobody gets to see the token, and it lets nobody in.
    let error = store.create_recorded(&recorder, new_token(Scope::Admin), at(1), "t").await.unwrap_err();
    assert!(closed(&error), "{error}");
    assert_eq!(store.tokens()[2].revoked_at, Some(at(1)));

    let error = store.revoke_recorded(&recorder, reader.token.id, at(1), "t").await.unwrap_err();
    assert!(closed(&error), "{error}");
    assert!(identify(&store, &reader.secret, 1).is_err(), "revoked all the same");

    let bound = store.bind_recorded(&recorder, bridge.token.id, machine("m1"), at(1), "t").await.unwrap();
    assert_eq!(bound, machine("m1"));
    assert_eq!(identify(&store, &bridge.secret, 1).unwrap().reach(), &Reach::Machine(machine("m1")));

    // What the log lacks is told at the next start: three made, two revoked, one bound.
    assert_eq!(folder.open().facts(std::iter::empty(), at(2), "t").len(), 6);
}
