//! The same without libFuzzer: recorded ledgers, what a mapper made of them, and mistreated forms of both.

use proptest::prelude::*;

use crate::{batch, checkpoint, envelope, fold, openclaw, seeds};

const LEDGER: &str =
    include_str!("../../bridge/tests/fixtures/04-sessions-failures-cron/state.audit_events.jsonl");

#[test]
fn seeds_are_what_each_target_can_use() {
    let seeds = seeds::of(LEDGER);
    for seed in &seeds {
        let target = match seed.target {
            "envelope" => envelope,
            "batch" => batch,
            "openclaw" => openclaw,
            "fold" => fold,
            "checkpoint" => checkpoint,
            other => panic!("no target {other}"),
        };
        assert!(!seed.bytes.is_empty(), "{}", seed.target);
        target(seed.bytes.as_bytes());
    }
    for target in ["envelope", "batch", "openclaw", "fold", "checkpoint"] {
        assert!(seeds.iter().any(|seed| seed.target == target), "{target}");
    }
    assert!(seeds.iter().filter(|seed| seed.target == "envelope").count() > 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Cuts, doubles and overwrites pieces of seeds.
    #[test]
    fn mistreated_seeds_break_nothing(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, ".{0,6}"), 1..6),
    ) {
        let seeds = seeds::of(LEDGER);
        let mut text = which.get(&seeds).bytes.clone();
        for (at, length, instead) in cuts {
            let floor = |mut at: usize| {
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let start = floor(at.index(text.len() + 1));
            let end = floor((start + length).min(text.len()));
            text.replace_range(start..end, &instead);
        }
        for target in [envelope, batch, openclaw, fold, checkpoint] {
            target(text.as_bytes());
        }
    }
}
