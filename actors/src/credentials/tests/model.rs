//! The store against a model: any order of changes, restarts and passing time gives the same answers.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Create { scope: Scope, lives: Option<i64> },
    Bind { token: usize, machine: u8 },
    Revoke { token: usize },
    SetAuth { token: Option<u8> },
    Wait { seconds: i64 },
    Restart,
}

/// A token as the model knows it.
struct Made {
    secret: Secret,
    scope: Scope,
    machine: Option<MachineId>,
    ends: Option<i64>,
    revoked: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let scope = prop_oneof![Just(Scope::Admin), Just(Scope::Read), Just(Scope::Bridge)];
    let step = prop_oneof![
        3 => (scope, proptest::option::of(1i64..50)).prop_map(|(scope, lives)| Step::Create { scope, lives }),
        3 => (0usize..6, 0u8..3).prop_map(|(token, machine)| Step::Bind { token, machine }),
        2 => (0usize..6).prop_map(|token| Step::Revoke { token }),
        2 => proptest::option::of(0u8..2).prop_map(|token| Step::SetAuth { token }),
        2 => (0i64..30).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 0..30)
}

fn contract(token: u8) -> Secret {
    Secret::new(format!("contract token {token}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_model(steps in steps()) {
        let folder = Folder::new();
        let mut store = folder.open();
        let mut made: BTreeMap<usize, (TokenId, Made)> = BTreeMap::new();
        let (mut mode, mut now, mut events) = (None, 0, 0);
        for step in steps {
            match step {
                Step::Create { scope, lives } => {
                    let ends = lives.map(|lives| now + lives);
                    let new = NewToken { expires_at: ends.map(at), ..new_token(scope) };
                    let created = store.create(new, at(now), "t").unwrap();
                    let token = Made { secret: created.secret, scope, machine: None, ends, revoked: false };
                    made.insert(made.len(), (created.token.id, token));
                    events += 1;
                }
                Step::Bind { token, machine: name } => {
                    let Some((id, token)) = made.get_mut(&token) else { continue };
                    let name = machine(&format!("m{name}"));
                    let bound = store.bind(*id, &name, at(now), "t");
                    prop_assert_eq!(bound.is_ok(), token.scope == Scope::Bridge);
                    let Ok(bound) = bound else { continue };
                    prop_assert_eq!(bound.event.is_some(), token.machine.is_none());
                    events += usize::from(token.machine.is_none());
                    prop_assert_eq!(&bound.machine, token.machine.get_or_insert(name));
                }
                Step::Revoke { token } => {
                    let Some((id, token)) = made.get_mut(&token) else { continue };
                    store.revoke(*id, at(now), "t").unwrap();
                    events += usize::from(!token.revoked);
                    token.revoked = true;
                }
                Step::SetAuth { token } => {
                    store.set_auth(token.map(contract)).unwrap();
                    mode = token;
                }
                Step::Wait { seconds } => now += seconds,
                Step::Restart => store = folder.open(),
            }
            prop_assert_eq!(store.identify(None, at(now)).is_ok(), mode.is_none());
            for token in 0..2 {
                let caller = identify(&store, &contract(token), now);
                prop_assert_eq!(caller.is_ok(), mode.is_none() || mode == Some(token));
                prop_assert_eq!(caller.is_ok_and(|caller| caller.is_known()), mode == Some(token));
            }
            for (id, token) in made.values() {
                let caller = identify(&store, &token.secret, now);
                let live = !token.revoked && token.ends.is_none_or(|end| now < end);
                prop_assert_eq!(caller.is_ok(), live);
                let Ok(caller) = caller else { continue };
                prop_assert_eq!((caller.scope(), caller.token()), (token.scope, Some(*id)));
                let reach = match (token.scope, &token.machine) {
                    (Scope::Bridge, Some(machine)) => Reach::Machine(machine.clone()),
                    (Scope::Bridge, None) => Reach::Unbound(*id),
                    _ => Reach::Everywhere,
                };
                prop_assert_eq!(caller.reach(), &reach);
            }
        }
        prop_assert_eq!(store.facts(std::iter::empty(), at(0), "t").len(), events);
    }
}
