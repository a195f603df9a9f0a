//! The names of machines, for rows and for the choice of one.

use std::rc::Rc;

use patze_core::fleet::rows::Machine;
use patze_core::time::{MINUTE, Timestamp};
use yew::prelude::*;

use super::list::Names;
use crate::fleet::Reading;
use crate::world::use_now_by;

/// A machine's name of so many characters fits its column.
const SHORT_NAME: usize = 9;

/// The names of machines.
#[derive(PartialEq)]
pub struct Machines {
    /// By id.
    pub names: Rc<Names>,
    /// Those that can be chosen, and "any": id and name.
    pub choices: Vec<(AttrValue, AttrValue)>,
}

impl Machines {
    fn of(reading: &Reading) -> Self {
        let known = |machine: &Machine| {
            let name = reading.machine_name(&machine.machine_id);
            (AttrValue::from(machine.machine_id.to_string()), AttrValue::from(name))
        };
        let machines = reading.machines();
        let names = machines.iter().map(|machine| (machine.machine_id.clone(), known(machine).1)).collect();
        let any = (AttrValue::Static(""), AttrValue::Static("any"));
        let choices = std::iter::once(any).chain(machines.into_iter().map(known)).collect();
        Self { names: Rc::new(names), choices }
    }

    /// Whether names need more room than the drawing gives them.
    pub fn are_long(&self) -> bool {
        self.names.values().any(|name| name.chars().count() > SHORT_NAME)
    }

    /// The name of one; empty if it is not known.
    pub fn name(&self, id: &str) -> AttrValue {
        self.choices
            .iter()
            .find(|(known, _)| !id.is_empty() && known == id)
            .map_or_else(AttrValue::default, |(_, name)| name.clone())
    }
}

/// The names of machines: looked at now and then, as they seldom change.
#[hook]
pub fn use_machines(reading: &Rc<Reading>, moment: Option<Timestamp>) -> Rc<Machines> {
    let minute = use_now_by(MINUTE);
    let n = reading.fleet.facts().machines.len();
    let reading = Rc::clone(reading);
    use_memo((minute, moment, n), move |_| Machines::of(&reading))
}
