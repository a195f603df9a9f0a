//! Counts, tokens, money, bytes and shares.

use patze_core::money::NanoUsd;

use super::{NONE, THIN};

/// `1,204,551`; a true minus before what is negative.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A position: `#4,812,907`.
pub fn position(n: u64) -> String {
    format!("#{}", count(n))
}

/// Tokens in a table: `812`, `18.3 k`, `3.91 M`.
pub fn tokens(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..999_500 => format!("{}{THIN}k", three(n as f64 / 1e3)),
        999_500..999_500_000 => format!("{}{THIN}M", three(n as f64 / 1e6)),
        _ => format!("{}{THIN}G", three(n as f64 / 1e9)),
    }
}

/// At most three significant figures, and no zero after the point that says nothing less than them.
pub fn three(x: f64) -> String {
    let magnitude = x.abs();
    let text = if magnitude >= 99.95 {
        format!("{x:.0}")
    } else if magnitude >= 9.995 {
        format!("{x:.1}")
    } else {
        format!("{x:.2}")
    };
    text.replace('-', "\u{2212}")
}

/// `$0.31`, `< $0.01`; `$0.00` for what is free.
pub fn money(cost: NanoUsd) -> String {
    dollars(cost.dollars())
}

/// The same of dollars.
pub fn dollars(x: f64) -> String {
    if x <= 0.0 {
        return "$0.00".to_owned();
    }
    if x < 0.005 {
        return format!("<{THIN}$0.01");
    }
    if x < 1_000.0 {
        return format!("${x:.2}");
    }
    format!("${}", count(x.round() as u64))
}

/// What a sum of model calls cost: `–` if there were calls and none has a price, so that nobody takes it for free.
pub fn cost(calls: u64, cost: NanoUsd) -> String {
    if calls == 0 || (cost == NanoUsd::ZERO && calls > 0) { NONE.to_owned() } else { money(cost) }
}

/// `44 %` of a share from 0 to 100.
pub fn percent(x: f64) -> String {
    format!("{:.0}{THIN}%", x.clamp(0.0, 100.0))
}

/// Memory and disks: `97 GiB`.
pub fn bytes(x: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    scaled(x, 1024.0, &UNITS)
}

/// The network: `1.2 MB/s`.
pub fn rate(x: f64) -> String {
    const UNITS: [&str; 5] = ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"];
    scaled(x, 1000.0, &UNITS)
}

fn scaled(x: f64, step: f64, units: &[&str]) -> String {
    let (mut x, mut unit) = (x.max(0.0), 0);
    while x >= step * 0.9995 && unit + 1 < units.len() {
        x /= step;
        unit += 1;
    }
    let number = if unit == 0 { format!("{x:.0}") } else { short(x) };
    format!("{number}{THIN}{}", units[unit])
}

/// Two figures below ten, whole numbers from there on.
fn short(x: f64) -> String {
    if x < 9.95 { format!("{x:.1}") } else { format!("{x:.0}") }
}

/// "1 machine", "3 machines", "no machine".
pub fn of(n: usize, one: &str, many: &str) -> String {
    match n {
        0 => format!("no {one}"),
        1 => format!("1 {one}"),
        _ => format!("{} {many}", count(n as u64)),
    }
}

/// A small number as a word at the begin of a sentence: "One", "Two", …, "13".
pub fn word(n: usize) -> String {
    const WORDS: [&str; 13] = [
        "No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven",
        "Twelve",
    ];
    WORDS.get(n).map_or_else(|| count(n as u64), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_thousands_and_three_figures() {
        assert_eq!(count(1_204_551), "1,204,551");
        assert_eq!(count(999), "999");
        assert_eq!(position(4_812_907), "#4,812,907");
        assert_eq!(tokens(812), "812");
        assert_eq!(tokens(18_300), "18.3\u{a0}k");
        assert_eq!(tokens(999_499), "999\u{a0}k");
        assert_eq!(tokens(3_910_000), "3.91\u{a0}M");
        assert_eq!(three(-1.5), "\u{2212}1.50");
    }

    #[test]
    fn money_is_never_zero_unless_it_is_free() {
        assert_eq!(dollars(0.31), "$0.31");
        assert_eq!(dollars(0.004), "<\u{a0}$0.01");
        assert_eq!(dollars(0.0), "$0.00");
        assert_eq!(dollars(1_234.5), "$1,235");
        assert_eq!(cost(3, NanoUsd::ZERO), "–");
    }

    #[test]
    fn units_are_binary_for_memory_and_decimal_for_the_network() {
        assert_eq!(bytes(97.0 * 1024.0 * 1024.0 * 1024.0), "97\u{a0}GiB");
        assert_eq!(bytes(5.7 * 1024.0 * 1024.0 * 1024.0), "5.7\u{a0}GiB");
        assert_eq!(rate(180_000.0), "180\u{a0}kB/s");
        assert_eq!(rate(1_200_000.0), "1.2\u{a0}MB/s");
        assert_eq!(rate(0.0), "0\u{a0}B/s");
        assert_eq!(percent(44.4), "44\u{a0}%");
    }

    #[test]
    fn few_are_words() {
        assert_eq!(word(1), "One");
        assert_eq!(word(13), "13");
        assert_eq!(of(0, "run", "runs"), "no run");
        assert_eq!(of(2, "run", "runs"), "2 runs");
    }
}
