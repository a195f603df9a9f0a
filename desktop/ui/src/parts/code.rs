//! A command to copy.

use gloo_timers::callback::Timeout;
use yew::prelude::*;

/// What is shown.
#[derive(Properties, PartialEq)]
pub struct CodeProps {
    /// The command, one line or several.
    pub text: AttrValue,
    /// What stands before it.
    #[prop_or("$")]
    pub prompt: &'static str,
}

/// A command in a box with Copy.
#[component]
pub fn Code(props: &CodeProps) -> Html {
    html! {
        <div class="code">
            <span class="prompt" aria-hidden="true">{ props.prompt }</span>
            <code tabindex="0">{ &props.text }</code>
            <Copy text={props.text.clone()} />
        </div>
    }
}

/// What is copied.
#[derive(Properties, PartialEq)]
pub struct CopyProps {
    /// The text.
    pub text: AttrValue,
    /// The button's label.
    #[prop_or("Copy")]
    pub label: &'static str,
}

/// A button that copies.
#[component]
pub fn Copy(props: &CopyProps) -> Html {
    let done = use_state(|| false);
    let onclick = {
        let (text, done) = (props.text.clone(), done.clone());
        Callback::from(move |_: MouseEvent| {
            copy(&text);
            done.set(true);
            let done = done.clone();
            Timeout::new(2_000, move || done.set(false)).forget();
        })
    };
    html! { <button type="button" class="button" {onclick}>{ if *done { "Copied" } else { props.label } }</button> }
}

/// Puts a text on the clipboard; without a secure context by a selection, as browsers then have no clipboard.
pub fn copy(text: &str) {
    let Some(window) = web_sys::window() else { return };
    if window.is_secure_context() {
        let _ = window.navigator().clipboard().write_text(text);
        return;
    }
    let copied = window.document().and_then(|document| {
        let area = document.create_element("textarea").ok()?;
        area.set_text_content(Some(text));
        let body = document.body()?;
        body.append_child(&area).ok()?;
        let select = js_sys::Reflect::get(&area, &"select".into()).ok()?;
        let select: js_sys::Function = wasm_bindgen::JsCast::dyn_into(select).ok()?;
        select.call0(&area).ok()?;
        let exec = js_sys::Reflect::get(&document, &"execCommand".into()).ok()?;
        let exec: js_sys::Function = wasm_bindgen::JsCast::dyn_into(exec).ok()?;
        let _ = exec.call1(&document, &"copy".into());
        area.remove();
        Some(())
    });
    if copied.is_none() {
        web_sys::console::warn_1(&"this browser lets nothing be copied".into());
    }
}
