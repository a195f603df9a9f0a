//! What others see of a bridge on its own machine: what it writes to standard error.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

#[path = "bridge_support/mod.rs"]
mod support;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use support::{ControlPlane, Place};

/// The first line that a bridge writes to a terminal as its standard error.
fn first_line_on_a_terminal(place: &Place) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let screen = File::options().read(true).write(true).open(name).unwrap();
    let mut child = place.command(&[]).stdout(Stdio::null()).stderr(screen).spawn().unwrap();
    let mut line = String::new();
    let read = BufReader::new(File::from(terminal)).read_line(&mut line);
    child.kill().unwrap();
    child.wait().unwrap();
    read.unwrap();
    line
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let plane = ControlPlane::start();
    let escape = '\u{1b}';
    for (no_color, coloured) in [(None, true), (Some(""), true), (Some("1"), false)] {
        let mut place = Place::new(&plane.url);
        place.settings.extend(no_color.map(|value| ("NO_COLOR".to_owned(), value.to_owned())));
        let line = first_line_on_a_terminal(&place);
        assert!(line.contains("patze-bridge starts"), "{line:?}");
        assert_eq!(line.contains(escape), coloured, "{no_color:?}: {line:?}");
    }
    let bridge = Place::new(&plane.url).start();
    bridge.wait_for("the spool is open");
    assert!(!bridge.text().contains(escape), "{:?}", bridge.text());
}
