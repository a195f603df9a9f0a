//! The life of one key's actor: build, run, see how it ends, wait, again. One task a key, on the arbiter of its
//! supervisor; the instance runs inside that task, so there is nothing to watch from outside and nothing to miss.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::dev::{ContextFut, EnvelopeProxy};
use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Context};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use tracing::warn;

use super::panics::caught;
use super::roster::{Mail, Place};
use super::{Ending, Key, Restart, Seat};
use crate::backoff::Backoff;

/// What a keeper is told about how to keep.
pub(super) struct Terms {
    pub(super) backoff: Backoff,
    pub(super) steady_after: Duration,
    pub(super) on_restart: Arc<dyn Fn(&Restart) + Send + Sync>,
}

/// Runs the actor of `place` until it is done or asked to stop.
pub(super) async fn keep<K, A, F>(place: Place<K, A>, mut mail: Mail<A>, mut terms: Terms, factory: Rc<F>)
where
    K: Key,
    A: Actor<Context = Context<A>>,
    F: Fn(&K, Seat) -> A,
{
    let (record, clock) = (place.slot.record.clone(), place.roster.clock.clone());
    loop {
        let began = clock.elapsed();
        let (ending, unread) = live(&place, mail, &*factory).await;
        let reason = match ending {
            Ending::Done => None,
            Ending::Failed(reason) | Ending::Panicked(reason) => Some(record.failed(&reason)),
        };
        if record.is_asked_to_stop() || reason.is_none() {
            if let Some(error) = reason {
                warn!(kind = place.roster.kind, key = %place.key, error, "an actor failed while it was stopping");
            }
            if place.leave(unread) {
                return;
            }
        } else if let Some(error) = reason {
            if clock.elapsed().saturating_sub(began) >= terms.steady_after {
                terms.backoff.reset();
            }
            let delay = terms.backoff.next_delay();
            warn!(kind = place.roster.kind, key = %place.key, error, ?delay, "an actor failed; it will be restarted");
            record.backs_off(clock.now());
            match select(pin!(record.asked_to_stop()), pin!(clock.sleep(delay))).await {
                Either::Left(_) => {
                    if place.leave(false) {
                        return;
                    }
                }
                Either::Right(_) => {
                    let restart = Restart {
                        kind: place.roster.kind,
                        key: place.key.to_string(),
                        restarts: record.restarts(),
                        error,
                        delay,
                    };
                    if let Err(error) = caught(|| (terms.on_restart)(&restart)) {
                        warn!(
                            kind = restart.kind,
                            key = restart.key,
                            error,
                            "the report of a restart failed"
                        );
                    }
                }
            }
        }
        // Before the factory: what is refused as away until here has happened before the factory reads the fleet.
        mail = place.reopen();
    }
}

/// One instance, from its factory to its end: how it ended, and whether it left mail unread.
async fn live<K, A, F>(place: &Place<K, A>, mail: Mail<A>, factory: &F) -> (Ending, bool)
where
    K: Key,
    A: Actor<Context = Context<A>>,
    F: Fn(&K, Seat) -> A,
{
    let mail = Rc::new(RefCell::new(mail));
    let panicked = match caught(|| factory(&place.key, place.seat())) {
        Ok(actor) => {
            place.slot.record.runs(place.roster.clock.now());
            run(place, actor, mail.clone()).await
        }
        Err(reason) => Some(reason),
    };
    let ending = panicked.map_or_else(|| place.slot.record.declared_ending(), Ending::Panicked);
    mail.borrow_mut().close();
    // Ends once every tell that was let in before the close has arrived, so none is overlooked.
    let mut unread = false;
    std::future::poll_fn(|cx| {
        loop {
            match mail.borrow_mut().poll_recv(cx) {
                Poll::Ready(Some(_)) => unread = true,
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    (ending, unread)
}

/// Polls an instance to its end. Why it panicked, if it did.
async fn run<K, A>(place: &Place<K, A>, actor: A, mail: Rc<RefCell<Mail<A>>>) -> Option<String>
where
    K: Key,
    A: Actor<Context = Context<A>>,
{
    let mut context = Context::new();
    context.spawn(Inbox(mail));
    let mut instance: ContextFut<A, Context<A>> = context.into_future(actor);
    let mut asked = pin!(place.slot.record.asked_to_stop().fuse());
    let panicked = std::future::poll_fn(|cx| {
        if asked.as_mut().poll(cx).is_ready() {
            instance.ctx().stop();
        }
        match caught(|| Pin::new(&mut instance).poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(None),
            Err(reason) => Poll::Ready(Some(reason)),
        }
    })
    .await;
    if panicked.is_some() {
        // Otherwise its drop would call `stopping` and `stopped` on an actor whose state may be half changed.
        instance.ctx().terminate();
    }
    let dropped = caught(|| drop(instance)).err();
    panicked.or(dropped)
}

/// Reads the mailbox within the actor's context, as actix's own would: in order, and not while the actor waits for a
/// future (`ctx.wait`) or is stopping.
struct Inbox<A: Actor>(Rc<RefCell<Mail<A>>>);

impl<A: Actor<Context = Context<A>>> ActorFuture<A> for Inbox<A> {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut A,
        ctx: &mut Context<A>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        while !ctx.waiting() {
            let next = self.0.borrow_mut().poll_recv(task);
            match next {
                Poll::Ready(Some(mut envelope)) => envelope.handle(actor, ctx),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Pending
    }
}
