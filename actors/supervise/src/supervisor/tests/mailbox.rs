//! Telling and asking: bounds, threads, refusals.

use super::*;

#[test]
fn a_supervisor_goes_anywhere_though_its_actors_do_not() {
    fn anywhere<T: Clone + Send + Sync + 'static>() {}
    anywhere::<Supervisor<u32, Worker>>();
    anywhere::<World>();
    fn movable<T: Send>(_: &T) {}
    let asking = |workers: &Supervisor<u32, Worker>| movable(&workers.ask(&1, Which, SECOND));
    let _ = asking;
}

#[actix_rt::test]
async fn messages_are_handled_in_order_and_those_told_before_the_factory_too() {
    let bench = Bench::new();
    bench.workers.start(1).unwrap();
    assert_eq!(bench.shown(1).state, State::Starting);
    for n in 0..3 {
        bench.tell(1, Do::Note(n)).unwrap();
    }
    assert_eq!(bench.shown(1).mailbox.depth, 3);
    bench.settle().await;
    let noted = [Entry::Built(1), Entry::Noted(1, 0), Entry::Noted(1, 1), Entry::Noted(1, 2)];
    assert_eq!((bench.journal.all(), bench.shown(1).mailbox.depth), (noted.to_vec(), 0));
}

#[actix_rt::test]
async fn a_full_mailbox_is_refused_and_holds_up_nobody_else() {
    let bench = Bench::with(|plan| plan.mailbox(4));
    bench.workers.start(1).unwrap();
    bench.workers.start(2).unwrap();
    let (permit, waits) = oneshot::channel();
    bench.tell(1, Do::Wait(waits)).unwrap();
    bench.settle().await;

    for n in 0..4 {
        bench.tell(1, Do::Note(n)).unwrap();
    }
    let Err(Refused::Full(Do::Note(9))) = bench.tell(1, Do::Note(9)) else {
        panic!("it was not refused as full")
    };
    assert!(matches!(bench.which(1).await, Err(Unanswered::Full { .. })));
    let mailbox = bench.shown(1).mailbox;
    assert_eq!((mailbox.depth, mailbox.capacity), (4, 4));

    bench.tell(2, Do::Note(7)).unwrap();
    assert_eq!(bench.which(2).await, Ok(1));
    assert_eq!(bench.journal.count(&Entry::Noted(2, 7)), 1);

    permit.send(()).unwrap();
    bench.settle().await;
    assert_eq!(bench.shown(1).mailbox.depth, 0);
    assert_eq!(bench.which(1).await, Ok(1));
    let noted: Vec<_> = (0..10).map(|n| bench.journal.count(&Entry::Noted(1, n))).collect();
    assert_eq!(noted, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
}

#[actix_rt::test]
async fn the_bound_holds_for_any_number_of_threads() {
    let bench = Bench::with(|plan| plan.mailbox(50));
    bench.workers.start(1).unwrap();
    let (permit, waits) = oneshot::channel();
    bench.tell(1, Do::Wait(waits)).unwrap();
    bench.settle().await;
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let workers = bench.workers.clone();
            std::thread::spawn(move || (0..50).filter(|_| workers.tell(&1, Do::Note(0)).is_ok()).count())
        })
        .collect();
    let taken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!((taken, bench.shown(1).mailbox.depth), (50, 50));
    permit.send(()).unwrap();
    bench.settle().await;
    assert_eq!(bench.journal.count(&Entry::Noted(1, 0)), 50);
}

#[actix_rt::test]
async fn actors_of_another_thread_are_started_told_and_asked_from_here() {
    let (clock, time) = Clock::virtual_at(Timestamp::EPOCH);
    let journal = Journal::default();
    let arbiter = actix::Arbiter::new();
    let plan = Plan::new("worker", Backoff::try_new(SECOND, SECOND, 0.0).unwrap());
    let workers = Supervisor::on(&arbiter.handle(), &World::new(clock), plan, journal.factory());
    std::thread::spawn({
        let workers = workers.clone();
        move || {
            workers.start(1).unwrap();
            workers.tell(&1, Do::Note(5)).unwrap();
        }
    })
    .join()
    .unwrap();
    assert_eq!(workers.ask(&1, Which, SECOND).await, Ok(1));
    assert_eq!(journal.all(), [Entry::Built(1), Entry::Noted(1, 5)]);

    arbiter.stop();
    arbiter.join().unwrap();
    assert_eq!(journal.all().last(), Some(&Entry::Stopped(1)), "it stops in order when its arbiter ends");
    assert!(workers.keys().is_empty());
    assert!(matches!(workers.tell(&1, Do::Note(6)), Err(Refused::Away(_))));
    assert!(matches!(workers.start(1), Err(Refused::Away(1))));
    close(&workers, &time).await;
}

#[actix_rt::test]
async fn too_many_starts_at_once_are_refused_and_leave_nothing_behind() {
    let bench = Bench::with(|plan| Plan { starts: 2, ..plan });
    bench.workers.start(1).unwrap();
    bench.workers.start(2).unwrap();
    bench.workers.start(1).unwrap();
    assert_eq!(bench.workers.start(3), Err(Refused::Full(3)));
    assert_eq!(bench.workers.keys(), [1, 2]);
    bench.settle().await;
    bench.workers.start(3).unwrap();
    assert_eq!(bench.which(3).await, Ok(1));
}

#[actix_rt::test]
async fn a_question_has_a_deadline() {
    let bench = Bench::with_one().await;
    let (_never, waits) = oneshot::channel();
    bench.tell(1, Do::Wait(waits)).unwrap();
    let question = actix::spawn({
        let workers = bench.workers.clone();
        async move { workers.ask(&1, Which, 3 * SECOND).await }
    });
    bench.time.wait_for_sleepers(1).await;
    bench.time.advance(3 * SECOND).await;
    let error = question.await.unwrap().unwrap_err();
    assert!(matches!(error, Unanswered::Late { .. }));
    assert_eq!(
        error.to_string(),
        "the actor worker `1` did not answer in time; `GET /actors` shows what it is doing"
    );
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no result within 3000 ms");
}

#[actix_rt::test]
async fn a_question_to_one_that_fails_is_answered_at_once() {
    let bench = Bench::with_one().await;
    bench.tell(1, Do::Panic("")).unwrap();
    // No time is moved here: the refusal is not the deadline's.
    assert!(matches!(bench.which(1).await, Err(Unanswered::Away { .. })));
}

#[actix_rt::test]
async fn a_timer_runs_on_the_injected_clock_and_ends_with_its_instance() {
    let bench = Bench::with_one().await;
    /// Sets a timer for each of the seconds and takes the first back.
    #[derive(Message)]
    #[rtype(result = "()")]
    struct Timers(Clock, [u32; 3]);
    impl Handler<Timers> for Worker {
        type Result = ();
        fn handle(&mut self, Timers(clock, all): Timers, ctx: &mut Self::Context) {
            let handles = all.map(|n| {
                crate::timer::run_later(ctx, &clock, n * SECOND, move |worker: &mut Self, _| {
                    worker.journal.add(Entry::Noted(worker.key, n));
                })
            });
            ctx.cancel_future(handles[0]);
        }
    }
    bench.workers.tell(&1, Timers(bench.clock.clone(), [1, 2, 3])).unwrap();
    bench.time.wait_for_sleepers(2).await;
    bench.time.advance(2 * SECOND).await;
    bench.tell(1, Do::Panic("")).unwrap();
    bench.time.advance(10 * SECOND).await;
    assert_eq!(bench.journal.all(), [Entry::Built(1), Entry::Noted(1, 2), Entry::Built(1)]);
}
