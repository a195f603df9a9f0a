//! Timers of actors, on the injected clock. Actix's own (`run_later`, `run_interval`, `notify_later`) read tokio's
//! clock, which no test can move.

use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, SpawnHandle};

use crate::clock::Clock;

/// Runs `task` on the actor once `delay` has passed on `clock`. `ctx.cancel_future(handle)` takes it back; the end of
/// the instance does too. A recurring timer sets itself again from its task.
pub fn run_later<A, F>(ctx: &mut Context<A>, clock: &Clock, delay: Duration, task: F) -> SpawnHandle
where
    A: Actor<Context = Context<A>>,
    F: FnOnce(&mut A, &mut Context<A>) + 'static,
{
    ctx.spawn(
        actix::fut::wrap_future::<_, A>(clock.sleep(delay))
            .map(|(), actor, ctx: &mut Context<A>| task(actor, ctx)),
    )
}
