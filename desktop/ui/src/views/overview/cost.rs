//! What it costs: today, by day, this month and at this pace; and by agent.

use patze_core::history::{Answer, Booked, Usage, UsageSeries};
use patze_core::time::{DAY, MINUTE, Timestamp};
use yew::prelude::*;

use super::OverviewProps;
use crate::client::history::use_fetched;
use crate::parts::columns::{Column, Columns};
use crate::parts::link::Link;
use crate::parts::panel::fetched;
use crate::route::{Route, View, encoded};
use crate::say::{NONE, clock, number};
use crate::world::{use_now_by, use_shown};

/// Days of the columns, and agents that are listed.
const DAYS: i64 = 14;
const AGENTS: usize = 4;

/// Cost.
#[component]
pub fn Cost(props: &OverviewProps) -> Html {
    let shown = use_shown();
    // Asked anew every minute in which there was usage; the past does not move.
    let now = use_now_by(MINUTE);
    let spent = props.reading.fleet.facts().spent.lifetime.calls;
    let from = clock::month_begin(now).min(clock::day_begin(now).plus(-(DAYS - 1) * DAY));
    let path = usage_path("agent", from, shown.moment().unwrap_or_else(|| now.plus(MINUTE)), spent);
    let usage = use_fetched::<Answer<Usage>>(Some(path));
    fetched("Cost", 6, &usage, |answer| draw(&answer.answer, now))
}

/// The path of usage by day in the viewer's zone. `stamp` makes it another one when something was spent.
pub fn usage_path(by: &str, from: Timestamp, to: Timestamp, _stamp: u64) -> String {
    format!(
        "/history/usage?by={by}&bucket=day&tz={}&from={}&to={}",
        encoded(&zone()),
        encoded(&from.to_string()),
        encoded(&to.to_string())
    )
}

/// The viewer's zone.
pub fn zone() -> String {
    let format = js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new());
    let options = format.resolved_options();
    js_sys::Reflect::get(&options, &"timeZone".into())
        .ok()
        .and_then(|zone| zone.as_string())
        .unwrap_or_else(|| "UTC".to_owned())
}

fn draw(usage: &Usage, now: Timestamp) -> Html {
    let today = clock::day_begin(now);
    let day = |back: i64| clock::day_begin(today.plus(-back * DAY + DAY / 2));
    let sum = |from: Timestamp| {
        usage.series.iter().map(|series| since(series, from)).fold(Money::default(), Money::plus)
    };
    let on = |start: Timestamp| {
        usage.series.iter().map(|series| at(series, start)).fold(Money::default(), Money::plus)
    };
    let month = clock::month_begin(now);
    let (spent_today, week, spent_month) = (sum(today), sum(day(6)), sum(month));
    let next_month = clock::month_begin(month.plus(32 * DAY));
    let share = now.since(month) as f64 / next_month.since(month) as f64;
    let columns = (0..DAYS)
        .rev()
        .map(|back| {
            let (start, money) = (day(back), on(day(back)));
            Column {
                value: money.told + money.estimated,
                tip: format!("{}: {}", clock::date(start), money.text()).into(),
                label: AttrValue::default(),
            }
        })
        .collect::<Vec<_>>();
    let mut agents: Vec<(String, Money, u64, u64)> = Vec::new();
    for series in &usage.series {
        let name = if series.others {
            "others".to_owned()
        } else {
            series.agent_id.as_ref().map_or_else(String::new, ToString::to_string)
        };
        let (money, input, output) = (
            since(series, today),
            tokens(series, today, |sum| sum.input_tokens),
            tokens(series, today, |sum| sum.output_tokens),
        );
        match agents.iter_mut().find(|(known, ..)| *known == name) {
            Some(row) => (row.1, row.2, row.3) = (row.1.plus(money), row.2 + input, row.3 + output),
            None => agents.push((name, money, input, output)),
        }
    }
    agents.sort_by(|a, b| b.1.all().total_cmp(&a.1.all()));
    let (input, output) = agents.iter().fold((0, 0), |(input, output), row| (input + row.2, output + row.3));
    agents.retain(|row| row.1.all() > 0.0);
    let most = agents.first().map_or(1.0, |row| row.1.all());
    let rest = agents.split_off(agents.len().min(AGENTS));
    let rest_sum = rest.iter().map(|row| row.1).fold(Money::default(), Money::plus);
    let line = |name: Html, money: Money, class: &'static str| {
        html! {
            <li class={classes!("by-agent-row", class)}>
                { name }
                <svg height="4" aria-hidden="true"><rect class="fill" width={format!("{:.1}%", (money.all() / most * 100.0).min(100.0))} height="4" /></svg>
                <span class="number" data-tip={money.tip()}>{ money.text() }</span>
            </li>
        }
    };
    html! { <>
        <section class="cost">
            <div class="cost-today">
                <div><p class="label">{ "Cost today" }</p><p class="big" data-tip={spent_today.tip()}>{ spent_today.text() }</p></div>
                <Columns {columns} label={format!("Cost by day, {DAYS} days")} />
            </div>
            <div class="figures">
                <div><p class="label">{ "7\u{a0}d" }</p><p class="figure" data-tip={week.tip()}>{ week.text() }</p></div>
                <div><p class="label">{ clock::month_name(now) }</p><p class="figure" data-tip={spent_month.tip()}>{ spent_month.text() }</p></div>
                <div><p class="label">{ "At this pace" }</p><p class="figure quiet">{ pace(spent_month, share) }</p></div>
            </div>
            if let Some(fault) = &usage.prices_fault { <p class="fault">{ fault }</p> }
        </section>
        <section class="by-agent">
            <h3>{ "By agent" }<i>{ "today" }</i><span class="aside">{ format!("{} in, {} out", number::tokens(input), number::tokens(output)) }</span></h3>
            if agents.is_empty() { <p class="quiet-line">{ "Nothing was spent today." }</p> }
            <ul>
                { for agents.iter().map(|row| line(
                    html! { <Link class="name" to={Route::to(View::Agents).filter("name", &row.0)}><bdi>{ &row.0 }</bdi></Link> }, row.1, "")) }
                if !rest.is_empty() { { line(html! { <span class="quiet">{ format!("{} more", rest.len()) }</span> }, rest_sum, "rest") } }
            </ul>
        </section>
    </> }
}

fn pace(month: Money, share: f64) -> String {
    if share < 0.02 || month.all() <= 0.0 {
        NONE.to_owned()
    } else {
        format!("${}", number::count((month.all() / share).round() as u64))
    }
}

/// What was paid: told by providers, and estimated where they told nothing.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Money {
    /// As reported, dollars.
    pub told: f64,
    /// By the price table, dollars.
    pub estimated: f64,
    /// Calls that have no price at all.
    pub without: u64,
}

impl Money {
    /// What a sum cost.
    pub fn of(booked: &Booked) -> Self {
        let without = if booked.estimated_cost_usd.is_some() { 0 } else { booked.unpriced.calls };
        Self { told: booked.all.cost_usd, estimated: booked.estimated_cost_usd.unwrap_or_default(), without }
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            told: self.told + other.told,
            estimated: self.estimated + other.estimated,
            without: self.without + other.without,
        }
    }

    /// Told and estimated.
    pub fn all(self) -> f64 {
        self.told + self.estimated
    }

    /// `$0.31`; an estimate is marked by `≈`.
    pub fn text(self) -> String {
        if self.all() <= 0.0 && self.without > 0 {
            return NONE.to_owned();
        }
        let mark = if self.estimated > 0.0 { "≈\u{a0}" } else { "" };
        format!("{mark}{}", number::dollars(self.all()))
    }

    /// What the figure is made of, where that is not plain.
    pub fn tip(self) -> Option<String> {
        let mut parts = Vec::new();
        if self.estimated > 0.0 {
            parts.push(format!(
                "{} reported, est. {} by prices.toml",
                number::dollars(self.told),
                number::dollars(self.estimated)
            ));
        }
        if self.without > 0 {
            parts.push(format!(
                "without {} of unknown price",
                number::of(self.without as usize, "call", "calls")
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

fn since(series: &UsageSeries, from: Timestamp) -> Money {
    series
        .buckets
        .iter()
        .filter(|bucket| bucket.start >= from)
        .map(|bucket| Money::of(&bucket.booked))
        .fold(Money::default(), Money::plus)
}

fn at(series: &UsageSeries, start: Timestamp) -> Money {
    series
        .buckets
        .iter()
        .filter(|bucket| bucket.start == start)
        .map(|bucket| Money::of(&bucket.booked))
        .fold(Money::default(), Money::plus)
}

fn tokens(series: &UsageSeries, from: Timestamp, of: fn(&patze_core::history::Sum) -> u64) -> u64 {
    series.buckets.iter().filter(|bucket| bucket.start >= from).map(|bucket| of(&bucket.booked.all)).sum()
}
