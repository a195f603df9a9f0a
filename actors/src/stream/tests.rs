use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use patze_core::event::{Event, Origin, Parts, Severity};
use patze_core::ids::{EventId, MachineId};
use patze_core::time::Timestamp;
use patze_supervise::clock::{Clock, VirtualTime};
use proptest::prelude::*;

use super::*;

fn clock() -> (Clock, VirtualTime) {
    Clock::virtual_at(Timestamp::EPOCH)
}

fn event(position: u64, size: usize) -> Event {
    Event::new(Parts {
        id: EventId::new(format!("e{position}")),
        machine: MachineId::new("m"),
        type_name: "machine.heartbeat",
        severity: Severity::Info,
        occurred_at: Timestamp::EPOCH,
        trace: r#"{"traceId":"t"}"#,
        payload: &format!(r#"{{"pad":"{}"}}"#, "x".repeat(size)),
    })
}

/// The frame as core writes it: what every subscriber must get, byte for byte.
fn frame(position: u64, size: usize) -> String {
    let mut out = String::new();
    event(position, size).push_frame(&mut out, position, Timestamp::EPOCH, Origin::INGEST);
    out
}

fn publish(hub: &Hub, positions: std::ops::RangeInclusive<u64>, size: usize) {
    let events: Vec<_> = positions.map(|position| (position, event(position, size))).collect();
    hub.publish(events.iter().map(|(position, event)| (event, *position, Timestamp::EPOCH, Origin::INGEST)));
}

/// All that is there now, and whether the stream has ended.
fn drain(subscription: &mut Subscription) -> (Vec<Bytes>, bool) {
    let mut items = Vec::new();
    loop {
        match subscription.next().now_or_never() {
            Some(Some(item)) => items.push(item),
            Some(None) => return (items, true),
            None => return (items, false),
        }
    }
}

fn text(items: &[Bytes]) -> String {
    String::from_utf8(items.concat()).unwrap()
}

#[test]
fn each_frame_is_one_item_and_all_subscribers_share_its_bytes() {
    let (hub, _herald) = Hub::new(clock().0, 7);
    let (mut one, mut two) = (hub.subscribe(None).unwrap(), hub.subscribe(None).unwrap());
    publish(&hub, 8..=10, 5);
    let (a, b) = (drain(&mut one).0, drain(&mut two).0);
    assert_eq!(a, vec![frame(8, 5), frame(9, 5), frame(10, 5)]);
    assert_eq!(
        a.iter().map(|f| f.as_ptr()).collect::<Vec<_>>(),
        b.iter().map(|f| f.as_ptr()).collect::<Vec<_>>()
    );
    assert_eq!(hub.stats().encoded, 3, "W-P5: encoded once, not once a subscriber");
}

#[test]
fn a_waiting_subscriber_is_woken() {
    let (hub, _herald) = Hub::new(clock().0, 0);
    let mut subscription = hub.subscribe(None).unwrap();
    let mut task = task_of(&mut subscription);
    assert!(!task.poll());
    publish(&hub, 1..=1, 0);
    assert!(task.woken());
    assert!(task.poll());
}

#[test]
fn a_resume_finds_its_place_or_learns_where_the_ring_begins() {
    let (hub, _herald) = Hub::new(clock().0, 0);
    publish(&hub, 1..=20, 0);
    let (mut items, _) = drain(&mut hub.subscribe(Some(17)).unwrap());
    assert_eq!(text(&items), [frame(18, 0), frame(19, 0), frame(20, 0)].concat());
    (items, _) = drain(&mut hub.subscribe(Some(20)).unwrap());
    assert!(items.is_empty());

    let (hub, _herald) = Hub::new(clock().0, 50);
    publish(&hub, 51..=52, 0);
    assert_eq!(hub.subscribe(Some(49)).unwrap_err(), NotInRing { oldest: 51 });
    assert!(hub.subscribe(Some(50)).is_ok());
}

#[test]
fn a_position_that_is_still_to_come_is_waited_for() {
    // The log's head may be ahead of the ring for the moment between commit and publish.
    let (hub, _herald) = Hub::new(clock().0, 5);
    let mut early = hub.subscribe(Some(7)).unwrap();
    publish(&hub, 6..=7, 0);
    assert_eq!(drain(&mut early), (vec![], false));
    publish(&hub, 8..=8, 0);
    assert_eq!(text(&drain(&mut early).0), frame(8, 0));
}

#[test]
fn the_ring_is_bounded_by_frames_and_by_bytes() {
    let (hub, _herald) = Hub::new(clock().0, 0);
    let _listener = hub.subscribe(None).unwrap();
    for start in (1..30_000).step_by(1_000) {
        publish(&hub, start..=start + 999, 0);
    }
    let stats = hub.stats();
    assert!(stats.ring_frames <= RING_FRAMES && stats.ring_frames > RING_FRAMES - 1_000, "{stats:?}");

    let (hub, _herald) = Hub::new(clock().0, 0);
    let _listener = hub.subscribe(None).unwrap();
    for position in 1..=50 {
        publish(&hub, position..=position, 1_000_000);
    }
    let stats = hub.stats();
    assert!(stats.ring_bytes <= RING_BYTES && stats.ring_frames > 10, "{stats:?}");
}

#[test]
fn a_slow_subscriber_is_cut_and_others_live() {
    let (hub, _herald) = Hub::new(clock().0, 0);
    let (mut slow, mut quick) = (hub.subscribe(None).unwrap(), hub.subscribe(None).unwrap());
    let mut seen = 0;
    for start in (1..20_000).step_by(500) {
        publish(&hub, start..=start + 499, 0);
        let (items, ended) = drain(&mut quick);
        assert!(!ended);
        seen += items.len();
    }
    assert_eq!(seen, 20_000);
    let (items, ended) = drain(&mut slow);
    assert!(ended && items.is_empty(), "{} items", items.len());
    assert_eq!(hub.stats().cut, 1);
    drop(slow);
    assert_eq!(hub.stats().subscribers, 1);
}

#[test]
fn nothing_is_encoded_or_kept_for_nobody() {
    let (clock, time) = clock();
    let (hub, _herald) = Hub::new(clock, 0);
    publish(&hub, 1..=10, 0);
    assert_eq!(hub.stats().ring_frames, 10, "somebody may come back within a minute");
    block_on(time.advance(Duration::from_secs(61)));
    publish(&hub, 11..=20, 0);
    assert_eq!((hub.stats().ring_frames, hub.head()), (0, 20));
    assert_eq!(hub.subscribe(Some(10)).unwrap_err(), NotInRing { oldest: 21 });
    let mut subscription = hub.subscribe(Some(20)).unwrap();
    publish(&hub, 21..=21, 0);
    assert_eq!(text(&drain(&mut subscription).0), frame(21, 0));
}

#[test]
fn closing_ends_every_stream_and_the_herald() {
    let (hub, herald) = Hub::new(clock().0, 0);
    let mut subscription = hub.subscribe(None).unwrap();
    let mut task = task_of(&mut subscription);
    assert!(!task.poll());
    hub.close();
    assert!(task.woken());
    assert!(drain(&mut subscription).1);
    assert!(drain(&mut hub.subscribe(None).unwrap()).1);
    publish(&hub, 1..=20_000, 0);
    assert!(drain(&mut hub.subscribe(Some(0)).unwrap()).1, "whoever is still far behind too");
    block_on(herald.run());
}

#[test]
fn a_crowd_shares_writes_twenty_milliseconds_apart() {
    let (clock, time) = clock();
    let (hub, herald) = Hub::new(clock, 0);
    let mut crowd: Vec<_> = (0..=CROWD).map(|_| hub.subscribe(None).unwrap()).collect();
    block_on(async {
        let local = tokio::task::LocalSet::new();
        local.spawn_local(herald.run());
        local
            .run_until(async {
                let mut last = crowd.pop().unwrap();
                let mut task = task_of(&mut last);
                assert!(!task.poll());
                publish(&hub, 1..=3, 0);
                assert!(!task.woken(), "the writer wakes the herald alone");
                time.wait_for_sleepers(1).await;
                assert!(task.woken(), "the first news goes out at once");
                assert!(task.poll() && !task.poll(), "three frames in one item");
                publish(&hub, 4..=4, 0);
                time.advance(Duration::from_millis(19)).await;
                assert!(!task.woken());
                publish(&hub, 5..=5, 0);
                time.advance(Duration::from_millis(1)).await;
                assert!(task.woken());
                drop(task);
                assert_eq!(text(&drain(&mut last).0), [frame(4, 0), frame(5, 0)].concat());
            })
            .await;
    });
    for subscription in &mut crowd {
        assert_eq!(text(&drain(subscription).0), (1..=5).map(|p| frame(p, 0)).collect::<String>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is published and whenever a subscriber comes, leaves or lags: it gets exactly the frames that follow its
    /// start, in order, up to the newest or to where it was cut.
    #[test]
    fn every_subscriber_gets_exactly_what_follows_its_start(
        steps in prop::collection::vec((0_u8..5, 1_u64..40, 0_usize..60_000), 1..60)
    ) {
        let (hub, _herald) = Hub::new(clock().0, 0);
        let mut sizes = vec![0];
        let mut live: Vec<(Subscription, u64)> = Vec::new();
        for (kind, count, size) in steps {
            let head = hub.head();
            match kind {
                0 | 1 => {
                    publish(&hub, head + 1..=head + count, size);
                    sizes.extend(std::iter::repeat_n(size, count as usize));
                }
                2 => {
                    let after = head.saturating_sub(count);
                    if let Ok(subscription) = hub.subscribe(Some(after)) {
                        live.push((subscription, after));
                    }
                }
                3 => drop(live.pop()),
                _ => {
                    for (subscription, seen) in &mut live {
                        let (items, ended) = drain(subscription);
                        for item in items {
                            *seen += 1;
                            let expected = frame(*seen, sizes[*seen as usize]);
                            prop_assert_eq!(&item[..], expected.as_bytes());
                        }
                        prop_assert!(ended || *seen == head);
                    }
                }
            }
            let stats = hub.stats();
            prop_assert!(stats.ring_frames <= RING_FRAMES && stats.ring_bytes <= RING_BYTES);
            prop_assert_eq!(stats.subscribers, live.len());
        }
    }
}

// === helpers ===

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// One task that waits for one stream, and whether it was woken.
struct Task<'a> {
    subscription: &'a mut Subscription,
    woken: std::sync::Arc<Flag>,
}

#[derive(Default)]
struct Flag(std::sync::atomic::AtomicBool);

impl std::task::Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn task_of(subscription: &mut Subscription) -> Task<'_> {
    Task { subscription, woken: std::sync::Arc::default() }
}

impl Task<'_> {
    /// Whether an item was there.
    fn poll(&mut self) -> bool {
        let waker = Waker::from(std::sync::Arc::clone(&self.woken));
        self.subscription.poll_next_unpin(&mut std::task::Context::from_waker(&waker)).is_ready()
    }

    /// Whether it was woken since the last time it was asked.
    fn woken(&self) -> bool {
        self.woken.0.swap(false, Ordering::SeqCst)
    }
}
