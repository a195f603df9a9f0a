//! The actor of one live session: notices that it has stalled.
//!
//! - **Owns** the stall timer of a session that is active or has an active run.
//! - **Is woken** by its timer and by [`Changed`].
//! - **Appends** `control.session.stalled` after 30 min of silence with an active run, once a silence; it never ends a
//!   session or run (design §5).
//! - **When it fails** the next instance reads the fleet and goes on. It is done when the session is over or gone.
//!
//! A silence is as long as both clocks say: what the wall clock says since the last event, but no more than this process
//! was there to hear one, on the monotonic clock. So after a start and after a resume from sleep a session has its full
//! time before it is called stalled.

use std::time::Duration;

use actix::prelude::*;
use patze_core::event::control::Control;
use patze_core::fleet::rows::SessionKey;
use patze_core::ids::{MachineId, SessionId};
use patze_supervise::supervisor::Seat;
use patze_supervise::timer::run_later;
use serde_json::json;

use crate::log::Log;
use crate::machine::Changed;
use crate::recorder::Recorder;
use patze_supervise::clock::{Clock, SleepWatch};

/// A session with an active run that is silent for so long has stalled (design §5).
pub const STALLED_AFTER: Duration = Duration::from_secs(30 * 60);
/// What wall and monotonic clock may differ by between two looks.
const SLEEP_BOUND: Duration = Duration::from_secs(10);

/// What tells the sessions' actors apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    /// The machine.
    pub machine_id: MachineId,
    /// The session, unique on its machine.
    pub session_id: SessionId,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.machine_id, self.session_id)
    }
}

/// The actor.
pub struct Session {
    key: SessionKey,
    log: Log,
    recorder: Recorder,
    clock: Clock,
    seat: Seat,
    sleeps: SleepWatch,
    /// When this process began to listen, on the monotonic clock: when this instance began, or the last resume from sleep.
    listens_since: Duration,
    timer: Option<SpawnHandle>,
    appending: bool,
}

impl Session {
    /// The actor of `key`.
    pub fn new(key: &Key, log: Log, recorder: Recorder, clock: Clock, seat: Seat) -> Self {
        let key = (key.machine_id.clone(), key.session_id.clone());
        let listens_since = clock.elapsed();
        let sleeps = SleepWatch::new(SLEEP_BOUND, clock.now(), listens_since);
        Self { key, log, recorder, clock, seat, sleeps, listens_since, timer: None, appending: false }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        if self.sleeps.look_at(&self.clock).is_some() {
            self.listens_since = self.clock.elapsed();
        }
        let fleet = self.log.fleet();
        let active_runs = fleet.index().session_runs(&self.key).active;
        let live =
            fleet.facts().sessions.get(&self.key).filter(|row| active_runs > 0 || row.life.is_active());
        let Some(session) = live else {
            self.seat.done(ctx);
            return;
        };
        self.seat.publish(&json!({
            "activeRuns": active_runs,
            "lastEventAt": session.touched,
            "stalledSince": session.stalled_since,
        }));
        if active_runs == 0 || session.stalled_since.is_some() || self.appending {
            return;
        }
        // Negative while the wall clock is behind the log's.
        let told = u64::try_from(self.clock.now().since(session.touched)).unwrap_or(0);
        let listened = self.clock.elapsed().saturating_sub(self.listens_since);
        let silent = Duration::from_millis(told).min(listened);
        if silent < STALLED_AFTER {
            let wait = STALLED_AFTER - silent;
            self.timer = Some(run_later(ctx, &self.clock, wait, |session: &mut Self, ctx| {
                session.timer = None;
                session.look(ctx);
            }));
            return;
        }
        let stalled = Control::SessionStalled {
            machine_id: self.key.0.clone(),
            session_id: self.key.1.clone(),
            silent_since: session.touched,
        };
        self.append(ctx, &stalled);
    }

    fn append(&mut self, ctx: &mut Context<Self>, control: &Control) {
        self.appending = true;
        let appended = self.recorder.record(control, self.key.1.as_str());
        let settled = self.recorder.settle(appended);
        ctx.spawn(actix::fut::wrap_future::<_, Self>(settled).map(|_, session, ctx: &mut Context<Self>| {
            session.appending = false;
            session.look(ctx);
        }));
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<Changed> for Session {
    type Result = ();

    fn handle(&mut self, Changed: Changed, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}
