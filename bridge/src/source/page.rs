//! One page: from the home, off the actors' thread, into the spool.

use std::path::{Path, PathBuf};
use std::time::Duration;

use patze_core::ids::MachineId;
use patze_supervise::clock::Clock;
use tokio::task::{JoinHandle, spawn_blocking};
use tracing::{info, warn};

use super::Ports;
use crate::blocking::PATIENCE;
use crate::failure::returned;
use crate::openclaw::watch::Watch;
use crate::openclaw::{Budget, Cursor, Generation, Now, OpenclawHome, Page, ReadError, discover};
use crate::spool::{Appended, Unspooled};

/// What one page may hold: small, because it is in memory.
pub const PAGE: Budget = Budget { rows: 100, bytes: 96 << 10 };
/// The shortest time between two cursors that the spool is given: what a crash has read again is that much.
const CURSOR_EVERY: Duration = Duration::from_secs(1);

/// What is carried from one page to the next.
#[derive(Default)]
pub(super) struct Reading {
    /// The open home, and whether it was opened to capture content.
    home: Option<(OpenclawHome, bool)>,
    /// The epoch and the cursor that the spool has, as far as is known.
    pub at: Option<(u64, Cursor)>,
    /// Whether that cursor is ahead of the spool's.
    pub ahead: bool,
    /// When (monotonic) the spool was last given one.
    given: Option<Duration>,
    /// Away while it waits.
    pub watch: Option<Watch>,
    /// The look that is under way and has not come back in time.
    asked: Option<Asked>,
}

/// A look at the home, on a blocking thread.
struct Asked {
    epoch: u64,
    answer: JoinHandle<Answer>,
}

/// What comes back from a look, with what was lent for it.
struct Answer {
    read: Result<Opened, ReadError>,
    home: Option<(OpenclawHome, bool)>,
    cursor: Cursor,
    watch: Watch,
}

/// What came of one page.
pub(super) enum Step {
    Read {
        events: u64,
        odd_rows: u64,
        more: bool,
        again_in: Option<Duration>,
        cursor_in: Option<Duration>,
        passed_over: Vec<String>,
    },
    Empty(Generation),
    Unreadable(ReadError),
    /// The home has not answered yet.
    Silent,
    Full,
    Stale,
    Spool(Unspooled),
}

/// Reads one page and appends it. What is not handed back in the reading is found out anew by the next step.
pub(super) async fn step(mut reading: Reading, path: PathBuf, ports: Ports, clock: Clock) -> (Reading, Step) {
    let source = path.to_string_lossy().into_owned();
    let mut asked = match reading.asked.take() {
        Some(asked) => asked,
        None => {
            let (epoch, cursor) = match reading.at.take() {
                Some(at) => at,
                None => match ports.spool.begin(source.clone()).await {
                    Ok(beginning) => {
                        reading.ahead = false;
                        (beginning.epoch, read_cursor(&source, beginning.cursor.as_deref()))
                    }
                    Err(error) => return (reading, Step::Spool(error)),
                },
            };
            let watch = reading.watch.take().unwrap_or_else(|| Watch::new(&path, clock.clone()));
            Asked { epoch, answer: ask(reading.home.take(), watch, path, cursor, &ports, &clock) }
        }
    };
    let Ok(answer) = clock.timeout(PATIENCE, &mut asked.answer).await else {
        return (Reading { asked: Some(asked), ..reading }, Step::Silent);
    };
    let (epoch, Answer { read, home, cursor, watch }) = (asked.epoch, returned(answer));
    (reading.home, reading.watch) = (home, Some(watch));
    let page = match read {
        Ok(Ok(page)) => page,
        Ok(Err(generation)) => {
            return (Reading { at: Some((epoch, cursor)), ..reading }, Step::Empty(generation));
        }
        Err(error) => return (Reading { at: Some((epoch, cursor)), ..reading }, Step::Unreadable(error)),
    };
    let Page { odd_rows, more, again_in, passed_over, .. } = page;
    let count = page.events.len() as u64;
    let (ahead, now) = (reading.ahead || page.moved, clock.elapsed());
    let cursor_in = match reading.given.map(|given| (given + CURSOR_EVERY).saturating_sub(now)) {
        Some(left) if ahead && !left.is_zero() => Some(left),
        _ => None,
    };
    let give = ahead && cursor_in.is_none();
    if give || count > 0 {
        let text = match give.then(|| serde_json::to_string(&page.cursor)).transpose() {
            Ok(text) => text,
            Err(error) => return (reading, Step::Spool(Unspooled::Cursor(error))),
        };
        match ports.spool.append(source, epoch, text, page.events).await {
            Ok(Appended::Kept) => {}
            Ok(Appended::Full) => {
                reading.at = Some((epoch, cursor));
                return (reading, Step::Full);
            }
            Ok(Appended::Stale) => return (reading, Step::Stale),
            Err(error) => return (reading, Step::Spool(error)),
        }
        if give {
            reading.given = Some(now);
        }
    }
    (reading.at, reading.ahead) = (Some((epoch, page.cursor)), ahead && !give);
    (reading, Step::Read { events: count, odd_rows, more, again_in, cursor_in, passed_over })
}

/// Begins a look at the home: its folders are watched first, so that no change after the look is missed.
fn ask(
    mut home: Option<(OpenclawHome, bool)>,
    mut watch: Watch,
    path: PathBuf,
    cursor: Cursor,
    ports: &Ports,
    clock: &Clock,
) -> JoinHandle<Answer> {
    let config = ports.settings.now();
    let (user_home, capture) = (config.homes.user_home.clone(), config.capture_content);
    let (machine, now) = (ports.machine.clone(), Now::of(clock));
    spawn_blocking(move || {
        watch.cover();
        let read = read_page(&mut home, &path, &user_home, machine, capture, &cursor, now);
        Answer { read, home, cursor, watch }
    })
}

/// The next page of a home, which is opened if it is not open; or what it is, if there is nothing to open.
type Opened = Result<Page, Generation>;

fn read_page(
    open: &mut Option<(OpenclawHome, bool)>,
    path: &Path,
    user_home: &Path,
    machine: MachineId,
    capture: bool,
    cursor: &Cursor,
    now: Now,
) -> Result<Opened, ReadError> {
    let mut home = match open.take() {
        Some((home, as_now)) if as_now == capture => home,
        _ => {
            let info = discover::look(path, user_home);
            match info.generation {
                Generation::Store { .. } => {
                    let home = OpenclawHome::open(&info, machine, capture)?;
                    info!(home = %info, "the home is open");
                    home
                }
                Generation::Unreadable(error) => return Err(error),
                other => return Ok(Err(other)),
            }
        }
    };
    let read = home.read(cursor, PAGE, now);
    // Opened anew, a file that was replaced or repaired is found.
    if read.as_ref().err().is_none_or(|error| home.stands(error)) {
        *open = Some((home, capture));
    }
    read.map(Ok)
}

/// The cursor in the spool; one that cannot be understood is the start, for then EL-3 drops what is known.
fn read_cursor(source: &str, text: Option<&str>) -> Cursor {
    let Some(text) = text else { return Cursor::default() };
    serde_json::from_str(text).unwrap_or_else(|error| {
        warn!(home = source, %error, "the place in the home is not understood; it is read from the start");
        Cursor::default()
    })
}
