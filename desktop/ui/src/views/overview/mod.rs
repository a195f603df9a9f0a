//! Overview: the verdict first, then what needs somebody, then the fleet, what runs, what it costs, what happened.

mod activity;
mod attention;
pub(super) mod cost;
mod first;
mod log;
mod running;
mod strip;
mod verdict;

use std::rc::Rc;

use yew::prelude::*;

use crate::fleet::Reading;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct OverviewProps {
    /// The state.
    pub reading: Rc<Reading>,
}

/// The view.
#[component]
pub fn Overview(props: &OverviewProps) -> Html {
    let reading = &props.reading;
    if reading.fleet.facts().machines.is_empty() {
        return html! {
            <div class="two-columns overview">
                <first::FirstMinute />
                <aside class="column"><log::Log reading={Rc::clone(reading)} /></aside>
            </div>
        };
    }
    html! {
        <div class="two-columns overview">
            <div class="column">
                <verdict::Verdict reading={Rc::clone(reading)} />
                <strip::Fleet reading={Rc::clone(reading)} />
                <attention::NeedsAttention reading={Rc::clone(reading)} />
                <running::RunningNow reading={Rc::clone(reading)} />
                <activity::Activity reading={Rc::clone(reading)} />
            </div>
            <aside class="column" aria-label="Cost and log">
                <cost::Cost reading={Rc::clone(reading)} />
                <log::Log reading={Rc::clone(reading)} />
            </aside>
        </div>
    }
}
