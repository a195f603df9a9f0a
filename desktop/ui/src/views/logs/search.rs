//! The search field: what is searched for, how much was found, and the ways from hit to hit.

use gloo_timers::callback::Timeout;
use wasm_bindgen::JsCast as _;
use yew::prelude::*;

use crate::parts::mark::SearchMark;

/// What is typed is searched for after a pause of so many ms.
const PAUSE_MS: u32 = 250;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct SearchProps {
    /// What is searched for.
    pub text: AttrValue,
    /// How much was found, in words.
    pub found: AttrValue,
    /// There is something to step through.
    pub some: bool,
    /// It cannot be searched for.
    pub wrong: bool,
    /// Tells what is searched for.
    pub onsearch: Callback<String>,
    /// Goes to the next older hit (1) or the next newer one (−1).
    pub onstep: Callback<i32>,
}

/// The field.
#[component]
pub fn Search(props: &SearchProps) -> Html {
    let typed = use_state_eq(|| props.text.to_string());
    // What was told last: when the route says something else, it was changed by another hand.
    let told = use_mut_ref(|| props.text.to_string());
    let pause = use_mut_ref(|| None::<Timeout>);
    {
        let (typed, told, pause) = (typed.clone(), told.clone(), pause.clone());
        use_effect_with(props.text.clone(), move |text| {
            if told.borrow().trim() != text.as_str() {
                *told.borrow_mut() = text.to_string();
                pause.borrow_mut().take();
                typed.set(text.to_string());
            }
        });
    }
    let tell = {
        let (told, onsearch) = (told.clone(), props.onsearch.clone());
        move |text: String| {
            *told.borrow_mut() = text.clone();
            onsearch.emit(text.trim().to_owned());
        }
    };
    let oninput = {
        let (typed, pause, tell) = (typed.clone(), pause.clone(), tell.clone());
        Callback::from(move |event: InputEvent| {
            let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
            let text = input.map_or_else(String::new, |input| input.value());
            typed.set(text.clone());
            let tell = tell.clone();
            *pause.borrow_mut() = Some(Timeout::new(PAUSE_MS, move || tell(text)));
        })
    };
    let onkeydown = {
        let (typed, onstep) = (typed.clone(), props.onstep.clone());
        Callback::from(move |event: KeyboardEvent| match event.key().as_str() {
            "Enter" => {
                event.prevent_default();
                pause.borrow_mut().take();
                if typed.trim() != told.borrow().trim() {
                    tell((*typed).clone());
                } else {
                    onstep.emit(if event.shift_key() { -1 } else { 1 });
                }
            }
            "Escape" if !typed.is_empty() => {
                event.prevent_default();
                pause.borrow_mut().take();
                typed.set(String::new());
                tell(String::new());
            }
            _ => {}
        })
    };
    let step = |by: i32| props.onstep.reform(move |_: MouseEvent| by);
    html! {
        <div class={classes!("log-search", props.wrong.then_some("wrong"))} role="search">
            <SearchMark />
            <input type="text" role="searchbox" aria-label="Search log lines" placeholder="Search log lines" value={(*typed).clone()}
                autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="search" data-view-search="true"
                aria-invalid={props.wrong.then_some("true")} aria-describedby={props.wrong.then_some("search-fault")} {oninput} {onkeydown} />
            if !props.found.is_empty() {
                <span class="log-found" role="status">{ &props.found }</span>
            }
            if props.some {
                <button type="button" class="step" aria-label="Newer hit" data-tip="Newer hit" onclick={step(-1)}><kbd class="key">{ "↑" }</kbd></button>
                <button type="button" class="step" aria-label="Older hit" data-tip="Older hit" onclick={step(1)}><kbd class="key">{ "↓" }</kbd></button>
            }
        </div>
    }
}
