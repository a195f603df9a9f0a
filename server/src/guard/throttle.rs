//! Counts failed credentials (W-S24). It answers failures alone: a request with a valid token never gets here, so one
//! wrong token behind an address locks nobody else out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Failures of one token from one address in a window before 429.
const MOST_OF_A_TOKEN: u32 = 10;
/// Failures from one address in a window before 429.
const MOST_OF_AN_ADDRESS: u32 = 300;
const WINDOW: Duration = Duration::from_secs(60);
/// Counters held; about 1 MiB.
const MOST_COUNTERS: usize = 16_384;

/// Failed credentials by address and token.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<HashMap<Key, Counter>>);

/// An address, and a token's fingerprint or none for all of the address's.
type Key = (Option<IpAddr>, Option<u64>);

#[derive(Clone, Copy, Debug)]
struct Counter {
    began: Duration,
    failures: u32,
}

/// What to make of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// The first of this token from this address in its window: worth a log line.
    First,
    /// Another one.
    Again,
    /// One too many.
    TooMany {
        /// Seconds until the window ends, at least 1.
        retry_after_s: u64,
    },
}

impl Throttle {
    /// Counts a failure at monotonic time `now`.
    pub(super) fn failed(&self, address: Option<IpAddr>, fingerprint: u64, now: Duration) -> Verdict {
        let address = address.map(network);
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() + 2 > MOST_COUNTERS {
            counters.retain(|_, counter| counter.is_open(now));
            if counters.len() + 2 > MOST_COUNTERS {
                // A flood from thousands of addresses. To forget is better than to grow: no right hangs on a counter.
                counters.clear();
            }
        }
        let whole = count(&mut counters, (address, None), now);
        if whole.failures > MOST_OF_AN_ADDRESS {
            return whole.too_many(now);
        }
        let token = count(&mut counters, (address, Some(fingerprint)), now);
        match token.failures {
            1 => Verdict::First,
            failures if failures <= MOST_OF_A_TOKEN => Verdict::Again,
            _ => token.too_many(now),
        }
    }
}

impl Counter {
    fn is_open(&self, now: Duration) -> bool {
        now.saturating_sub(self.began) < WINDOW
    }

    fn too_many(&self, now: Duration) -> Verdict {
        let left = WINDOW.saturating_sub(now.saturating_sub(self.began));
        Verdict::TooMany { retry_after_s: (left.as_millis().div_ceil(1_000) as u64).max(1) }
    }
}

fn count(counters: &mut HashMap<Key, Counter>, key: Key, now: Duration) -> Counter {
    let counter = counters.entry(key).or_insert(Counter { began: now, failures: 0 });
    if !counter.is_open(now) {
        *counter = Counter { began: now, failures: 0 };
    }
    counter.failures = counter.failures.saturating_add(1);
    *counter
}

/// What counts as one address: an IPv6 client has a whole /64 to choose from.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const B: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn w_s24_ten_failures_a_minute_of_a_token_and_a_new_window_after_it() {
        let throttle = Throttle::default();
        let mut verdicts: Vec<_> = (0..12).map(|i| throttle.failed(A, 7, at(f64::from(i) * 0.1))).collect();
        assert_eq!(verdicts.remove(0), Verdict::First);
        assert_eq!(verdicts[..9], [Verdict::Again; 9]);
        assert_eq!(verdicts[9..], [Verdict::TooMany { retry_after_s: 59 }; 2]);
        assert_eq!(throttle.failed(A, 7, at(59.99)), Verdict::TooMany { retry_after_s: 1 });
        assert_eq!(throttle.failed(A, 7, at(60.0)), Verdict::First);
    }

    #[test]
    fn w_s24_one_wrong_token_locks_no_other_token_and_no_other_address_out() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            throttle.failed(A, 7, at(0.0));
        }
        assert_eq!(throttle.failed(A, 8, at(0.0)), Verdict::First);
        assert_eq!(throttle.failed(B, 7, at(0.0)), Verdict::First);
        assert_eq!(throttle.failed(None, 7, at(0.0)), Verdict::First);
    }

    #[test]
    fn w_s24_an_address_that_tries_ever_new_tokens_is_stopped_at_300() {
        let throttle = Throttle::default();
        let failures = (0..400).map(|token| throttle.failed(A, token, at(0.0)));
        assert_eq!(failures.filter(|verdict| *verdict == Verdict::First).count(), 300);
        assert_eq!(throttle.failed(B, 0, at(0.0)), Verdict::First);
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let throttle = Throttle::default();
        for host in 0..400u128 {
            let address = Ipv6Addr::from_bits(0x2001_0db8 << 96 | host);
            throttle.failed(Some(address.into()), host as u64, at(0.0));
        }
        let neighbour = Ipv6Addr::from_bits(0x2001_0db8 << 96 | 1 << 64);
        let same = Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(u64::MAX));
        assert_eq!(throttle.failed(Some(neighbour.into()), 1_000, at(0.0)), Verdict::First);
        assert_eq!(
            throttle.failed(Some(same.into()), 1_000, at(0.0)),
            Verdict::TooMany { retry_after_s: 60 }
        );
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let throttle = Throttle::default();
        for n in 0..100_000u32 {
            let address = IpAddr::V4(std::net::Ipv4Addr::from_bits(n));
            throttle.failed(Some(address), u64::from(n), at(f64::from(n) / 1_000.0));
            assert!(throttle.0.lock().unwrap().len() <= MOST_COUNTERS);
        }
    }
}
