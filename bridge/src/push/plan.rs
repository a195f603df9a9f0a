//! What to do next, and what an answer means for it: the state machine of delivery, without any I/O.
//!
//! ```text
//!            Taken, Refused                          Later(backoff, Retry-After)
//!   Ready ───────────────────▶ Ready      Ready ◀──────────────────────────────▶ Waiting
//!                                                    Unwelcome / a new token
//!                                         Ready ◀──────────────────────────────▶ Locked
//! ```
//!
//! - A batch that is **refused** (400, 413) is split until the culprit is alone (W-B2). Since events leave in order, that
//!   is a smaller first part: while the first [`Plan::suspects`] events are known to hold a culprit, half of them are sent.
//! - A batch that was **too slow** halves the batches to come, and each that succeeds doubles them again.
//! - Without the batch route (404, 405) events go one by one, contract §14.6; the batch route is tried again after
//!   [`SINGLES`] events or a failure.

use std::time::Duration;

use patze_supervise::backoff::Backoff;

use crate::spool::{Reason, Shape};

/// The most events of a batch.
pub const MOST_EVENTS: usize = 500;
/// How many events go one by one before the batch route is tried again.
const SINGLES: usize = 500;
/// The longest wait that a control plane may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// What a control plane's answer, or the lack of one, means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The events are taken, but for these (their index) that never will be.
    Taken(Vec<(usize, Reason)>),
    /// The request as a whole is refused because of what is in it.
    Refused(Reason),
    /// There is no such route.
    NoRoute,
    /// Neither these nor other events are taken from this bridge: its token, or its machine, must change.
    Unwelcome(String),
    /// It may be taken later.
    Later {
        /// What is the matter, for people.
        why: String,
        /// How long to wait at least.
        retry_after: Option<Duration>,
        /// Whether the request ran out of time.
        slow: bool,
    },
}

/// What to do with the batch that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done, but for these events.
    Settle(Vec<(usize, Reason)>),
    /// It stays where it is.
    Keep,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send so many events.
    Send {
        /// In which shape.
        shape: Shape,
        /// How many at most.
        events: usize,
    },
    /// Do nothing until then (monotonic).
    Wait {
        /// The instant.
        until: Duration,
    },
}

/// Where delivery is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// What there is can be sent.
    Ready,
    /// The control plane is away, or asked to be left alone.
    Waiting {
        /// Until when (monotonic).
        until: Duration,
        /// What is the matter.
        why: String,
    },
    /// Only a new token, or a change at the control plane, helps; tried again slowly.
    Locked {
        /// Until when (monotonic).
        until: Duration,
        /// What is the matter.
        why: String,
    },
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Plan {
    state: State,
    /// Events left to go one by one; 0 while the batch route is there.
    singles: usize,
    /// The most events of the next batch.
    limit: usize,
    /// So many of the first events hold a culprit.
    suspects: usize,
    retry: Backoff,
    slow_retry: Backoff,
}

// === impl Plan ===

impl Plan {
    /// Begins ready. `retry` spaces attempts at a control plane that is away, `slow_retry` those with a refused token.
    pub fn new(retry: Backoff, slow_retry: Backoff) -> Self {
        Self { state: State::Ready, singles: 0, limit: MOST_EVENTS, suspects: 0, retry, slow_retry }
    }

    /// Where delivery is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What to do at `now` (monotonic).
    pub fn next(&self, now: Duration) -> Next {
        match self.state {
            State::Waiting { until, .. } | State::Locked { until, .. } if until > now => Next::Wait { until },
            _ if self.singles > 0 => Next::Send { shape: Shape::Single, events: 1 },
            _ => {
                let events = if self.suspects > 0 { self.suspects / 2 } else { self.limit };
                Next::Send { shape: Shape::Batch, events: events.max(1) }
            }
        }
    }

    /// The answer to `sent` events that came at `now`.
    pub fn answered(&mut self, now: Duration, sent: usize, answer: Answer) -> Verdict {
        match answer {
            Answer::Taken(rejected) => {
                self.delivered(sent);
                Verdict::Settle(rejected)
            }
            Answer::Refused(reason) if sent <= 1 => {
                self.delivered(sent);
                // There may be another culprit; it is looked for when it shows.
                self.suspects = 0;
                Verdict::Settle(vec![(0, reason)])
            }
            Answer::Refused(_) => {
                self.state = State::Ready;
                self.suspects = sent;
                Verdict::Keep
            }
            Answer::NoRoute if self.singles == 0 => {
                self.state = State::Ready;
                self.singles = SINGLES;
                Verdict::Keep
            }
            Answer::NoRoute => {
                self.failed(now, "there is no /ingest at this address: it is no control plane", None)
            }
            Answer::Later { why, retry_after, slow } => {
                if slow {
                    self.limit = (sent / 2).max(1);
                }
                self.failed(now, &why, retry_after)
            }
            Answer::Unwelcome(why) => {
                self.lock(now, why);
                Verdict::Keep
            }
        }
    }

    /// Nothing is sent before a new token comes, or for a while.
    pub fn lock(&mut self, now: Duration, why: String) {
        self.singles = 0;
        self.state = State::Locked { until: now + self.slow_retry.next_delay(), why };
    }

    /// Settings have changed: whatever was the matter, it is tried again at once.
    pub fn renewed(&mut self) {
        self.state = State::Ready;
        self.retry.reset();
        self.slow_retry.reset();
    }

    fn delivered(&mut self, sent: usize) {
        self.state = State::Ready;
        self.retry.reset();
        self.slow_retry.reset();
        self.suspects = self.suspects.saturating_sub(sent);
        self.singles = self.singles.saturating_sub(1);
        self.limit = (self.limit * 2).min(MOST_EVENTS);
    }

    fn failed(&mut self, now: Duration, why: &str, retry_after: Option<Duration>) -> Verdict {
        self.singles = 0;
        let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        let delay = self.retry.next_delay().max(asked);
        self.state = State::Waiting { until: now + delay, why: why.to_owned() };
        Verdict::Keep
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const NOW: Duration = Duration::from_secs(100);

    fn plan() -> Plan {
        let backoff =
            |min: u32, max: u32| Backoff::try_with_seed(min * SECOND, max * SECOND, 0.0, 1).unwrap();
        Plan::new(backoff(1, 4), backoff(60, 240))
    }

    fn later(retry_after: Option<Duration>) -> Answer {
        Answer::Later { why: "down".to_owned(), retry_after, slow: false }
    }

    fn reason(code: &str) -> Reason {
        Reason { code: code.to_owned(), message: String::new() }
    }

    fn refused() -> Answer {
        Answer::Refused(reason("http_400"))
    }

    fn batch(events: usize) -> Next {
        Next::Send { shape: Shape::Batch, events }
    }

    const SINGLE: Next = Next::Send { shape: Shape::Single, events: 1 };

    fn wait(delay: Duration) -> Next {
        Next::Wait { until: NOW + delay }
    }

    #[test]
    fn what_follows_each_answer() {
        let single = |plan: &mut Plan| {
            plan.answered(NOW, 9, Answer::NoRoute);
        };
        let nothing = |_: &mut Plan| {};
        let waits = |plan: &mut Plan| {
            plan.answered(NOW - 9 * SECOND, 9, later(None));
        };
        let locked = |plan: &mut Plan| plan.lock(NOW - 99 * SECOND, String::new());
        type Before<'a> = &'a dyn Fn(&mut Plan);
        let keep = || Verdict::Keep;
        let settle = |rejected: &[(usize, Reason)]| Verdict::Settle(rejected.to_vec());
        let table: Vec<(&str, Before<'_>, usize, Answer, Verdict, Next)> = vec![
            ("taken", &nothing, 500, Answer::Taken(vec![]), settle(&[]), batch(500)),
            (
                "taken in part",
                &nothing,
                9,
                Answer::Taken(vec![(3, reason("x"))]),
                settle(&[(3, reason("x"))]),
                batch(500),
            ),
            ("refused", &nothing, 9, refused(), keep(), batch(4)),
            ("refused alone", &nothing, 1, refused(), settle(&[(0, reason("http_400"))]), batch(500)),
            ("later", &nothing, 9, later(None), keep(), wait(SECOND)),
            ("later and again", &waits, 9, later(None), keep(), wait(2 * SECOND)),
            ("later by order", &nothing, 9, later(Some(7 * SECOND)), keep(), wait(7 * SECOND)),
            ("later by a shorter order", &nothing, 9, later(Some(Duration::ZERO)), keep(), wait(SECOND)),
            (
                "later by a mad order",
                &nothing,
                9,
                later(Some(Duration::MAX)),
                keep(),
                wait(LONGEST_RETRY_AFTER),
            ),
            ("unwelcome", &nothing, 9, Answer::Unwelcome("401".into()), keep(), wait(60 * SECOND)),
            ("unwelcome again", &locked, 9, Answer::Unwelcome("401".into()), keep(), wait(120 * SECOND)),
            ("welcome again", &locked, 9, Answer::Taken(vec![]), settle(&[]), batch(500)),
            ("no batch route", &nothing, 9, Answer::NoRoute, keep(), SINGLE),
            ("no route at all", &single, 1, Answer::NoRoute, keep(), wait(SECOND)),
            ("one by one", &single, 1, Answer::Taken(vec![]), settle(&[]), SINGLE),
            ("one by one, refused", &single, 1, refused(), settle(&[(0, reason("http_400"))]), SINGLE),
            ("one by one, later", &single, 1, later(None), keep(), wait(SECOND)),
        ];
        for (name, before, sent, answer, verdict, next) in table {
            let mut plan = plan();
            before(&mut plan);
            assert_eq!(plan.answered(NOW, sent, answer), verdict, "{name}");
            assert_eq!(plan.next(NOW), next, "{name}");
        }
    }

    #[test]
    fn waiting_ends_with_time_and_success_forgets_the_past() {
        let mut plan = plan();
        plan.answered(NOW, 9, later(None));
        plan.answered(NOW, 9, later(None));
        assert_eq!(plan.next(NOW + 2 * SECOND), batch(500));
        plan.answered(NOW, 9, Answer::Taken(vec![]));
        plan.answered(NOW, 9, later(None));
        assert_eq!(plan.next(NOW), wait(SECOND));
    }

    #[test]
    fn a_new_token_ends_every_wait_at_once() {
        for answer in [later(Some(9 * SECOND)), Answer::Unwelcome("401".into())] {
            let mut plan = plan();
            plan.answered(NOW, 9, answer);
            assert!(matches!(plan.next(NOW), Next::Wait { .. }));
            plan.renewed();
            assert_eq!((plan.next(NOW), plan.state()), (batch(500), &State::Ready));
        }
    }

    #[test]
    fn slow_requests_shrink_and_grow_again() {
        let mut plan = plan();
        let slow = || Answer::Later { why: "slow".into(), retry_after: None, slow: true };
        let mut sizes = Vec::new();
        for answer in
            [slow(), slow(), slow(), Answer::Taken(vec![]), Answer::Taken(vec![]), Answer::Taken(vec![])]
        {
            let Next::Send { events, .. } = plan.next(NOW + 60 * SECOND) else {
                panic!("a wait of a minute")
            };
            sizes.push(events);
            plan.answered(NOW, events, answer);
        }
        assert_eq!(sizes, [500, 250, 125, 62, 124, 248]);
        plan.limit = 1;
        plan.answered(NOW, 1, slow());
        assert_eq!(plan.next(NOW + 60 * SECOND), batch(1));
    }

    #[test]
    fn the_batch_route_is_tried_again_after_a_while() {
        let mut plan = plan();
        plan.answered(NOW, 9, Answer::NoRoute);
        for _ in 0..SINGLES {
            assert_eq!(plan.next(NOW), SINGLE);
            plan.answered(NOW, 1, Answer::Taken(vec![]));
        }
        assert_eq!(plan.next(NOW), batch(500));
    }

    proptest! {
        /// A control plane that refuses every batch with a culprit in it, and one event that is a culprit.
        #[test]
        fn splitting_finds_every_culprit_and_nothing_else(
            culprits in prop::collection::btree_set(0usize..1_200, 0..6), total in 1usize..1_200,
        ) {
            let mut plan = plan();
            let (mut head, mut rejected, mut requests) = (0, Vec::new(), 0);
            while head < total {
                requests += 1;
                let Next::Send { events, .. } = plan.next(NOW) else { panic!("there is nothing to wait for") };
                let sent = events.min(total - head);
                let bad = culprits.range(head..head + sent).next().is_some();
                let answer = if bad { refused() } else { Answer::Taken(vec![]) };
                if let Verdict::Settle(refused) = plan.answered(NOW, sent, answer) {
                    rejected.extend(refused.iter().map(|(index, _)| head + index));
                    head += sent;
                }
            }
            prop_assert_eq!(&rejected, &culprits.range(..total).copied().collect::<Vec<_>>());
            // One request a batch, and about two for each halving of a batch of 500.
            prop_assert!(requests <= 4 + rejected.len() * 20, "{} requests", requests);
        }
    }
}
