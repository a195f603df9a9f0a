//! Durations, ages and countdowns. All spans are milliseconds.

use super::THIN;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The two largest units: `2 h 46 min`, `1 min 42 s`, `3.4 s`, `250 ms`.
pub fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        0..SECOND => format!("{ms}{THIN}ms"),
        SECOND..10_000 => {
            let tenths = ms / 100;
            if tenths % 10 == 0 {
                format!("{}{THIN}s", tenths / 10)
            } else {
                format!("{}.{}{THIN}s", tenths / 10, tenths % 10)
            }
        }
        10_000..MINUTE => format!("{}{THIN}s", ms / SECOND),
        MINUTE..HOUR => two(ms, (MINUTE, "min"), (SECOND, "s")),
        HOUR..DAY => two(ms, (HOUR, "h"), (MINUTE, "min")),
        _ => two(ms, (DAY, "d"), (HOUR, "h")),
    }
}

fn two(ms: i64, (large, large_name): (i64, &str), (small, small_name): (i64, &str)) -> String {
    let (n, rest) = (ms / large, ms % large / small);
    if rest == 0 {
        format!("{n}{THIN}{large_name}")
    } else {
        format!("{n}{THIN}{large_name} {rest}{THIN}{small_name}")
    }
}

/// An age in a table, one unit rounded down: `2 h`; under two seconds `now`.
pub fn age(ms: i64) -> String {
    match ms {
        ..2_000 => "now".to_owned(),
        2_000..MINUTE => format!("{}{THIN}s", ms / SECOND),
        MINUTE..HOUR => format!("{}{THIN}min", ms / MINUTE),
        HOUR..DAY => format!("{}{THIN}h", ms / HOUR),
        _ => format!("{}{THIN}d", ms / DAY),
    }
}

/// What is to come, in two units; seconds only under an hour.
pub fn countdown(ms: i64) -> String {
    let ms = ms.max(0);
    if ms < MINUTE { format!("{}{THIN}s", ms.div_euclid(SECOND)) } else { duration(ms - ms % SECOND) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        text.replace(THIN, " ")
    }

    #[test]
    fn durations_have_two_units() {
        for (ms, text) in [
            (250, "250 ms"),
            (3_400, "3.4 s"),
            (3_000, "3 s"),
            (12_900, "12 s"),
            (102_000, "1 min 42 s"),
            (60_000, "1 min"),
            (9_960_000, "2 h 46 min"),
            (90_000_000, "1 d 1 h"),
            (-5, "0 ms"),
        ] {
            assert_eq!(plain(&duration(ms)), text);
        }
    }

    #[test]
    fn ages_have_one() {
        for (ms, text) in [
            (-3, "now"),
            (1_999, "now"),
            (4_200, "4 s"),
            (119_000, "1 min"),
            (9_960_000, "2 h"),
            (200_000_000, "2 d"),
        ] {
            assert_eq!(plain(&age(ms)), text);
        }
    }

    #[test]
    fn countdowns_drop_seconds_from_an_hour_on() {
        assert_eq!(plain(&countdown(6_400)), "6 s");
        assert_eq!(plain(&countdown(472_000)), "7 min 52 s");
        assert_eq!(plain(&countdown(2_872_000 + 3_600_000)), "1 h 47 min");
    }
}
