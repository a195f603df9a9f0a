//! What deserves a person's attention: a pure list of rules over the fleet (design §7).
//!
//! Each finding says since when, why, and what to do next. "Now" is log time, so that a past fleet shows what deserved
//! attention then. Paused machines and backfilled failures raise none. Rules that come with their own facts: gaps, the
//! OpenClaw gateway.

use serde::Serialize;

use crate::event::Severity;
use crate::fleet::Fleet;
use crate::fleet::ends::{Ends, LastHour, raises_alarm};
use crate::fleet::lifecycle::{Life, LifeState};
use crate::fleet::rows::{Machine, Run, Status};
use crate::ids::{MachineId, RunId, SessionId};
use crate::money::NanoUsd;
use crate::time::{DAY, MINUTE, Timestamp};

/// A run without an event for so long is silent.
const RUN_SILENT_AFTER: i64 = 15 * MINUTE;
/// A disk fuller than this, in percent.
const DISK_FULL_PCT: f64 = 90.0;
/// Tokens that end within this are told of.
const TOKEN_ENDS_WITHIN: i64 = 3 * DAY;
/// Runs that must have ended within the hour before a failure rate means something.
const RATE_NEEDS_RUNS: usize = 5;
/// Runs of one rule that are listed one by one; the rest is counted in the last.
const MAX_PER_RULE: usize = 20;

/// Which rule found something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A machine is offline.
    MachineSilent,
    /// A run failed within the last hour.
    RunFailed,
    /// At least half of an agent's runs of the last hour failed.
    FailureRate,
    /// An active run has had no event for 15 minutes.
    RunSilent,
    /// A machine's disk is nearly full.
    DiskFull,
    /// A machine's clock is more than a minute off.
    ClockSkew,
    /// A token ends within three days, or has ended.
    TokenEnds,
    /// A machine's bridge is older than the control plane.
    BridgeOld,
    /// Less than 1 GiB is free under the log.
    LogDiskLow,
    /// The last 24 hours cost more than twice the usual day.
    CostHigh,
}

/// A finding.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attention {
    /// The rule that found it.
    pub rule: Rule,
    /// How much it matters.
    pub severity: Severity,
    /// Since when it is so.
    pub since: Timestamp,
    /// The machine that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<MachineId>,
    /// The session that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The run that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// What is so, and why.
    pub cause: String,
    /// What to do next.
    pub next_step: String,
}

/// All findings: the most severe first, then the newest.
pub fn attention(fleet: &Fleet) -> Vec<Attention> {
    attention_of(fleet, &Ends::of(fleet))
}

/// All findings, from the ends of the fleet's runs.
pub fn attention_of(fleet: &Fleet, ends: &Ends) -> Vec<Attention> {
    let mut found = Vec::new();
    for machine in fleet.facts().machines.iter().filter(|machine| !machine.paused) {
        // What is not shown needs nobody's attention.
        if !machine.pulse.as_ref().is_some_and(|pulse| fleet.is_ghost(machine, pulse)) {
            about_machine(fleet, machine, &mut found);
        }
    }
    about_ended_runs(fleet, ends, &mut found);
    about_silent_runs(fleet, &mut found);
    about_tokens(fleet, &mut found);
    about_server(fleet, &mut found);
    found.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| b.since.cmp(&a.since)).then_with(|| a.rule.cmp(&b.rule))
    });
    found
}

impl Attention {
    fn new(
        rule: Rule,
        severity: Severity,
        since: Timestamp,
        cause: String,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            severity,
            since,
            machine_id: None,
            session_id: None,
            run_id: None,
            cause,
            next_step: next_step.into(),
        }
    }

    fn machine(mut self, machine: &MachineId) -> Self {
        self.machine_id = Some(machine.clone());
        self
    }

    fn run(mut self, run: &Run) -> Self {
        self.machine_id = Some(run.machine_id.clone());
        self.session_id = Some(run.session_id.clone());
        self.run_id = Some(run.run_id.clone());
        self
    }
}

fn shown(fleet: &Fleet, machine: &MachineId) -> String {
    fleet.machine_name(machine).map_or_else(|| machine.to_string(), ToString::to_string)
}

fn about_machine(fleet: &Fleet, machine: &Machine, found: &mut Vec<Attention>) {
    let id = &machine.machine_id;
    let name = shown(fleet, id);
    if let Some(pulse) = machine.pulse.as_ref().filter(|pulse| pulse.status == Status::Offline) {
        let load = fleet.index().machine_load(id);
        let (severity, runs) = match load.active_runs {
            0 => (Severity::Error, String::new()),
            n => (Severity::Critical, format!(" with {n} active runs")),
        };
        found.push(
            Attention::new(
                Rule::MachineSilent,
                severity,
                pulse.since,
                format!("{name} has been silent since {}{runs}", pulse.last_seen_at),
                "see whether the machine is up and its bridge runs: patze-bridge doctor",
            )
            .machine(id),
        );
    }
    if let Some((pct, pulse)) = machine.gauges.and_then(|gauges| gauges.disk_pct).zip(machine.pulse.as_ref())
        && pct > DISK_FULL_PCT
    {
        found.push(
            Attention::new(
                Rule::DiskFull,
                Severity::Warn,
                pulse.last_seen_at,
                format!("the disk of {name} is {pct:.0} % full"),
                "free some space: a full disk stops OpenClaw's own store",
            )
            .machine(id),
        );
    }
    if let Some((seconds, since)) = machine.clock_skew {
        let direction = if seconds > 0 { "ahead" } else { "behind" };
        found.push(
            Attention::new(
                Rule::ClockSkew,
                Severity::Warn,
                since,
                format!("the clock of {name} is {} s {direction}", seconds.abs()),
                "turn time synchronisation on: timedatectl set-ntp true",
            )
            .machine(id),
        );
    }
    let versions = machine.bridge_version.as_deref().zip(fleet.facts().server.version.as_deref());
    if let Some((bridge, server)) = versions
        && is_older(bridge, server)
    {
        found.push(
            Attention::new(
                Rule::BridgeOld,
                Severity::Info,
                machine.touched,
                format!("the bridge of {name} is version {bridge}, the control plane {server}"),
                "upgrade the bridge on that machine",
            )
            .machine(id),
        );
    }
}

fn about_ended_runs(fleet: &Fleet, ends: &Ends, found: &mut Vec<Attention>) {
    let failed = || ends.failed_lately(fleet).filter(|run| raises_alarm(run));
    let count = failed().count();
    for (i, run) in failed().take(MAX_PER_RULE).enumerate() {
        let Life::Ended { at, state: LifeState::Failed, reason, .. } = &run.life else { continue };
        let why = reason.as_deref().unwrap_or("no reason was told");
        let cause = format!(
            "a run of {} on {} failed: {why}{}",
            run.agent_id,
            shown(fleet, &run.machine_id),
            rest(i, count)
        );
        found.push(
            Attention::new(Rule::RunFailed, Severity::Error, *at, cause, "read the run's log lines").run(run),
        );
    }
    for LastHour { agent: (machine, _, agent), all, failed, last } in ends.last_hour(fleet) {
        if all >= RATE_NEEDS_RUNS && failed * 2 >= all {
            let cause =
                format!("{failed} of the last {all} runs of {agent} on {} failed", shown(fleet, machine));
            let next = "look for a common reason: the provider, a key, the network";
            found.push(
                Attention::new(Rule::FailureRate, Severity::Critical, last, cause, next).machine(machine),
            );
        }
    }
}

/// What the last run that is listed says of those that are not; `i` is its place, `count` how many there are.
fn rest(i: usize, count: usize) -> String {
    if i + 1 == MAX_PER_RULE && count > MAX_PER_RULE {
        format!(" (and {} more)", count - MAX_PER_RULE)
    } else {
        String::new()
    }
}

fn about_silent_runs(fleet: &Fleet, found: &mut Vec<Attention>) {
    let oldest = fleet.log_time().plus(-RUN_SILENT_AFTER);
    let silent: Vec<&Run> = fleet
        .index()
        .open_runs()
        .filter_map(|key| fleet.facts().runs.get(key))
        // Ordered by the minute of the last touch.
        .take_while(|run| run.touched < oldest.plus(MINUTE))
        .filter(|run| run.life.is_active() && run.touched < oldest && !fleet.is_paused(&run.machine_id))
        .collect();
    for (i, run) in silent.iter().take(MAX_PER_RULE).enumerate() {
        let minutes = fleet.log_time().since(run.touched) / MINUTE;
        let cause = format!(
            "a run of {} on {} has been silent for {minutes} min{}",
            run.agent_id,
            shown(fleet, &run.machine_id),
            rest(i, silent.len())
        );
        let next = "see on the machine whether it still works; stop it there if it does not";
        found.push(Attention::new(Rule::RunSilent, Severity::Warn, run.touched, cause, next).run(run));
    }
}

fn about_tokens(fleet: &Fleet, found: &mut Vec<Attention>) {
    let soon = fleet.log_time().plus(TOKEN_ENDS_WITHIN);
    for token in fleet.facts().server.tokens.iter() {
        let Some(ends) = token.expires_at.filter(|ends| *ends < soon) else { continue };
        let over = ends <= fleet.log_time();
        let (severity, verb) = if over { (Severity::Error, "ended") } else { (Severity::Warn, "ends") };
        let mut finding = Attention::new(
            Rule::TokenEnds,
            severity,
            ends.plus(-TOKEN_ENDS_WITHIN),
            format!("the token of {} {verb} at {ends}", token.name),
            format!("make a new one: patze token create --machine {} --expires 90d", token.name),
        );
        finding.machine_id.clone_from(&token.machine_id);
        found.push(finding);
    }
}

fn about_server(fleet: &Fleet, found: &mut Vec<Attention>) {
    if let Some((free, since)) = fleet.facts().server.disk_low {
        found.push(Attention::new(
            Rule::LogDiskLow,
            Severity::Critical,
            since,
            format!("only {} MiB are free under the log", free / (1 << 20)),
            "free some space on the control plane's disk, or move PATZE_SETTINGS_DIR to a larger one",
        ));
    }
    let spent = &fleet.facts().spent;
    let today = fleet.log_time().millis().div_euclid(DAY);
    let mut days: Vec<NanoUsd> = spent
        .days
        .iter()
        .filter(|(day, _)| (today - 14..today).contains(day))
        .map(|(_, sums)| sums.cost)
        .collect();
    let last = spent.last_24_h(fleet.log_time());
    if days.len() < 3 || last.0 <= 1_000_000_000 {
        return;
    }
    days.sort_unstable();
    let median = days[days.len() / 2];
    if last.0 > median.0.saturating_mul(2) {
        found.push(Attention::new(
            Rule::CostHigh,
            Severity::Warn,
            fleet.log_time().plus(-DAY),
            format!("the last 24 h cost ${:.2}, a usual day ${:.2}", last.dollars(), median.dollars()),
            "see which agent spends it: the agents of /snapshot",
        ));
    }
}

/// Compares dotted numbers; what is not a number compares as 0, a pre-release suffix is left out.
fn is_older(version: &str, than: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        let release = text.split(['-', '+']).next().unwrap_or_default();
        release.split('.').map(|part| part.parse().unwrap_or(0)).collect()
    };
    numbers(version) < numbers(than)
}

#[cfg(test)]
mod tests;
