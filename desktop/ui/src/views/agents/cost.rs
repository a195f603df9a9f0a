//! What an agent cost: by day, or today by hour.

use patze_core::history::{Answer, Usage};
use patze_core::ids::AgentId;
use patze_core::time::{HOUR, Timestamp};
use yew::prelude::*;

use super::range::Range;
use super::spend::{Days, Spend};
use crate::client::ask::Problem;
use crate::client::history::use_fetched;
use crate::parts::columns::{Column, Columns};
use crate::parts::panel::PanelError;
use crate::parts::same::Same;
use crate::parts::skeleton::Skeleton;
use crate::route::encoded;
use crate::say::clock;
use crate::views::overview::cost::{Money, zone};

/// The properties.
#[derive(Properties, PartialEq)]
pub struct CostProps {
    /// Whose.
    pub name: AgentId,
    /// How far back.
    pub range: Range,
    /// The moment.
    pub to: Timestamp,
    /// What its days cost.
    pub days: Days,
    /// Where they begin.
    pub begins: Same<Vec<Timestamp>>,
    /// They have arrived.
    pub known: bool,
    /// Why they have not.
    pub problem: Option<Problem>,
    /// Asks for them again.
    pub retry: Callback<()>,
}

/// The columns.
#[component]
pub fn Cost(props: &CostProps) -> Html {
    let CostProps { name, range, to, days, begins, known, problem, retry } = props;
    let today = begins.0.last().copied().unwrap_or(*to);
    let path = format!(
        "/history/usage?by=agent&bucket=hour&tz={}&from={}&to={}",
        encoded(&zone()),
        encoded(&today.to_string()),
        encoded(&to.to_string())
    );
    let by_hour = use_fetched::<Answer<Usage>>((*range == Range::Today).then_some(path));
    let sum = days.sum(*range);
    let (columns, label) = if *range == Range::Today {
        let hours =
            by_hour.value.as_ref().map_or_else(Vec::new, |answer| hours(&answer.answer, name, today, *to));
        (hours, "Cost today by hour".to_owned())
    } else {
        (by_day(days.of(*range), &begins.0), format!("Cost by day, {}", range.label()))
    };
    html! {
        <section class="agent-money">
            <h3>{ "Cost" }<i>{ range.label() }</i>
                if *known { <span class="aside figure" data-tip={sum.tip()}>{ sum.text() }</span> }
            </h3>
            if let Some(problem) = problem {
                <PanelError what="Cost" problem={problem.clone()} retry={retry.clone()} />
            } else if *known {
                <Columns {columns} {label} height={56} labels=true />
            } else {
                <Skeleton rows={2} />
            }
        </section>
    }
}

/// A column a day; of many days every fifth has its date.
fn by_day(days: &[Spend], begins: &[Timestamp]) -> Vec<Column> {
    let begins = &begins[begins.len().saturating_sub(days.len())..];
    let many = days.len() > 10;
    let n = days.len();
    days.iter()
        .zip(begins)
        .enumerate()
        .map(|(i, (spend, begin))| Column {
            value: spend.money.all(),
            tip: format!("{}: {}", clock::date(*begin), spend.text()).into(),
            label: match many {
                false => clock::day_of_week(*begin).into(),
                true if (n - 1 - i).is_multiple_of(5) => clock::Local::of(*begin).day.to_string().into(),
                true => AttrValue::default(),
            },
        })
        .collect()
}

/// A column an hour of today; those to come are empty.
fn hours(usage: &Usage, name: &AgentId, today: Timestamp, to: Timestamp) -> Vec<Column> {
    let past = ((to.since(today) + HOUR - 1) / HOUR).clamp(1, 25);
    (0..past)
        .map(|hour| {
            let start = today.plus(hour * HOUR);
            let spend = usage
                .series
                .iter()
                .filter(|series| !series.others && series.agent_id.as_ref() == Some(name))
                .flat_map(|series| &series.buckets)
                .filter(|bucket| bucket.start >= start && bucket.start < start.plus(HOUR))
                .map(|bucket| Spend { money: Money::of(&bucket.booked), calls: bucket.booked.all.calls })
                .fold(Spend::default(), Spend::plus);
            let short = clock::short(start);
            let label = if past <= 8 || hour % 6 == 0 { short.clone() } else { String::new() };
            Column {
                value: spend.money.all(),
                tip: format!("{short}: {}", spend.text()).into(),
                label: label.into(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::range::{DAYS, day_begins};
    use super::*;

    #[test]
    fn a_week_has_names_and_a_month_some_dates() {
        let begins = day_begins(Timestamp::parse("2026-10-23T14:32:08Z").unwrap());
        let days = Days::default();
        let labels = |range: Range| {
            by_day(days.of(range), &begins).iter().map(|column| column.label.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(labels(Range::Week), ["Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"]);
        let month = labels(Range::Month);
        assert_eq!((month[DAYS - 1].as_str(), month[DAYS - 6].as_str(), month[0].as_str()), ("23", "18", ""));
    }
}
