//! How instances end, and what comes after.

use super::*;

#[actix_rt::test]
async fn one_that_panics_three_times_comes_back_each_time_later_and_later() {
    let bench = Bench::with_one().await;
    for (n, seconds) in [(1u32, 1u32), (2, 2), (3, 4)] {
        bench.tell(1, Do::Panic("out of cheese")).unwrap();
        bench.time.wait_for_sleepers(1).await;
        bench.time.advance(seconds * SECOND - Duration::from_millis(1)).await;
        assert_eq!(bench.shown(1).state, State::Backoff);
        assert!(matches!(bench.which(1).await, Err(Unanswered::Away { kind: "worker", .. })));
        bench.time.advance(Duration::from_millis(1)).await;
        assert_eq!(bench.which(1).await, Ok(n + 1));
        let shown = bench.shown(1);
        assert_eq!((shown.state, shown.restarts), (State::Running, u64::from(n)));
        assert_eq!(shown.since, bench.clock.now());
    }
    assert_eq!(bench.delays(), [1, 2, 4]);
    let last = bench.restarts.lock().unwrap().last().unwrap().clone();
    assert_eq!((last.kind, &*last.key, last.restarts), ("worker", "1", 3));
    assert!(
        last.error.starts_with("out of cheese (at ") && last.error.contains("tests.rs:"),
        "{}",
        last.error
    );
    assert_eq!(bench.shown(1).last_error, Some(last.error));
}

#[actix_rt::test]
async fn a_restart_is_reported_when_it_happens_not_before() {
    let bench = Bench::with_one().await;
    bench.tell(1, Do::Panic("")).unwrap();
    bench.time.wait_for_sleepers(1).await;
    assert_eq!((bench.delays().len(), bench.shown(1).restarts), (0, 0));
    bench.time.advance(SECOND).await;
    assert_eq!((bench.delays().len(), bench.shown(1).restarts), (1, 1));
}

#[actix_rt::test]
async fn one_that_ran_long_enough_begins_its_backoff_anew() {
    let bench = Bench::with_one().await;
    for (run, delay) in [(0u32, 1u32), (59, 2), (0, 4), (60, 1), (0, 2)] {
        bench.time.advance(run * SECOND).await;
        bench.tell(1, Do::Panic("")).unwrap();
        bench.time.wait_for_sleepers(1).await;
        bench.time.advance(delay * SECOND).await;
        assert_eq!(bench.delays().last(), Some(&u64::from(delay)));
    }
}

#[actix_rt::test]
async fn an_orderly_end_is_not_restarted_and_the_key_is_forgotten() {
    let bench = Bench::with_one().await;
    bench.tell(1, Do::Done).unwrap();
    bench.settle().await;
    bench.time.advance(3_600 * SECOND).await;
    assert_eq!(bench.journal.all(), [Entry::Built(1), Entry::Stopped(1)]);
    assert_eq!((bench.workers.keys(), bench.workers.state(&1)), (vec![], None));
    assert!(matches!(bench.tell(1, Do::Note(1)), Err(Refused::Away(Do::Note(1)))));
    assert!(bench.delays().is_empty());

    bench.workers.start(1).unwrap();
    assert_eq!(bench.which(1).await, Ok(2));
    assert_eq!(bench.shown(1).restarts, 0);
}

#[actix_rt::test]
async fn a_failure_that_says_why_is_restarted_like_a_panic() {
    let bench = Bench::with_one().await;
    bench.tell(1, Do::Fail("no route to host")).unwrap();
    bench.time.wait_for_sleepers(1).await;
    assert_eq!(bench.shown(1).last_error.as_deref(), Some("no route to host"));
    bench.time.advance(SECOND).await;
    assert_eq!(bench.which(1).await, Ok(2));
    assert_eq!(bench.journal.count(&Entry::Stopped(1)), 1, "a failure is orderly: `stopped` is called");
}

#[actix_rt::test]
async fn a_stop_without_a_word_is_a_failure() {
    let bench = Bench::with_one().await;
    bench.tell(1, Do::Stop).unwrap();
    bench.time.wait_for_sleepers(1).await;
    assert!(bench.shown(1).last_error.unwrap().contains("without saying why"));
    bench.time.advance(SECOND).await;
    assert_eq!(bench.which(1).await, Ok(2));
}

#[actix_rt::test]
async fn one_that_is_done_with_unread_mail_is_built_again() {
    let bench = Bench::with_one().await;
    bench.tell(1, Do::Done).unwrap();
    bench.tell(1, Do::Note(1)).unwrap();
    assert_eq!(bench.which(1).await, Err(Unanswered::Away { kind: "worker", key: "1".to_owned() }));
    bench.settle().await;
    assert_eq!(bench.which(1).await, Ok(2));
    assert_eq!(bench.journal.all(), [Entry::Built(1), Entry::Stopped(1), Entry::Built(1)]);
    assert!(bench.delays().is_empty(), "nothing failed");
}

#[actix_rt::test]
async fn one_that_is_started_while_it_ends_comes_back() {
    for end in [true, false] {
        let bench = Bench::with_one().await;
        // Hold it between the end of the instance and that of the keeper: a permit that is not yet a message.
        let inbox = bench.workers.roster.inbox(&1).unwrap();
        if end {
            bench.tell(1, Do::Done).unwrap();
        } else {
            bench.workers.stop(&1);
        }
        let permit = inbox.try_reserve().unwrap();
        bench.settle().await;
        assert_eq!(bench.shown(1).state, State::Stopping);
        assert_eq!(bench.journal.count(&Entry::Stopped(1)), 1);
        bench.workers.start(1).unwrap();
        drop(permit);
        bench.settle().await;
        assert_eq!(bench.which(1).await, Ok(2));
    }
}

#[actix_rt::test]
async fn a_start_of_one_that_runs_does_nothing_even_later() {
    let bench = Bench::with_one().await;
    bench.workers.start(1).unwrap();
    bench.tell(1, Do::Done).unwrap();
    bench.settle().await;
    assert_eq!(bench.journal.count(&Entry::Built(1)), 1);
    assert!(bench.workers.keys().is_empty());
}

#[actix_rt::test]
async fn an_actors_own_state_is_shown_until_its_successor_begins() {
    let bench = Bench::with_one().await;
    assert_eq!(bench.shown(1).detail, serde_json::Value::Null);
    bench.tell(1, Do::Publish(7)).unwrap();
    bench.tell(1, Do::Panic("")).unwrap();
    bench.time.wait_for_sleepers(1).await;
    assert_eq!(bench.directory.states(), [bench.shown(1)]);
    assert_eq!(bench.shown(1).detail, serde_json::json!({"n": 7}));
    bench.time.advance(SECOND).await;
    assert_eq!(bench.shown(1).detail, serde_json::Value::Null);
}

#[actix_rt::test]
async fn a_long_reason_is_cut() {
    let bench = Bench::with_one().await;
    let reason: &'static str = Box::leak("é".repeat(4_000).into_boxed_str());
    bench.tell(1, Do::Fail(reason)).unwrap();
    bench.time.wait_for_sleepers(1).await;
    assert_eq!(bench.shown(1).last_error.unwrap().len(), 2_048);
}
