//! One line of a waterfall: its place in the tree, its bar, and what it took.

use std::rc::Rc;

use yew::prelude::*;

use super::scale::Bar;
use super::tree::{End, Kind, Line};
use crate::say::{clock, number, span};

/// Height of a line and of a bar; where the bar begins; px.
const HEIGHT: f64 = 24.0;
const BAR: f64 = 10.0;
const TOP: f64 = 7.0;
/// A level is indented by this, and the guide of the first one stands there; px.
const INDENT: usize = 16;
const GUIDE: usize = 8;

/// How a line looks now.
#[derive(Clone, Copy, PartialEq)]
pub struct Look {
    /// Its bar.
    pub bar: Bar,
    /// It is the chosen one.
    pub selected: bool,
    /// Tab stops here.
    pub tab: bool,
    /// Its number.
    pub at: usize,
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct LineViewProps {
    /// The line.
    pub line: Rc<Line>,
    /// How it looks.
    pub look: Look,
    /// Chooses it.
    pub onselect: Callback<String>,
    /// Opens or closes what is under it.
    pub ontoggle: Callback<(String, bool)>,
}

/// A line.
#[component]
pub fn LineView(props: &LineViewProps) -> Html {
    let (line, look) = (&props.line, props.look);
    let onclick = {
        let (onselect, id) = (props.onselect.clone(), line.id.clone());
        Callback::from(move |_: MouseEvent| onselect.emit(id.clone()))
    };
    let toggle = line.open.filter(|_| line.level > 0).map(|open| {
        let (ontoggle, id) = (props.ontoggle.clone(), line.id.clone());
        let onclick = Callback::from(move |event: MouseEvent| {
            event.stop_propagation();
            ontoggle.emit((id.clone(), !open));
        });
        html! {
            <button type="button" class={classes!("wf-toggle", open.then_some("open"))} tabindex="-1" aria-label={if open { "Close" } else { "Open" }} {onclick}>
                <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true"><path d="M3.2 1.6 6.8 5 3.2 8.4" /></svg>
            </button>
        }
    });
    let tone = match (line.kind, &line.error) {
        (_, Some(_)) => "is-down",
        (Kind::Wait, None) => "is-quiet",
        _ => "",
    };
    let strong = matches!(line.kind, Kind::Run | Kind::SubAgent).then_some("strong");
    let took = match (line.took, line.end) {
        (Some(ms), _) => span::duration(ms),
        (None, End::GoesOn) => "goes on".to_owned(),
        (None, _) => String::new(),
    };
    html! {
        <div class={classes!("wf-line", look.selected.then_some("selected"))} role="row" data-step={look.at.to_string()}
            tabindex={if look.tab { "0" } else { "-1" }} aria-level={(line.level + 1).to_string()}
            aria-expanded={line.open.map(|open| open.to_string())} aria-selected={look.selected.to_string()} {onclick}>
            <span role="gridcell" class={classes!("wf-tree", tone)}>
                { guides(line) }{ toggle.unwrap_or_default() }
                <bdi class={classes!("wf-name", strong)}>{ &line.name }</bdi>
                <bdi class="wf-detail">{ &line.detail }</bdi>
            </span>
            <span role="gridcell" class="wf-plot" data-tip={tip(line)} data-tip-more={when(line)}>
                <svg width="100%" height={HEIGHT.to_string()} role="img" aria-label={when(line)}>{ bar(line, look.bar) }</svg>
            </span>
            <span role="gridcell" class={classes!("wf-number", line.error.as_ref().map(|_| "is-down"))}>{ took }</span>
            <span role="gridcell" class="wf-number">{ line.tokens.map(number::tokens).unwrap_or_default() }</span>
            <span role="gridcell" class="wf-number">{ line.cost.clone().unwrap_or_default() }</span>
        </div>
    }
}

/// The lines that lead from a step to what it is part of.
fn guides(line: &Line) -> Html {
    let Some(own) = line.level.checked_sub(1) else {
        return html! { <svg class="wf-guides" width="4" height="24" aria-hidden="true"></svg> };
    };
    let x = |level: usize| level * INDENT + GUIDE;
    let mut d = String::new();
    for (level, _) in line.guides.iter().enumerate().filter(|(_, goes_on)| **goes_on) {
        d.push_str(&format!("M{}.5 0V24", x(level)));
    }
    d.push_str(&format!("M{0}.5 0V{1}M{0}.5 12.5H{2}", x(own), if line.last { 12 } else { 24 }, x(own) + 7));
    html! {
        <svg class="wf-guides" width={(line.level * INDENT + 4).to_string()} height="24" aria-hidden="true"><path {d} /></svg>
    }
}

fn bar(line: &Line, bar: Bar) -> Html {
    let px = |value: f64| format!("{value:.1}");
    let rect = |class: &'static str, x: f64, width: f64| {
        html! { <rect {class} x={px(x)} y={px(TOP)} width={px(width)} height={px(BAR)} /> }
    };
    // The stroke stays within the bar.
    let outline = |class: &'static str| {
        html! {
            <rect class={classes!("wf-outline", class)} x={px(bar.x + 0.6)} y={px(TOP + 0.6)} width={px((bar.width - 1.2).max(0.8))} height={px(BAR - 1.2)} />
        }
    };
    let failed = line.error.is_some();
    let known = match line.kind {
        Kind::Run | Kind::SubAgent => outline(if failed { "is-down" } else { "" }),
        Kind::Span => outline(if failed { "is-down" } else { "faint" }),
        _ if failed => rect("wf-failed", bar.x, bar.width),
        Kind::Model | Kind::Error => rect("wf-solid", bar.x, bar.width),
        Kind::Tool => html! { <>{ rect("wf-tool", bar.x, bar.width) }{ rect("wf-cap", bar.x, 2.0) }</> },
        Kind::Wait => html! { <>
            <rect x={px(bar.x)} y={px(TOP)} width={px(bar.width)} height={px(BAR)} fill="url(#hatch-ink)" />
            <rect class="wf-base" x={px(bar.x)} y={px(TOP + BAR - 1.0)} width={px(bar.width)} height="1" />
        </> },
    };
    html! { <>
        { known }
        if bar.unknown > 0.0 {
            <rect x={px(bar.x + bar.width)} y={px(TOP)} width={px(bar.unknown)} height={px(BAR)} fill="url(#hatch-ink)" mask="url(#fade)" />
        }
    </> }
}

/// "exec, 3.4 s"
fn tip(line: &Line) -> String {
    match (line.took, line.end) {
        (Some(ms), _) => format!("{}, {}", line.name, span::duration(ms)),
        (None, End::GoesOn) => format!("{}, goes on", line.name),
        (None, End::Unknown) => format!("{}, its end was not told", line.name),
        (None, End::At(_)) => line.name.clone(),
    }
}

/// "13:58:11.250–13:58:14.650"
fn when(line: &Line) -> String {
    match line.end {
        End::At(end) if end > line.start => {
            format!("{}–{}", clock::with_millis(line.start), clock::with_millis(end))
        }
        End::At(_) => clock::with_millis(line.start),
        End::GoesOn | End::Unknown => format!("since {}", clock::with_millis(line.start)),
    }
}
