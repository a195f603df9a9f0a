//! What needs somebody: mark, what, why, since when, and one way on. The most severe first, then the newest.

use patze_core::attention::{Attention, Rule};
use patze_core::fleet::lifecycle::Life;
use yew::prelude::*;

use super::OverviewProps;
use crate::fleet::Reading;
use crate::parts::age::Age;
use crate::parts::link::Link;
use crate::parts::mark::StateMark;
use crate::route::{Route, View};
use crate::say::word::State;
use crate::say::{clock, number};

/// Rows that are shown before "and so many more".
const MOST: usize = 8;

/// What needs somebody.
#[component]
pub fn NeedsAttention(props: &OverviewProps) -> Html {
    let all = &props.reading.attention;
    if all.is_empty() {
        return html! { <section class="attention"><p class="quiet-line">{ "Nothing needs you." }</p></section> };
    }
    html! {
        <section class="attention">
            <h3>{ "Needs attention" }<i>{ all.len() }</i></h3>
            <ul>
                { for all.iter().take(MOST).map(|found| row(&props.reading, found)) }
                if all.len() > MOST { <li class="quiet-line">{ format!("and {} more", all.len() - MOST) }</li> }
            </ul>
        </section>
    }
}

fn row(reading: &Reading, found: &Attention) -> Html {
    let Said { what, why, to, action } = say(reading, found);
    html! {
        <li class="attention-row" data-tip={found.cause.clone()} data-tip-more={found.next_step.clone()}>
            <StateMark state={State::of_severity(found.severity)} />
            <p><b><bdi>{ what }</bdi></b><bdi class="why">{ why }</bdi></p>
            <Age at={Some(found.since)} exact=true what="Since" />
            <Link {to}>{ action }</Link>
        </li>
    }
}

struct Said {
    what: String,
    why: String,
    to: Route,
    action: &'static str,
}

/// The rule's finding in the page's words; its own sentence is in the tip.
fn say(reading: &Reading, found: &Attention) -> Said {
    let machine = found.machine_id.as_ref();
    let name = machine.map_or_else(String::new, |machine| reading.machine_name(machine));
    let to_machine = machine
        .map_or_else(|| Route::to(View::Machines), |id| Route::to(View::Machines).select([id.as_str()]));
    let run = machine
        .zip(found.run_id.as_ref())
        .and_then(|(machine, run)| reading.run(&(machine.clone(), run.clone())));
    let to_run = run.map_or_else(
        || Route::to(View::Runs),
        |run| Route::to(View::Runs).select([run.machine_id.as_str(), run.run_id.as_str()]),
    );
    let gauges =
        machine.and_then(|id| reading.fleet.facts().machines.get(id)).and_then(|machine| machine.gauges);
    let said = |what, why, to, action| Said { what, why, to, action };
    match found.rule {
        Rule::MachineSilent => {
            let last = machine
                .and_then(|id| reading.fleet.facts().machines.get(id))
                .and_then(|machine| machine.pulse.as_ref())
                .map_or(found.since, |pulse| pulse.last_seen_at);
            said(
                format!("{name} is down"),
                format!("No heartbeat since {}.", clock::near_to_the_second(last, reading.fleet.log_time())),
                to_machine,
                "Open",
            )
        }
        Rule::RunFailed => {
            let why = run.map_or_else(
                || found.cause.clone(),
                |run| match &run.life {
                    Life::Ended { reason: Some(reason), .. } => reason.to_string(),
                    _ => "No reason was told.".to_owned(),
                },
            );
            let agent = run.map_or_else(String::new, |run| run.agent_id.to_string());
            said(format!("Run failed: {agent} on {name}"), why, to_run, "Open run")
        }
        Rule::FailureRate => said(
            format!("{name}: runs fail"),
            found.cause.clone(),
            Route::to(View::Runs).filter("state", "failed"),
            "See runs",
        ),
        Rule::RunSilent => {
            let agent = run.map_or_else(String::new, |run| run.agent_id.to_string());
            said(
                format!("{agent} on {name} is silent"),
                "A run has had no event for 15 min.".to_owned(),
                to_run,
                "Open run",
            )
        }
        Rule::DiskFull => {
            let full = gauges.and_then(|gauges| gauges.disk_pct).map_or_else(String::new, number::percent);
            let of = gauges.and_then(|gauges| gauges.disk_usage_bytes.zip(gauges.disk_total_bytes));
            let why = of.map_or_else(String::new, |(used, all)| {
                format!("{} of {} are used.", number::bytes(used), number::bytes(all))
            });
            said(format!("{name}: disk {full} full"), why, to_machine, "Open")
        }
        Rule::ClockSkew => said(format!("{name}: clock is off"), found.cause.clone(), to_machine, "Open"),
        Rule::TokenEnds => said(
            "A token ends".to_owned(),
            found.cause.clone(),
            Route::to(View::Settings).select(["tokens"]),
            "See tokens",
        ),
        Rule::BridgeOld => said(format!("{name}: old bridge"), found.cause.clone(), to_machine, "Open"),
        Rule::LogDiskLow => said(
            "The log's disk is nearly full".to_owned(),
            found.cause.clone(),
            Route::to(View::Settings).select(["retention"]),
            "See retention",
        ),
        Rule::CostHigh => {
            said("Cost is high".to_owned(), found.cause.clone(), Route::to(View::Agents), "See agents")
        }
    }
}
