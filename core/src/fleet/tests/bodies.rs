//! What `/snapshot` and `/state` show is a function of the fleet alone, to the byte: a writer that keeps what did not
//! change writes what `serde_json` writes of the whole, from nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;

use super::total::{Arrival, arrivals};
use super::*;
use crate::attention::{Attention, attention};
use crate::fleet::ends::{Ends, LastHour, raises_alarm};
use crate::fleet::rows::AgentKey;
use crate::fleet::snapshot::{
    AgentView, Health, MachineView, RunDetail, RunView, SessionView, SnapshotWriter,
};
use crate::fleet::state::StateWriter;
use crate::ids::RunId;
use crate::time::HOUR;

/// The body of `GET /snapshot`, as the contract says it (contract §7): the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot<'a> {
    machines: Vec<MachineView<'a>>,
    sessions: Vec<SessionView<'a>>,
    runs: Vec<RunView<'a>>,
    active_runs: Vec<RunView<'a>>,
    health: Health<'a>,
    run_details: BTreeMap<&'a RunId, RunDetail<'a>>,
    logs: Vec<&'a LogLine>,
    recent_events: Vec<&'a Activity>,
    last_updated: Timestamp,
    agents: Vec<AgentView<'a>>,
    attention: Vec<Attention>,
    position: u64,
}

impl<'a> Snapshot<'a> {
    fn of(fleet: &'a Fleet) -> Self {
        let (facts, machines) = (fleet.facts(), fleet.shown_machines());
        let updated = |life: &lifecycle::Life| std::cmp::Reverse(life.state().map(|(_, at)| at));
        let mut sessions: Vec<_> = facts.sessions.iter().filter(|row| row.life.state().is_some()).collect();
        sessions.sort_by_key(|row| (updated(&row.life), &row.session_id, &row.machine_id));
        let mut runs: Vec<_> = facts.runs.iter().filter(|row| row.life.state().is_some()).collect();
        runs.sort_by_key(|row| (updated(&row.life), &row.run_id, &row.machine_id));
        let active: Vec<_> = runs.iter().filter(|run| run.life.is_active()).copied().collect();
        let of_sessions = sessions.iter().filter_map(|row| row.life.state());
        let of_runs = runs.iter().filter_map(|row| row.life.state());
        let updates = of_sessions.chain(of_runs).map(|(_, at)| at);
        let last_updated = updates.chain(machines.iter().map(|(_, pulse)| pulse.last_seen_at)).max();
        Self {
            health: Health::of(fleet, &Ends::of(fleet), &machines, active.len()),
            machines: machines.into_iter().map(MachineView::of).collect(),
            sessions: sessions.into_iter().filter_map(SessionView::of).collect(),
            active_runs: active.into_iter().filter_map(RunView::of).map(RunView::among_active).collect(),
            runs: runs.into_iter().filter_map(RunView::of).collect(),
            run_details: run_details(fleet),
            logs: facts.logs.iter().map(AsRef::as_ref).collect(),
            recent_events: facts.recent.iter().map(AsRef::as_ref).collect(),
            last_updated: last_updated.unwrap_or(Timestamp::EPOCH).max(Timestamp::EPOCH),
            agents: facts.agents.iter().map(|agent| AgentView::of(fleet, agent)).collect(),
            attention: attention(fleet),
            position: fleet.position(),
        }
    }
}

fn run_details(fleet: &Fleet) -> BTreeMap<&RunId, RunDetail<'_>> {
    let mut newest = BTreeMap::<&RunId, &Run>::new();
    let open = fleet.index().open_runs();
    let ended = fleet.index().detailed_ended_runs.iter().map(|(_, key)| key);
    for run in open.chain(ended).filter_map(|key| fleet.facts().runs.get(key)) {
        if run.details.is_some() || run.model.is_some() {
            let order = |run: &Run| (RunDetail::updated_at(run), std::cmp::Reverse(run.machine_id.clone()));
            let known = newest.entry(&run.run_id).or_insert(run);
            if order(known) < order(run) {
                *known = run;
            }
        }
    }
    newest.into_iter().map(|(id, run)| (id, RunDetail::of(run))).collect()
}

/// What [`Ends`] tells, by a look at each run.
fn assert_ends(ends: &Ends, fleet: &Fleet) -> Result<(), TestCaseError> {
    let since = fleet.log_time().plus(-HOUR);
    let newest = fleet.index().ended_runs.iter().rev().take_while(|(at, _)| *at >= since);
    let runs: Vec<_> = newest.filter_map(|(_, key)| fleet.facts().runs.get(key)).collect();
    let of_running = |run: &&&Run| !fleet.is_paused(&run.machine_id);
    let failed: Vec<&Run> =
        runs.iter().filter(of_running).filter(|run| run.life.has_failed()).copied().collect();
    prop_assert_eq!(ends.failed_lately(fleet).collect::<Vec<_>>(), failed);
    let mut by_agent = BTreeMap::<AgentKey, (usize, usize, Timestamp)>::new();
    for run in runs.iter().filter(of_running).filter(|run| raises_alarm(run)) {
        let (all, failed, last) = by_agent.entry(run.agent_key()).or_default();
        *all += 1;
        *failed += usize::from(run.life.has_failed());
        *last = (*last).max(run.life.ended_at().unwrap());
    }
    let expected: Vec<_> = by_agent
        .iter()
        .map(|(agent, (all, failed, last))| LastHour { agent, all: *all, failed: *failed, last: *last })
        .collect();
    prop_assert_eq!(ends.last_hour(fleet), expected);
    prop_assert_eq!(ends, &Ends::of(fleet));
    Ok(())
}

/// More rows than a few events make, and alike between two machines: three runs in four have ended.
fn many_rows(stream: &mut Stream) {
    for n in 0..120_i64 {
        let machine = ["m", "n"][(n % 2) as usize];
        let run = format!("r{}", n / 2);
        let place = |to: &str| {
            json!({"machineId": machine, "runId": run, "sessionId": format!("s{}", n % 40), "from": "x", "to": to,
                   "agentId": format!("a{}", n % 3), "reason": "line\n\"two\""})
        };
        stream.now += 500;
        stream.send_from(machine, stream.now - n % 7 * 1_000, "session.state.changed", &place("running"));
        stream.send_from(machine, stream.now - n % 5 * 1_000, "run.state.changed", &place("running"));
        let tool = json!({"runId": run, "toolCallId": "t", "toolName": "exec", "startedAt": ""});
        stream.send_from(machine, stream.now, "run.tool.started", &tool);
        if n % 4 != 0 {
            let end = ["failed", "completed", "cancelled"][(n % 3) as usize];
            stream.send_from(machine, stream.now - n % 6 * 300, "run.state.changed", &place(end));
        }
    }
}

/// What happens between two bodies.
fn steps() -> impl Strategy<Value = (bool, Vec<Arrival>, Vec<u8>)> {
    (any::<bool>(), arrivals(), prop::collection::vec(0..12_u8, 120))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// After any events since the last body, the text is that of the whole, and a control event in between changes nothing
    /// about that. A writer that was let go is the same as one that stood.
    #[test]
    fn a_body_is_what_would_be_written_from_nothing((is_large, arrivals, choices) in steps()) {
        let mut stream = Stream::default();
        if is_large {
            many_rows(&mut stream);
        }
        let (mut snapshots, mut states) = (SnapshotWriter::default(), StateWriter::default());
        for (arrival, choice) in arrivals.iter().zip(choices) {
            arrival.arrive(&mut stream);
            let machine_id = MachineId::new("n");
            match choice {
                // Nobody asks.
                0..5 => continue,
                5 => drop(stream.control(&Control::MachinePaused { machine_id })),
                6 => drop(stream.control(&Control::MachineResumed { machine_id })),
                7 => drop(stream.control(&Control::MachineForgotten { machine_id })),
                8 => (snapshots, states) = Default::default(),
                _ => {}
            }
            let fleet = &stream.fleet;
            let text = snapshots.write(fleet).unwrap();
            let whole = serde_json::to_vec(&Snapshot::of(fleet)).unwrap();
            prop_assert_eq!(text.len, whole.len());
            prop_assert_eq!(String::from_utf8(text.to_vec()), String::from_utf8(whole));
            let text = states.write(fleet).unwrap();
            prop_assert_eq!(text.to_vec(), serde_json::to_vec(fleet).unwrap());
            assert_ends(&snapshots.ends, fleet)?;
        }
    }
}

#[test]
fn only_what_changed_is_written_anew() {
    let mut stream = Stream::default();
    many_rows(&mut stream);
    let mut writer = SnapshotWriter::default();
    let before = writer.write(&stream.fleet).unwrap();
    stream.run("r3", "completed");
    let after = writer.write(&stream.fleet).unwrap();
    let kept: Vec<_> = before.pieces.iter().map(|piece| piece.as_ptr()).collect();
    let new: usize =
        after.pieces.iter().filter(|piece| !kept.contains(&piece.as_ptr())).map(|piece| piece.len()).sum();
    assert!(after.pieces.len() > 50 && new * 3 < after.len, "{new} of {} bytes", after.len);
}
