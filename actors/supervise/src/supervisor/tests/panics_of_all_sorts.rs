//! Panics in every place where an actor's code runs.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Where {
    Factory,
    Started,
    Future,
    Stopping,
    Stopped,
    Drop,
    Nowhere,
}

/// Panics at one place of its life.
struct Mine {
    at: Where,
    seat: Seat,
}

#[derive(Message)]
#[rtype(result = "()")]
struct End;

impl Mine {
    fn tread(&self, at: Where) {
        assert!(self.at != at, "trod on a mine: {at:?}");
    }
}

impl Actor for Mine {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.tread(Where::Started);
        if self.at == Where::Future {
            ctx.spawn(async { panic!("trod on a mine: Future") }.into_actor(self));
        }
    }

    fn stopping(&mut self, _: &mut Self::Context) -> actix::Running {
        self.tread(Where::Stopping);
        actix::Running::Stop
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.tread(Where::Stopped);
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        self.tread(Where::Drop);
    }
}

impl Handler<End> for Mine {
    type Result = ();

    fn handle(&mut self, _: End, ctx: &mut Self::Context) {
        self.seat.done(ctx);
    }
}

#[actix_rt::test]
async fn wherever_it_panics_it_comes_back() {
    use Where::{Drop, Factory, Future, Nowhere, Started, Stopped, Stopping};
    for at in [Factory, Started, Future, Stopping, Stopped, Drop] {
        let (clock, time) = Clock::virtual_at(Timestamp::EPOCH);
        let plan = Plan::new("mine", Backoff::try_new(SECOND, SECOND, 0.0).unwrap());
        let trodden = std::cell::Cell::new(false);
        let mines = Supervisor::here(&World::new(clock), plan, move |_: &u32, seat| {
            let at = if trodden.replace(true) { Nowhere } else { at };
            assert!(at != Factory, "trod on a mine: {at:?}");
            Mine { at, seat }
        });
        mines.start(1).unwrap();
        if matches!(at, Stopping | Stopped | Drop) {
            mines.tell(&1, End).unwrap();
        }
        time.wait_for_sleepers(1).await;
        let shown = mines.state(&1).unwrap();
        assert_eq!(shown.state, State::Backoff);
        let error = shown.last_error.unwrap();
        assert!(error.starts_with(&format!("trod on a mine: {at:?} (at ")), "{error}");

        time.advance(SECOND).await;
        assert_eq!(mines.state(&1).unwrap().state, State::Running, "{at:?}");
        mines.tell(&1, End).unwrap();
        close(&mines, &time).await;
    }
}

#[actix_rt::test]
async fn nothing_of_an_actor_is_called_after_its_panic() {
    let bench = Bench::with_one().await;
    bench.tell(1, Do::Panic("")).unwrap();
    bench.tell(1, Do::Note(1)).unwrap();
    bench.time.wait_for_sleepers(1).await;
    assert_eq!(bench.journal.all(), [Entry::Built(1)]);
}

#[actix_rt::test]
async fn a_report_that_panics_does_not_stop_the_restart() {
    let (clock, time) = Clock::virtual_at(Timestamp::EPOCH);
    let journal = Journal::default();
    let plan = Plan::new("worker", Backoff::try_new(SECOND, SECOND, 0.0).unwrap());
    let world = World::new(clock).reporting(|_| panic!("no log to write to"));
    let workers = Supervisor::here(&world, plan, journal.factory());
    workers.start(1).unwrap();
    workers.tell(&1, Do::Panic("first")).unwrap();
    time.wait_for_sleepers(1).await;
    time.advance(SECOND).await;
    assert_eq!(workers.ask(&1, Which, SECOND).await, Ok(2));
    assert!(workers.state(&1).unwrap().last_error.unwrap().starts_with("first"));
}
