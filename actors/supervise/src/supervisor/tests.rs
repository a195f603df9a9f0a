//! The supervisor on a real actix system, with time that the tests move.

mod endings;
mod mailbox;
mod model;
mod panics_of_all_sorts;
mod shutdown;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::prelude::{Actor, ActorContext, AsyncContext, Context, Handler, Message, WrapFuture};
use patze_core::time::Timestamp;

use super::*;
use crate::clock::VirtualTime;
use crate::observe::State;

const SECOND: Duration = Duration::from_secs(1);

/// What the tests have an actor do.
#[derive(Message)]
#[rtype(result = "()")]
enum Do {
    Note(u32),
    Panic(&'static str),
    Fail(&'static str),
    Done,
    Stop,
    Publish(u32),
    /// Handle no message until the permit is given.
    Wait(oneshot::Receiver<()>),
}

/// Which instance of its key it is, from 1 on.
#[derive(Message)]
#[rtype(result = "u32")]
struct Which;

/// Lives in instances of which each notes what it sees. Not `Send`, as actors may be.
struct Worker {
    key: u32,
    instance: u32,
    seat: Seat,
    journal: Journal,
    _not_send: Rc<()>,
}

/// What happened, in order: all workers of a test write to it.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<Entry>>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Built(u32),
    Noted(u32, u32),
    Stopped(u32),
}

/// A supervisor of workers, with all that a test looks at.
struct Bench {
    clock: Clock,
    time: VirtualTime,
    directory: Directory,
    workers: Supervisor<u32, Worker>,
    journal: Journal,
    restarts: Arc<Mutex<Vec<Restart>>>,
}

impl Bench {
    fn new() -> Self {
        Self::with(|plan| plan)
    }

    fn with(change: impl FnOnce(Plan) -> Plan) -> Self {
        let (clock, time) = Clock::virtual_at(Timestamp::from_millis(1_700_000_000_000));
        let restarts = Arc::new(Mutex::new(Vec::new()));
        let world = World::new(clock.clone()).reporting({
            let restarts = restarts.clone();
            move |restart| restarts.lock().unwrap().push(restart.clone())
        });
        let plan = change(Plan::new("worker", Backoff::try_with_seed(SECOND, 60 * SECOND, 0.0, 1).unwrap()));
        let journal = Journal::default();
        let workers = Supervisor::here(&world, plan, journal.factory());
        Self { clock, time, directory: world.directory, workers, journal, restarts }
    }

    /// One with a running worker 1.
    async fn with_one() -> Self {
        let bench = Self::new();
        bench.workers.start(1).unwrap();
        assert_eq!(bench.which(1).await, Ok(1));
        bench
    }

    fn tell(&self, key: u32, what: Do) -> Result<(), Refused<Do>> {
        self.workers.tell(&key, what)
    }

    async fn which(&self, key: u32) -> Result<u32, Unanswered> {
        self.workers.ask(&key, Which, SECOND).await
    }

    fn shown(&self, key: u32) -> ActorState {
        self.workers.state(&key).unwrap()
    }

    fn delays(&self) -> Vec<u64> {
        self.restarts.lock().unwrap().iter().map(|restart| restart.delay.as_secs()).collect()
    }

    /// Lets everything that is ready to run do so.
    async fn settle(&self) {
        self.time.advance(Duration::ZERO).await;
    }
}

/// Closes `workers`; red instead of stuck if one of them stays.
async fn close<A: Actor<Context = Context<A>>>(workers: &Supervisor<u32, A>, time: &VirtualTime) {
    let closing = actix::spawn({
        let workers = workers.clone();
        async move { workers.close().await }
    });
    time.advance(Duration::ZERO).await;
    assert!(closing.is_finished(), "an actor outlives the close of its supervisor: {:?}", workers.keys());
}

impl Journal {
    fn factory(&self) -> impl Fn(&u32, Seat) -> Worker + Send + 'static {
        let journal = self.clone();
        move |&key, seat| {
            journal.add(Entry::Built(key));
            let instance = journal.count(&Entry::Built(key));
            Worker { key, instance, seat, journal: journal.clone(), _not_send: Rc::default() }
        }
    }

    fn add(&self, entry: Entry) {
        self.0.lock().unwrap().push(entry);
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn all(&self) -> Vec<Entry> {
        self.0.lock().unwrap().clone()
    }

    fn count(&self, entry: &Entry) -> u32 {
        self.0.lock().unwrap().iter().filter(|other| *other == entry).count() as u32
    }
}

impl Actor for Worker {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        self.journal.add(Entry::Stopped(self.key));
    }
}

impl Handler<Do> for Worker {
    type Result = ();

    fn handle(&mut self, what: Do, ctx: &mut Self::Context) {
        match what {
            Do::Note(n) => self.journal.add(Entry::Noted(self.key, n)),
            Do::Panic(message) => panic!("{message}"),
            Do::Fail(reason) => self.seat.fail(ctx, reason),
            Do::Done => self.seat.done(ctx),
            Do::Stop => ctx.stop(),
            Do::Publish(n) => self.seat.publish(&serde_json::json!({ "n": n })),
            Do::Wait(permit) => ctx.wait(async { permit.await.unwrap() }.into_actor(self)),
        }
    }
}

impl Handler<Which> for Worker {
    type Result = u32;

    fn handle(&mut self, _: Which, _: &mut Self::Context) -> u32 {
        self.instance
    }
}
