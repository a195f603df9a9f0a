//! Constraint 5 of the module, and the bookkeeping, against arbitrary histories.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Start(u32),
    Note(u32),
    Panic(u32),
    Fail(u32),
    Done(u32),
    Stop(u32),
    Settle,
    Advance(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 1u32..=2;
    let step = prop_oneof![
        3 => key().prop_map(Step::Start),
        6 => key().prop_map(Step::Note),
        1 => key().prop_map(Step::Panic),
        1 => key().prop_map(Step::Fail),
        1 => key().prop_map(Step::Done),
        1 => key().prop_map(Step::Stop),
        2 => Just(Step::Settle),
        2 => (0u64..90).prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 1..60)
}

/// A note that was taken, and how long the journal was before.
struct Taken {
    key: u32,
    note: u32,
    before: usize,
}

impl Taken {
    fn check(&self, journal: &[Entry]) {
        let Self { key, note, before } = *self;
        let later = &journal[before..];
        assert!(
            later.contains(&Entry::Noted(key, note)) || later.contains(&Entry::Built(key)),
            "note {note} of {key} was taken, not handled, and nobody was built after it: {journal:?}"
        );
    }
}

async fn run(steps: Vec<Step>) {
    let bench = Bench::with(|plan| plan.mailbox(4));
    let (mut taken, mut failures) = (Vec::new(), 0);
    for (note, step) in (0..).zip(steps) {
        match step {
            Step::Start(key) => bench.workers.start(key).unwrap(),
            Step::Note(key) => {
                let before = bench.journal.len();
                match bench.tell(key, Do::Note(note)) {
                    Ok(()) => taken.push(Taken { key, note, before }),
                    Err(Refused::Full(_)) => assert_eq!(bench.shown(key).mailbox.depth, 4),
                    Err(Refused::Away(_)) => {
                        assert!(
                            !bench.workers.state(&key).is_some_and(|shown| shown.state == State::Running)
                        );
                    }
                }
            }
            Step::Panic(key) => failures += usize::from(bench.tell(key, Do::Panic("model")).is_ok()),
            Step::Fail(key) => failures += usize::from(bench.tell(key, Do::Fail("model")).is_ok()),
            Step::Done(key) => drop(bench.tell(key, Do::Done)),
            Step::Stop(key) => {
                bench.workers.stop(&key);
                // What it had not read is dropped: that is what stopping means.
                taken.retain(|taken| taken.key != key);
            }
            Step::Settle => bench.settle().await,
            Step::Advance(seconds) => bench.time.advance(Duration::from_secs(seconds)).await,
        }
    }
    // Long enough for every backoff to end.
    bench.time.advance(120 * SECOND).await;

    let journal = bench.journal.all();
    taken.iter().for_each(|taken| taken.check(&journal));
    assert!(bench.restarts.lock().unwrap().len() <= failures);
    assert_eq!(bench.time.sleepers(), 0);
    for shown in bench.directory.states() {
        assert_eq!((shown.state, shown.mailbox.depth), (State::Running, 0));
        let reported =
            bench.restarts.lock().unwrap().iter().filter(|restart| restart.key == shown.key).count();
        assert!(shown.restarts as usize <= reported);
    }
    close(&bench.workers, &bench.time).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_was_taken_is_handled_or_somebody_is_built_after_it(steps in steps()) {
        actix::System::new().block_on(run(steps));
    }
}

#[actix_rt::test]
async fn it_holds_for_tellers_on_other_threads() {
    let bench = Bench::with(|plan| plan.mailbox(4));
    let tellers: Vec<_> = (0..4u32)
        .map(|teller| {
            let (workers, journal) = (bench.workers.clone(), bench.journal.clone());
            std::thread::spawn(move || {
                let mut taken = Vec::new();
                for note in teller * 1_000..teller * 1_000 + 500 {
                    let before = journal.len();
                    if workers.tell(&1, Do::Note(note)).is_ok() {
                        taken.push(Taken { key: 1, note, before });
                    }
                    match note % 50 {
                        // One that is away now may be so because it is done: start it, as a reconciler does.
                        0..40 => workers.start(1).unwrap(),
                        40..48 => drop(workers.tell(&1, Do::Done)),
                        _ => drop(workers.tell(&1, Do::Panic("model"))),
                    }
                    std::thread::yield_now();
                }
                taken
            })
        })
        .collect();
    while !tellers.iter().all(std::thread::JoinHandle::is_finished) {
        bench.time.advance(60 * SECOND).await;
    }
    bench.time.advance(120 * SECOND).await;
    let journal = bench.journal.all();
    let taken: Vec<_> = tellers.into_iter().flat_map(|teller| teller.join().unwrap()).collect();
    assert!(!taken.is_empty());
    taken.iter().for_each(|taken| taken.check(&journal));
    close(&bench.workers, &bench.time).await;
}
