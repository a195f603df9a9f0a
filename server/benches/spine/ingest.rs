//! Durable ingest over HTTP, as a ratio of raw inserts.

use crate::events::{BATCH, Ids, Supply};
use crate::filled::Running;
use crate::http::{self, Client};
use crate::meter::{Took, micros, timed};
use crate::process::{Server, block_on};
use crate::raw::Raw;
use crate::report::Report;
use crate::{Bench, meter};

/// Connections that deliver at once (design §14).
pub const CONNECTIONS: usize = 4;
/// Turns that each side takes.
const TURNS: usize = 5;

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let folder = bench.folder("ingest");
    let turn = bench.size(160, 20);
    let supply = Supply::new(&bench.clock, Ids::TimeOrdered);
    let mut raw = Raw::new(&folder.join("raw.db"));
    let server = Server::start(&bench.folder("ingest/server"));
    let log = Running::new(&bench.folder("ingest/log"), &bench.clock);
    let (mut of_raw, mut of_log, mut of_http) = (Took::default(), Took::default(), Took::default());
    let mut load_cpu = std::time::Duration::ZERO;
    let mut ratios = Vec::new();
    for number in 0..TURNS {
        let batches: Vec<_> = (number * turn..(number + 1) * turn).map(|batch| supply.batch(batch)).collect();
        let requests: Vec<_> = batches.iter().map(|batch| http::post_batch(batch)).collect();
        let ((), inserted) = timed(&bench.clock, || raw.insert(&batches));
        of_log += timed(&bench.clock, || log.append(&batches, &bench.clock)).1;
        let cpu = server.process.cpu();
        let ((), took) = timed(&bench.clock, || block_on(deliver(&server.address, &requests)));
        load_cpu += took.cpu;
        let delivered = Took { wall: took.wall, cpu: server.process.cpu() - cpu };
        ratios.push(meter::ratio(inserted.wall, delivered.wall));
        of_raw += inserted;
        of_http += delivered;
    }
    log.close();
    let count = TURNS * turn * BATCH;
    let figures = |took: Took| {
        format!(
            "{:.1} µs an event, {:.1} CPU ({:.0}/s)",
            took.micros(count),
            took.cpu_micros(count),
            1e6 / took.micros(count)
        )
    };
    report.note(format!("raw inserts, {count} events"), figures(of_raw));
    report.note("the log by itself, in process", figures(of_log));
    report.note("over HTTP, durable", figures(of_http));
    report.note("the load's own CPU", format!("{:.1} µs an event", micros(load_cpu, count)));
    report.at_least("HTTP : raw, wall time", meter::ratio(of_raw.wall, of_http.wall), 0.6, "");
    ratios.sort_unstable_by(f64::total_cmp);
    report.note("HTTP : raw, worst and best turn", format!("{:.2} … {:.2}", ratios[0], ratios[TURNS - 1]));
    report.note("HTTP : raw, CPU time", format!("{:.2}", meter::ratio(of_raw.cpu, of_http.cpu)));
    report.note(
        "log : raw, wall and CPU time",
        format!("{:.2}, {:.2}", meter::ratio(of_raw.wall, of_log.wall), meter::ratio(of_raw.cpu, of_log.cpu)),
    );
}

/// Delivers all batches, each of which must be taken whole.
pub async fn deliver(address: &str, requests: &[Vec<u8>]) {
    let connection = async |first: usize| {
        let mut client = Client::open(address).await;
        for request in requests.iter().skip(first).step_by(CONNECTIONS) {
            let answer = client.ask(request).await;
            let text = String::from_utf8_lossy(&answer.body);
            let taken = answer.status == 200 && text.contains(r#""rejectedCount":0"#);
            assert!(taken, "{} {text}", answer.status);
        }
    };
    tokio::join!(connection(0), connection(1), connection(2), connection(3));
}
