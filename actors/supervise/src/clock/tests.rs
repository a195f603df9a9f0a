use std::future::{pending, ready};
use std::sync::{Arc, Mutex};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn stopped() -> (Clock, VirtualTime) {
    Clock::virtual_at(Timestamp::from_millis(1_700_000_000_000))
}

/// What tasks noted, with the second of the clock at which they did.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<(u64, &'static str)>>>);

impl Notes {
    fn add(&self, clock: &Clock, what: &'static str) {
        self.0.lock().unwrap().push((clock.elapsed().as_secs(), what));
    }

    fn take(&self) -> Vec<(u64, &'static str)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[test]
fn a_clock_goes_anywhere() {
    fn anywhere<T: Clone + Send + Sync + 'static>() {}
    anywhere::<Clock>();
    anywhere::<VirtualTime>();
    fn spawned<T: Send + Unpin + 'static>() {}
    spawned::<Sleep>();
}

#[test]
fn the_system_clock_shows_today_and_never_goes_back() {
    let clock = Clock::system();
    assert!(clock.now() > Timestamp::parse("2025-01-01").unwrap());
    let first = clock.elapsed();
    assert!(clock.elapsed() >= first);
}

#[actix_rt::test]
async fn the_system_clock_sleeps_and_sets_limits() {
    let clock = Clock::system();
    clock.sleep(Duration::ZERO).await;
    clock.sleep_until_elapsed(Duration::ZERO).await;
    assert_eq!(clock.timeout(SECOND, ready(7)).await, Ok(7));
    let missed = clock.timeout(Duration::ZERO, pending::<()>()).await.unwrap_err();
    assert_eq!(missed.to_string(), "no result within 0 ms");
}

#[actix_rt::test]
async fn virtual_time_stands_still_until_it_is_moved() {
    let (clock, time) = stopped();
    let wall = clock.now();
    tokio::task::yield_now().await;
    assert_eq!((clock.now(), clock.elapsed()), (wall, Duration::ZERO));
    time.advance(1_500 * SECOND).await;
    assert_eq!((clock.now(), clock.elapsed()), (wall.plus(1_500_000), 1_500 * SECOND));
}

#[actix_rt::test]
async fn sleepers_wake_in_order_each_at_its_deadline() {
    let ((clock, time), notes) = (stopped(), Notes::default());
    for (seconds, name) in [(3, "c"), (1, "a"), (2, "b1"), (2, "b2"), (9, "late")] {
        let (clock, notes) = (clock.clone(), notes.clone());
        actix_rt::spawn(async move {
            clock.sleep(seconds * SECOND).await;
            notes.add(&clock, name);
        });
    }
    time.advance(8 * SECOND).await;
    assert_eq!(notes.take(), [(1, "a"), (2, "b1"), (2, "b2"), (3, "c")]);
    assert_eq!(time.sleepers(), 1);
    time.advance(SECOND).await;
    assert_eq!(notes.take(), [(9, "late")]);
    assert_eq!(time.sleepers(), 0);
}

#[actix_rt::test]
async fn an_advance_steps_through_what_sleepers_set_in_motion() {
    let ((clock, time), notes) = (stopped(), Notes::default());
    let (post, mut arrivals) = tokio::sync::mpsc::channel(1);
    actix_rt::spawn({
        let clock = clock.clone();
        async move {
            loop {
                clock.sleep(10 * SECOND).await;
                post.send(()).await.unwrap();
            }
        }
    });
    actix_rt::spawn({
        let (clock, notes) = (clock.clone(), notes.clone());
        async move {
            while arrivals.recv().await.is_some() {
                notes.add(&clock, "arrived");
                clock.sleep(3 * SECOND).await;
                notes.add(&clock, "answered");
            }
        }
    });
    time.advance(35 * SECOND).await;
    assert_eq!(
        notes.take(),
        [
            (10, "arrived"),
            (13, "answered"),
            (20, "arrived"),
            (23, "answered"),
            (30, "arrived"),
            (33, "answered")
        ]
    );
}

#[actix_rt::test]
async fn a_thousand_sleepers_of_one_deadline_all_run_before_the_clock_moves_on() {
    let ((clock, time), notes) = (stopped(), Notes::default());
    for _ in 0..1_000 {
        let (clock, notes) = (clock.clone(), notes.clone());
        actix_rt::spawn(async move {
            clock.sleep(SECOND).await;
            notes.add(&clock, "woke");
        });
    }
    time.wait_for_sleepers(1_000).await;
    time.advance(60 * SECOND).await;
    let notes = notes.take();
    assert_eq!(notes.len(), 1_000);
    assert!(notes.iter().all(|(second, _)| *second == 1));
}

#[actix_rt::test]
async fn a_wall_jump_wakes_nobody_and_moves_no_deadline() {
    let ((clock, time), notes) = (stopped(), Notes::default());
    let wall = clock.now();
    actix_rt::spawn({
        let (clock, notes) = (clock.clone(), notes.clone());
        async move {
            clock.sleep(5 * SECOND).await;
            notes.add(&clock, "woke");
        }
    });
    time.wait_for_sleepers(1).await;
    time.jump_wall(3_600_000);
    assert_eq!((clock.now(), clock.elapsed()), (wall.plus(3_600_000), Duration::ZERO));
    time.jump_wall(-7_200_000);
    time.advance(4 * SECOND).await;
    assert_eq!((clock.now(), notes.take()), (wall.plus(-3_596_000), vec![]));
    time.advance(SECOND).await;
    assert_eq!(notes.take(), [(5, "woke")]);
}

#[actix_rt::test]
async fn timeouts_follow_the_virtual_clock() {
    let (clock, time) = stopped();
    assert_eq!(clock.timeout(Duration::ZERO, ready(1)).await, Ok(1));
    let waits = actix_rt::spawn({
        let clock = clock.clone();
        async move { clock.timeout(2 * SECOND, pending::<()>()).await }
    });
    time.wait_for_sleepers(1).await;
    time.advance(SECOND).await;
    assert!(!waits.is_finished());
    time.advance(SECOND).await;
    assert_eq!(waits.await.unwrap(), Err(Elapsed { limit: 2 * SECOND }));
}

#[actix_rt::test]
async fn a_dropped_sleep_waits_no_more() {
    let (clock, time) = stopped();
    let task = actix_rt::spawn(clock.sleep(SECOND));
    time.wait_for_sleepers(1).await;
    task.abort();
    task.await.unwrap_err();
    assert_eq!(time.sleepers(), 0);
}

#[actix_rt::test]
async fn a_woken_sleeper_that_nobody_polls_holds_nothing_up() {
    let (clock, time) = stopped();
    let mut sleep = clock.sleep(SECOND);
    std::future::poll_fn(|cx| {
        assert!(Pin::new(&mut sleep).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    assert_eq!(time.sleepers(), 1);
    time.advance(2 * SECOND).await;
    assert_eq!(clock.elapsed(), 2 * SECOND);
    sleep.await;
}

#[actix_rt::test]
async fn sleepers_on_other_threads_are_counted_and_woken() {
    let (clock, time) = stopped();
    let threads: Vec<_> = (1..=3)
        .map(|seconds| {
            let clock = clock.clone();
            std::thread::spawn(move || {
                actix_rt::System::new().block_on(async {
                    clock.sleep(seconds * SECOND).await;
                    clock.elapsed()
                })
            })
        })
        .collect();
    time.wait_for_sleepers(3).await;
    time.advance(3 * SECOND).await;
    for (thread, seconds) in threads.into_iter().zip(1..) {
        assert!(thread.join().unwrap() >= seconds * SECOND);
    }
}
