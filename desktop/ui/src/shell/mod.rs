//! The frame around each view: navigation, header, layers over it, and the keys.
//!
//! | to find out | open |
//! |---|---|
//! | the list at the left, and its counts | [`nav`] |
//! | title, connection message, filters | [`header`] |
//! | what each key does | [`keys`] |
//! | the command palette | [`palette`] |
//! | the help sheet | [`help`] |
//! | messages at the bottom right | [`toasts`] |
//! | what is told when something is pointed at | [`tip`] |
//! | light, dark, past | [`appearance`] |
//! | what stands there when the page itself fails | [`fault`] |

pub mod appearance;
pub mod fault;
pub mod header;
mod help;
pub mod keys;
mod nav;
mod palette;
mod tabs;
mod tip;
pub mod toasts;
mod unlock;

use std::rc::Rc;

use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast as _;
use yew::prelude::*;

use crate::client::ask::Problem;
use crate::client::live::Link;
use crate::route::Route;
use crate::say::typed::At;
use crate::world::{use_place, use_shown};
use header::Header;
use help::Help;
use keys::{Act, Keys};
use nav::Nav;
use palette::Palette;
use tabs::Tabs;
use tip::Tips;
use toasts::{Toast, Toasts, ToastsView};
use unlock::Unlock;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct ShellProps {
    /// The view.
    pub children: Html,
    /// Starts a replay at a speed, or stops it.
    pub replay: Callback<Option<u32>>,
    /// Connects at once.
    pub try_now: Callback<()>,
    /// Why the moment that was asked for is not shown.
    pub problem: Option<Problem>,
}

/// What lies over the view.
#[derive(Clone, Copy, PartialEq)]
enum Layer {
    Palette,
    Time,
    Help,
}

/// The frame.
#[component]
pub fn Shell(props: &ShellProps) -> Html {
    let (shown, place) = (use_shown(), use_place());
    let layer = use_state(|| None::<Layer>);
    let toasts = use_reducer(Toasts::default);
    {
        // Keys are heard by the whole document; what a key does depends on what is shown now.
        let (shown, place, layer) = (shown.clone(), place.clone(), layer.clone());
        let (replay, toasts) = (props.replay.clone(), toasts.dispatcher());
        let keys = use_mut_ref(Keys::default);
        use_effect(move || {
            let document = web_sys::window().and_then(|window| window.document());
            let listener = document.map(|document| {
                EventListener::new_with_options(
                    &document,
                    "keydown",
                    EventListenerOptions::enable_prevent_default(),
                    move |event| {
                        let Some(event) = event.dyn_ref::<web_sys::KeyboardEvent>() else { return };
                        let Some(act) = keys.borrow_mut().press(event, layer.is_some()) else { return };
                        event.prevent_default();
                        match act {
                            Act::Go(view) => place.go.emit(Route::to(view).at(place.route.at)),
                            Act::Palette => layer.set(Some(Layer::Palette)),
                            Act::Time => layer.set(Some(Layer::Time)),
                            Act::Help => layer.set(Some(Layer::Help)),
                            Act::Close => layer.set(None),
                            Act::Live => place.go.emit((*place.route).clone().at(None)),
                            Act::Step(ms) => {
                                place.go.emit((*place.route).clone().at(crate::rail::stepped(&shown, ms)));
                            }
                            Act::Replay => match (shown.replay, shown.at) {
                                (Some(_), _) => replay.emit(None),
                                (None, Some(_)) => replay.emit(Some(60)),
                                (None, None) => {
                                    place.go.emit(
                                        (*place.route).clone().at(crate::rail::stepped(&shown, -3_600_000)),
                                    );
                                    replay.emit(Some(60));
                                }
                            },
                            Act::CopyLink => {
                                if let Some(link) = link_to(&shown, &place.route) {
                                    crate::parts::code::copy(&link);
                                    toasts.dispatch(toasts::Act::Add(Toast::done(
                                        "Link to this moment copied",
                                    )));
                                }
                            }
                            Act::Theme => appearance::toggle(),
                        }
                    },
                )
            });
            move || drop(listener)
        });
    }
    {
        let toasts = toasts.dispatcher();
        let failed =
            shown.reading.as_ref().filter(|_| !shown.is_past()).map(|reading| toasts::alarms(reading));
        use_effect_with(failed, move |alarms| {
            toasts.dispatch(toasts::Act::Alarms(alarms.clone()));
        });
    }
    let close = {
        let layer = layer.clone();
        Callback::from(move |()| layer.set(None))
    };
    let open = {
        let layer = layer.clone();
        Callback::from(move |()| layer.set(Some(Layer::Palette)))
    };
    let help = {
        let layer = layer.clone();
        Callback::from(move |()| layer.set(Some(Layer::Help)))
    };
    let view = place.route.view;
    let locked = match &shown.link {
        Link::Locked { tried } => Some(*tried),
        _ => None,
    };
    {
        // After a change of view the focus is at its title.
        let first = use_mut_ref(|| true);
        use_effect_with(view, move |_| {
            if !first.replace(false)
                && let Some(title) =
                    web_sys::window().and_then(|w| w.document()).and_then(|d| d.get_element_by_id("title"))
                && let Ok(title) = title.dyn_into::<web_sys::HtmlElement>()
            {
                let _ = title.focus();
            }
        });
    }
    html! {
        <ContextProvider<toasts::Tell> context={toasts::Tell(toasts.dispatcher())}>
            <a class="skip" href="#content" onclick={focus_on("content")}>{ "To the content" }</a>
            <a class="skip" href="#moment" onclick={focus_on("moment")}>{ "To the moment" }</a>
            <Nav onhelp={help} />
            <Header open={open} replay={props.replay.clone()} try_now={props.try_now.clone()} />
            <main id="content" class="sheet" tabindex="-1">
                if let Some(tried) = locked {
                    <Unlock {tried} try_now={props.try_now.clone()} />
                } else if let Some(problem) = &props.problem {
                    <NoSuchMoment problem={problem.clone()} />
                } else {
                    { props.children.clone() }
                }
            </main>
            <Tabs />
            <ToastsView toasts={toasts} />
            if *layer == Some(Layer::Palette) { <Palette onclose={close.clone()} text="" /> }
            if *layer == Some(Layer::Time) { <Palette onclose={close.clone()} text="@" /> }
            if *layer == Some(Layer::Help) { <Help onclose={close.clone()} /> }
            <Tips />
        </ContextProvider<toasts::Tell>>
    }
}

/// A link inside of the page that leaves the address, which is the route, alone.
fn focus_on(id: &'static str) -> Callback<MouseEvent> {
    Callback::from(move |event: MouseEvent| {
        event.prevent_default();
        let element = web_sys::window()
            .and_then(|window| window.document())
            .and_then(|document| document.get_element_by_id(id));
        if let Some(element) = element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = element.focus();
        }
    })
}

/// The address of what is shown, at the position that is shown.
fn link_to(shown: &crate::world::Shown, route: &Rc<Route>) -> Option<String> {
    let position = shown.reading.as_ref()?.fleet.position();
    let location = web_sys::window()?.location();
    let route = (**route).clone().at(Some(At::Position(position)));
    Some(format!("{}{}{}", location.origin().ok()?, location.pathname().ok()?, route.hash()))
}

#[derive(Properties, PartialEq)]
struct NoSuchMomentProps {
    problem: Problem,
}

/// The moment that was asked for cannot be shown.
#[component]
fn NoSuchMoment(props: &NoSuchMomentProps) -> Html {
    use crate::parts::button::Button;
    use crate::parts::empty::Empty;
    let place = use_place();
    let go = |at: Option<At>| {
        let place = place.clone();
        Callback::from(move |_: MouseEvent| place.go.emit((*place.route).clone().at(at)))
    };
    match &props.problem {
        Problem::Refused { horizon: Some(horizon), .. } => html! {
            <Empty title={format!("History begins {}.", crate::say::clock::full(horizon.time))} why="What was before was cut to keep the size limit.">
                <Button onclick={go(Some(At::Position(horizon.position)))}>{ "Go to the first moment" }</Button>
                <Button onclick={go(None)}>{ "Back to live" }</Button>
            </Empty>
        },
        problem => html! {
            <Empty title="This moment cannot be shown." why={problem.to_string()}>
                <Button onclick={go(None)}>{ "Back to live" }<kbd class="key">{ "." }</kbd></Button>
            </Empty>
        },
    }
}
