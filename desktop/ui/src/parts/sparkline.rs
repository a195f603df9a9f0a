//! A line without axes: how something went lately. Gaps are hatched, never bridged.

use yew::prelude::*;

/// So many values may be missing between two that are known without being a gap: not every bucket has a heartbeat.
const SKIPPED: usize = 2;

/// A sparkline's properties.
#[derive(Properties, PartialEq)]
pub struct SparklineProps {
    /// The values, evenly spaced; none where nothing is known.
    pub values: Vec<Option<f64>>,
    /// The value at the top; the greatest one if it is not told.
    #[prop_or_default]
    pub top: Option<f64>,
    /// Width, px.
    #[prop_or(62.0)]
    pub width: f64,
    /// Height, px.
    #[prop_or(20.0)]
    pub height: f64,
    /// What it shows, in a sentence.
    pub label: AttrValue,
}

/// A sparkline.
#[component]
pub fn Sparkline(props: &SparklineProps) -> Html {
    let SparklineProps { values, top, width, height, label } = props;
    let greatest = values.iter().flatten().copied().fold(0.0, f64::max);
    let top = top.unwrap_or(greatest).max(f64::MIN_POSITIVE);
    let (inner, low) = (height - 4.0, height - 2.0);
    let step = (width - 4.0) / (values.len().max(2) - 1) as f64;
    let x = |i: usize| i as f64 * step + 1.0;
    let y = |value: f64| low - (value / top).clamp(0.0, 1.0) * inner;
    let mut path = String::new();
    let mut before = None;
    for (i, value) in values.iter().enumerate().filter_map(|(i, value)| Some((i, (*value)?))) {
        let goes_on = before.is_some_and(|before| i - before <= SKIPPED + 1);
        path.push_str(&format!("{}{:.1} {:.1}", if goes_on { "L" } else { "M" }, x(i), y(value)));
        before = Some(i);
    }
    let last =
        before.filter(|last| values.len() - last <= SKIPPED + 1).and_then(|last| Some((last, values[last]?)));
    html! {
        <svg class="sparkline" width={width.to_string()} height={height.to_string()} role="img" aria-label={label.clone()}>
            { for gaps(values).into_iter().map(|(from, to)| {
                let (left, right) = (x(from.saturating_sub(1)), x(to.min(values.len() - 1)));
                html! { <rect x={format!("{left:.1}")} width={format!("{:.1}", (right - left).max(2.0))} height={height.to_string()} fill="url(#hatch)" /> }
            }) }
            <path class="line" d={path} fill="none" stroke-width="1.25" />
            if let Some((i, last)) = last {
                <circle class="dot" cx={format!("{:.1}", x(i))} cy={format!("{:.1}", y(last))} r="2" />
            }
        </svg>
    }
}

/// The stretches where nothing is known between or after what is known: first and one past the last.
pub fn gaps(values: &[Option<f64>]) -> Vec<(usize, usize)> {
    let known = values.iter().enumerate().filter(|(_, value)| value.is_some()).map(|(i, _)| i);
    let mut gaps = Vec::new();
    let mut before = None;
    for i in known.chain(Some(values.len())) {
        if let Some(before) = before
            && i - before > SKIPPED + 1
        {
            gaps.push((before + 1, i));
        }
        before = Some(i);
    }
    // Nothing at all is no gap: it was never known.
    gaps.retain(|_| values.iter().any(Option::is_some));
    gaps
}

#[cfg(test)]
mod tests {
    use super::gaps;

    #[test]
    fn a_gap_is_where_something_was_known_before() {
        let one = Some(1.0);
        let values = [None, one, None, None, one, None, None, None, one, None, None, None];
        assert_eq!(gaps(&values), [(5, 8), (9, 12)]);
        assert_eq!(gaps(&[None, None]), []);
        assert_eq!(gaps(&[]), []);
    }
}
