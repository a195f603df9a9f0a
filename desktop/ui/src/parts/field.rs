//! A text field with its label, help and fault.

use wasm_bindgen::JsCast as _;
use yew::prelude::*;

use super::mark::StateMark;
use crate::say::word::State;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct FieldProps {
    /// Unique in the page.
    pub id: AttrValue,
    /// Its label.
    pub label: AttrValue,
    /// What stands in it.
    pub value: AttrValue,
    /// Tells what is typed.
    pub oninput: Callback<String>,
    /// What is wrong with it.
    #[prop_or_default]
    pub fault: Option<AttrValue>,
    /// What it is for.
    #[prop_or_default]
    pub help: Option<AttrValue>,
    /// `text` or `password`.
    #[prop_or("text")]
    pub kind: &'static str,
    /// Told by Enter.
    #[prop_or_default]
    pub onenter: Callback<()>,
    /// What stands in it while it is empty.
    #[prop_or_default]
    pub hint: AttrValue,
    /// Takes the focus when it appears.
    #[prop_or_default]
    pub focus: bool,
    /// Stands beside the input.
    #[prop_or_default]
    pub children: Html,
}

/// A field.
#[component]
pub fn Field(props: &FieldProps) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(props.focus, move |focus| {
            if *focus && let Some(input) = node.cast::<web_sys::HtmlElement>() {
                let _ = input.focus();
            }
        });
    }
    let oninput = props.oninput.reform(|event: InputEvent| {
        event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok())
            .map_or_else(String::new, |input| input.value())
    });
    let onenter = props.onenter.clone();
    let onkeydown = Callback::from(move |event: KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
            onenter.emit(());
        }
    });
    let (fault_id, help_id) = (format!("{}-fault", props.id), format!("{}-help", props.id));
    let described = match (&props.fault, &props.help) {
        (Some(_), _) => Some(fault_id.clone()),
        (None, Some(_)) => Some(help_id.clone()),
        (None, None) => None,
    };
    html! {
        <div class="field">
            <label for={props.id.clone()}>{ &props.label }</label>
            <div class="field-row">
                <input ref={node} id={props.id.clone()} class={classes!("input", props.fault.is_some().then_some("wrong"))} type={props.kind}
                    value={props.value.clone()} placeholder={props.hint.clone()} autocomplete="off" spellcheck="false"
                    aria-invalid={props.fault.is_some().then_some("true")} aria-describedby={described} {oninput} {onkeydown} />
                { props.children.clone() }
            </div>
            if let Some(fault) = &props.fault {
                <p id={fault_id} class="fault"><StateMark state={State::Down} size={10} quiet=true />{ fault }</p>
            } else if let Some(help) = &props.help {
                <p id={help_id} class="help">{ help }</p>
            }
        </div>
    }
}
