//! The Push actor: it brings what is in the spool to the control plane.
//!
//! **Owns** the connection and the [`Plan`]. **Woken by** the spool when there is more, by its timer when it waits, and by
//! changed settings. **Appends** nothing; it settles what was answered, and shows its [`Link`] to whoever wants to know
//! how delivery stands. **Fails** only by a bug: every failure of the network is a state of the plan. After a restart it
//! begins with the oldest event of the spool, whatever it was doing before.
//!
//! A token that has ended (`TOKEN_EXPIRES_AT`) is not sent; the settings are read again from time to time, as after a
//! refused token, until they hold a new one (W-B10).

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use hyper::Method;
use patze_core::causes::with_causes;
use patze_core::ids::MachineId;
use patze_supervise::backoff::{Backoff, InvalidBackoff};
use patze_supervise::clock::Clock;
use patze_supervise::supervisor::{Plan as Keeping, Seat, Supervisor, World};
use patze_supervise::timer::run_later;
use serde::Serialize;
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::answer::{Sent, of_response};
use super::http::{Call, CallError, Client};
use super::plan::{Answer, Next, Plan, State, Verdict};
use super::{LOG_ID, headers};
use crate::config::{Config, Settings};
use crate::spool::{LogSeen, Most, Reason, Seq, Shape, SpoolHandle, Unspooled};

/// The kind, and the key of the one of a bridge.
const PUSH: &str = "push";
/// The most bytes of a batch; a control plane takes 1 MiB.
const MOST_BYTES: usize = 900 << 10;
/// How long to wait for a spool that does not answer.
const SPOOL_AWAY: Duration = Duration::from_secs(2);
/// How long to wait for settings that give a connection (a certificate file that is being replaced).
const CLIENT_AWAY: Duration = Duration::from_secs(30);

/// How delivery stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Whether the spool was found empty, with nothing sent since.
    pub idle: bool,
    /// Turns that were begun since the bridge started: a look into the spool, and a request if there is something.
    pub begun: u64,
    /// Those of them that have ended.
    pub ended: u64,
    /// Since when (monotonic) nothing gets through, and why.
    pub away: Option<Away>,
    /// How often the control plane is to be told anew which machine this is (W-B8).
    pub introductions: u64,
    /// Events that were acknowledged since the bridge started, rejected ones included.
    pub delivered: u64,
    /// Events that were rejected since the bridge started.
    pub rejected: u64,
}

/// Nothing gets through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Away {
    /// Since when (monotonic).
    pub since: Duration,
    /// What is the matter.
    pub why: String,
}

/// What the actor is built from.
#[derive(Clone)]
pub struct Ports {
    /// The settings.
    pub settings: Settings,
    /// The machine.
    pub machine: MachineId,
    /// Where events come from.
    pub spool: SpoolHandle,
    /// Where it shows how delivery stands.
    pub link: watch::Sender<Link>,
}

/// See the module.
pub struct Push {
    ports: Ports,
    clock: Clock,
    seat: Seat,
    plan: Plan,
    /// Away while a request is on its way, and while its settings cannot be used.
    client: Option<Client>,
    /// What it waits for between two requests; none while one is on its way.
    waiting: Option<SpawnHandle>,
    /// Whether the settings were read again for the turn that is due, because the token was refused.
    reread: bool,
    /// The log that the last answer named.
    log: Option<String>,
    /// Whether the spool was told of a log since this instance began.
    log_told: bool,
}

/// What came of one turn.
enum Turn {
    Nothing,
    Spool(Unspooled),
    Answered { sent: Sent, seqs: Vec<Seq>, answer: Answer, log: Option<String> },
}

/// Starts the actor on this arbiter. The supervisor must be kept for as long as it is to run.
///
/// # Errors
/// [`InvalidBackoff`] if there is no randomness.
///
/// # Panics
/// When called outside an actix arbiter.
pub fn start(
    world: &World,
    backoff: Backoff,
    ports: Ports,
) -> Result<Supervisor<&'static str, Push>, InvalidBackoff> {
    let clock = world.clock.clone();
    // Contract §14.6 begins at half a second too; half a minute is soon enough for one that was away for long.
    let retry = Backoff::try_new(Duration::from_millis(500), Duration::from_secs(30), 0.5)?;
    let slow = Backoff::try_new(Duration::from_secs(30), Duration::from_secs(300), 0.5)?;
    let plan = Plan::new(retry, slow);
    let supervisor = Supervisor::here(world, Keeping::new(PUSH, backoff), move |_: &&str, seat| Push {
        ports: ports.clone(),
        clock: clock.clone(),
        seat,
        plan: plan.clone(),
        client: None,
        waiting: None,
        reread: false,
        log: None,
        log_told: false,
    });
    if let Err(refused) = supervisor.start(PUSH) {
        error!(%refused, "delivery was not started");
    }
    Ok(supervisor)
}

// === impl Push ===

impl Actor for Push {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.open_client();
        let changes = self.ports.settings.changes();
        Self::watch_settings(changes, ctx);
        self.turn(ctx);
    }
}

impl Push {
    /// Its one code path: whatever woke it, it does what the plan says next.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        self.waiting = None;
        let now = self.clock.elapsed();
        if matches!(self.plan.next(now), Next::Send { .. }) {
            let locked = matches!(self.plan.state(), State::Locked { .. });
            if locked && !std::mem::replace(&mut self.reread, false) {
                let settings = self.ports.settings.clone();
                let reread = async move { settings.reread().await }.into_actor(self);
                ctx.spawn(reread.map(|changed, push, ctx| {
                    push.reread = !changed;
                    if changed {
                        push.open_client();
                        push.plan.renewed();
                    }
                    push.turn(ctx);
                }));
                return;
            }
            let ended = self.ports.settings.now().token_expires_at.filter(|at| *at <= self.clock.now());
            if let Some(at) = ended {
                self.plan.lock(
                    now,
                    format!("the token ended at {at}; set a new CONTROL_PLANE_TOKEN and TOKEN_EXPIRES_AT"),
                );
                self.show();
            }
        }
        if self.client.is_none() {
            self.open_client();
        }
        match (self.plan.next(now), self.client.take()) {
            (Next::Wait { until }, client) => {
                self.client = client;
                self.waiting = Some(run_later(ctx, &self.clock, until.saturating_sub(now), Self::turn));
            }
            // Its settings are of no use at the moment; new ones wake it sooner.
            (Next::Send { .. }, None) => {
                self.waiting = Some(run_later(ctx, &self.clock, CLIENT_AWAY, Self::turn));
            }
            (Next::Send { shape, events }, Some(client)) => {
                self.ports.link.send_modify(|link| {
                    link.idle = false;
                    link.begun += 1;
                });
                let most = Most { events, bytes: MOST_BYTES };
                let done = turn(client, self.ports.clone(), self.clock.clone(), shape, most);
                ctx.spawn(
                    done.into_actor(self).map(|(client, turn), push, ctx| push.turned(client, turn, ctx)),
                );
            }
        }
    }

    fn turned(&mut self, client: Client, turn: Turn, ctx: &mut Context<Self>) {
        // Unless settings came in the meantime that want another one.
        if self.client.is_none() {
            self.client = Some(client);
        }
        self.ports.link.send_modify(|link| {
            link.idle = matches!(turn, Turn::Nothing);
            link.ended += 1;
        });
        match turn {
            Turn::Nothing => {
                let spool = self.ports.spool.clone();
                let woken = async move { spool.more().await }.into_actor(self);
                self.waiting = Some(ctx.spawn(woken.map(|(), push, ctx| push.turn(ctx))));
            }
            Turn::Spool(error) => {
                warn!(error = with_causes(&error), "the spool does not answer; trying again");
                self.waiting = Some(run_later(ctx, &self.clock, SPOOL_AWAY, Self::turn));
            }
            Turn::Answered { sent, seqs, answer, log } => {
                let verdict = self.plan.answered(self.clock.elapsed(), sent.events, answer);
                let was_away = self.ports.link.borrow().away.is_some();
                self.show();
                match verdict {
                    Verdict::Keep => self.turn(ctx),
                    Verdict::Settle(rejected) => self.settle(&seqs, rejected, log, was_away, ctx),
                }
            }
        }
    }

    /// Has the spool forget what was answered, and tells it whose answer it was.
    fn settle(
        &mut self,
        seqs: &[Seq],
        rejected: Vec<(usize, Reason)>,
        log: Option<String>,
        was_away: bool,
        ctx: &mut Context<Self>,
    ) {
        let Some(through) = seqs.last().copied() else { return self.turn(ctx) };
        let rejected: Vec<(Seq, Reason)> =
            rejected.into_iter().filter_map(|(index, reason)| Some((*seqs.get(index)?, reason))).collect();
        if let Some((_, Reason { code, message })) = rejected.first() {
            warn!(
                count = rejected.len(),
                code, message, "the control plane rejects events; they are kept in rejected.jsonl"
            );
        }
        let (delivered, refused) = (seqs.len() as u64, rejected.len() as u64);
        let named = (!self.log_told || log != self.log).then(|| log.clone());
        let (spool, at) = (self.ports.spool.clone(), self.clock.now());
        let settled = async move {
            let seen = match named {
                Some(log) => Some(spool.begin_log(log).await?),
                None => None,
            };
            spool.settle(through, rejected, at).await?;
            Ok::<_, Unspooled>(seen)
        };
        ctx.spawn(settled.into_actor(self).map(move |settled, push, ctx| match settled {
            Ok(seen) => {
                // One that tells of no log may be one that keeps nothing over a restart.
                let stranger = seen == Some(LogSeen::Another) || (log.is_none() && was_away);
                if seen == Some(LogSeen::Another) {
                    info!("the control plane has another log than before; all homes are read from the start for it");
                }
                (push.log, push.log_told) = (log, true);
                push.ports.link.send_modify(|link| {
                    link.delivered += delivered;
                    link.rejected += refused;
                    link.introductions += u64::from(stranger);
                });
                push.turn(ctx);
            }
            Err(error) => {
                warn!(error = with_causes(&error), "the spool could not note a delivery; it will be made again");
                push.waiting = Some(run_later(ctx, &push.clock, SPOOL_AWAY, Self::turn));
            }
        }));
    }

    /// Shows how delivery stands, and writes the changes that matter to the process's log.
    fn show(&mut self) {
        let now = self.clock.elapsed();
        let why = match self.plan.state() {
            State::Ready => None,
            State::Waiting { why, .. } | State::Locked { why, .. } => Some(why.clone()),
        };
        let to = &self.ports.settings.now().control_plane;
        self.ports.link.send_modify(|link| {
            match (&link.away, &why) {
                (None, None) => {}
                (Some(Away { since, .. }), None) => {
                    info!(%to, after = ?now.saturating_sub(*since), "the control plane takes events again");
                }
                (Some(former), Some(why)) if former.why == *why => {}
                (_, Some(why)) => {
                    warn!(%to, why, "the control plane takes no events; they are kept meanwhile");
                }
            }
            let since = link.away.as_ref().map_or(now, |away| away.since);
            link.away = why.map(|why| Away { since, why });
            link.idle = false;
        });
        self.seat.publish(&*self.ports.link.borrow());
    }

    fn watch_settings(mut changes: watch::Receiver<Arc<Config>>, ctx: &mut Context<Self>) {
        let changed = async move {
            let more = changes.changed().await.is_ok();
            (changes, more)
        };
        ctx.spawn(actix::fut::wrap_future::<_, Self>(changed).map(
            |(changes, more), push, ctx: &mut Context<Self>| {
                if more {
                    push.open_client();
                    push.plan.renewed();
                    if let Some(waiting) = push.waiting.take() {
                        ctx.cancel_future(waiting);
                        push.turn(ctx);
                    }
                    Self::watch_settings(changes, ctx);
                }
            },
        ));
    }

    /// Makes a client for the settings as they are now.
    fn open_client(&mut self) {
        match Client::new(&self.ports.settings.now(), self.clock.clone()) {
            Ok(client) => self.client = Some(client),
            Err(error) => {
                error!(
                    error = with_causes(&error),
                    "these settings give no connection; the former one stays"
                );
            }
        }
    }
}

/// Reads the oldest events and sends them.
async fn turn(mut client: Client, ports: Ports, clock: Clock, shape: Shape, most: Most) -> (Client, Turn) {
    let batch = match ports.spool.next_batch(shape, most).await {
        Ok(Some(batch)) => batch,
        Ok(None) => return (client, Turn::Nothing),
        Err(error) => return (client, Turn::Spool(error)),
    };
    let sent = Sent { shape, events: batch.seqs.len(), foreign: batch.foreign };
    let config = ports.settings.now();
    let call = Call {
        method: Method::POST,
        path: match shape {
            Shape::Batch => "/ingest/batch",
            Shape::Single => "/ingest",
        },
        headers: headers(&config, &ports.machine, clock.now()),
        body: batch.body.into(),
    };
    let (answer, log) = match client.call(&call).await {
        Ok(response) => {
            let log = response.headers.get(LOG_ID).and_then(|value| value.to_str().ok()).map(str::to_owned);
            (of_response(sent, &response, clock.now()), log)
        }
        Err(error) => {
            let slow = matches!(error, CallError::Slow { .. });
            (Answer::Later { why: with_causes(&error), retry_after: None, slow }, None)
        }
    };
    (client, Turn::Answered { sent, seqs: batch.seqs, answer, log })
}
