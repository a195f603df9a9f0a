//! From `exec` to a 200 of `/readyz`, on a log with a checkpoint.

use std::time::Duration;

use crate::Bench;
use crate::http::Client;
use crate::meter::{median, millis};
use crate::process::{Server, block_on};
use crate::report::Report;

/// What is looked at of `/readyz`.
#[derive(serde::Deserialize)]
struct Ready {
    position: u64,
    checkpoint: u64,
}

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let filled = bench.filled();
    let starts = (0..5).map(|_| {
        let began = bench.clock.elapsed();
        let server = Server::start(&filled.dir);
        let body = block_on(ready(bench, &server.address));
        let took = bench.clock.elapsed() - began;
        let ready: Ready = serde_json::from_slice(&body).unwrap();
        assert!(ready.position >= filled.events as u64 && ready.checkpoint > 0);
        took
    });
    let starts: Vec<_> = starts.collect();
    let (first, longest) = (millis(starts[0]), starts.iter().max().copied().unwrap_or_default());
    report.below(
        format!("ready with {} events, median of 5", filled.events),
        millis(median(starts)),
        1_000.0,
        " ms",
    );
    report.note("the first and the longest", format!("{first:.0} ms, {:.0} ms", millis(longest)));
}

/// Asks until the answer is 200, and returns its body.
async fn ready(bench: &Bench, address: &str) -> Vec<u8> {
    let mut client = Client::open(address).await;
    loop {
        let answer = client.get("/readyz", "").await;
        if answer.status == 200 {
            return answer.body;
        }
        assert_eq!(answer.status, 503);
        bench.clock.sleep(Duration::from_millis(1)).await;
    }
}
