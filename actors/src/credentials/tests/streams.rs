//! Streams are cut when their credential ends (W-S24).

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use patze_supervise::clock::{Clock, VirtualTime};

use super::*;

const TOKEN: &str = "0123456789abcdef";

fn clock() -> (Clock, VirtualTime) {
    Clock::virtual_at(at(0))
}

/// Whether the stream is cut, when it looks now.
fn is_cut<F: Future<Output = ()> + Unpin>(cut: &mut F) -> bool {
    cut.now_or_never().is_some()
}

#[actix_rt::test]
async fn w_s24_revoking_cuts_the_tokens_streams_and_no_others() {
    let folder = Folder::new();
    let (store, (clock, _)) = (folder.open(), clock());
    let (a, b) = (create(&store, Scope::Read), create(&store, Scope::Read));
    let of_a = identify(&store, &a.secret, 0).unwrap();
    let of_b = identify(&store, &b.secret, 0).unwrap();
    let nobody = store.identify(None, at(0)).unwrap();
    let mut cut_a = pin!(store.cut(&of_a, &clock));
    let mut others = [Box::pin(store.cut(&of_b, &clock)), Box::pin(store.cut(&nobody, &clock))];
    assert!(!is_cut(&mut cut_a));
    store.revoke(a.token.id, at(0), "t").unwrap();
    assert!(is_cut(&mut cut_a));
    assert!(!others.iter_mut().any(is_cut));
    assert!(store.cut(&of_a, &clock).now_or_never().is_some(), "a stream that opens a moment too late too");
}

#[actix_rt::test]
async fn w_s24_streams_end_within_a_second_of_their_token() {
    let folder = Folder::new();
    let (store, (clock, time)) = (folder.open(), clock());
    let ending = NewToken { expires_at: Some(at(3_600)), ..new_token(Scope::Read) };
    let ending = store.create(ending, at(0), "t").unwrap();
    let caller = identify(&store, &ending.secret, 0).unwrap();
    let mut cut = pin!(store.cut(&caller, &clock));
    assert!(!is_cut(&mut cut));
    time.advance(Duration::from_millis(3_599_999)).await;
    assert!(!is_cut(&mut cut));
    time.advance(Duration::from_millis(1)).await;
    assert!(is_cut(&mut cut));

    // The wall clock jumps over the end, as when a laptop wakes up.
    let ending = NewToken { expires_at: Some(at(90_000)), ..new_token(Scope::Read) };
    let ending = store.create(ending, clock.now(), "t").unwrap();
    let caller = identify(&store, &ending.secret, 3_600).unwrap();
    let mut cut = pin!(store.cut(&caller, &clock));
    assert!(!is_cut(&mut cut));
    time.jump_wall(100_000_000);
    time.advance(Duration::from_secs(1)).await;
    assert!(is_cut(&mut cut));
}

#[actix_rt::test]
async fn w_s24_a_change_of_mode_or_token_cuts_whoever_it_shuts_out() {
    let folder = Folder::new();
    let (store, (clock, _)) = (folder.open(), clock());
    let reader = create(&store, Scope::Read);
    let reader = identify(&store, &reader.secret, 0).unwrap();
    let nobody = store.identify(None, at(0)).unwrap();
    let (mut of_reader, mut of_nobody) = (pin!(store.cut(&reader, &clock)), pin!(store.cut(&nobody, &clock)));
    store.set_auth(Some(Secret::new(TOKEN))).unwrap();
    assert!(is_cut(&mut of_nobody));
    assert!(!is_cut(&mut of_reader));

    let old = identify(&store, &Secret::new(TOKEN), 0).unwrap();
    let mut of_old = pin!(store.cut(&old, &clock));
    store.set_auth(Some(Secret::new(TOKEN))).unwrap();
    assert!(!is_cut(&mut of_old), "the same token again");
    store.set_auth(Some(Secret::new("another one, as long"))).unwrap();
    assert!(is_cut(&mut of_old));

    let new = identify(&store, &Secret::new("another one, as long"), 0).unwrap();
    let mut of_new = pin!(store.cut(&new, &clock));
    store.set_auth(None).unwrap();
    assert!(!is_cut(&mut of_new), "mode none lets everybody in");
}
