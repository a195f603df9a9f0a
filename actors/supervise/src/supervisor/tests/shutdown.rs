//! Stopping from outside: one, all, and by letting go.

use super::*;

#[actix_rt::test]
async fn one_that_is_asked_to_stop_is_gone_and_its_mail_with_it() {
    let bench = Bench::with_one().await;
    bench.workers.start(2).unwrap();
    bench.settle().await;
    bench.tell(1, Do::Note(1)).unwrap();
    bench.workers.stop(&1);
    assert!(matches!(bench.tell(1, Do::Note(2)), Err(Refused::Away(_))));
    assert_eq!(bench.shown(1).state, State::Stopping);
    bench.settle().await;
    assert_eq!(bench.workers.keys(), [2]);
    assert_eq!(bench.journal.all(), [Entry::Built(1), Entry::Built(2), Entry::Stopped(1)]);
    // Of one that is not there it is no error.
    bench.workers.stop(&1);
}

#[actix_rt::test]
async fn one_that_waits_out_its_backoff_is_stopped_at_once() {
    let bench = Bench::with_one().await;
    bench.tell(1, Do::Panic("")).unwrap();
    bench.time.wait_for_sleepers(1).await;
    bench.workers.stop(&1);
    bench.settle().await;
    assert_eq!((bench.workers.keys(), bench.time.sleepers(), bench.delays()), (vec![], 0, vec![]));
}

#[actix_rt::test]
async fn closing_waits_for_the_last_and_lets_none_begin() {
    let bench = Bench::new();
    for key in 1..=3 {
        bench.workers.start(key).unwrap();
    }
    bench.tell(3, Do::Panic("at the end")).unwrap();
    bench.time.wait_for_sleepers(1).await;
    // One that is not built yet.
    bench.workers.start(4).unwrap();
    close(&bench.workers, &bench.time).await;
    assert!(bench.workers.keys().is_empty());
    assert_eq!(bench.workers.start(1), Err(Refused::Away(1)));
    assert_eq!([1, 2, 3].map(|key| bench.journal.count(&Entry::Stopped(key))), [1, 1, 0]);
}

#[actix_rt::test]
async fn one_that_was_started_again_while_it_stopped_does_not_outlive_the_close() {
    let bench = Bench::with_one().await;
    bench.workers.stop(&1);
    bench.workers.start(1).unwrap();
    // Before the keeper sees either.
    bench.workers.roster.close();
    close(&bench.workers, &bench.time).await;
    assert_eq!(bench.journal.count(&Entry::Built(1)), 1);
}

#[actix_rt::test]
async fn dropping_the_last_handle_stops_the_actors() {
    let bench = Bench::with_one().await;
    let other = bench.workers.clone();
    drop(bench.workers);
    bench.time.advance(SECOND).await;
    assert_eq!(other.keys(), [1]);
    assert_eq!(bench.directory.states().len(), 1);
    drop(other);
    bench.time.advance(SECOND).await;
    assert_eq!(bench.journal.all(), [Entry::Built(1), Entry::Stopped(1)]);
    assert!(bench.directory.states().is_empty());
}
