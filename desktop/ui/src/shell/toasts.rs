//! Messages at the bottom right: what has just failed, and what the user has just done. The same one again is folded for
//! two minutes.

use std::rc::Rc;

use gloo_timers::callback::Timeout;
use patze_core::attention::Rule;
use patze_core::time::Timestamp;
use yew::prelude::*;

use crate::client::live::now;
use crate::fleet::Reading;
use crate::parts::mark::StateMark;
use crate::route::{Route, View};
use crate::say::word::State;
use crate::world::use_place;

/// Most that are shown at once.
const MOST: usize = 3;
/// The same message within this is folded, ms.
const FOLD_MS: i64 = 120_000;
/// One that says that all is well goes by itself, ms.
const OK_MS: u32 = 5_000;

/// A message.
#[derive(Clone, PartialEq)]
pub struct Toast {
    /// What folds it with its like.
    pub key: String,
    /// How it is marked.
    pub state: State,
    /// The sentence.
    pub title: String,
    /// A second one.
    pub text: String,
    /// Where "Open" leads.
    pub open: Option<Route>,
}

impl Toast {
    /// Something was done.
    pub fn done(title: &str) -> Self {
        Self {
            key: title.to_owned(),
            state: State::Ok,
            title: title.to_owned(),
            text: String::new(),
            open: None,
        }
    }

    /// Something that the user asked for failed.
    pub fn failed(title: &str, text: &str) -> Self {
        Self {
            key: title.to_owned(),
            state: State::Down,
            title: title.to_owned(),
            text: text.to_owned(),
            open: None,
        }
    }
}

#[derive(Clone, PartialEq)]
struct Kept {
    toast: Toast,
    times: u32,
    at: Timestamp,
}

/// The messages.
#[derive(Clone, PartialEq, Default)]
pub struct Toasts {
    shown: Vec<Kept>,
    /// Alarms that are known: only new ones are told. None before the first state, whose alarms are no news.
    known: Option<Vec<(Rule, String)>>,
}

/// What happens to them.
pub enum Act {
    /// One more.
    Add(Toast),
    /// One was closed, or has been there long enough.
    Close(String),
    /// The alarms that there are; none while there is no live state.
    Alarms(Option<Vec<(Rule, String, Toast)>>),
}

/// How other parts add one.
#[derive(Clone, PartialEq)]
pub struct Tell(pub UseReducerDispatcher<Toasts>);

impl Reducible for Toasts {
    type Action = Act;

    fn reduce(self: Rc<Self>, act: Act) -> Rc<Self> {
        let mut toasts = (*self).clone();
        match act {
            Act::Add(toast) => toasts.add(toast),
            Act::Close(key) => toasts.shown.retain(|kept| kept.toast.key != key),
            Act::Alarms(None) => {}
            Act::Alarms(Some(alarms)) => {
                if let Some(known) = &self.known {
                    for (rule, what, toast) in &alarms {
                        if !known.iter().any(|(r, w)| r == rule && w == what) {
                            toasts.add(toast.clone());
                        }
                    }
                }
                toasts.known = Some(alarms.into_iter().map(|(rule, what, _)| (rule, what)).collect());
            }
        }
        toasts.into()
    }
}

impl Toasts {
    fn add(&mut self, toast: Toast) {
        let now = now();
        if let Some(kept) = self.shown.iter_mut().find(|kept| kept.toast.key == toast.key) {
            kept.times = if now.since(kept.at) < FOLD_MS { kept.times + 1 } else { 1 };
            (kept.toast, kept.at) = (toast, now);
            return;
        }
        if self.shown.len() >= MOST {
            self.shown.remove(0);
        }
        self.shown.push(Kept { toast, times: 1, at: now });
    }
}

/// The alarms of a state that are worth a message: a machine went down, a run failed.
pub fn alarms(reading: &Reading) -> Vec<(Rule, String, Toast)> {
    let mut alarms = Vec::new();
    for found in reading.attention.iter() {
        let machine = found.machine_id.as_ref();
        let name = machine.map_or_else(String::new, |machine| reading.machine_name(machine));
        match (found.rule, machine, &found.run_id) {
            (Rule::MachineSilent, Some(machine), _) => alarms.push((
                found.rule,
                machine.to_string(),
                Toast {
                    key: format!("down {machine}"),
                    state: State::Down,
                    title: format!("{name} is down"),
                    text: found.cause.clone(),
                    open: Some(Route::to(View::Machines).select([machine.as_str()])),
                },
            )),
            (Rule::RunFailed, Some(machine), Some(run)) => {
                let agent = reading
                    .run(&(machine.clone(), run.clone()))
                    .map_or_else(String::new, |run| run.agent_id.to_string());
                alarms.push((
                    found.rule,
                    format!("{machine} {run}"),
                    Toast {
                        key: format!("failed {agent} {machine}"),
                        state: State::Down,
                        title: format!("Run failed: {agent} on {name}"),
                        text: found.cause.clone(),
                        open: Some(Route::to(View::Runs).select([machine.as_str(), run.as_str()])),
                    },
                ));
            }
            _ => {}
        }
    }
    alarms
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct ToastsViewProps {
    /// The messages.
    pub toasts: UseReducerHandle<Toasts>,
}

/// The messages.
#[component]
pub fn ToastsView(props: &ToastsViewProps) -> Html {
    let shown = &props.toasts.shown;
    html! {
        <div class="toasts" role="status">
            { for shown.iter().map(|kept| html! { <ToastView key={kept.toast.key.clone()} kept={kept.clone()} dispatch={props.toasts.dispatcher()} /> }) }
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct ToastViewProps {
    kept: Kept,
    dispatch: UseReducerDispatcher<Toasts>,
}

#[component]
fn ToastView(props: &ToastViewProps) -> Html {
    let Kept { toast, times, at } = &props.kept;
    let place = use_place();
    let close = {
        let (dispatch, key) = (props.dispatch.clone(), toast.key.clone());
        move || dispatch.dispatch(Act::Close(key.clone()))
    };
    {
        let close = close.clone();
        let short = toast.state == State::Ok;
        use_effect_with(*at, move |_| {
            let timer = short.then(|| Timeout::new(OK_MS, close));
            move || drop(timer)
        });
    }
    let text =
        if *times > 1 { format!("{} {times} times in 2\u{a0}min.", toast.text) } else { toast.text.clone() };
    let onclose = close.clone();
    html! {
        <div class="toast">
            <StateMark state={toast.state} />
            <div class="toast-text"><p><b><bdi>{ &toast.title }</bdi></b></p>if !text.is_empty() { <p class="toast-more"><bdi>{ text }</bdi></p> }</div>
            if let Some(route) = &toast.open {
                <a class="link" href={place.href(route.clone())} onclick={move |_| close()}>{ "Open" }</a>
            }
            if toast.state != State::Ok {
                <button type="button" class="toast-close" aria-label="Close" onclick={move |_| onclose()}>{ "×" }</button>
            }
        </div>
    }
}
