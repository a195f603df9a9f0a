//! The strip of machines: a cell for each, in the order of their names, so that places stay.

use std::rc::Rc;

use patze_core::fleet::rows::Machine;
use patze_core::ids::MachineId;
use yew::prelude::*;

use super::cell::Cell;
use crate::fleet::Reading;
use crate::parts::rows::use_row_keys;
use crate::say::number;
use crate::world::use_shown;

/// Up to so many, cells have gauges; more of them are short.
const ROOMY: usize = 12;
/// Cells that are shown at first, and more each time.
const STEP: usize = 96;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct CellsProps {
    /// The state.
    pub reading: Rc<Reading>,
    /// The one that is shown in full, if one is.
    pub selected: Option<MachineId>,
}

/// The strip.
#[component]
pub fn Cells(props: &CellsProps) -> Html {
    let CellsProps { reading, selected } = props;
    let shown = use_shown();
    let node = use_node_ref();
    use_row_keys(&node);
    let steps = use_state(|| 1_usize);
    let machines = reading.machines();
    let (n, most) = (machines.len(), *steps * STEP);
    let size = match n {
        0..=5 => "few",
        6..=ROOMY => "some",
        _ => "many",
    };
    let more = { Callback::from(move |_: MouseEvent| steps.set(*steps + 1)) };
    html! {
        <nav ref={node} class={classes!("machine-cells", size)} aria-label="Machines">
            { for machines.into_iter().take(most).enumerate().map(|(place, machine)| html! {
                <Cell key={machine.machine_id.to_string()} machine={Rc::new(machine.clone())} doing={doing(reading, machine)}
                    selected={selected.as_ref() == Some(&machine.machine_id)} first={selected.as_ref().map_or(place == 0, |id| *id == machine.machine_id)} short={n > ROOMY} offline={shown.is_stale()} moment={shown.moment()} />
            }) }
            if n > most {
                <button type="button" class="machine-cell more" onclick={more}>{ format!("Show more: {} of {} are shown", number::count(most as u64), number::count(n as u64)) }</button>
            }
        </nav>
    }
}

/// "2 active, 2 agents, bridge 1.0.2".
fn doing(reading: &Reading, machine: &Machine) -> AttrValue {
    let active = match reading.fleet.index().machine_load(&machine.machine_id).active_runs {
        0 => "none active".to_owned(),
        n => format!("{n} active"),
    };
    let first = (machine.machine_id.clone(), Default::default(), Default::default());
    let agents = reading.fleet.facts().agents.from(first);
    let agents = agents.take_while(|agent| agent.machine_id == machine.machine_id).count();
    let bridge =
        machine.bridge_version.as_ref().map_or_else(String::new, |version| format!(", bridge {version}"));
    format!("{active}, {}{bridge}", number::of(agents, "agent", "agents")).into()
}
