//! Making, binding and revoking tokens, and the events of it.

use patze_core::event::EventType;

use super::*;

fn payload(event: &patze_core::event::Event) -> serde_json::Value {
    serde_json::from_str(event.payload()).unwrap()
}

#[test]
fn a_token_is_shown_once_and_only_its_hash_is_kept() {
    let folder = Folder::new();
    let store = folder.open();
    let made = NewToken { expires_at: Some(at(60)), name: " nas ".to_owned(), ..new_token(Scope::Bridge) };
    let Created { token, secret, event } = store.create(made, at(0), "trace-1").unwrap();
    let text = secret.expose();
    assert_eq!(text.len(), 3 + 10 + 1 + 43);
    assert_eq!(text.strip_prefix("pz_").and_then(|rest| rest.split_once('_')).unwrap().0, token.id.as_str());
    assert_eq!(token.name, "nas");

    let private = &text[14..];
    let mut file = folder.text();
    assert!(!file.contains(private) && file.contains("\"sha256\""), "{file}");
    file.push_str(&format!("{store:?} {token:?} {secret:?} {event:?}"));
    file.push_str(&format!("{:?}", identify(&store, &secret, 0).unwrap()));
    assert!(!file.contains(private), "SE-1: {file}");
    assert!(!serde_json::to_string(&token).unwrap().contains("sha256"), "nor its hash in answers");

    assert_eq!(event.type_name(), EventType::TokenCreated.name());
    assert_eq!(
        payload(&event),
        serde_json::json!({
            "id": token.id.as_str(), "name": "nas", "scope": "bridge", "machineId": null,
            "expiresAt": at(60),
        })
    );
    assert!(identify(&folder.open(), &secret, 0).unwrap().is_known(), "it survives a restart");
}

#[test]
fn what_no_token_can_be_made_of() {
    let folder = Folder::new();
    let store = folder.open();
    let bridge = || new_token(Scope::Bridge);
    for (new, invalid) in [
        (NewToken { name: " ".to_owned(), ..bridge() }, InvalidToken::Name),
        (NewToken { name: "a\nb".to_owned(), ..bridge() }, InvalidToken::Name),
        (NewToken { name: "n".repeat(257), ..bridge() }, InvalidToken::Name),
        (NewToken { machine_id: Some(machine("m")), ..new_token(Scope::Admin) }, InvalidToken::Machine),
        (NewToken { machine_id: Some(machine(" ")), ..bridge() }, InvalidToken::Machine),
        (NewToken { machine_id: Some(machine("a\nb")), ..bridge() }, InvalidToken::Machine),
        (NewToken { machine_id: Some(machine(&"m".repeat(257))), ..bridge() }, InvalidToken::Machine),
        (NewToken { expires_at: Some(at(0)), ..bridge() }, InvalidToken::Expired),
    ] {
        let error = store.create(new, at(0), "t").unwrap_err();
        assert!(matches!(error, ChangeError::Invalid(found) if found == invalid), "{error}, not {invalid}");
    }
    assert!(!folder.auth_json().exists(), "nothing was written");
}

#[test]
fn w_s17_a_bridge_token_belongs_to_the_first_machine_that_uses_it() {
    let folder = Folder::new();
    let store = folder.open();
    let created = create(&store, Scope::Bridge);
    let id = created.token.id;
    assert_eq!(identify(&store, &created.secret, 0).unwrap().reach(), &Reach::Unbound(id));

    let bound = store.bind(id, &machine("m1"), at(1), "t").unwrap();
    assert_eq!(bound.machine, machine("m1"));
    let event = bound.event.unwrap();
    assert_eq!((event.type_name(), &event.machine), (EventType::TokenBound.name(), &machine("m1")));
    assert_eq!(payload(&event), serde_json::json!({ "id": id.as_str(), "machineId": "m1" }));

    // Another machine comes too late, even if its request was identified before.
    let late = store.bind(id, &machine("m2"), at(1), "t").unwrap();
    assert_eq!((late.machine, late.event), (machine("m1"), None));
    for store in [store, folder.open()] {
        assert_eq!(identify(&store, &created.secret, 2).unwrap().reach(), &Reach::Machine(machine("m1")));
    }
}

#[test]
fn w_s17_in_mode_none_a_known_bridge_token_still_restricts() {
    let folder = Folder::new();
    let store = folder.open();
    let new = NewToken { machine_id: Some(machine("m1")), ..new_token(Scope::Bridge) };
    let created = store.create(new, at(0), "t").unwrap();
    assert_eq!(payload(&created.event)["machineId"], "m1");
    let caller = identify(&store, &created.secret, 0).unwrap();
    assert_eq!((caller.scope(), caller.reach()), (Scope::Bridge, &Reach::Machine(machine("m1"))));
    assert_eq!(store.bind(created.token.id, &machine("m2"), at(0), "t").unwrap().machine, machine("m1"));
}

#[test]
fn revoking_twice_is_one_fact() {
    let folder = Folder::new();
    let store = folder.open();
    let id = create(&store, Scope::Read).token.id;
    let first = store.revoke(id, at(1), "t").unwrap();
    let second = store.revoke(id, at(9), "t").unwrap();
    assert_eq!(first, second);
    assert_eq!((first.type_name(), first.occurred_at), (EventType::TokenRevoked.name(), at(1)));
    let none = "0000000000".parse().unwrap();
    assert!(matches!(store.revoke(none, at(1), "t"), Err(ChangeError::NoSuch(id)) if id == none));
    assert!(matches!(store.bind(none, &machine("m"), at(1), "t"), Err(ChangeError::NoSuch(_))));
}

/// After a crash between file and log the next start appends the same events, and EL-3 takes those that lack.
#[test]
fn the_facts_are_the_very_events_that_were_given_before() {
    let folder = Folder::new();
    let store = folder.open();
    let (a, b) = (create(&store, Scope::Bridge), create(&store, Scope::Read));
    let bound = store.bind(a.token.id, &machine("m1"), at(1), "t").unwrap().event.unwrap();
    let revoked = store.revoke(a.token.id, at(2), "t").unwrap();
    let expected = vec![a.event, bound, revoked, b.event];
    assert_eq!(folder.open().facts(std::iter::empty(), at(0), "t"), expected);
    let mut keys: Vec<_> = expected.iter().map(|event| (&event.machine, &event.id)).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4, "each is an event of its own");
}

#[test]
fn w_s18_the_number_of_tokens_is_bounded() {
    let entry = |n: u32| {
        let sha256 = format!("{n:064x}");
        format!(
            r#"{{"id":"{n:010}","name":"n","scope":"read","createdAt":"2026-01-01T00:00:00.000Z","sha256":"{sha256}"}}"#
        )
    };
    let entries = |count| (0..count).map(entry).collect::<Vec<_>>().join(",");
    let folder = Folder::with(&format!(r#"{{"tokens":[{}]}}"#, entries(9_999)));
    let store = folder.open();
    let last = create(&store, Scope::Read);
    assert!(identify(&store, &last.secret, 0).is_ok());
    assert!(matches!(store.create(new_token(Scope::Read), at(0), "t"), Err(ChangeError::TooMany)));
    store.revoke(last.token.id, at(0), "t").unwrap();
    assert!(
        matches!(store.create(new_token(Scope::Read), at(0), "t"), Err(ChangeError::TooMany)),
        "kept for ever"
    );
}
