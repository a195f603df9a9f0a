//! What is known of a machine's bridge: version, token, clock, and the machine's id.

use std::rc::Rc;

use patze_core::attention::Rule;
use patze_core::fleet::TokenFact;
use patze_core::fleet::rows::Machine;
use patze_core::ids::MachineId;
use patze_core::time::{DAY, MINUTE, Timestamp};
use yew::prelude::*;

use crate::fleet::Reading;
use crate::parts::code::Copy;
use crate::say::word::{State, middle};
use crate::say::{NONE, clock, span};
use crate::world::use_now_by;

/// A token that ends within this is told of, as attention has it.
const SOON: i64 = 3 * DAY;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct BridgeProps {
    /// The state.
    pub reading: Rc<Reading>,
    /// The machine.
    pub machine: Rc<Machine>,
}

/// The facts.
#[component]
pub fn Bridge(props: &BridgeProps) -> Html {
    let BridgeProps { reading, machine } = props;
    let now = use_now_by(MINUTE);
    let id = &machine.machine_id;
    let server = &reading.fleet.facts().server;
    let is_old = reading
        .attention
        .iter()
        .any(|found| found.rule == Rule::BridgeOld && found.machine_id.as_ref() == Some(id));
    let older = server.version.as_ref().filter(|_| is_old);
    html! {
        <section class="machine-bridge">
            <h3>{ "Bridge" }</h3>
            <dl>
                <dt>{ "Version" }</dt>
                <dd><bdi>{ machine.bridge_version.as_ref().map_or(NONE, |version| version.as_str()) }</bdi>
                    if let Some(version) = older { <span class="is-degraded">{ format!("the server has {version}") }</span> }
                </dd>
                <dt>{ "Token" }</dt>
                <dd>{ token(newest(server.tokens.iter(), id), now) }</dd>
                <dt>{ "Clock" }</dt>
                <dd>{ skew(machine) }</dd>
                if let Some(name) = machine.reported_name.as_ref().filter(|_| machine.given_name.is_some()) {
                    <dt>{ "Calls itself" }</dt>
                    <dd><bdi>{ name.to_string() }</bdi></dd>
                }
                <dt>{ "Machine id" }</dt>
                <dd><bdi class="mono" data-tip={id.to_string()}>{ middle(id.as_str(), 19) }</bdi><Copy text={id.to_string()} /></dd>
            </dl>
        </section>
    }
}

/// The token of a machine that lasts the longest.
fn newest<'a>(tokens: impl Iterator<Item = &'a TokenFact>, machine: &MachineId) -> Option<&'a TokenFact> {
    tokens
        .filter(|token| token.machine_id.as_ref() == Some(machine))
        .max_by_key(|token| token.expires_at.unwrap_or(Timestamp::MAX))
}

fn token(token: Option<&TokenFact>, now: Timestamp) -> Html {
    let Some(token) = token else {
        return html! { <span class="quiet" data-tip="No token is bound to this machine">{ "none of its own" }</span> };
    };
    let Some(end) = token.expires_at else { return html! { { "does not expire" } } };
    let left = end.since(now);
    let (class, text) = match left {
        ..=0 => (State::Down.class(), format!("expired {}", clock::near(end, now))),
        1..SOON => (State::Degraded.class(), format!("expires in {}", span::countdown(left))),
        _ => ("", format!("expires in {}", span::countdown(left))),
    };
    html! { <span {class} data-tip={format!("Expires {}", clock::full(end))}>{ text }</span> }
}

fn skew(machine: &Machine) -> Html {
    match machine.clock_skew {
        Some((seconds, since)) => {
            let direction = if seconds > 0 { "ahead" } else { "behind" };
            let text =
                format!("{} {direction}", span::duration(seconds.saturating_abs().saturating_mul(1_000)));
            html! { <span class="is-degraded" data-tip={format!("Since {}", clock::full(since))}>{ text }</span> }
        }
        None => {
            html! { <span data-tip="It is told of when it is more than 60 s off">{ "no skew noticed" }</span> }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_that_lasts_the_longest_counts() {
        let token = |id: &str, machine: &str, end: Option<i64>| TokenFact {
            id: id.into(),
            name: id.into(),
            machine_id: Some(MachineId::new(machine)),
            expires_at: end.map(Timestamp::from_millis),
        };
        let tokens = [token("a", "m", Some(5)), token("b", "m", Some(9)), token("c", "other", None)];
        let found =
            |machine: &str| newest(tokens.iter(), &MachineId::new(machine)).map(|token| token.id.to_string());
        assert_eq!(found("m").as_deref(), Some("b"));
        assert_eq!(found("other").as_deref(), Some("c"));
        assert_eq!(found("third"), None);
    }
}
