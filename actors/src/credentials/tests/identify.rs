//! Who is let in (contract §2.1).

use super::*;

const TOKEN: &str = "the contract's own token";

#[test]
fn authorization_headers_by_mode() {
    let folder = Folder::new();
    let open = folder.open();
    let closed = Credentials::open(folder.path(), environment("token", TOKEN)).unwrap();
    let odd = Credentials::open(folder.path(), environment("token", " two  spaces")).unwrap();
    for (header, lets_in) in [
        (None, false),
        (Some("Bearer the contract's own token"), true),
        (Some("bearer the contract's own token"), false),
        (Some("BEARER the contract's own token"), false),
        (Some("Bearer  the contract's own token"), false),
        (Some("Bearer\tthe contract's own token"), false),
        (Some("Bearer the contract's own token "), false),
        (Some("Bearer the contract's own toke"), false),
        (Some("Bearer the contract's own tokens"), false),
        (Some("Bearer THE CONTRACT'S OWN TOKEN"), false),
        (Some(" Bearer the contract's own token"), false),
        (Some("Bearer "), false),
        (Some("Bearer"), false),
        (Some(""), false),
        (Some("the contract's own token"), false),
        (Some("Basic dXNlcjpwYXNz"), false),
        (Some("Bearer pz_0123456789_0123456789012345678901234567890123456789012"), false),
    ] {
        let bytes = header.map(str::as_bytes);
        assert_eq!(closed.identify(bytes, at(0)).is_ok(), lets_in, "mode token, {header:?}");
        let caller = open.identify(bytes, at(0)).unwrap_or_else(|_| panic!("mode none, {header:?}"));
        assert!(!caller.is_known() && caller.scope() == Scope::Admin, "mode none, {header:?}");
    }
    assert!(odd.identify(Some(b"Bearer  two  spaces"), at(0)).is_ok(), "the rest is not trimmed");
    assert!(odd.identify(Some(b"Bearer two  spaces"), at(0)).is_err());
    assert!(closed.identify(Some(b"Bearer \xff\xfe"), at(0)).is_err(), "not UTF-8");
}

#[test]
fn failures_are_told_apart_by_token_and_no_token_is_no_failure() {
    let folder = Folder::new();
    let store = Credentials::open(folder.path(), environment("token", TOKEN)).unwrap();
    let refusal = |header: &[u8]| store.identify(Some(header), at(0)).unwrap_err();
    assert_eq!(refusal(b"Bearer a").reason, Reason::Unknown);
    assert_eq!(refusal(b"Bearer a"), refusal(b"Bearer a"));
    assert_ne!(refusal(b"Bearer a").fingerprint, refusal(b"Bearer b").fingerprint);
    let missing = Refusal { reason: Reason::Missing, fingerprint: None };
    assert_eq!(store.identify(None, at(0)).unwrap_err(), missing);
    assert_eq!(refusal(b"Basic a"), missing);
}

#[test]
fn w_s4_scopes_and_reach() {
    let folder = Folder::new();
    let store = folder.open();
    for (scope, everywhere) in [(Scope::Admin, true), (Scope::Read, true), (Scope::Bridge, false)] {
        let created = create(&store, scope);
        let caller = identify(&store, &created.secret, 0).unwrap();
        assert_eq!(
            (caller.scope(), caller.token(), caller.is_known()),
            (scope, Some(created.token.id), true)
        );
        assert_eq!(*caller.reach() == Reach::Everywhere, everywhere, "{scope:?}");
    }
    let contract = Credentials::open(folder.path(), environment("token", TOKEN)).unwrap();
    let caller = contract.identify(Some(format!("Bearer {TOKEN}").as_bytes()), at(0)).unwrap();
    assert_eq!((caller.scope(), caller.reach(), caller.token()), (Scope::Admin, &Reach::Everywhere, None));
}

#[test]
fn w_s4_revoked_and_expired_tokens_are_refused_in_every_mode() {
    let folder = Folder::new();
    for environment in [environment("none", ""), environment("token", TOKEN)] {
        let store = Credentials::open(folder.path(), environment).unwrap();
        let revoked = create(&store, Scope::Bridge);
        store.revoke(revoked.token.id, at(5), "t").unwrap();
        assert_eq!(identify(&store, &revoked.secret, 5).unwrap_err(), Reason::Revoked(revoked.token.id));

        let ending = NewToken { expires_at: Some(at(10)), ..new_token(Scope::Admin) };
        let ending = store.create(ending, at(0), "t").unwrap();
        assert!(identify(&store, &ending.secret, 9).is_ok());
        assert_eq!(identify(&store, &ending.secret, 10).unwrap_err(), Reason::Expired(ending.token.id));
    }
}

#[test]
fn a_guessed_secret_for_a_known_id_is_an_unknown_token() {
    let folder = Folder::new();
    let open = folder.open();
    let created = create(&open, Scope::Bridge);
    open.revoke(created.token.id, at(0), "t").unwrap();
    let mut guess = created.secret.expose().to_owned();
    let last = if guess.pop() == Some('a') { 'b' } else { 'a' };
    let guess = Secret::new(format!("{guess}{last}"));
    assert!(!identify(&open, &guess, 0).unwrap().is_known(), "ignored in mode none");
    let closed = Credentials::open(folder.path(), environment("token", TOKEN)).unwrap();
    assert_eq!(identify(&closed, &guess, 0).unwrap_err(), Reason::Unknown);
}

#[test]
fn a_contract_token_that_looks_like_ours_is_the_contracts() {
    let folder = Folder::new();
    let looks = "pz_0123456789_0123456789012345678901234567890123456789012";
    let store = Credentials::open(folder.path(), environment("token", looks)).unwrap();
    let caller = identify(&store, &Secret::new(looks), 0).unwrap();
    assert_eq!((caller.scope(), caller.token()), (Scope::Admin, None));
}

#[test]
fn the_mode_changes_for_the_next_request() {
    let folder = Folder::new();
    let store = folder.open();
    assert!(store.identify(None, at(0)).is_ok());
    store.set_auth(Some(Secret::new(TOKEN))).unwrap();
    assert_eq!(store.mode(), Mode::Token);
    assert!(store.identify(None, at(0)).is_err());
    assert!(identify(&store, &Secret::new(TOKEN), 0).unwrap().is_known());
    store.set_auth(None).unwrap();
    assert!(store.identify(None, at(0)).is_ok());
    assert!(!identify(&store, &Secret::new(TOKEN), 0).unwrap().is_known(), "the token is forgotten");
    assert_eq!(folder.text(), "{\n  \"mode\": \"none\"\n}\n");
}
