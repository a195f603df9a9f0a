//! Columns side by side: sums by day or hour. The last one, which still grows, is in ink.

use yew::prelude::*;

/// A column.
#[derive(Clone, PartialEq)]
pub struct Column {
    /// Its height's value.
    pub value: f64,
    /// Its tip.
    pub tip: AttrValue,
    /// What stands under it.
    pub label: AttrValue,
}

/// The properties.
#[derive(Properties, PartialEq)]
pub struct ColumnsProps {
    /// Oldest first.
    pub columns: Vec<Column>,
    /// Height, px.
    #[prop_or(44)]
    pub height: u32,
    /// With labels under them.
    #[prop_or_default]
    pub labels: bool,
    /// What they show, in a sentence.
    pub label: AttrValue,
}

/// Columns.
#[component]
pub fn Columns(props: &ColumnsProps) -> Html {
    let n = props.columns.len().max(1) as f64;
    let top = props.columns.iter().map(|column| column.value).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let height = f64::from(props.height);
    let columns = props.columns.iter().enumerate().map(|(i, column)| {
        let tall = if column.value > 0.0 { (column.value / top * height).max(1.0) } else { 0.0 };
        let now = i + 1 == props.columns.len();
        html! {
            <svg x={format!("{:.3}%", i as f64 * 100.0 / n)} width={format!("{:.3}%", 100.0 / n)} height={height.to_string()} data-tip={column.tip.clone()}>
                <rect class="pad" width="100%" height="100%" />
                <rect class={if now { "bar now" } else { "bar" }} x="1" y={format!("{:.1}", height - tall)} width="100%" height={format!("{tall:.1}")} />
            </svg>
        }
    });
    html! {
        <div class="columns">
            <svg class="columns-bars" height={height.to_string()} role="img" aria-label={props.label.clone()}>{ for columns }</svg>
            if props.labels {
                <div class="columns-labels" aria-hidden="true">
                    { for props.columns.iter().map(|column| html! { <span>{ &column.label }</span> }) }
                </div>
            }
        </div>
    }
}
