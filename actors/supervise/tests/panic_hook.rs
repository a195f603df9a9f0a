//! The process's own panic hook goes on working beside the supervisor's. Alone in its binary, because a hook is
//! global.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::prelude::*;
use patze_core::time::Timestamp;
use patze_supervise::backoff::Backoff;
use patze_supervise::clock::Clock;
use patze_supervise::supervisor::{Plan, Supervisor, World};

struct Broken;

impl Actor for Broken {
    type Context = Context<Self>;

    #[allow(clippy::panic, reason = "it is there to panic")]
    fn started(&mut self, _: &mut Self::Context) {
        panic!("it never works");
    }
}

#[test]
fn the_former_hook_is_called_for_each_panic() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    std::panic::set_hook(Box::new(|_| {
        SEEN.fetch_add(1, Ordering::SeqCst);
    }));
    System::new().block_on(async {
        let (clock, time) = Clock::virtual_at(Timestamp::EPOCH);
        let second = Duration::from_secs(1);
        let plan = Plan::new("broken", Backoff::try_new(second, second, 0.0).unwrap());
        let broken = Supervisor::<u32, Broken>::here(&World::new(clock), plan, |_, _| Broken);
        broken.start(1).unwrap();
        for panics in 1..=3 {
            time.wait_for_sleepers(1).await;
            assert_eq!(SEEN.load(Ordering::SeqCst), panics);
            assert!(broken.state(&1).unwrap().last_error.unwrap().starts_with("it never works (at "));
            time.advance(second).await;
        }
    });
}
