//! A token's row: who it is for, what it may, until when, and when its machine was last heard of.

use patze_core::time::{DAY, Timestamp};
use yew::prelude::*;

use super::answers::Token;
use crate::parts::age::Age;
use crate::say::{NONE, clock, span};
use crate::world::{use_now_by, use_shown};

/// From here on an end is near: where the fleet's own rule begins.
const NEAR: i64 = 3 * DAY;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct TokenRowProps {
    /// The token.
    pub token: Token,
    /// The name of its machine, where the token is called otherwise.
    pub machine: Option<AttrValue>,
    /// The last event of its machine.
    pub heard: Option<Timestamp>,
    /// Ends it.
    pub onend: Callback<Token>,
}

/// A row.
#[component]
pub fn TokenRow(props: &TokenRowProps) -> Html {
    let TokenRowProps { token, machine, heard, onend } = props;
    let (shown, minute) = (use_shown(), use_now_by(60_000));
    let now = if shown.is_past() { crate::client::live::now().plus(shown.ahead) } else { minute };
    let (end, class) = end(token, now);
    let why_not = shown.why_not();
    let onclick = {
        let (onend, token, off) = (onend.clone(), token.clone(), why_not.is_some());
        Callback::from(move |_: MouseEvent| {
            if !off {
                onend.emit(token.clone());
            }
        })
    };
    html! {
        <tr class={(!token.is_live()).then_some("ended")}>
            <td><span class="lead"><b><bdi data-tip={format!("{}, id {}", token.name, token.id)} data-tip-more={format!("made {}", clock::full(token.created_at))}>{ &token.name }</bdi></b>
                if let Some(machine) = machine { <bdi class="what">{ machine }</bdi> }</span></td>
            <td class="second">{ may(&token.scope) }</td>
            <td class={class} data-tip={token.expires_at.map(clock::full)}>{ end }</td>
            <td>if token.scope == "bridge" { <Age at={*heard} what="Last event" /> } else { <span class="age">{ NONE }</span> }</td>
            <td class="token-act">
                if token.is_live() {
                    <button type="button" class="revoke" aria-disabled={why_not.is_some().then_some("true")} data-tip={why_not} aria-label={format!("Revoke the token of {}", token.name)} {onclick}>{ "Revoke" }</button>
                }
            </td>
        </tr>
    }
}

/// What a scope lets.
pub fn may(scope: &str) -> &str {
    match scope {
        "bridge" => "send events",
        "read" => "read",
        "admin" => "everything",
        other => other,
    }
}

/// When it ends, in words, and the class of that.
fn end(token: &Token, now: Timestamp) -> (String, &'static str) {
    if let Some(at) = token.revoked_at {
        return (format!("revoked {}", clock::near(at, now)), "quiet");
    }
    match token.expires_at {
        None => ("never".to_owned(), "second"),
        Some(at) if at <= now => (format!("expired {}", clock::near(at, now)), "quiet"),
        Some(at) => {
            let left = at.since(now);
            (format!("in {}", span::countdown(left)), if left < NEAR { "is-degraded" } else { "" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_near_is_marked() {
        let now = Timestamp::parse("2026-10-23T12:00:00Z").unwrap();
        let token = |expires: Option<i64>, revoked: Option<i64>| Token {
            id: "X".to_owned(),
            name: "cellar".to_owned(),
            scope: "bridge".to_owned(),
            machine_id: None,
            created_at: now,
            expires_at: expires.map(|ms| now.plus(ms)),
            revoked_at: revoked.map(|ms| now.plus(ms)),
            state: "live".to_owned(),
        };
        assert_eq!(end(&token(None, None), now).0, "never");
        assert_eq!(end(&token(Some(6 * DAY + DAY / 6), None), now), ("in 6\u{a0}d 4\u{a0}h".to_owned(), ""));
        assert_eq!(end(&token(Some(DAY), None), now).1, "is-degraded");
        assert_eq!(end(&token(Some(-DAY), None), now), ("expired 22 Oct 12:00".to_owned(), "quiet"));
        assert_eq!(end(&token(None, Some(-DAY)), now).0, "revoked 22 Oct 12:00");
    }
}
