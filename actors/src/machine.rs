//! The actor of one machine: notices its silence, and what its bridge tells about itself.
//!
//! - **Owns** the timer that runs from the machine's last heartbeat, and nothing else: what is so stands in the fleet.
//! - **Is woken** by its timer, by [`Changed`] (the fleet holds something new about the machine) and by [`Heard`] (a
//!   request of its bridge came in).
//! - **Appends** the contract's offline heartbeat with the last known gauges, stamped with the machine's own last
//!   effective time + 1 ms, so that a machine whose clock runs behind is back with its first heartbeat (design §9,
//!   W-C9); `control.bridge.changed`, `control.clock.skewed|ok`.
//! - **When it fails** the next instance reads the fleet and gives the machine one full timeout.
//!
//! Silence is measured on the monotonic clock, from the moment at which this process heard of the machine. After a
//! start and after a resume from sleep a machine has one full timeout before it is called silent (design §5).

use std::time::Duration;

use actix::prelude::*;
use patze_core::event::control::Control;
use patze_core::event::payload::Gauges;
use patze_core::event::{Event, Parts, Severity};
use patze_core::fleet::limits::cut_name;
use patze_core::fleet::rows::{self, Pulse, Status};
use patze_core::ids::{EventId, MachineId};
use patze_core::time::Timestamp;
use patze_supervise::clock::{Clock, SleepWatch};
use patze_supervise::supervisor::Seat;
use patze_supervise::timer::run_later;
use serde_json::json;

use crate::log::Log;
use crate::recorder::Recorder;

/// A clock that is this far off is skewed (design §7).
const SKEW_SECONDS: i64 = 60;
/// A skew that is known is told again when it has moved by this much.
const SKEW_MOVED_SECONDS: i64 = 30;
/// What wall and monotonic clock may differ by between two looks.
const SLEEP_BOUND: Duration = Duration::from_secs(10);

/// What the machines' actors share.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Where the fleet is read.
    pub log: Log,
    /// Where facts are appended.
    pub recorder: Recorder,
    /// The injected clock.
    pub clock: Clock,
    /// How long a machine may be silent (`HEARTBEAT_TIMEOUT_MS`).
    pub timeout: Duration,
}

/// The actor.
pub struct Machine {
    id: MachineId,
    watch: Watch,
    seat: Seat,
    sleeps: SleepWatch,
    /// The position of the heartbeat that the timer runs from, and when this instance saw it on the monotonic clock.
    heard: Option<(u64, Duration)>,
    timer: Option<SpawnHandle>,
    /// What the bridge last told, until the fleet says it too.
    told: Option<Heard>,
    /// An append is on its way; its answer looks again.
    appending: bool,
}

/// The fleet holds something new about the machine.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Changed;

/// A request of the machine's bridge came in.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct Heard {
    /// The version that the bridge reports.
    pub bridge_version: Option<String>,
    /// Its clock minus ours, seconds.
    pub skew_seconds: Option<i64>,
}

impl Machine {
    /// The actor of `id`.
    pub fn new(id: MachineId, watch: Watch, seat: Seat) -> Self {
        let sleeps = SleepWatch::new(SLEEP_BOUND, watch.clock.now(), watch.clock.elapsed());
        Self { id, watch, seat, sleeps, heard: None, timer: None, told: None, appending: false }
    }

    /// The one code path: whatever woke the actor, it reads what is so.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let fleet = self.watch.log.fleet();
        let Some(machine) = fleet.facts().machines.get(&self.id) else {
            self.seat.done(ctx);
            return;
        };
        self.tell_news(ctx, machine);
        let now = self.watch.clock.elapsed();
        let slept = self.sleeps.look_at(&self.watch.clock).is_some();
        let Some(pulse) =
            machine.pulse.as_ref().filter(|pulse| pulse.status != Status::Offline && !machine.paused)
        else {
            self.heard = None;
            self.publish(machine, None);
            return;
        };
        let heard_at = match &self.heard {
            Some((position, at)) if *position == pulse.heard_position && !slept => *at,
            _ => {
                self.heard = Some((pulse.heard_position, now));
                now
            }
        };
        let silent_at = heard_at + self.watch.timeout;
        self.publish(machine, Some(silent_at.saturating_sub(now)));
        if now < silent_at {
            self.timer = Some(run_later(ctx, &self.watch.clock, silent_at - now, Self::timed_out));
        } else if !self.appending {
            let event = self.offline_heartbeat(machine, pulse);
            self.append(ctx, self.watch.recorder.append(event));
        }
    }

    fn timed_out(&mut self, ctx: &mut Context<Self>) {
        self.timer = None;
        self.look(ctx);
    }

    fn publish(&self, machine: &rows::Machine, left: Option<Duration>) {
        self.seat.publish(&json!({
            "name": machine.name(),
            "status": machine.pulse.as_ref().map(|pulse| pulse.status),
            "paused": machine.paused,
            "silentInMs": left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        }));
    }

    /// The contract's synthetic event (contract §6.1), with the gauges that were last known.
    fn offline_heartbeat(&self, machine: &rows::Machine, pulse: &Pulse) -> Event {
        let at = pulse.last_seen_at.plus(1);
        let resource = machine.gauges.unwrap_or_default();
        offline_heartbeat(&self.id, at, self.watch.clock.now(), &resource)
    }

    /// Waits for an append, then looks again; if it failed, after a pause.
    fn append(
        &mut self,
        ctx: &mut Context<Self>,
        appended: Result<crate::log::Pending, crate::log::Overloaded>,
    ) {
        self.appending = true;
        let settled = self.watch.recorder.settle(appended);
        ctx.spawn(actix::fut::wrap_future::<_, Self>(settled).map(|_, machine, ctx: &mut Context<Self>| {
            machine.appending = false;
            machine.look(ctx);
        }));
    }

    /// Appends what the bridge told and the fleet does not say yet, one fact at a time.
    fn tell_news(&mut self, ctx: &mut Context<Self>, machine: &rows::Machine) {
        if self.appending {
            return;
        }
        match self.told.as_ref().and_then(|told| news(told, machine)) {
            Some(fact) => {
                let appended = self.watch.recorder.record(&fact, self.id.as_str());
                self.append(ctx, appended);
            }
            None => self.told = None,
        }
    }
}

/// What a bridge told about itself and its machine's row does not say yet.
fn news(told: &Heard, machine: &rows::Machine) -> Option<Control> {
    let machine_id = machine.machine_id.clone();
    // Compared as the fleet keeps it, else a long one would be news for ever.
    if let Some(version) = told.bridge_version.as_deref().map(cut_name)
        && machine.bridge_version.as_ref() != Some(&version)
    {
        return Some(Control::BridgeChanged { machine_id, version: version.to_string() });
    }
    let seconds = told.skew_seconds?;
    match machine.clock_skew {
        None if seconds.abs() > SKEW_SECONDS => Some(Control::ClockSkewed { machine_id, seconds }),
        Some(_) if seconds.abs() <= SKEW_SECONDS => Some(Control::ClockOk { machine_id, seconds }),
        Some((known, _)) if (known - seconds).abs() > SKEW_MOVED_SECONDS => {
            Some(Control::ClockSkewed { machine_id, seconds })
        }
        _ => None,
    }
}

/// The offline heartbeat of `machine`, for an effective time of `at`.
fn offline_heartbeat(machine: &MachineId, at: Timestamp, now: Timestamp, resource: &Gauges) -> Event {
    let stamp = base36(now.millis().unsigned_abs());
    // An id that would be too long for the contract keeps its start and its stamp (W-C9).
    let shown: String = machine.as_str().chars().take(200).collect();
    Event::new(Parts {
        id: EventId::from(format!("synth_offline_{shown}_{stamp}")),
        machine: machine.clone(),
        type_name: "machine.heartbeat",
        severity: Severity::Warn,
        occurred_at: at,
        trace: &json!({ "traceId": format!("trace_synth_{stamp}") }).to_string(),
        payload: &json!({ "machineId": machine, "status": "offline", "resource": resource }).to_string(),
    })
}

fn base36(mut n: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(n % 36) as usize]);
        n /= 36;
        if n == 0 {
            break;
        }
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}

impl Actor for Machine {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<Changed> for Machine {
    type Result = ();

    fn handle(&mut self, Changed: Changed, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<Heard> for Machine {
    type Result = ();

    fn handle(&mut self, heard: Heard, ctx: &mut Self::Context) {
        self.told = Some(heard);
        // All of it, for a `Changed` may have been refused because this very message filled the mailbox.
        self.look(ctx);
    }
}
