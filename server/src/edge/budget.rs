//! What all requests together may hold in memory: bodies as they come in, what is made of them, answers until they are
//! sent (AC-2).
//!
//! A megabyte of `1,1,1,…` is half a million events, rejections and lines of the answer: a hundred times its size. So a
//! request's [`Share`] grows with what it makes, before that is made where its size is known before, and one that would
//! take the sum over the limit is answered 503 and gives back what it has. Nothing waits: a request that holds a part and
//! waits for the rest could wait for another that does the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::error::Error;

/// Bytes that all requests together may hold: more than the worst single request weighs, which is a megabyte of `1,1,1,…`.
pub const LIMIT: usize = 192 << 20;

/// The one budget of an edge.
#[derive(Debug)]
pub struct Budget(Arc<Counts>);

/// A request's part of it, given back when this is dropped.
#[derive(Debug)]
pub struct Share {
    counts: Arc<Counts>,
    bytes: usize,
}

#[derive(Debug)]
struct Counts {
    limit: usize,
    held: AtomicUsize,
    most: AtomicUsize,
}

// === impl Budget ===

impl Budget {
    /// A budget of so many bytes.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Counts { limit, held: AtomicUsize::new(0), most: AtomicUsize::new(0) }))
    }

    /// A share of nothing yet.
    pub fn share(&self) -> Share {
        Share { counts: Arc::clone(&self.0), bytes: 0 }
    }

    /// Bytes that are held now.
    pub fn held(&self) -> usize {
        self.0.held.load(Relaxed)
    }

    /// The most that ever were held at once.
    pub fn most(&self) -> usize {
        self.0.most.load(Relaxed)
    }
}

// === impl Share ===

impl Share {
    /// Takes `bytes` more.
    ///
    /// # Errors
    /// [`Error::Overloaded`] if there are not so many; the share stays as it was.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        let sum = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.counts.limit);
        let before = self.counts.held.fetch_update(Relaxed, Relaxed, sum).map_err(|_| Error::Overloaded)?;
        self.counts.most.fetch_max(before + bytes, Relaxed);
        self.bytes += bytes;
        Ok(())
    }

    /// Gives back all but `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let back = self.bytes.saturating_sub(bytes);
        self.counts.held.fetch_sub(back, Relaxed);
        self.bytes -= back;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_stays_within_the_limit_and_comes_back() {
        let budget = Budget::new(100);
        let (mut one, mut two) = (budget.share(), budget.share());
        one.grow(60).unwrap();
        assert!(matches!(two.grow(41), Err(Error::Overloaded)));
        assert!(matches!(two.grow(usize::MAX), Err(Error::Overloaded)));
        two.grow(40).unwrap();
        assert_eq!((budget.held(), budget.most()), (100, 100));
        one.shrink_to(10);
        one.shrink_to(20);
        assert_eq!(budget.held(), 50, "a share only shrinks by that");
        drop(one);
        drop(two);
        assert_eq!((budget.held(), budget.most()), (0, 100));
    }

    #[test]
    fn threads_together_never_exceed_it() {
        let budget = Budget::new(1_000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..10_000 {
                        let mut share = budget.share();
                        let _ = share.grow(n % 700);
                        let _ = share.grow(n % 300);
                    }
                });
            }
        });
        assert_eq!(budget.held(), 0);
        assert!(budget.most() <= 1_000);
    }
}
