//! The Heartbeat actor: it tells that the machine is there, what it is called, and how it is.
//!
//! **Owns** the sampler. **Woken by** its timer, each `HEARTBEAT_INTERVAL_MS`. **Appends** `machine.registered` when it
//! starts and whenever the control plane may not know the machine (W-B8), and `machine.heartbeat`. **Fails** only by a bug;
//! a heartbeat that the spool does not take is gone, a registration is tried again with the next beat.
//!
//! The machine is introduced anew
//! - when the control plane answers with another log than before: it was restored, or it is another one;
//! - when one that tells of no log was away: it may keep everything in memory;
//! - when its label, kind or version are set anew;
//! - every [`REGISTER_AGAIN`], because a user can have a control plane forget a machine that lives.
//!
//! While the control plane is away for more than a minute, only one heartbeat a minute is kept (design §11).

pub mod gauges;
mod told;

use std::time::Duration;

use actix::prelude::*;
use patze_core::causes::with_causes;
use patze_core::event::Event;
use patze_core::ids::MachineId;
use patze_supervise::backoff::Backoff;
use patze_supervise::clock::Clock;
use patze_supervise::supervisor::{Plan, Seat, Supervisor, World};
use patze_supervise::timer::run_later;
use tokio::sync::watch;
use tracing::{debug, error, warn};

use crate::config::{MachineKind, Settings};
use crate::push::actor::Link;
use crate::spool::{Appended, SpoolHandle, Unspooled};
use gauges::Sampler;

/// The kind, and the key of the one of a bridge.
const HEARTBEAT: &str = "heartbeat";
/// The first beat: late enough for a stretch of processor time, for a share of none would be invented.
const FIRST_BEAT: Duration = Duration::from_secs(1);
/// A machine that lives is introduced again this often.
const REGISTER_AGAIN: Duration = Duration::from_secs(6 * 3_600);
/// However often the control plane comes and goes, it is introduced at most this often.
const REGISTER_SPACING: Duration = Duration::from_secs(60);
/// Heartbeats that are kept while the control plane is away, and how long it must be away for that.
const AWAY_SPACING: Duration = Duration::from_secs(60);

/// What the actor is built from.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The settings.
    pub settings: Settings,
    /// The machine.
    pub machine: MachineId,
    /// Where its events go.
    pub spool: SpoolHandle,
    /// How delivery stands.
    pub link: watch::Receiver<Link>,
}

/// See the module.
pub struct Heartbeat {
    ports: Ports,
    clock: Clock,
    seat: Seat,
    /// None on a system whose gauges cannot be read.
    sampler: Option<Sampler>,
    rhythm: Rhythm,
    /// As what the machine was last introduced: label, kind and version.
    introduced: Option<(String, MachineKind, String)>,
}

/// What is due, by the monotonic clock; pure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rhythm {
    /// When the machine was last introduced, and for which of the control plane's wishes.
    registered: Option<(Duration, u64)>,
    /// When a heartbeat was last kept.
    beat: Option<Duration>,
}

/// Starts the actor on this arbiter. The supervisor must be kept for as long as it is to run.
///
/// # Panics
/// When called outside an actix arbiter.
pub fn start(world: &World, backoff: Backoff, ports: Ports) -> Supervisor<&'static str, Heartbeat> {
    let clock = world.clock.clone();
    let supervisor =
        Supervisor::here(world, Plan::new(HEARTBEAT, backoff), move |_: &&str, seat| Heartbeat {
            ports: ports.clone(),
            clock: clock.clone(),
            seat,
            sampler: Sampler::new()
                .inspect_err(|error| error!(%error, "the gauges of this system cannot be read"))
                .ok(),
            rhythm: Rhythm::default(),
            introduced: None,
        });
    if let Err(refused) = supervisor.start(HEARTBEAT) {
        error!(%refused, "heartbeats were not started");
    }
    supervisor
}

// === impl Rhythm ===

impl Rhythm {
    /// Whether to introduce the machine now.
    fn registers(&self, now: Duration, introductions: u64) -> bool {
        self.registered.is_none_or(|(at, known)| {
            let passed = now.saturating_sub(at);
            passed >= REGISTER_AGAIN || (introductions != known && passed >= REGISTER_SPACING)
        })
    }

    /// Whether to keep a heartbeat now.
    fn beats(&self, now: Duration, away_since: Option<Duration>) -> bool {
        let away = away_since.is_some_and(|since| now.saturating_sub(since) >= AWAY_SPACING);
        !away || self.beat.is_none_or(|at| now.saturating_sub(at) >= AWAY_SPACING)
    }
}

// === impl Heartbeat ===

impl Actor for Heartbeat {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.register(ctx);
        run_later(ctx, &self.clock, FIRST_BEAT, Self::tick);
    }
}

impl Heartbeat {
    fn tick(&mut self, ctx: &mut Context<Self>) {
        run_later(ctx, &self.clock, self.ports.settings.now().heartbeat, Self::tick);
        self.register(ctx);
        let now = self.clock.elapsed();
        let away = self.ports.link.borrow().away.as_ref().map(|away| away.since);
        if let Some(sampler) = &mut self.sampler
            && self.rhythm.beats(now, away)
        {
            let event = told::heartbeat(&self.ports.machine, self.clock.now(), &sampler.sample());
            self.keep(event, true, ctx, move |heartbeat| heartbeat.rhythm.beat = Some(now));
        }
    }

    /// Introduces the machine, if that is due.
    fn register(&mut self, ctx: &mut Context<Self>) {
        let (now, introductions) = (self.clock.elapsed(), self.ports.link.borrow().introductions);
        let config = self.ports.settings.now();
        let (label, kind, version) = (&config.label, config.kind, &config.version);
        let renamed = self.introduced.as_ref().is_some_and(|(l, k, v)| (l, *k, v) != (label, kind, version));
        if renamed || self.rhythm.registers(now, introductions) {
            let event = told::registered(&config, &self.ports.machine, self.clock.now());
            let introduced = (label.clone(), kind, version.clone());
            self.keep(event, false, ctx, move |heartbeat| {
                heartbeat.rhythm.registered = Some((now, introductions));
                heartbeat.introduced = Some(introduced);
            });
        }
    }

    fn keep(
        &mut self,
        event: Event,
        heartbeat: bool,
        ctx: &mut Context<Self>,
        kept: impl FnOnce(&mut Self) + 'static,
    ) {
        let spool = self.ports.spool.clone();
        let answered = async move { spool.keep(event, heartbeat).await }.into_actor(self);
        // In order: a beat that comes while the disk is slow waits for the one before it.
        ctx.wait(answered.map(move |answer: Result<Appended, Unspooled>, actor, _| match answer {
            Ok(Appended::Kept) => {
                kept(actor);
                actor.seat.publish(&serde_json::json!({ "keptAt": actor.clock.now() }));
            }
            Ok(_) => debug!("the spool is full; a heartbeat is dropped"),
            Err(error) => {
                warn!(
                    error = with_causes(&error),
                    heartbeat, "the spool did not take what the machine tells"
                );
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_machine_is_introduced_at_first_on_demand_and_from_time_to_time() {
        let at = 100 * MINUTE;
        let known = Rhythm { registered: Some((at, 3)), beat: None };
        for (now, introductions, expected) in [
            (at + SECOND, 3, false),
            (at + 300 * MINUTE, 3, false),
            (at + 360 * MINUTE, 3, true),
            (at + 59 * SECOND, 4, false),
            (at + MINUTE, 4, true),
        ] {
            assert_eq!(known.registers(now, introductions), expected, "{now:?} {introductions}");
        }
        assert!(Rhythm::default().registers(Duration::ZERO, 0));
    }

    #[test]
    fn one_heartbeat_a_minute_is_kept_while_the_control_plane_is_away() {
        let now = 100 * MINUTE;
        let beaten = |ago: Duration| Rhythm { registered: None, beat: Some(now - ago) };
        for (rhythm, away, expected) in [
            (beaten(5 * SECOND), None, true),
            (beaten(5 * SECOND), Some(now - 59 * SECOND), true),
            (beaten(5 * SECOND), Some(now - MINUTE), false),
            (beaten(MINUTE), Some(now - MINUTE), true),
            (Rhythm::default(), Some(Duration::ZERO), true),
        ] {
            assert_eq!(rhythm.beats(now, away), expected, "{rhythm:?} {away:?}");
        }
    }

    #[test]
    fn a_day_away_is_a_heartbeat_a_minute() {
        let (mut rhythm, mut kept) = (Rhythm::default(), 0);
        for tick in 0..24 * 3_600 / 5 {
            let now = Duration::from_secs(tick * 5);
            if rhythm.beats(now, Some(Duration::ZERO)) {
                rhythm.beat = Some(now);
                kept += 1;
            }
        }
        assert_eq!(kept, 12 + 24 * 60 - 1);
    }
}
