//! Appearance: light or dark, and whether single keys do something.

use yew::prelude::*;

use super::sections::Section;
use crate::parts::segmented::{Choice, Segmented};
use crate::parts::switch::Switch;
use crate::shell::{appearance, keys};

/// Appearance.
#[component]
pub fn Appearance() -> Html {
    let chosen = use_state_eq(appearance::chosen);
    let on = use_state_eq(keys::are_on);
    let onchange = {
        let chosen = chosen.clone();
        Callback::from(move |word: &'static str| {
            let theme = appearance::Theme::of(word);
            appearance::choose(theme);
            chosen.set(theme);
        })
    };
    let onswitch = {
        let on = on.clone();
        Callback::from(move |now: bool| {
            keys::switch(now);
            on.set(now);
        })
    };
    let choices =
        vec![Choice::new("system", "System"), Choice::new("light", "Light"), Choice::new("dark", "Dark")];
    html! {
        <section id={Section::Appearance.path()}>
            <h2>{ "Appearance" }</h2>
            <div class="setting">
                <span class="setting-name">{ "Theme" }</span>
                <Segmented label="Theme" {choices} value={chosen.word()} {onchange} />
            </div>
            <div class="setting">
                <span class="setting-name">{ "Keys" }</span>
                <Switch label="Single keys" on={*on} {onswitch} />
                <p class="help">{ "g m, /, j, k and others do something where nothing is typed. Arrows, Enter and Ctrl K always work." }</p>
            </div>
        </section>
    }
}
