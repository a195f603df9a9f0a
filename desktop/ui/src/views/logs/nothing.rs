//! What stands there where no line is: why, and what would find some.

use yew::prelude::*;

use super::query::Query;
use crate::parts::button::Button;
use crate::parts::empty::Empty;
use crate::route::{Route, View};
use crate::say::{sentence, span};
use crate::world::use_place;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct NothingProps {
    /// What was asked.
    pub query: Query,
    /// How long the answer took, ms.
    pub took: i64,
    /// The name of the machine that was chosen.
    pub machine: AttrValue,
}

/// No line.
#[component]
pub fn Nothing(props: &NothingProps) -> Html {
    let (place, query) = (use_place(), &props.query);
    let go = |route: Route| {
        let place = place.clone();
        Callback::from(move |_: MouseEvent| place.go.emit(route.clone()))
    };
    let widened = go(place.with_filter("span", "all").filter("until", ""));
    let at = place.route.at;
    let bare =
        go(Route::to(View::Logs).filter("level", "debug,info,warn,error").filter("q", &query.text).at(at));
    let whole = if query.all { "the whole log" } else { "24\u{a0}h" };
    let (title, why) = if !query.text.is_empty() {
        let took = span::duration(props.took);
        (
            format!("No line matches “{}”.", query.text),
            format!("Searched {whole}{} in {took}.", of(query, &props.machine)),
        )
    } else if query.is_narrowed() || !query.all {
        (
            format!("No line in {whole}."),
            sentence::sentence(of(query, &props.machine).trim_start_matches(", ")),
        )
    } else {
        (
            "No line yet.".to_owned(),
            "A bridge sends failures of runs and tools, refusals, aborts, compaction, and what its gateway warns of.".to_owned(),
        )
    };
    html! {
        <Empty {title} {why}>
            <div class="empty-ways">
                if !query.all { <Button onclick={widened}>{ if query.text.is_empty() { "Show the whole log" } else { "Search the whole log" } }</Button> }
                if query.is_narrowed() { <Button onclick={bare}>{ "All levels and machines" }</Button> }
            </div>
        </Empty>
    }
}

/// What the list was narrowed to: `, levels warn and error, machine cellar`.
fn of(query: &Query, machine: &str) -> String {
    let mut told = String::new();
    if !query.levels.are_all() {
        let names: Vec<String> = query.levels.names().into_iter().map(str::to_owned).collect();
        told.push_str(&format!(
            ", {} {}",
            if names.len() == 1 { "level" } else { "levels" },
            sentence::list(&names)
        ));
    }
    let machine = if machine.is_empty() { &query.machine } else { machine };
    for (name, id) in
        [("machine", machine), ("run", &query.run), ("session", &query.session), ("agent", &query.agent)]
    {
        if !id.is_empty() {
            told.push_str(&format!(", {name} {id}"));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_list_was_narrowed_to_is_told() {
        let query = |route: Route| Query::of(&route);
        let logs = || Route::to(View::Logs);
        assert_eq!(of(&query(logs()), ""), ", levels info, warn and error");
        assert_eq!(
            of(&query(logs().filter("level", "warn").filter("machine", "m1")), "cellar"),
            ", level warn, machine cellar"
        );
        assert_eq!(of(&query(logs().filter("level", "debug,info,warn,error")), ""), "");
    }
}
