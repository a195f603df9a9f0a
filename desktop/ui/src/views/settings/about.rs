//! About: versions, the log, the licence, and what machines read.

use std::rc::Rc;

use yew::prelude::*;

use super::sections::Section;
use crate::client::ask;
use crate::fleet::Reading;
use crate::parts::code::Copy;
use crate::say::{NONE, clock, number};
use crate::world::use_shown;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct AboutProps {
    /// The newest state.
    pub reading: Rc<Reading>,
}

/// About.
#[component]
pub fn About(props: &AboutProps) -> Html {
    let (shown, reading) = (use_shown(), &props.reading);
    let server = &reading.fleet.facts().server;
    let version =
        if shown.build.is_empty() { server.version.as_deref().unwrap_or(NONE) } else { &shown.build };
    let log_id = reading.log_id.to_string();
    html! {
        <section id={Section::About.path()}>
            <h2>{ "About" }</h2>
            <dl class="facts">
                <dt>{ "Version" }</dt>
                <dd>
                    { format!("Patze Control {version}") }
                    if let Some(at) = server.started_at { <span class="quiet">{ format!("started {}", clock::near(at, reading.fleet.log_time())) }</span> }
                </dd>
                <dt>{ "Log" }</dt><dd><code class="id">{ &log_id }</code><Copy text={log_id.clone()} /></dd>
                <dt>{ "Position" }</dt><dd class="mono">{ number::position(reading.fleet.position()) }</dd>
                <dt>{ "Licence" }</dt><dd>{ env!("CARGO_PKG_LICENSE") }<span class="quiet">{ "fonts Red Hat Text and Mono: OFL" }</span></dd>
                <dt>{ "For machines" }</dt>
                <dd>
                    <a class="link" href={ask::url("/openapi.json")} target="_blank" rel="noreferrer">{ "/openapi.json" }</a>
                    <a class="link" href={ask::url("/metrics")} target="_blank" rel="noreferrer"
                        data-tip="Where a token is needed, a browser cannot send it with a link" data-tip-more="Prometheus can: authorization: credentials">{ "/metrics" }</a>
                </dd>
            </dl>
        </section>
    }
}
