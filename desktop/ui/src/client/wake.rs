//! A wait that can be ended early.

use std::cell::RefCell;
use std::future::{Future as _, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use gloo_timers::future::TimeoutFuture;

/// Ends waits. Clones end the same ones.
#[derive(Clone, Default)]
pub struct Wake(Rc<RefCell<(bool, Option<Waker>)>>);

impl Wake {
    /// Ends the wait that goes on, or the next one.
    pub fn now(&self) {
        let mut state = self.0.borrow_mut();
        state.0 = true;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }

    /// Waits until that, or for so long.
    pub async fn wait(&self, ms: Option<u32>) {
        let mut nap = ms.map(|ms| Box::pin(TimeoutFuture::new(ms)));
        poll_fn(|cx| {
            let mut state = self.0.borrow_mut();
            let over = nap.as_mut().is_some_and(|nap| nap.as_mut().poll(cx).is_ready());
            if over || state.0 {
                *state = (false, None);
                return Poll::Ready(());
            }
            state.1 = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
