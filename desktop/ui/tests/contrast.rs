//! The contrast of every text and mark that carries a value, in the four colour sets, from the token file itself (WCAG 2.2,
//! success criteria 1.4.3 and 1.4.11).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeMap;

const TOKENS: &str = include_str!("../styles/tokens.css");
/// What text may stand on.
const GROUNDS: [&str; 6] = ["canvas", "surface", "raised", "sunken", "hover", "sel"];
const TEXTS: [&str; 9] = ["t1", "t2", "t3", "accent", "ok", "degraded", "down", "unknown", "paused"];

type Colour = [f64; 3];
type Set = BTreeMap<String, Colour>;

/// The colour sets by theme and time.
fn sets() -> Vec<(String, Set)> {
    let mut sets = Vec::new();
    for block in TOKENS.split(":root[").skip(1) {
        let Some((selector, body)) = block.split_once('{') else { continue };
        if !selector.starts_with("data-theme") {
            continue;
        }
        let body = body.split('}').next().unwrap();
        let set: Set = body.lines().filter_map(token).collect();
        sets.push((selector.replace("][", " ").replace([']', '"'], "").trim().to_owned(), set));
    }
    assert_eq!(sets.len(), 4, "light and dark, live and past");
    sets
}

fn token(line: &str) -> Option<(String, Colour)> {
    let (name, value) = line.trim().strip_prefix("--")?.split_once(": ")?;
    let hex = value.strip_prefix('#')?.strip_suffix(';')?;
    (hex.len() == 6).then(|| {
        (name.to_owned(), [0, 2, 4].map(|i| f64::from(u8::from_str_radix(&hex[i..i + 2], 16).unwrap())))
    })
}

fn luminance(colour: Colour) -> f64 {
    let [r, g, b] = colour.map(|channel| {
        let c = channel / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn ratio(a: Colour, b: Colour) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// `share` of one colour in another, as `color-mix(in srgb, …)` does it.
fn mix(one: Colour, other: Colour, share: f64) -> Colour {
    [0, 1, 2].map(|i| (one[i] * share + other[i] * (1.0 - share)).round())
}

#[test]
fn text_is_legible_on_every_ground() {
    let mut faults = Vec::new();
    for (name, set) in sets() {
        for text in TEXTS {
            for ground in GROUNDS {
                let ratio = ratio(set[text], set[ground]);
                if ratio < 4.5 {
                    faults.push(format!("{name}: {text} on {ground} is {ratio:.2}"));
                }
            }
        }
        for state in ["ok", "degraded", "down", "unknown", "paused"] {
            // A badge's ground: its state at 11 % over the sheet.
            let ratio = ratio(set[state], mix(set[state], set["surface"], 0.11));
            if ratio < 4.5 {
                faults.push(format!("{name}: {state} on its badge is {ratio:.2}"));
            }
        }
        for (text, ground) in [("on-accent", "accent"), ("t1", "hit")] {
            let ratio = ratio(set[text], set[ground]);
            if ratio < 4.5 {
                faults.push(format!("{name}: {text} on {ground} is {ratio:.2}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn what_is_not_text_can_be_told_from_its_ground() {
    for (name, set) in sets() {
        for (mark, ground) in
            [("edge", "surface"), ("edge", "canvas"), ("ink2", "surface"), ("ink", "surface")]
        {
            let ratio = ratio(set[mark], set[ground]);
            assert!(ratio >= 2.995, "{name}: {mark} on {ground} is {ratio:.2}");
        }
    }
}

#[test]
fn what_stands_on_the_band_is_legible() {
    for (name, set) in sets().into_iter().filter(|(name, _)| name.contains("past")) {
        let band = set["band"];
        let quiet = mix(set["on-band"], band, 0.78);
        for (what, colour) in [
            ("on-band", set["on-band"]),
            ("t3", quiet),
            ("ok", set["band-ok"]),
            ("degraded", set["band-degraded"]),
            ("down", set["band-down"]),
            ("unknown", set["band-unknown"]),
        ] {
            let ratio = ratio(colour, band);
            assert!(ratio >= 4.5, "{name}: {what} on the band is {ratio:.2}");
        }
    }
}

#[test]
fn the_four_sets_have_the_same_names() {
    let sets = sets();
    let names = |set: &Set| set.keys().filter(|name| !name.contains("band")).cloned().collect::<Vec<_>>();
    for (name, set) in &sets {
        assert_eq!(names(set), names(&sets[0].1), "{name}");
    }
}
