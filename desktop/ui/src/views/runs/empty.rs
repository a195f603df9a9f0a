//! What stands where no run is: why, and what shows some.

use std::rc::Rc;

use yew::prelude::*;

use super::filter::{Filter, Which};
use crate::fleet::Reading;
use crate::parts::button::Button;
use crate::parts::code::Code;
use crate::parts::empty::Empty;
use crate::route::Route;
use crate::say::clock;
use crate::world::use_place;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct NoRunProps {
    /// The state.
    pub reading: Rc<Reading>,
    /// What was asked for.
    pub filter: Filter,
}

/// No run to show.
#[component]
pub fn NoRun(props: &NoRunProps) -> Html {
    let place = use_place();
    let NoRunProps { reading, filter } = props;
    let last = reading.ended_runs.iter().next().and_then(|(_, key)| reading.run(key)?.life.ended_at());
    if last.is_none() && reading.active_runs.is_empty() {
        return html! {
            <Empty title="No run yet." why="Runs appear when an agent of one of your machines is given something to do.">
                <Code text="openclaw agent --message \"hello\"" />
            </Empty>
        };
    }
    let go = |to: Route| {
        let go = place.go.clone();
        Callback::from(move |_: MouseEvent| go.emit(to.clone()))
    };
    let log_time = reading.fleet.log_time();
    let why = match last {
        Some(last) if !filter.is_of_some() && filter.which != Which::Failed => {
            format!("The last one ended at {}.", clock::near_to_the_second(last, log_time))
        }
        _ => String::new(),
    };
    let longer = filter.range.longer().filter(|_| filter.which != Which::Active);
    let is_filtered = filter.is_of_some() || filter.which != Which::All;
    html! {
        <Empty title={title(filter)} {why}>
            if let Some(longer) = longer {
                <Button onclick={go(place.with_filter(Filter::RANGE, longer.word()))}>{ format!("Show {}", longer.label()) }</Button>
            } else if is_filtered {
                <Button onclick={go(Filter::cleared(&place.route))}>{ "Show all runs" }</Button>
            }
        </Empty>
    }
}

/// "No run in this hour."
fn title(filter: &Filter) -> String {
    let whose = match (filter.agent.as_str(), filter.machine.as_str()) {
        ("", "") => String::new(),
        (agent, "") => format!(" of {agent}"),
        ("", _) => " of this machine".to_owned(),
        (agent, _) => format!(" of {agent} on this machine"),
    };
    match (filter.which, filter.range) {
        (Which::Active, _) => format!("No run{whose} is active."),
        (Which::Failed, range) => format!("No run{whose} failed in {}.", range.phrase()),
        (Which::All, range) => format!("No run{whose} in {}.", range.phrase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::View;

    #[test]
    fn it_says_what_there_is_none_of() {
        let of = |filters: &[(&str, &str)]| {
            let route =
                filters.iter().fold(Route::to(View::Runs), |route, (name, value)| route.filter(name, value));
            title(&Filter::of(&route)).replace('\u{a0}', " ")
        };
        assert_eq!(of(&[("last", "1h")]), "No run in this hour.");
        assert_eq!(of(&[("state", "active"), ("agent", "scribe")]), "No run of scribe is active.");
        assert_eq!(
            of(&[("state", "failed"), ("machine", "m")]),
            "No run of this machine failed in these 24 h."
        );
        assert_eq!(of(&[("last", "7d")]), "No run in these 7 d.");
    }
}
