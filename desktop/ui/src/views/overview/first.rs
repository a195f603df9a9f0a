//! The first minute: nothing has happened yet, and what to do about it.

use yew::prelude::*;

use crate::parts::code::Code;
use crate::parts::link::Link;
use crate::route::{Route, View};

/// The first minute.
#[component]
pub fn FirstMinute() -> Html {
    let origin = web_sys::window().and_then(|window| window.location().origin().ok()).unwrap_or_default();
    html! {
        <div class="first">
            <h2>{ "Nothing has happened yet." }<br /><i>{ "The log starts with the first machine." }</i></h2>
            <section>
                <span class="first-number">{ "1" }</span>
                <div>
                    <h3>{ "Watch this computer" }</h3>
                    <p>{ "Start a bridge beside OpenClaw. It reads what OpenClaw leaves on disk and tells this address; prompts and answers stay on their machine." }</p>
                    <Code text={format!("CONTROL_PLANE_BASE_URL={origin} patze-bridge")} />
                </div>
            </section>
            <section>
                <span class="first-number">{ "2" }</span>
                <div>
                    <h3>{ "Add another machine" }</h3>
                    <p>{ "Make a token for that machine only, and start a bridge there with it." }</p>
                    <p><Link to={Route::to(View::Settings).select(["tokens"])}>{ "Create a bridge token" }</Link></p>
                </div>
            </section>
            <section>
                <span class="first-number">{ "3" }</span>
                <div>
                    <h3>{ "Or look around first" }</h3>
                    <p>{ "The demo makes up a fleet of five machines with 30 days behind it, in a log of its own." }</p>
                    <Code text="scripts/demo" />
                </div>
            </section>
        </div>
    }
}
