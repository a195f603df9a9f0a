//! Times of day and dates in the viewer's zone: 24 hours, and no more of the date than is needed.

use patze_core::time::Timestamp;

/// A moment on somebody's wall: what the formats below write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Local {
    /// The year.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 0 is Sunday.
    pub weekday: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 59.
    pub second: u32,
    /// 0 to 999.
    pub milli: u32,
    /// Minutes that the zone is ahead of UTC.
    pub offset: i32,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LONG_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

impl Local {
    /// The viewer's wall at an instant.
    #[cfg(target_arch = "wasm32")]
    pub fn of(at: Timestamp) -> Self {
        let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.millis() as f64));
        Self {
            year: i32::try_from(date.get_full_year()).unwrap_or_default(),
            month: date.get_month() + 1,
            day: date.get_date(),
            weekday: date.get_day(),
            hour: date.get_hours(),
            minute: date.get_minutes(),
            second: date.get_seconds(),
            milli: date.get_milliseconds(),
            offset: -(date.get_timezone_offset() as i32),
        }
    }

    /// Where there is no browser (tests), the wall is in UTC.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn of(at: Timestamp) -> Self {
        let instant = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
        let civil = jiff::tz::Offset::UTC.to_datetime(instant);
        Self {
            year: i32::from(civil.year()),
            month: u32::from(civil.month().unsigned_abs()),
            day: u32::from(civil.day().unsigned_abs()),
            weekday: u32::from(civil.weekday().to_sunday_zero_offset().unsigned_abs()),
            hour: u32::from(civil.hour().unsigned_abs()),
            minute: u32::from(civil.minute().unsigned_abs()),
            second: u32::from(civil.second().unsigned_abs()),
            milli: u32::from(civil.millisecond().unsigned_abs()),
            offset: 0,
        }
    }

    /// The instant at which the viewer's wall shows this date and time.
    #[cfg(target_arch = "wasm32")]
    pub fn instant(year: i32, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> Timestamp {
        // `Date` takes what is beyond its bounds as the days and months around, and settles daylight saving.
        let date = js_sys::Date::new_with_year_month_day_hr_min_sec(
            u32::try_from(year).unwrap_or_default(),
            month.cast_signed() - 1,
            day.cast_signed(),
            hour.cast_signed(),
            minute.cast_signed(),
            second.cast_signed(),
        );
        Timestamp::from_millis(date.get_time() as i64)
    }

    /// Where there is no browser (tests), the wall is in UTC.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn instant(year: i32, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> Timestamp {
        let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
        Timestamp::parse(&text).unwrap_or(Timestamp::EPOCH)
    }

    fn is_same_day(&self, other: &Self) -> bool {
        (self.year, self.month, self.day) == (other.year, other.month, other.day)
    }
}

/// `14:32:08`
pub fn time(at: Timestamp) -> String {
    let t = Local::of(at);
    format!("{:02}:{:02}:{:02}", t.hour, t.minute, t.second)
}

/// `14:32`
pub fn short(at: Timestamp) -> String {
    let t = Local::of(at);
    format!("{:02}:{:02}", t.hour, t.minute)
}

/// `14:32:08.551`
pub fn with_millis(at: Timestamp) -> String {
    format!("{}.{:03}", time(at), Local::of(at).milli)
}

/// `14:32` today, `23 Oct 14:32` on another day, `23 Oct 2025` in another year.
pub fn near(at: Timestamp, now: Timestamp) -> String {
    let (t, today) = (Local::of(at), Local::of(now));
    if t.is_same_day(&today) {
        short(at)
    } else if t.year == today.year {
        format!("{} {} {}", t.day, month(&t), short(at))
    } else {
        format!("{} {} {}", t.day, month(&t), t.year)
    }
}

/// As [`near`], with seconds.
pub fn near_to_the_second(at: Timestamp, now: Timestamp) -> String {
    let (t, today) = (Local::of(at), Local::of(now));
    if t.is_same_day(&today) {
        time(at)
    } else if t.year == today.year {
        format!("{} {} {}", t.day, month(&t), time(at))
    } else {
        format!("{} {} {} {}", t.day, month(&t), t.year, time(at))
    }
}

/// `Fri 23 Oct`
pub fn date(at: Timestamp) -> String {
    let t = Local::of(at);
    format!("{} {} {}", weekday(&t), t.day, month(&t))
}

/// `Fri`
pub fn day_of_week(at: Timestamp) -> &'static str {
    weekday(&Local::of(at))
}

/// `October`
pub fn month_name(at: Timestamp) -> &'static str {
    LONG_MONTHS[(Local::of(at).month.clamp(1, 12) - 1) as usize]
}

/// `Fri 23 Oct 14:32:08`
pub fn date_and_time(at: Timestamp) -> String {
    format!("{} {}", date(at), time(at))
}

/// `Fri 23 Oct 2026, 11:47:20`
pub fn full(at: Timestamp) -> String {
    format!("{} {}, {}", date(at), Local::of(at).year, time(at))
}

/// `Fri 23 Oct 2026, +02:00`: the second line of a tooltip.
pub fn zoned(at: Timestamp) -> String {
    let t = Local::of(at);
    let sign = if t.offset < 0 { '\u{2212}' } else { '+' };
    let minutes = t.offset.unsigned_abs();
    format!("{} {}, {sign}{:02}:{:02}", date(at), t.year, minutes / 60, minutes % 60)
}

/// What the axis of a line writes: `14:30`, or `Fri 23 Oct` at midnight.
pub fn tick(at: Timestamp) -> String {
    let t = Local::of(at);
    if (t.hour, t.minute) == (0, 0) { date(at) } else { short(at) }
}

/// The first instant of the day that contains this one.
pub fn day_begin(at: Timestamp) -> Timestamp {
    let t = Local::of(at);
    Local::instant(t.year, t.month, t.day, 0, 0, 0)
}

/// The first instant of the month that contains this one.
pub fn month_begin(at: Timestamp) -> Timestamp {
    let t = Local::of(at);
    Local::instant(t.year, t.month, 1, 0, 0, 0)
}

fn month(t: &Local) -> &'static str {
    MONTHS[(t.month.clamp(1, 12) - 1) as usize]
}

fn weekday(t: &Local) -> &'static str {
    DAYS[(t.weekday % 7) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_of_the_date_than_is_needed() {
        let at = Timestamp::parse("2026-10-23T14:32:08.551Z").unwrap();
        let now = Timestamp::parse("2026-10-23T18:00:00Z").unwrap();
        assert_eq!(time(at), "14:32:08");
        assert_eq!(with_millis(at), "14:32:08.551");
        assert_eq!(near(at, now), "14:32");
        assert_eq!(near(at, now.plus(86_400_000)), "23 Oct 14:32");
        assert_eq!(near(at, now.plus(400 * 86_400_000)), "23 Oct 2026");
        assert_eq!(full(at), "Fri 23 Oct 2026, 14:32:08");
        assert_eq!(zoned(at), "Fri 23 Oct 2026, +00:00");
        assert_eq!(tick(Timestamp::parse("2026-10-23T00:00:00Z").unwrap()), "Fri 23 Oct");
        assert_eq!(time(day_begin(at)), "00:00:00");
        assert_eq!(near(month_begin(at), now), "1 Oct 00:00");
    }
}
