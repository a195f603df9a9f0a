//! Views that have their place and are not built yet: what they will be, and what works today.

use yew::prelude::*;

use crate::parts::code::Code;
use crate::parts::empty::Empty;
use crate::route::View;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct LaterProps {
    /// Which.
    pub view: View,
}

/// A view to come.
#[component]
pub fn Later(props: &LaterProps) -> Html {
    let (title, why, command) = match props.view {
        View::Tasks => (
            "Tasks are not built yet.",
            "OpenClaw's own cron jobs run as ever; their runs are under Runs, channel cron.",
            "openclaw cron list",
        ),
        View::Channels => (
            "Channels are not built yet.",
            "Sessions and runs show the channel they came through. On the machine, OpenClaw lists its channels.",
            "openclaw channels status",
        ),
        _ => (
            "Tunnels are not built yet.",
            "A machine that can reach this address needs none. From one that cannot, forward the port over SSH.",
            "ssh -R 9700:127.0.0.1:9700 you@your-vps",
        ),
    };
    html! { <Empty {title} {why}><Code text={command} /></Empty> }
}
