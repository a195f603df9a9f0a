//! Resident memory of both binaries, the file's size, and what an idle bridge does.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Bench;
use crate::events::{BATCH, Ids, Supply};
use crate::http::{self, Client};
use crate::ingest;
use crate::paced::metric;
use crate::process::{Process, Server, block_on};
use crate::report::Report;

/// A recorded OpenClaw home with two agents and channels.
const FIXTURE: &str = "../bridge/tests/fixtures/05-channels-telegram-slack-discord/openclaw-home.tar.zst";

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let server = Server::start(&bench.folder("memory"));
    settle(bench, 3);
    report.below("server, idle", server.process.resident(), 30.0, " MiB");
    bridge(bench, report, &server);
    drop(server);
    of_events(bench, report);
    file(bench, report);
}

/// After events came in, and after a start that finds them.
fn of_events(bench: &Bench, report: &mut Report) {
    let server = Server::start(&bench.folder("memory"));
    let supply = Supply::new(&bench.clock, Ids::TimeOrdered);
    for first in (0..bench.events / BATCH).step_by(100) {
        let last = (bench.events / BATCH).min(first + 100);
        let requests: Vec<_> = (first..last).map(|batch| http::post_batch(&supply.batch(batch))).collect();
        block_on(ingest::deliver(&server.address, &requests));
    }
    settle(bench, 3);
    report.note(
        format!("server after taking {} events: now, peak", bench.events),
        format!("{:.0}, {:.0} MiB", server.process.resident(), server.process.resident_peak()),
    );
    drop(server);
    let server = Server::start(&bench.filled().dir);
    settle(bench, 3);
    report.note(
        format!("server started on {} events: now, peak", bench.events),
        format!("{:.0}, {:.0} MiB", server.process.resident(), server.process.resident_peak()),
    );
}

fn file(bench: &Bench, report: &mut Report) {
    let filled = bench.filled();
    let bytes = std::fs::metadata(filled.file()).unwrap().len();
    let conn = rusqlite::Connection::open(filled.file()).unwrap();
    let sum = |query: &str| conn.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap() as f64;
    let checkpoints = sum("SELECT coalesce(sum(length(bytes)), 0) FROM checkpoints");
    let content = sum(
        "SELECT sum(length(id) + length(type) + length(machine) + length(trace) + length(payload)) FROM events",
    );
    let events = filled.events as f64;
    report.note(
        "bytes an event in the closed file",
        format!(
            "{:.0} ({:.0} its texts, {:.0} checkpoints)",
            bytes as f64 / events,
            content / events,
            checkpoints / events
        ),
    );
}

/// A bridge over a recorded home, once it has told everything.
fn bridge(bench: &Bench, report: &mut Report, server: &Server) {
    let Some(program) = std::env::var_os("PATZE_BRIDGE_BIN") else {
        report.note("bridge", "not measured: PATZE_BRIDGE_BIN names none (scripts/bench does)");
        return;
    };
    let home = bench.folder("bridge");
    unpack(&home);
    let child = Command::new(PathBuf::from(program))
        .current_dir(&home)
        .env_clear()
        .env("HOME", &home)
        .env("CONTROL_PLANE_BASE_URL", format!("http://{}", server.address))
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let bridge = Process::new(child);
    let events = block_on(told(bench, &server.address));
    let (cpu, seconds) = (bridge.cpu(), bench.size(30, 10));
    settle(bench, seconds);
    let share = (bridge.cpu() - cpu).as_secs_f64() / seconds as f64 * 100.0;
    report.note("bridge over a recorded home: events it told", events.to_string());
    report.below("bridge, idle: resident", bridge.resident(), 10.0, " MiB");
    report.note("bridge: peak", format!("{:.1} MiB", bridge.resident_peak()));
    report.below(format!("bridge, idle: CPU of a core over {seconds} s"), share, 0.5, " %");
}

/// Waits until no more than heartbeats come, and says how many events there are.
async fn told(bench: &Bench, address: &str) -> u64 {
    let mut client = Client::open(address).await;
    let (mut before, mut quiet) = (0, 0);
    let deadline = bench.clock.elapsed() + Duration::from_secs(60);
    while quiet < 3 {
        assert!(bench.clock.elapsed() < deadline, "the bridge does not come to rest");
        bench.clock.sleep(Duration::from_secs(1)).await;
        let page = String::from_utf8(client.get("/metrics", "").await.body).unwrap();
        let stored = metric(&page, "patze_events_stored_total");
        quiet = if stored > 20 && stored - before <= 2 { quiet + 1 } else { 0 };
        before = stored;
    }
    before
}

fn unpack(home: &Path) {
    let packed = std::fs::File::open(Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE)).unwrap();
    let tar = zstd::stream::read::Decoder::new(packed).unwrap();
    tar::Archive::new(tar).unpack(home).unwrap();
}

/// Lets allocators and caches come to rest.
fn settle(bench: &Bench, seconds: u64) {
    block_on(async { bench.clock.sleep(Duration::from_secs(seconds)).await });
}
