//! `GET /events`: every event as it is stored, as server-sent events (contract §8; design §10).
//!
//! # What a client gets
//! 1. `: connected` and a blank line, at once; then `: heartbeat` and a blank line every 15 s, whatever else happens.
//! 2. With `?after=<position>`: `event: hello` with `{logId, position, foldVersion, build, now}`, `position` being the
//!    log's head; then every frame after `<position>`, first from the past, then live, without a gap and none twice.
//! 3. Where that cannot be (see [`Reset`]): `event: reset` with `{logId, position, reason}`, and the stream goes on live
//!    after that `position`. The client fetches `/state`, which is no older, and skips the frames up to its position.
//! 4. Without `after`, frames from now on. `Last-Event-ID` is ignored: an original client would count twice what a
//!    replay repeats (contract §8.4, design §18.5). `?after=` is the cure of the gap between snapshot and stream (W-C12).
//!
//! A stream ends when its credential does (W-S24), when the control plane stops, or when the client is too slow: it is
//! cut, never waited for.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::Stream;
use patze_actors::credentials::Caller;
use patze_actors::log::{Head, Horizon, ReadError, StoredEvent};
use patze_actors::stream::{Encoder, Subscription};
use patze_core::event::Origin;
use patze_core::fleet::FOLD_VERSION;
use patze_supervise::backoff::Backoff;
use patze_supervise::clock::Sleep;
use serde_json::json;

use super::{Edge, answer};
use crate::error::{Code, Error};

/// How often a comment tells proxies that the stream lives (contract §8.1).
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A client further behind than this reads `/state` anew, which is cheaper for both (design §10).
const MOST_BEHIND: u64 = 100_000;
/// Events and bytes of one page of a resume from the log.
const PAGE_EVENTS: usize = 500;
const PAGE_BYTES: usize = 512 * 1024;
/// Between two tries to read a page that the log's readers had no room for: the shortest and the longest wait.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long a page is tried for before the stream ends.
const RETRY_FOR: Duration = Duration::from_secs(60);

/// Why a resume is not possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reset {
    /// `log` names another history, or `after` is beyond this one's end.
    OtherLog,
    /// More than 100,000 positions behind.
    TooFarBehind,
    /// History was cut behind `after`.
    BeforeHorizon,
    /// Events were blanked since `after`, which the client may have.
    Redacted,
}

/// Where a stream begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    Now,
    After(u64),
    Anew(Reset),
}

/// A stream's body.
struct Frames {
    edge: web::Data<Edge>,
    opening: VecDeque<Bytes>,
    next_beat: Duration,
    beat: Pin<Box<Sleep>>,
    cut: Pin<Box<dyn Future<Output = ()>>>,
    source: Source,
}

enum Source {
    Past(Past),
    Live(Subscription),
    Over,
}

/// A resume that still reads the log.
struct Past {
    /// The last position that was sent, or is in `frames`.
    after: u64,
    frames: VecDeque<Bytes>,
    reading: Option<Page>,
}

type Page = Pin<Box<dyn Future<Output = Result<Vec<StoredEvent>, ReadError>>>>;

/// Opens a stream.
pub async fn events(
    edge: web::Data<Edge>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let head = edge.log().head();
    let log = answer::query(&request, "log");
    let start = match answer::query(&request, "after") {
        None => Start::Now,
        Some(after) => {
            let after = after.parse().map_err(|_| Error::InvalidField {
                code: Code::InvalidAfter,
                message: "after must be a position: a whole number, 0 for all".into(),
            })?;
            Start::of(after, log.as_deref(), &head, edge.log().horizon(), edge.log().redacted())
        }
    };
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header(("x-accel-buffering", "no"));
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let cut = Box::pin(edge.cut(&caller));
    Ok(response.body(Frames::new(edge, start, &head, cut)))
}

// === impl Start ===

impl Start {
    /// `redacted` is where the last redaction is told.
    fn of(after: u64, log: Option<&str>, head: &Head, horizon: Option<Horizon>, redacted: u64) -> Self {
        if log.is_some_and(|log| log != head.log_id.as_str()) || after > head.position {
            Self::Anew(Reset::OtherLog)
        } else if head.position - after > MOST_BEHIND {
            Self::Anew(Reset::TooFarBehind)
        } else if horizon.is_some_and(|horizon| after < horizon.position) {
            Self::Anew(Reset::BeforeHorizon)
        } else if (1..redacted).contains(&after) {
            // From the very beginning on nobody has anything.
            Self::Anew(Reset::Redacted)
        } else {
            Self::After(after)
        }
    }
}

// === impl Reset ===

impl Reset {
    const fn word(self) -> &'static str {
        match self {
            Self::OtherLog => "other_log",
            Self::TooFarBehind => "too_far_behind",
            Self::BeforeHorizon => "before_horizon",
            Self::Redacted => "redacted",
        }
    }
}

// === impl Frames ===

impl Frames {
    fn new(edge: web::Data<Edge>, start: Start, head: &Head, cut: Pin<Box<dyn Future<Output = ()>>>) -> Self {
        let mut opening = VecDeque::from([Bytes::from_static(b": connected\n\n")]);
        if start != Start::Now {
            opening.push_back(named_frame(
                "hello",
                &json!({
                    "logId": head.log_id,
                    "position": head.position,
                    "foldVersion": FOLD_VERSION,
                    "build": super::BUILD,
                    "now": edge.plane.clock.now(),
                }),
            ));
        }
        let source = match start {
            Start::After(after) => Source::after(&edge, after),
            // Live from the newest frame on; a subscription to that never fails.
            Start::Now | Start::Anew(_) => edge.plane.hub.subscribe(None).map_or(Source::Over, Source::Live),
        };
        if let (Start::Anew(reset), Source::Live(live)) = (start, &source) {
            let position = live.next_position() - 1;
            opening.push_back(named_frame(
                "reset",
                &json!({ "logId": head.log_id, "position": position, "reason": reset.word() }),
            ));
        }
        let next_beat = edge.plane.clock.elapsed() + HEARTBEAT;
        let beat = Box::pin(edge.plane.clock.sleep_until_elapsed(next_beat));
        Self { edge, opening, next_beat, beat, cut, source }
    }

    /// Whether a heartbeat is due. Beats that a blocked socket has held up are not made up for.
    fn poll_beat(&mut self, cx: &mut Context<'_>) -> bool {
        if self.beat.as_mut().poll(cx).is_pending() {
            return false;
        }
        let now = self.edge.plane.clock.elapsed();
        while self.next_beat <= now {
            self.next_beat += HEARTBEAT;
        }
        self.beat = Box::pin(self.edge.plane.clock.sleep_until_elapsed(self.next_beat));
        // Polled once, so that it wakes this task.
        let _ = self.beat.as_mut().poll(cx);
        true
    }
}

impl MessageBody for Frames {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = self.get_mut();
        if let Some(bytes) = this.opening.pop_front() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        if this.cut.as_mut().poll(cx).is_ready() {
            this.source = Source::Over;
        }
        if !matches!(this.source, Source::Over) && this.poll_beat(cx) {
            return Poll::Ready(Some(Ok(Bytes::from_static(b": heartbeat\n\n"))));
        }
        this.source.poll_next(&this.edge, cx).map(|frame| frame.map(Ok))
    }
}

// === impl Source ===

impl Source {
    fn after(edge: &Edge, after: u64) -> Self {
        match edge.plane.hub.subscribe(Some(after)) {
            Ok(live) => Self::Live(live),
            Err(_) => Self::Past(Past { after, frames: VecDeque::new(), reading: None }),
        }
    }

    fn poll_next(&mut self, edge: &web::Data<Edge>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match self {
                Self::Over => return Poll::Ready(None),
                Self::Live(live) => return Pin::new(live).poll_next(cx),
                Self::Past(past) => {
                    if let Some(frame) = past.frames.pop_front() {
                        return Poll::Ready(Some(frame));
                    }
                    let Some(reading) = past.reading.as_mut() else {
                        *self = past.go_on(edge);
                        continue;
                    };
                    let Poll::Ready(page) = reading.as_mut().poll(cx) else { return Poll::Pending };
                    past.reading = None;
                    match page {
                        Ok(page) => past.take(edge, &page),
                        Err(error) => {
                            tracing::warn!(%error, "a resume of /events ends: its past cannot be read");
                            *self = Self::Over;
                        }
                    }
                }
            }
        }
    }
}

// === impl Past ===

impl Past {
    /// All that was read is sent: on to the ring, or to the next page, or to the end for whom the log outruns.
    fn go_on(&mut self, edge: &web::Data<Edge>) -> Source {
        match Source::after(edge, self.after) {
            Source::Past(mut past) => {
                if edge.log().head().position.saturating_sub(past.after) > MOST_BEHIND {
                    return Source::Over;
                }
                let (edge, after) = (edge.clone(), past.after);
                past.reading = Some(Box::pin(async move { page(&edge, after).await }));
                Source::Past(past)
            }
            live => live,
        }
    }

    fn take(&mut self, edge: &Edge, page: &[StoredEvent]) {
        let Some(last) = page.last() else {
            // Positions without events, up to where the ring begins: they were cut from history.
            if let Err(missing) = edge.plane.hub.subscribe(Some(self.after)) {
                self.after = missing.oldest - 1;
            }
            return;
        };
        self.after = last.position;
        let mut encoder = Encoder::default();
        for stored in page {
            let origin = Origin::stored(stored.origin.as_str());
            encoder.push(&stored.event, stored.position, stored.recorded_at, origin);
        }
        for chunk in encoder.finish() {
            self.frames.extend((0..chunk.frames()).map(|index| chunk.frame(index)));
        }
    }
}

/// A page of the log. After a start the ring is empty, and all who were connected ask the log at once: more than its
/// readers have room for.
async fn page(edge: &Edge, after: u64) -> Result<Vec<StoredEvent>, ReadError> {
    let clock = &edge.plane.clock;
    let until = clock.elapsed() + RETRY_FOR;
    let mut backoff = None;
    loop {
        let page = edge.log().read_after(after, PAGE_EVENTS, PAGE_BYTES).await;
        if !matches!(page, Err(ReadError::Overloaded)) || clock.elapsed() >= until {
            return page;
        }
        if backoff.is_none() {
            backoff = Backoff::try_new(RETRY.0, RETRY.1, 1.0).ok();
        }
        let delay = backoff.as_mut().map_or(RETRY.1, Backoff::next_delay);
        clock.sleep(delay).await;
    }
}

/// A frame of our own, which has no place in the log and so no id.
fn named_frame(name: &str, data: &serde_json::Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use patze_core::ids::LogId;
    use patze_core::time::Timestamp;

    use super::*;

    #[test]
    fn where_a_stream_begins() {
        let head = Head { log_id: LogId::new("L"), position: 200_000, digest: Default::default() };
        for (after, log, start) in [
            (200_000, Some("L"), Start::After(200_000)),
            (100_000, None, Start::After(100_000)),
            (99_999, None, Start::Anew(Reset::TooFarBehind)),
            (200_001, None, Start::Anew(Reset::OtherLog)),
            (199_999, Some("K"), Start::Anew(Reset::OtherLog)),
            (u64::MAX, Some("L"), Start::Anew(Reset::OtherLog)),
        ] {
            assert_eq!(Start::of(after, log, &head, None, 0), start, "{after} {log:?}");
        }
        let horizon = Some(Horizon { position: 150_000, time: Timestamp::EPOCH });
        assert_eq!(Start::of(150_000, None, &head, horizon, 0), Start::After(150_000));
        assert_eq!(Start::of(149_999, None, &head, horizon, 0), Start::Anew(Reset::BeforeHorizon));
        let empty = Head { log_id: LogId::new("L"), position: 0, digest: Default::default() };
        assert_eq!(Start::of(0, None, &empty, None, 0), Start::After(0));
        assert_eq!(Start::of(150_000, None, &head, None, 150_000), Start::After(150_000));
        assert_eq!(Start::of(149_999, None, &head, None, 150_000), Start::Anew(Reset::Redacted));
        let short = Head { position: 9, ..empty };
        assert_eq!(
            Start::of(0, None, &short, None, 8),
            Start::After(0),
            "it has nothing that could be blanked"
        );
    }
}
