//! What Diagnostics says of each thing: from what the server tells of itself, and from the fleet.

use patze_core::attention::Rule;
use patze_core::fleet::rows::Machine;
use patze_core::time::SECOND;

use super::answers::{Actor, Readiness};
use crate::fleet::Reading;
use crate::route::{Route, View};
use crate::say::sentence::list;
use crate::say::word::State;
use crate::say::{number, span};

/// A clock that is off by more than this is told of, ms: where the fleet's own rule begins.
const SKEWED: i64 = 60 * SECOND;
/// History that waits for longer than this is late, seconds.
const LATE: f64 = 10.0;
/// Machines that are named before "and so many more".
const NAMED: usize = 3;

/// One thing that was looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub fact: String,
    /// What to do about it.
    pub cure: &'static str,
    /// Where more of it is, and what that way is called.
    pub way: Option<(Route, &'static str)>,
    /// Something to copy.
    pub copy: Option<String>,
}

impl Check {
    fn new(name: &'static str, state: State, fact: impl Into<String>) -> Self {
        Self { name, state, fact: fact.into(), cure: "", way: None, copy: None }
    }

    fn cure(mut self, cure: &'static str) -> Self {
        self.cure = cure;
        self
    }

    fn way(mut self, route: Route, word: &'static str) -> Self {
        self.way = Some((route, word));
        self
    }
}

/// What actors tell of themselves that checks are made of.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Told {
    /// What the prover last proved, and at which position.
    pub proof: Option<(String, u64)>,
    /// Bytes that are free under the log, as the janitor saw them last.
    pub free: Option<u64>,
}

impl Told {
    /// What these actors tell.
    pub fn of(actors: &[Actor]) -> Self {
        let detail =
            |kind: &str, name: &str| actors.iter().find(|actor| actor.kind == kind)?.detail.get(name);
        let proof = detail("prover", "lastProof").and_then(|proof| proof.as_str());
        let position = detail("prover", "position").and_then(serde_json::Value::as_u64);
        Self {
            proof: proof.map(str::to_owned).zip(position),
            free: detail("janitor", "freeBytes").and_then(serde_json::Value::as_u64),
        }
    }
}

/// All checks. `ahead` is what the server's clock is ahead of the browser's, ms.
pub fn checks(ready: &Readiness, told: &Told, reading: &Reading, ahead: i64) -> Vec<Check> {
    vec![
        log(ready),
        Check { copy: Some(head(ready)), ..Check::new("Digest head", State::Ok, short(&ready.digest)) },
        after_stop(&ready.check),
        rebuilt(ready, told.proof.as_ref()),
        history(ready),
        disk(reading, told.free),
        bridges(reading, &ready.build),
        clocks(reading),
        browser(ahead),
    ]
}

/// What a copy kept elsewhere proves later that the past is unchanged by.
fn head(ready: &Readiness) -> String {
    format!("{} {} {}", ready.log_id, ready.position, ready.digest)
}

fn short(digest: &str) -> String {
    match (digest.get(..8), digest.get(digest.len().saturating_sub(8)..)) {
        (Some(first), Some(last)) if digest.len() > 16 => format!("{first}…{last}"),
        _ => digest.to_owned(),
    }
}

fn log(ready: &Readiness) -> Check {
    if !ready.ready {
        let why = if ready.reasons.is_empty() {
            "nothing can be stored".to_owned()
        } else {
            ready.reasons.join("; ")
        };
        return Check::new("Log", State::Down, why)
            .cure("Bridges keep what is not acknowledged; nothing is lost meanwhile");
    }
    let waiting = if ready.queue_bytes > 0 {
        format!(", {} wait", number::bytes(ready.queue_bytes as f64))
    } else {
        String::new()
    };
    Check::new(
        "Log",
        State::Ok,
        format!("{}, stores what comes{waiting}", number::of(ready.position as usize, "event", "events")),
    )
}

fn after_stop(check: &str) -> Check {
    let (state, fact, cure) = match check {
        "notNeeded" => (State::Ok, "the last stop was clean", ""),
        "passed" => (State::Ok, "checked after an unclean stop, nothing found", ""),
        "running" => (State::Unknown, "the last stop was not clean; the check runs", ""),
        "interrupted" => (
            State::Degraded,
            "the check after an unclean stop was cut off",
            "Stop the server, then run: patze verify",
        ),
        _ => (
            State::Down,
            "the check after an unclean stop found damage",
            "Run patze verify, and restore a backup",
        ),
    };
    Check::new("Last stop", state, fact).cure(cure)
}

fn rebuilt(ready: &Readiness, proof: Option<&(String, u64)>) -> Check {
    let name = "Rebuild";
    if let Some(position) = ready.differed {
        return Check::new(
            name,
            State::Down,
            format!("differed from the live state at {}", number::position(position)),
        )
        .cure("Run patze verify, and report it");
    }
    match proof {
        Some((word, position)) if matches!(word.as_str(), "stands" | "stored") => Check::new(
            name,
            State::Ok,
            format!("equals the live state, proven at {}", number::position(*position)),
        ),
        _ => Check::new(name, State::Ok, "never differed; not proven since the start"),
    }
}

fn history(ready: &Readiness) -> Check {
    let (name, history) = ("History", &ready.history);
    let behind = number::of(history.behind as usize, "event", "events");
    match history.state.as_str() {
        "following" if history.lag_seconds <= LATE => {
            let fact = if history.behind == 0 {
                "has all of the log".to_owned()
            } else {
                format!("follows, {behind} behind")
            };
            Check::new(name, State::Ok, fact)
        }
        "following" => {
            let lag = span::duration((history.lag_seconds * 1_000.0) as i64 / 1_000 * 1_000);
            Check::new(name, State::Degraded, format!("{behind} and {lag} behind"))
        }
        "rebuilding" => {
            Check::new(name, State::Degraded, format!("is made anew from the log, {behind} to go"))
                .cure("What it has is right; lists and charts fill up by themselves")
        }
        _ => {
            let fault = history.fault.clone().unwrap_or_else(|| "it does not follow the log".to_owned());
            Check::new(name, State::Down, fault)
                .cure("The log is untouched, and history is made anew at the next start")
        }
    }
}

fn disk(reading: &Reading, free: Option<u64>) -> Check {
    let retention = Route::to(View::Settings).select(["retention"]);
    match reading.fleet.facts().server.disk_low {
        Some((free, _)) => Check::new(
            "Disk under the log",
            State::Degraded,
            format!("only {} free", number::bytes(free as f64)),
        )
        .cure("Make room, or keep less")
        .way(retention, "Retention"),
        None => {
            let free =
                free.map_or_else(|| "at least 1\u{a0}GiB".to_owned(), |free| number::bytes(free as f64));
            Check::new("Disk under the log", State::Ok, format!("{free} free"))
        }
    }
}

fn bridges(reading: &Reading, build: &str) -> Check {
    let name = "Bridge versions";
    let old: Vec<String> = reading
        .attention
        .iter()
        .filter(|found| found.rule == Rule::BridgeOld)
        .filter_map(|found| found.machine_id.as_ref())
        .filter_map(|id| reading.fleet.facts().machines.get(id))
        .map(|machine| {
            format!("{} {}", named(reading, machine), machine.bridge_version.as_deref().unwrap_or_default())
        })
        .collect();
    let told =
        reading.fleet.facts().machines.iter().filter(|machine| machine.bridge_version.is_some()).count();
    if !old.is_empty() {
        return Check::new(name, State::Degraded, format!("{}; the server is {build}", some(&old)))
            .cure("Older bridges are served; replace them when it suits")
            .way(Route::to(View::Machines), "Machines");
    }
    match told {
        0 => Check::new(name, State::Unknown, "no bridge has told its version"),
        _ => Check::new(
            name,
            State::Ok,
            format!("{}, none older than the server's {build}", number::of(told, "bridge", "bridges")),
        ),
    }
}

fn clocks(reading: &Reading) -> Check {
    let name = "Machines' clocks";
    let skewed =
        reading.fleet.facts().machines.iter().filter_map(|machine| Some((machine, machine.clock_skew?.0)));
    let skewed: Vec<String> = skewed
        .map(|(machine, seconds)| {
            let off = span::duration(seconds.abs() * SECOND);
            format!("{} {off} {}", named(reading, machine), if seconds > 0 { "ahead" } else { "behind" })
        })
        .collect();
    if skewed.is_empty() {
        return Check::new(name, State::Ok, "none is more than 1\u{a0}min off");
    }
    Check::new(name, State::Degraded, some(&skewed))
        .cure("On that machine: timedatectl set-ntp true")
        .way(Route::to(View::Machines), "Machines")
}

fn browser(ahead: i64) -> Check {
    let off = span::duration(ahead.abs());
    let fact = match ahead {
        0 => "as the server's".to_owned(),
        1.. => format!("{off} behind the server's"),
        _ => format!("{off} ahead of the server's"),
    };
    let state = if ahead.abs() > SKEWED { State::Degraded } else { State::Ok };
    Check::new("This browser's clock", state, fact).cure(if state == State::Ok {
        ""
    } else {
        "Ages are counted by the server's clock all the same"
    })
}

fn named(reading: &Reading, machine: &Machine) -> String {
    reading.machine_name(&machine.machine_id)
}

/// The first few, and how many more.
fn some(all: &[String]) -> String {
    if all.len() <= NAMED {
        return list(all);
    }
    format!("{} and {} more", all[..NAMED].join(", "), all.len() - NAMED)
}

#[cfg(test)]
mod tests {
    use super::super::answers::HistoryReadiness;
    use super::*;

    fn ready() -> Readiness {
        Readiness {
            ready: true,
            reasons: Vec::new(),
            log_id: "l".to_owned(),
            position: 4_812_907,
            digest: "a".repeat(64),
            build: "0.1.0".to_owned(),
            check: "notNeeded".to_owned(),
            differed: None,
            queue_bytes: 0,
            history: HistoryReadiness {
                state: "following".to_owned(),
                behind: 0,
                lag_seconds: 0.0,
                fault: None,
            },
        }
    }

    #[test]
    fn what_is_wrong_is_marked_and_what_to_do_is_told() {
        assert_eq!(log(&ready()).fact, "4,812,907 events, stores what comes");
        let full = Readiness { ready: false, reasons: vec!["disk full".to_owned()], ..ready() };
        assert_eq!((log(&full).state, log(&full).fact.as_str()), (State::Down, "disk full"));
        for (word, state) in [
            ("notNeeded", State::Ok),
            ("passed", State::Ok),
            ("running", State::Unknown),
            ("interrupted", State::Degraded),
            ("failed", State::Down),
        ] {
            assert_eq!(after_stop(word).state, state, "{word}");
        }
        assert_eq!(rebuilt(&Readiness { differed: Some(7), ..ready() }, None).state, State::Down);
        let proof = ("stands".to_owned(), 50_000);
        assert_eq!(rebuilt(&ready(), Some(&proof)).fact, "equals the live state, proven at #50,000");
        let late = HistoryReadiness { behind: 9, lag_seconds: 61.2, ..ready().history };
        let late = history(&Readiness { history: late, ..ready() });
        assert_eq!(
            (late.state, late.fact.as_str()),
            (State::Degraded, "9 events and 1\u{a0}min 1\u{a0}s behind")
        );
    }

    #[test]
    fn a_clock_may_be_a_little_off() {
        assert_eq!(
            (browser(3).state, browser(3).fact.as_str()),
            (State::Ok, "3\u{a0}ms behind the server's")
        );
        assert_eq!(browser(-90_000).state, State::Degraded);
        assert_eq!(browser(-90_000).fact, "1\u{a0}min 30\u{a0}s ahead of the server's");
    }

    #[test]
    fn a_few_are_named_and_the_rest_is_counted() {
        let names = |n: usize| (1..=n).map(|i| format!("m{i}")).collect::<Vec<_>>();
        assert_eq!(some(&names(2)), "m1 and m2");
        assert_eq!(some(&names(5)), "m1, m2, m3 and 2 more");
        assert_eq!(short(&"ab".repeat(32)), "abababab…abababab");
        assert_eq!(short("ab"), "ab");
    }
}
