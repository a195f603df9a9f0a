//! A run as a waterfall: a tree of steps at the left, their bars on one line of time, and what each took.
//!
//! [`tree`] makes the lines and [`scale`] places the bars, both without drawing; [`cut`] leaves out what came after a moment;
//! [`branches`] reads the steps of sub-agents; `line` draws one of them, [`foot`] tells the chosen one in full.

pub mod branches;
pub mod cut;
pub mod foot;
mod legend;
mod line;
mod scale;
pub mod tree;
pub mod words;

use std::rc::Rc;

use patze_core::time::{SECOND, Timestamp};
use wasm_bindgen::JsCast as _;
use yew::prelude::*;

use crate::parts::button::Button;
use crate::parts::width::use_width;
use crate::world::use_now_by;
pub use legend::Legend;
use line::{LineView, Look};
use scale::Scale;
use tree::{End, Line};

/// Lines that are drawn at first, and as many more each time.
const STEP: usize = 200;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct WaterfallProps {
    /// The lines; the first is the run itself.
    pub lines: Rc<Vec<Rc<Line>>>,
    /// Until when anything is known, if that is not now.
    pub heard: Option<Timestamp>,
    /// The chosen line's id.
    pub selected: AttrValue,
    /// Chooses a line.
    pub onselect: Callback<String>,
    /// Opens or closes what is under a line.
    pub ontoggle: Callback<(String, bool)>,
}

/// A waterfall; one of a run that goes on is drawn anew every second.
#[component]
pub fn Waterfall(props: &WaterfallProps) -> Html {
    let WaterfallProps { lines, heard, selected, onselect, ontoggle } = props;
    let goes_on = lines.iter().any(|line| line.end == End::GoesOn);
    let rest = DrawnProps {
        lines: Rc::clone(lines),
        heard: *heard,
        selected: selected.clone(),
        onselect: onselect.clone(),
        ontoggle: ontoggle.clone(),
        now: None,
    };
    if goes_on {
        html! { <Clocked ..rest /> }
    } else {
        html! { <Drawn ..rest /> }
    }
}

#[derive(Properties, PartialEq, Clone)]
struct DrawnProps {
    lines: Rc<Vec<Rc<Line>>>,
    heard: Option<Timestamp>,
    selected: AttrValue,
    onselect: Callback<String>,
    ontoggle: Callback<(String, bool)>,
    now: Option<Timestamp>,
}

#[component]
fn Clocked(props: &DrawnProps) -> Html {
    let now = use_now_by(SECOND);
    html! { <Drawn now={Some(now)} ..props.clone() /> }
}

#[component]
fn Drawn(props: &DrawnProps) -> Html {
    let DrawnProps { lines, heard, selected, onselect, ontoggle, now } = props;
    let (plot, width) = use_width();
    let drawn = use_state_eq(|| STEP);
    let scale = Scale::of(lines, *now, width);
    let tab = lines.iter().position(|line| line.id == **selected).unwrap_or(0);
    let onkeydown = {
        let (lines, onselect, ontoggle) = (Rc::clone(lines), onselect.clone(), ontoggle.clone());
        Callback::from(move |event: KeyboardEvent| press(&event, &lines, &onselect, &ontoggle))
    };
    let more = {
        let drawn = drawn.clone();
        Callback::from(move |_: MouseEvent| drawn.set(*drawn + STEP))
    };
    let ticks = scale.ticks();
    let last = ticks.len().saturating_sub(1);
    let nothing = Timestamp::EPOCH;
    html! {
        <div class="waterfall" role="treegrid" aria-label="Steps of the run" aria-rowcount={(lines.len() + 1).to_string()} {onkeydown}>
            <div class="wf-head" role="row">
                <span role="columnheader" class="wf-tree">{ "Step" }</span>
                <span role="columnheader" class="wf-plot" ref={plot}>
                    <span class="wf-unseen">{ "Time" }</span>
                    <svg width="100%" height="20" aria-hidden="true">
                        { for ticks.iter().enumerate().map(|(i, tick)| {
                            let class = if i == 0 { "axis" } else if i == last && tick.x > width - 24.0 { "axis end" } else { "axis middle" };
                            html! { <text {class} x={format!("{:.1}", tick.x)} y="14">{ tick.text.clone() }</text> }
                        }) }
                    </svg>
                </span>
                <span role="columnheader" class="wf-number">{ "Duration" }</span>
                <span role="columnheader" class="wf-number">{ "Tokens" }</span>
                <span role="columnheader" class="wf-number">{ "Cost" }</span>
            </div>
            <div class="wf-lines" role="rowgroup">
                <svg class="wf-grid" width={width.to_string()} height="100%" aria-hidden="true">
                    { for ticks.iter().map(|tick| html! { <rect x={format!("{:.1}", tick.x)} width="1" height="100%" /> }) }
                </svg>
                { for lines.iter().take(*drawn).enumerate().map(|(i, line)| {
                    let look = Look {
                        bar: scale.bar(line, now.unwrap_or(nothing), *heard),
                        selected: line.id == **selected,
                        tab: i == tab,
                        at: i,
                    };
                    html! { <LineView key={line.id.clone()} line={Rc::clone(line)} {look} onselect={onselect.clone()} ontoggle={ontoggle.clone()} /> }
                }) }
            </div>
            if lines.len() > *drawn {
                <div class="wf-more"><Button onclick={more}>{ format!("Show more of {} steps", lines.len() - 1) }</Button></div>
            }
        </div>
    }
}

/// The keys of the tree: to the next line, to open and close it, to choose it.
fn press(
    event: &KeyboardEvent,
    lines: &[Rc<Line>],
    onselect: &Callback<String>,
    ontoggle: &Callback<(String, bool)>,
) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key() {
        return;
    }
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let row = target.and_then(|target| target.closest("[data-step]").ok().flatten());
    let at = row.as_ref().and_then(|row| row.get_attribute("data-step")?.parse::<usize>().ok());
    let (Some(row), Some(at)) = (row, at) else { return };
    let Some(line) = lines.get(at) else { return };
    let last = lines.len().saturating_sub(1);
    let to = match event.key().as_str() {
        "ArrowDown" | "j" => (at + 1).min(last),
        "ArrowUp" | "k" => at.saturating_sub(1),
        "Home" => 0,
        "End" => last,
        "ArrowRight" => match line.open {
            Some(false) => {
                ontoggle.emit((line.id.clone(), true));
                at
            }
            Some(true) => (at + 1).min(last),
            None => at,
        },
        "ArrowLeft" => {
            if line.open == Some(true) && line.level > 0 {
                ontoggle.emit((line.id.clone(), false));
                at
            } else {
                (0..at).rev().find(|i| lines[*i].level < line.level).unwrap_or(at)
            }
        }
        "Enter" | " " => {
            onselect.emit(line.id.clone());
            at
        }
        _ => return,
    };
    event.prevent_default();
    event.stop_propagation();
    let lines_node = row.parent_element();
    let next =
        lines_node.and_then(|lines| lines.query_selector(&format!("[data-step='{to}']")).ok().flatten());
    if let Some(next) = next.and_then(|next| next.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = next.focus();
    }
}
