//! Any past moment: 200 random positions of a log, each compared by hash with the state that was live there, and what looking
//! at the past does to ingest.

use std::time::Duration;

use patze_actors::log::Log;
use patze_core::fleet::Fleet;
use serde::Deserialize;

use crate::Bench;
use crate::events::{BATCH, Ids, Supply, scrambled};
use crate::filled::{Running, STRETCH, prover};
use crate::http::{self, Client};
use crate::ingest::deliver;
use crate::meter::{Took, percentile, ratio, timed};
use crate::process::{Server, block_on};
use crate::report::Report;

/// Positions that are looked at.
const MOMENTS: usize = 200;
/// Turns that ingest takes, alone and beside looks at the past.
const TURNS: usize = 3;

/// A state that was live.
#[derive(Clone, Copy)]
struct Moment {
    position: u64,
    hash: [u8; 32],
}

/// As much of `/state` as is compared.
#[derive(Deserialize)]
struct State {
    position: u64,
    state: Fleet,
}

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let dir = bench.folder("past");
    let supply = Supply::new(&bench.clock, Ids::TimeOrdered);
    let mut moments = fill(bench, &dir, supply);
    // In no order, so that no look is helped by the one before.
    moments.sort_by_key(|moment| scrambled(moment.position));
    let server = Server::start(&dir);
    let mut took = Vec::with_capacity(moments.len());
    block_on(async {
        let mut client = Client::open(&server.address).await;
        while client.get("/readyz", "").await.status != 200 {
            bench.clock.sleep(Duration::from_millis(20)).await;
        }
        for moment in &moments {
            let began = bench.clock.elapsed();
            let answer = client.get(&format!("/state?at={}", moment.position), "").await;
            took.push(bench.clock.elapsed() - began);
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            let state: State = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(state.position, moment.position);
            assert!(
                state.state.hash() == moment.hash,
                "position {} is not what was live then",
                moment.position
            );
        }
    });
    took.sort_unstable();
    report.note(
        format!("{MOMENTS} random positions of {} events, equal by hash to what was live", bench.events),
        "all",
    );
    report.note("/state?at=, median", format!("{:.0} ms", percentile(&took, 0.5)));
    report.below("/state?at=, p99", percentile(&took, 0.99), 300.0, " ms");

    let (mut alone, mut beside, mut looks) = (Took::default(), Took::default(), 0);
    let turn = bench.size(80, 20);
    let first = bench.events / BATCH;
    for number in 0..2 * TURNS {
        let batches = first + number * turn..first + (number + 1) * turn;
        let requests: Vec<_> = batches.map(|batch| http::post_batch(&supply.batch(batch))).collect();
        let look = number % 2 == 1;
        let (seen, took) = timed(&bench.clock, || {
            block_on(async {
                let delivered = deliver(&server.address, &requests);
                if look {
                    beside_looks(&server.address, &moments, delivered).await
                } else {
                    delivered.await;
                    0
                }
            })
        });
        if look {
            beside += took;
        } else {
            alone += took;
        }
        looks += seen;
    }
    report.note("looks at the past beside ingest", format!("{looks} in {:.1} s", beside.wall.as_secs_f64()));
    report.note("ingest beside looks : alone, wall time", format!("{:.2}", ratio(alone.wall, beside.wall)));
}

/// A closed log of all events, and what was live at some of its positions.
fn fill(bench: &Bench, dir: &std::path::Path, supply: Supply) -> Vec<Moment> {
    let running = Running::new(dir, &bench.clock);
    let prover = prover(running.log.clone());
    let batches = bench.events / BATCH;
    let mut moments = Vec::with_capacity(MOMENTS);
    let each = (batches / MOMENTS).max(1);
    for first in (0..batches).step_by(each) {
        let of_part = first..batches.min(first + each);
        // One batch of each part is appended in two pieces, so that there is a live state at any position.
        let split = first + scrambled(first as u64) as usize % of_part.len();
        let whole: Vec<_> = of_part.clone().take_while(|batch| *batch < split).collect();
        append(&running, bench, supply, &whole);
        let events = supply.batch(split);
        let at = 1 + scrambled(split as u64) as usize % (BATCH - 1);
        running.append_events(events[..at].into());
        moments.push(moment(&running.log));
        running.append_events(events[at..].into());
        let rest: Vec<_> = of_part.skip_while(|batch| *batch <= split).collect();
        append(&running, bench, supply, &rest);
    }
    running.close();
    prover.join().unwrap();
    moments
}

fn append(running: &Running, bench: &Bench, supply: Supply, batches: &[usize]) {
    for stretch in batches.chunks(STRETCH) {
        let stretch: Vec<_> = stretch.iter().map(|batch| supply.batch(*batch)).collect();
        running.append(&stretch, &bench.clock);
    }
}

fn moment(log: &Log) -> Moment {
    let fleet = log.fleet();
    Moment { position: fleet.position(), hash: fleet.hash() }
}

/// Looks at one moment after the other until `work` is done; how many.
async fn beside_looks(address: &str, moments: &[Moment], work: impl Future<Output = ()>) -> usize {
    let mut looks = 0;
    let looking = async {
        let mut client = Client::open(address).await;
        for moment in moments.iter().cycle() {
            let answer = client.get(&format!("/state?at={}", moment.position), "").await;
            assert_eq!(answer.status, 200);
            looks += 1;
        }
    };
    tokio::select! {
        () = work => {}
        () = looking => {}
    }
    looks
}
