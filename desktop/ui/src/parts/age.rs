//! How old something is: drawn anew every second by the shared clock, in figures of fixed width.

use patze_core::time::Timestamp;
use yew::prelude::*;

use crate::say::{NONE, clock, span};
use crate::world::use_now;

/// What is aged.
#[derive(Properties, PartialEq)]
pub struct AgeProps {
    /// Since when; none if it was never known.
    pub at: Option<Timestamp>,
    /// With two units and seconds, as for something that goes on.
    #[prop_or_default]
    pub exact: bool,
    /// What is shown is old: grey and dotted.
    #[prop_or_default]
    pub stale: bool,
    /// The first line of the tip, before the time of day.
    #[prop_or("At")]
    pub what: &'static str,
}

/// An age.
#[component]
pub fn Age(props: &AgeProps) -> Html {
    let now = use_now();
    let Some(at) = props.at else { return html! { <span class="age">{ NONE }</span> } };
    let ms = now.since(at);
    let text = if props.exact && ms >= 2_000 { span::duration(ms - ms % 1_000) } else { span::age(ms) };
    let ago = if ms < 2_000 { "now".to_owned() } else { format!("{} ago", span::duration(ms - ms % 1_000)) };
    html! {
        <time class={classes!("age", props.stale.then_some("stale"))} datetime={at.to_string()}
            data-tip={format!("{} {}", props.what, clock::near_to_the_second(at, now))} data-tip-more={format!("{}, {ago}", clock::zoned(at))}>
            { text }
        </time>
    }
}

/// A time of day, with the whole date in its tip.
#[derive(Properties, PartialEq)]
pub struct TimeProps {
    /// When.
    pub at: Timestamp,
    /// With seconds.
    #[prop_or_default]
    pub seconds: bool,
    /// When it was heard of, if that was much later.
    #[prop_or_default]
    pub heard: Option<Timestamp>,
}

/// A time of day.
#[component]
pub fn Time(props: &TimeProps) -> Html {
    let now = use_now_of_day();
    let text =
        if props.seconds { clock::near_to_the_second(props.at, now) } else { clock::near(props.at, now) };
    let heard = props.heard.filter(|heard| heard.since(props.at) > 10_000);
    let tip = match heard {
        Some(heard) => format!("happened {}, heard {}", clock::time(props.at), clock::time(heard)),
        None => clock::time(props.at),
    };
    html! {
        <time class="mono" datetime={props.at.to_string()} data-tip={tip} data-tip-more={clock::zoned(props.at)}>{ text }</time>
    }
}

/// The clock to the minute: what decides whether a date is today's.
#[hook]
fn use_now_of_day() -> Timestamp {
    crate::world::use_now_by(60_000)
}
