//! The moment that somebody types: "yesterday 18:00", "2 h ago", "14:05", "23 Oct 09:00", "#4771310".

use patze_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};

use super::clock::Local;

/// A moment of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    /// After the event of this position.
    Position(u64),
    /// After the last event that was recorded by then.
    Time(Timestamp),
}

impl At {
    /// What `?at=` takes.
    pub fn query(self) -> String {
        match self {
            Self::Position(position) => position.to_string(),
            Self::Time(time) => time.to_string(),
        }
    }

    /// Reads what [`Self::query`] writes.
    pub fn of_query(text: &str) -> Option<Self> {
        match text.parse() {
            Ok(position) => Some(Self::Position(position)),
            Err(_) => Timestamp::parse(text).map(Self::Time),
        }
    }
}

/// Reads a moment, seen from `now`. A time of day alone is the last one that was.
pub fn moment(text: &str, now: Timestamp) -> Option<At> {
    let text = text.trim().to_lowercase();
    if let Some(position) = text.strip_prefix('#') {
        return position.replace([',', ' '], "").parse().ok().map(At::Position);
    }
    if let Some(span) = text.strip_suffix("ago").and_then(|span| span_of(span.trim())) {
        return Some(At::Time(now.plus(-span)));
    }
    if text.contains('-')
        && let Some(time) = iso(&text)
    {
        return Some(At::Time(time));
    }
    let today = Local::of(now);
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let (days_back, rest) = match words.as_slice() {
        ["today", rest @ ..] => (Some(0), rest),
        ["yesterday", rest @ ..] => (Some(1), rest),
        rest => (None, rest),
    };
    match (days_back, rest) {
        (Some(days), []) => Some(At::Time(day(&today, days, (0, 0, 0)))),
        (Some(days), [time]) => Some(At::Time(day(&today, days, time_of(time)?))),
        (None, [time]) => {
            let at = day(&today, 0, time_of(time)?);
            Some(At::Time(if at > now { day(&today, 1, time_of(time)?) } else { at }))
        }
        (None, [date, month, rest @ ..]) => {
            let (date, month) = (date.parse().ok()?, month_of(month)?);
            let (year, rest) = match rest {
                [year, rest @ ..] if year.len() == 4 && year.parse::<i32>().is_ok() => {
                    (year.parse().ok(), rest)
                }
                rest => (None, rest),
            };
            let (hour, minute, second) = match rest {
                [] => (0, 0, 0),
                [time] => time_of(time)?,
                _ => return None,
            };
            let at = |year| Local::instant(year, month, date, hour, minute, second);
            Some(At::Time(
                year.map_or_else(
                    || if at(today.year) > now { at(today.year - 1) } else { at(today.year) },
                    at,
                ),
            ))
        }
        _ => None,
    }
}

fn day(today: &Local, back: i64, (hour, minute, second): (u32, u32, u32)) -> Timestamp {
    // By noon, so that a day of 23 or 25 hours is one day too.
    let noon = Local::instant(today.year, today.month, today.day, 12, 0, 0).plus(-back * DAY);
    let that = Local::of(noon);
    Local::instant(that.year, that.month, that.day, hour, minute, second)
}

/// `2026-10-23` and `2026-10-23 11:47[:20]` are the viewer's time, what names a zone is that zone's.
fn iso(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once([' ', 't']).unwrap_or((text, "00:00"));
    let mut parts = date.splitn(3, '-').map(str::parse::<u32>);
    let (year, month, date) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    if let Some((hour, minute, second)) = time_of(time) {
        return Some(Local::instant(i32::try_from(year).ok()?, month, date, hour, minute, second));
    }
    Timestamp::parse(&text.to_uppercase())
}

fn time_of(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split(':').map(str::parse::<u32>);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().unwrap_or(Ok(0)).ok()?;
    (parts.next().is_none() && hour < 24 && minute < 60 && second < 60).then_some((hour, minute, second))
}

fn span_of(text: &str) -> Option<i64> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: i64 = text[..text.len() - unit.len()].parse().ok()?;
    let unit = match unit.trim() {
        "s" | "sec" | "second" | "seconds" => SECOND,
        "m" | "min" | "minute" | "minutes" => MINUTE,
        "h" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7 * DAY,
        _ => return None,
    };
    number.checked_mul(unit)
}

fn month_of(text: &str) -> Option<u32> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = text.get(..3)?;
    MONTHS.iter().position(|month| *month == start).and_then(|i| u32::try_from(i + 1).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_moments_in_many_ways() {
        let now = Timestamp::parse("2026-10-23T14:32:08Z").unwrap();
        let time = |text: &str| Some(At::Time(Timestamp::parse(text).unwrap()));
        for (typed, meant) in [
            ("#4771310", Some(At::Position(4_771_310))),
            ("#4,771,310", Some(At::Position(4_771_310))),
            ("2 h ago", time("2026-10-23T12:32:08Z")),
            ("90min ago", time("2026-10-23T13:02:08Z")),
            ("yesterday 18:00", time("2026-10-22T18:00:00Z")),
            ("Yesterday", time("2026-10-22T00:00:00Z")),
            ("11:47:20", time("2026-10-23T11:47:20Z")),
            ("15:00", time("2026-10-22T15:00:00Z")),
            ("1 Mar 09:12", time("2026-03-01T09:12:00Z")),
            ("24 Oct", time("2025-10-24T00:00:00Z")),
            ("14 Mar 2024, 09:12", time("2024-03-14T09:12:00Z")),
            ("2026-10-23 11:47", time("2026-10-23T11:47:00Z")),
            ("2026-10-23T11:47:20+02:00", time("2026-10-23T09:47:20Z")),
            ("25:00", None),
            ("ferry", None),
            ("", None),
            ("99999999999999999999 d ago", None),
        ] {
            assert_eq!(moment(typed, now), meant, "{typed}");
        }
        assert_eq!(At::of_query("17"), Some(At::Position(17)));
        assert_eq!(At::of_query(&At::Time(now).query()), Some(At::Time(now)));
    }
}
