//! Events and batches of them.

use patze_core::event::Event;
use patze_core::event::batch::split;
use patze_core::event::envelope::{validate, validate_exported};

use crate::text;

/// An event as it is sent, and as a line of an export.
pub fn envelope(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Ok(event) = validate(text) {
        assert_eq!(again(&event), event, "the normal form is its own normal form");
    }
    if let Ok(exported) = validate_exported(text) {
        let event = exported.event;
        // What a log held need not be what is taken today, but it is an envelope.
        assert!(serde_json::from_str::<serde_json::Value>(&json(&event)).is_ok());
    }
}

/// A body of `/ingest/batch`.
pub fn batch(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Ok(envelopes) = split(text) else { return };
    for raw in envelopes {
        let inside = raw.get().as_bytes().as_ptr_range();
        let whole = text.as_bytes().as_ptr_range();
        assert!(whole.start <= inside.start && inside.end <= whole.end, "nothing is copied");
        if let Ok(event) = validate(raw.get()) {
            assert_eq!(again(&event), event);
        }
    }
}

fn json(event: &Event) -> String {
    let mut json = String::new();
    event.push_json(&mut json);
    json
}

fn again(event: &Event) -> Event {
    let json = json(event);
    match validate(&json) {
        Ok(event) => event,
        Err(refused) => panic!("what was taken is refused when it is sent again: {refused:?}\n{json}"),
    }
}
