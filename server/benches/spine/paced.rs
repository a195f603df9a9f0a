//! Single events at a steady rate, and subscribers that see them come.
//!
//! The load is *open*: each event has its instant, whatever became of those before. One that could not be sent in time,
//! because its connection still waited for an answer, counts from its instant on, so that a stall of the server is not
//! hidden by a load that waits for it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use patze_core::event::{Event, Parts, Severity};
use patze_core::ids::{EventId, MachineId};
use patze_supervise::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Bench;
use crate::http::{self, Client};
use crate::meter::percentile;
use crate::process::{Server, block_on};

/// Connections that the events are sent on, in turns.
const CONNECTIONS: usize = 16;
/// How long frames are waited for after the last event was sent.
const PATIENCE: Duration = Duration::from_secs(5);
/// How the id of an event begins where a frame names it; its number follows with [`DIGITS`] digits.
const MARK: &[u8] = b"id: paced_";
const DIGITS: usize = 8;

/// What is sent to whom.
#[derive(Clone, Copy)]
pub struct Load {
    /// Streams.
    pub subscribers: usize,
    /// Events a second.
    pub per_second: usize,
    /// How long.
    pub seconds: usize,
}

/// What came of it.
pub struct Seen {
    /// Of every frame that a subscriber got, sorted.
    pub delays: Vec<Duration>,
    /// Cores that the server kept busy.
    pub server_cores: f64,
    /// The server's memory before there were subscribers, MiB.
    pub resident_before: f64,
    /// When the last event was sent.
    pub resident: f64,
    /// The most it ever was.
    pub resident_peak: f64,
    /// Subscribers that the server cut.
    pub cut: u64,
}

/// When each event was due or sent, µs of the clock; shared by senders and subscribers.
type Sent = Arc<[AtomicU64]>;

impl Load {
    /// Events in all.
    pub const fn events(self) -> usize {
        self.per_second * self.seconds
    }
}

impl Seen {
    /// A percentile of the delays, ms.
    pub fn at(&self, share: f64) -> f64 {
        percentile(&self.delays, share)
    }
}

/// Sends and watches, on a server of its own.
pub fn run(bench: &Bench, name: &str, load: Load) -> Seen {
    let server = Server::start(&bench.folder(name));
    let clock = &bench.clock;
    let sent: Sent = (0..load.events()).map(|_| AtomicU64::new(0)).collect();
    block_on(warm_up(&server.address));
    let resident_before = server.process.resident();
    let mut delays = Vec::with_capacity(load.events() * load.subscribers);
    let (mut cpu, mut wall, mut resident) = (Duration::ZERO, Duration::ZERO, 0.0);
    let mut cut = String::new();
    block_on(async {
        let mut watching = Vec::new();
        for _ in 0..load.subscribers {
            let stream = open(&server.address).await;
            watching.push(tokio::spawn(watch(stream, clock.clone(), Arc::clone(&sent))));
        }
        let (cpu_began, began) = (server.process.cpu(), clock.elapsed());
        // On a thread of their own, so that busy subscribers do not hold them up.
        let sender = {
            let (address, clock, sent) = (server.address.clone(), clock.clone(), Arc::clone(&sent));
            std::thread::spawn(move || block_on(send(&address, &clock, load, &sent)))
        };
        let all_sent = tokio::task::spawn_blocking(move || sender.join().unwrap());
        all_sent.await.unwrap();
        resident = server.process.resident();
        let deadline = clock.elapsed() + PATIENCE;
        for watched in watching {
            let left = deadline.saturating_sub(clock.elapsed());
            let abort = watched.abort_handle();
            match clock.timeout(left.max(Duration::from_millis(10)), watched).await {
                Ok(seen) => delays.extend(seen.unwrap()),
                Err(_) => abort.abort(),
            }
        }
        (cpu, wall) = (server.process.cpu() - cpu_began, clock.elapsed() - began);
        let metrics = Client::open(&server.address).await.get("/metrics", "").await;
        cut = String::from_utf8(metrics.body).unwrap();
    });
    delays.sort_unstable();
    Seen {
        delays,
        server_cores: cpu.as_secs_f64() / wall.as_secs_f64(),
        resident_before,
        resident,
        resident_peak: server.process.resident_peak(),
        cut: metric(&cut, "patze_subscribers_cut_total"),
    }
}

/// Lets the server touch what every request needs.
async fn warm_up(address: &str) {
    let mut client = Client::open(address).await;
    for n in 0..200 {
        assert_eq!(client.ask(&http::post_one(&event(&format!("warm_{n}"), n))).await.status, 200);
    }
}

async fn send(address: &str, clock: &Clock, load: Load, sent: &Sent) {
    let period = Duration::from_secs(1) / u32::try_from(load.per_second).unwrap();
    let began = clock.elapsed() + Duration::from_millis(200);
    let lane = async |first: usize| {
        let mut client = Client::open(address).await;
        for n in (first..load.events()).step_by(CONNECTIONS) {
            let request = http::post_one(&event(&format!("paced_{n:0DIGITS$}"), n));
            let due = began + period * u32::try_from(n).unwrap();
            let mut from = due;
            if clock.elapsed() < due {
                clock.sleep_until_elapsed(due).await;
                from = clock.elapsed();
            }
            sent[n].store(u64::try_from(from.as_micros()).unwrap(), Relaxed);
            let answer = client.ask(&request).await;
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        }
    };
    futures_util::future::join_all((0..CONNECTIONS).map(lane)).await;
}

async fn open(address: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.unwrap();
    let mut read = Vec::new();
    // The server subscribes before it sends this.
    while memchr::memmem::find(&read, b": connected").is_none() {
        assert!(socket.read_buf(&mut read).await.unwrap() > 0, "the stream ended early");
    }
    socket
}

/// Reads until every event was seen or the stream ends: the delay of each frame.
async fn watch(mut socket: TcpStream, clock: Clock, sent: Sent) -> Vec<Duration> {
    let mut delays = Vec::with_capacity(sent.len());
    let mut read = Vec::with_capacity(64 * 1024);
    while delays.len() < sent.len() {
        if !socket.read_buf(&mut read).await.is_ok_and(|count| count > 0) {
            break;
        }
        let now = clock.elapsed();
        let mut done = 0;
        for at in memchr::memmem::find_iter(&read, MARK) {
            let Some(digits) = read.get(at + MARK.len()..at + MARK.len() + DIGITS) else { break };
            done = at + MARK.len() + DIGITS;
            let number: usize = std::str::from_utf8(digits).unwrap().parse().unwrap();
            delays.push(now.saturating_sub(Duration::from_micros(sent[number].load(Relaxed))));
        }
        // What may be the beginning of a mark stays.
        let keep = (read.len() - done).min(MARK.len() + DIGITS - 1);
        read.drain(..read.len() - keep);
    }
    delays
}

fn event(id: &str, number: usize) -> Event {
    let machine = format!("7f9c2ba4-e88f-4d31-9f45-{:012}", number % crate::events::MACHINES);
    Event::new(Parts {
        id: EventId::new(id),
        machine: MachineId::new(&machine),
        type_name: "run.log.emitted",
        severity: Severity::Info,
        occurred_at: Clock::system().now(),
        trace: r#"{"traceId":"bench"}"#,
        payload: &format!(
            r#"{{"machineId":"{machine}","logEntryId":"{id}","runId":"r_{number:026}","sessionId":"s_{:026}","level":"info","message":"line {number} of what a run says while it works","ts":"2026-02-21T00:00:00.000Z"}}"#,
            number / 100
        ),
    })
}

/// A number of `/metrics`.
pub fn metric(page: &str, name: &str) -> u64 {
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}
