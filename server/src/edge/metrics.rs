//! `GET /metrics` in Prometheus' text format, and the edge's own counters.
//!
//! Written by hand: all that is shown are atomics that exist anyway, and the format is a name, labels and a number a
//! line. The `metrics` crates would put a second registry and a recorder's locks on the ingest path.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use patze_actors::history::HistoryStatus;
use patze_actors::stream::Stats;
use patze_core::event::RejectionCode;

use super::{BUILD, Edge};
use crate::error::Error;

/// What a request is for, as far as counting goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// `/ingest`, `/ingest/batch`.
    Ingest,
    /// `/events`.
    Stream,
    /// `/snapshot`, `/state`.
    Fleet,
    /// `/health`, `/readyz`, `/metrics`, `/actors`.
    Upkeep,
    /// `/history/…`.
    History,
    /// Everything else.
    Other,
}

const CLASSES: [(Class, &str); 6] = [
    (Class::Ingest, "ingest"),
    (Class::Stream, "stream"),
    (Class::Fleet, "fleet"),
    (Class::Upkeep, "upkeep"),
    (Class::History, "history"),
    (Class::Other, "other"),
];

/// The statuses that are told apart; the last stands for all others.
const STATUSES: [u16; 15] = [200, 201, 204, 304, 400, 401, 403, 404, 408, 413, 415, 429, 500, 503, 0];

const CODES: [RejectionCode; 10] = [
    RejectionCode::InvalidEnvelope,
    RejectionCode::InvalidSchemaVersion,
    RejectionCode::MissingMachineId,
    RejectionCode::InvalidEventType,
    RejectionCode::InvalidSeverity,
    RejectionCode::InvalidTimestamp,
    RejectionCode::InvalidTrace,
    RejectionCode::InvalidPayload,
    RejectionCode::MachineNotAllowed,
    RejectionCode::MachineLimit,
];

/// What the edge counts.
#[derive(Debug, Default)]
pub struct Counters {
    answers: [[AtomicU64; STATUSES.len()]; CLASSES.len()],
    rejections: [AtomicU64; CODES.len()],
}

impl Class {
    /// The class of a path.
    pub fn of(path: &str) -> Self {
        match path {
            "/ingest" | "/ingest/batch" => Self::Ingest,
            "/events" => Self::Stream,
            "/snapshot" | "/state" => Self::Fleet,
            "/health" | "/readyz" | "/metrics" | "/actors" => Self::Upkeep,
            path if path.starts_with("/history/") => Self::History,
            _ => Self::Other,
        }
    }
}

impl Counters {
    /// Counts an answer.
    pub fn answered(&self, class: Class, status: StatusCode) {
        let last = STATUSES.len() - 1;
        let place = STATUSES.iter().position(|known| *known == status.as_u16()).unwrap_or(last);
        if let Some(counter) = self.answers.get(class as usize).and_then(|counters| counters.get(place)) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Counts an event that was not taken.
    pub fn rejected(&self, code: RejectionCode) {
        let place = CODES.iter().position(|known| *known == code);
        if let Some(counter) = place.and_then(|place| self.rejections.get(place)) {
            counter.fetch_add(1, Relaxed);
        }
    }
}

/// Shows them all.
pub async fn metrics(edge: web::Data<Edge>) -> Result<HttpResponse, Error> {
    let mut page = Page::default();
    page.family("patze_build_info", "gauge", "The running version.");
    page.sample("patze_build_info", &format!("version=\"{BUILD}\""), 1);
    log(&mut page, &edge);
    history(&mut page, &edge);
    stream(&mut page, &edge.plane.hub.stats());
    answers(&mut page, &edge.counters)?;
    page.one("patze_requests_held_bytes", "gauge", "Bytes that requests hold.", edge.budget.held());
    page.one(
        "patze_requests_held_bytes_max",
        "gauge",
        "The most bytes that requests held at once.",
        edge.budget.most(),
    );
    if let Some(bytes) = resident_bytes() {
        page.one("process_resident_memory_bytes", "gauge", "Resident memory.", bytes);
    }
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(page.0))
}

fn log(page: &mut Page, edge: &Edge) {
    let log = edge.log().metrics();
    let get = |counter: &AtomicU64| counter.load(Relaxed);
    page.one("patze_log_position", "gauge", "The last position.", edge.log().head().position);
    for (name, help, counter) in [
        ("patze_events_stored_total", "Events stored.", &log.events),
        ("patze_events_duplicate_total", "Events that were there already.", &log.duplicates),
        ("patze_batches_total", "Batches answered.", &log.batches),
        ("patze_batches_failed_total", "Batches that could not be stored.", &log.failed_batches),
        (
            "patze_batches_overloaded_total",
            "Batches turned away because the queue was full.",
            &log.overloaded,
        ),
        ("patze_commits_total", "Transactions committed.", &log.commits),
        ("patze_checkpoints_total", "Checkpoints stored.", &log.checkpoints),
        ("patze_checkpoints_skipped_total", "Checkpoints skipped.", &log.checkpoints_skipped),
        (
            "patze_checkpoints_differed_total",
            "Rebuilt states that differed from the live one; anything but 0 is a bug.",
            &log.checkpoints_differed,
        ),
    ] {
        page.one(name, "counter", help, get(counter));
    }
    page.one("patze_queue_bytes", "gauge", "Bytes that wait to be written.", get(&log.queue_bytes));
    for (name, kind, help, counter) in [
        ("patze_commit_seconds_total", "counter", "Time in transactions.", &log.commit_micros),
        ("patze_commit_seconds_max", "gauge", "The longest transaction.", &log.longest_commit_micros),
        ("patze_fold_seconds_max", "gauge", "The longest fold of a transaction.", &log.longest_fold_micros),
        (
            "patze_publish_seconds_max",
            "gauge",
            "The longest publish of a transaction.",
            &log.longest_publish_micros,
        ),
    ] {
        page.one(name, kind, help, Seconds(get(counter)));
    }
    page.family("patze_fold_total", "counter", "Events folded, by outcome.");
    for (outcome, counter) in [
        ("folded", &log.folded),
        ("stale", &log.folded_stale),
        ("odd", &log.folded_odd),
        ("not_folded", &log.not_folded),
        ("unreadable", &log.unreadable),
    ] {
        page.sample("patze_fold_total", &format!("outcome=\"{outcome}\""), get(counter));
    }
}

fn history(page: &mut Page, edge: &Edge) {
    let HistoryStatus { progress, lag, fault } = edge.plane.history.status();
    page.one("patze_history_position", "gauge", "The last position that is in history.", progress.position);
    page.one("patze_history_behind", "gauge", "Positions that are not in history yet.", progress.behind);
    page.one(
        "patze_history_lag_seconds",
        "gauge",
        "How long the oldest of them has been waiting, at most.",
        Seconds(u64::try_from(lag.as_micros()).unwrap_or(u64::MAX)),
    );
    page.one(
        "patze_history_rebuilding",
        "gauge",
        "1 while history is made anew from the log.",
        u8::from(progress.rebuilding),
    );
    page.one(
        "patze_history_failed",
        "gauge",
        "1 while the projector does not run.",
        u8::from(fault.is_some()),
    );
}

fn stream(page: &mut Page, stats: &Stats) {
    page.one("patze_subscribers", "gauge", "Open streams.", stats.subscribers);
    page.one(
        "patze_subscribers_cut_total",
        "counter",
        "Streams cut because their client was slow.",
        stats.cut,
    );
    page.one("patze_frames_encoded_total", "counter", "Frames encoded.", stats.encoded);
    page.one("patze_ring_frames", "gauge", "Frames in memory.", stats.ring_frames);
    page.one("patze_ring_bytes", "gauge", "Bytes of frames in memory.", stats.ring_bytes);
}

fn answers(page: &mut Page, counters: &Counters) -> Result<(), Error> {
    page.family("patze_events_rejected_total", "counter", "Events not taken, by code.");
    for (code, counter) in CODES.iter().zip(&counters.rejections) {
        let code = serde_json::to_string(code).map_err(Error::internal)?;
        page.sample("patze_events_rejected_total", &format!("code={code}"), counter.load(Relaxed));
    }
    page.family("patze_http_requests_total", "counter", "Requests answered, by class and status.");
    for ((_, class), counters) in CLASSES.iter().zip(&counters.answers) {
        for (status, counter) in STATUSES.iter().zip(counters) {
            let count = counter.load(Relaxed);
            if count > 0 {
                let status = if *status == 0 { "other".to_owned() } else { status.to_string() };
                page.sample(
                    "patze_http_requests_total",
                    &format!("class=\"{class}\",status=\"{status}\""),
                    count,
                );
            }
        }
    }
    Ok(())
}

/// A page in Prometheus' format. Writing to it cannot fail.
#[derive(Default)]
struct Page(String);

struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }
}

/// What the kernel says of this process; none where there is no `/proc`.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_and_code_has_its_own_counter() {
        for (place, (class, _)) in CLASSES.iter().enumerate() {
            assert_eq!(*class as usize, place);
        }
        let counters = Counters::default();
        counters.answered(Class::Stream, StatusCode::OK);
        counters.answered(Class::Ingest, StatusCode::IM_A_TEAPOT);
        for code in CODES {
            counters.rejected(code);
        }
        assert!(counters.rejections.iter().all(|counter| counter.load(Relaxed) == 1));
        let mut page = Page::default();
        answers(&mut page, &counters).unwrap();
        assert!(
            page.0.contains("patze_http_requests_total{class=\"stream\",status=\"200\"} 1\n"),
            "{}",
            page.0
        );
        assert!(page.0.contains("{class=\"ingest\",status=\"other\"} 1\n"), "{}", page.0);
        assert!(page.0.contains("patze_events_rejected_total{code=\"machine_limit\"} 1\n"), "{}", page.0);
    }

    #[test]
    fn seconds_are_written_from_microseconds() {
        assert_eq!(Seconds(1_000_023).to_string(), "1.000023");
    }
}
