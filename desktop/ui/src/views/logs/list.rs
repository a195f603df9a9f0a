//! The list: only the rows in view, and some around them, are in the document.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use yew::prelude::*;

use super::context::Context;
use super::foot::{End, Foot};
use super::keys::{Press, use_keys};
use super::line::{Line, Roll};
use super::row::Row;
use super::scroller::{Spacer, focus, is_phone, move_to, scroll_top};
use super::window::Rows;
use crate::parts::width::use_size;

/// The height of a row, and of one on a phone, px.
const ROW: f64 = 24.0;
const PHONE_ROW: f64 = 48.0;
/// With fewer rows than this below those in view, the next page is asked for.
const AHEAD: usize = 60;

/// Lines that are loaded at once: most days of most fleets, so that their hits and levels can be counted.
const AT_ONCE: usize = 600;

/// The names of machines, by id.
pub type Names = BTreeMap<MachineId, AttrValue>;

/// The properties.
#[derive(Properties, PartialEq)]
pub struct ListProps {
    /// The lines.
    pub lines: Roll,
    /// Which list it is: another one begins at its top.
    pub turn: u32,
    /// The names of machines.
    pub names: Rc<Names>,
    /// When today began.
    pub today: Timestamp,
    /// The moment that is shown, if it is not now.
    pub moment: Option<Timestamp>,
    /// The position of the line that is open.
    pub open: Option<u64>,
    /// How many were found, if something is searched for: `7`.
    pub hits: Option<AttrValue>,
    /// What follows the last line.
    pub end: End,
    /// The newest is kept in view.
    pub follow: bool,
    /// Opens a line, or closes it.
    pub onopen: Callback<Option<u64>>,
    /// Asks for older lines.
    pub onolder: Callback<()>,
    /// Shows the whole log.
    pub onwiden: Callback<()>,
    /// Goes to the newest line.
    pub onnewest: Callback<()>,
    /// Scrolled away from the newest.
    pub onleave: Callback<()>,
    /// Tells the times of the first and last line in view.
    pub onsee: Callback<Option<(Timestamp, Timestamp)>>,
}

/// The list.
#[component]
pub fn List(props: &ListProps) -> Html {
    let (node, _, view) = use_size();
    let scroll = use_state_eq(|| 0.0_f64);
    let block = use_state_eq(|| ROW);
    let active = use_state_eq(|| None::<u64>);
    // The row to give the focus to once it is in the document.
    let wanted = use_mut_ref(|| None::<u64>);
    let row = if is_phone() { PHONE_ROW } else { ROW };
    let open = props.open.and_then(|position| props.lines.find(position));
    let rows = Rows { count: props.lines.len(), row, open: open.map(|i| (i, (*block - row).max(0.0))) };
    let kept = rows.kept(*scroll, view);
    let seen = rows.seen(*scroll, view);
    let at = (*active).or(props.open).and_then(|position| props.lines.find(position)).unwrap_or(0);

    use_top(&node, props.turn, props.follow.then(|| props.lines.clone()), &scroll);
    use_older(props, &kept, &rows);
    {
        let (onsee, lines, seen) = (props.onsee.clone(), props.lines.clone(), seen.clone());
        let ends = lines.get(seen.start).zip(lines.get(seen.end.saturating_sub(1)));
        let times = ends.map(|(first, last)| (last.ts.min(first.ts), first.ts.max(last.ts)));
        use_effect_with(times, move |times| onsee.emit(*times));
    }
    {
        // What is opened comes into view, with its first lines around it.
        let (node, scrolled) = (node.clone(), scroll.clone());
        use_effect_with((props.open, open.is_some(), *block), move |_| {
            if let Some(i) = open {
                move_to(&node, &scrolled, rows.reveal(i, scroll_top(&node), view));
            }
        });
    }
    {
        let (node, wanted) = (node.clone(), wanted.clone());
        use_effect(move || {
            let position = *wanted.borrow();
            if let Some(position) = position
                && focus(&node, position)
            {
                wanted.borrow_mut().take();
            }
        });
    }
    let onscroll = {
        let (node, scroll, follow, onleave) =
            (node.clone(), scroll.clone(), props.follow, props.onleave.clone());
        Callback::from(move |_: Event| {
            let top = scroll_top(&node);
            // In steps of a row: what is in view changes no oftener.
            scroll.set((top / row).floor() * row);
            if follow && top > 2.0 * row {
                onleave.emit(());
            }
        })
    };
    let go = {
        let (node, scroll, active, lines) =
            (node.clone(), scroll.clone(), active.clone(), props.lines.clone());
        move |i: usize| {
            let Some(line) = lines.get(i) else { return };
            active.set(Some(line.position));
            move_to(&node, &scroll, rows.reveal(i, scroll_top(&node), view));
            let there = focus(&node, line.position);
            *wanted.borrow_mut() = (!there).then_some(line.position);
        }
    };
    {
        let (n, open, lines) = (props.lines.len(), props.open, props.lines.clone());
        let (onopen, onnewest) = (props.onopen.clone(), props.onnewest.clone());
        // Before a row has had the focus, the first step leads to the first one in view.
        let (begun, first) = ((*active).or(open).is_some(), seen.start);
        use_keys(move |press| match press {
            Press::Down if !begun => go(first),
            Press::Down => go((at + 1).min(n.saturating_sub(1))),
            Press::Up => go(at.saturating_sub(1)),
            Press::Last => go(n.saturating_sub(1)),
            Press::First => {
                go(0);
                onnewest.emit(());
            }
            Press::Open => onopen.emit(lines.get(at).map(|line| line.position)),
            Press::Close => onopen.emit(None),
        });
    }
    let onopen = use_callback(props.onopen.clone(), move |position: u64, onopen| {
        active.set(Some(position));
        onopen.emit(Some(position));
    });
    let onclose = use_callback(props.onopen.clone(), |(), onopen| onopen.emit(None));
    let onheight = use_callback((), move |height: f64, ()| block.set(height));
    let of = matches!(props.end, End::Whole { .. }).then(|| props.lines.len());
    let name = |line: &Line| {
        let known = props.names.get(&line.machine_id);
        known.cloned().unwrap_or_else(|| AttrValue::from(line.machine_id.to_string()))
    };
    html! {
        <div ref={node} class="logs-scroll" role="log" aria-live={if props.follow { "polite" } else { "off" }} aria-label="Log lines" {onscroll}>
            <Spacer height={rows.top(kept.start)} />
            <ol class="entries">
                { for kept.clone().filter_map(|i| Some((i, props.lines.get(i)?))).map(|(i, line)| if open == Some(i) {
                    let hit = props.hits.as_ref().map(|hits| AttrValue::from(format!("{} of {hits}", i + 1)));
                    html! {
                        <Context key={line.position} line={line.clone()} machine={name(line)} today={props.today} moment={props.moment} {hit}
                            active={at == i} onheight={onheight.clone()} onclose={onclose.clone()} />
                    }
                } else {
                    html! {
                        <Row key={line.position} line={line.clone()} machine={name(line)} today={props.today} place={i} {of} active={at == i}
                            onopen={onopen.clone()} />
                    }
                }) }
            </ol>
            <Spacer height={rows.top(rows.count) - rows.top(kept.end)} />
            <Foot end={props.end.clone()} onwiden={props.onwiden.clone()} onolder={props.onolder.clone()} />
        </div>
    }
}

/// Another list begins at its top; one that is followed stays there.
#[hook]
fn use_top(node: &NodeRef, turn: u32, followed: Option<Roll>, scroll: &UseStateHandle<f64>) {
    let (node, scroll) = (node.clone(), scroll.clone());
    use_effect_with((turn, followed), move |_| move_to(&node, &scroll, Some(0.0)));
}

/// Asks for the next page before its place comes into view.
#[hook]
fn use_older(props: &ListProps, kept: &Range<usize>, rows: &Rows) {
    let near = kept.end + AHEAD >= rows.count || rows.count < AT_ONCE;
    // A link may name a line that is further down.
    let sought = props.open.filter(|position| {
        rows.count < MOST_SOUGHT && props.lines.last().is_some_and(|line| line.position > *position)
    });
    let onolder = props.onolder.clone();
    let ask = (near || sought.is_some()) && props.end == End::More && rows.count > 0;
    use_effect_with((ask, rows.count), move |(ask, _)| {
        if *ask {
            onolder.emit(());
        }
    });
}

/// Lines that are gone through for one that a link names.
const MOST_SOUGHT: usize = 4_000;
