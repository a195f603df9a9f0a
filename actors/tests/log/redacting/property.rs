//! Any events in any commits, thinned and redacted in any order: the log is sound, its rows are those of plain loops.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// One commit of lines and heartbeats, each with one of the texts.
    Append(Vec<(u8, bool)>),
    Thin,
    Redact(u8),
}

const TEXTS: [&str; 4] = ["alpha-secret", "beta \"quoted\"", "gamma\nbroken", "delta \u{e9}\u{6f22}"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec((0..4_u8, any::<bool>()), 1..6).prop_map(Step::Append),
        1 => Just(Step::Thin),
        2 => (0..4_u8).prop_map(Step::Redact),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_rows_are_those_of_plain_loops(steps in prop::collection::vec(step(), 1..14)) {
        let dir = tempfile::tempdir().unwrap();
        let (clock, time) = Clock::virtual_at(START);
        let mut running = Some(Running::open(dir.path(), &clock));
        // By id: the text, or none once it is blank.
        let mut model = BTreeMap::<String, Option<usize>>::new();
        let mut n = 0;
        for step in steps {
            match step {
                Step::Append(events) => {
                    let now = clock.now().since(START);
                    let events = events.into_iter().map(|(text, beats)| {
                        n += 1;
                        let id = format!("e{n}");
                        let text = usize::from(text);
                        model.insert(id.clone(), Some(text));
                        if beats {
                            let payload = serde_json::json!({ "machineId": "m", "status": "online", "note": TEXTS[text],
                                "resource": { "cpuPct": 1, "memoryBytes": 1, "memoryPct": 1 } });
                            happened("m", &id, now, "machine.heartbeat", &payload.to_string())
                        } else {
                            let payload = serde_json::json!({ "logEntryId": id, "runId": "r", "sessionId": "s",
                                "level": "info", "message": TEXTS[text], "ts": "2026-02-21T00:00:00Z" });
                            happened("m", &id, now, "run.log.emitted", &payload.to_string())
                        }
                    }).collect();
                    append(running.as_ref().unwrap(), events);
                    time.jump_wall(5 * HOUR);
                }
                Step::Thin => {
                    let running = running.as_ref().unwrap();
                    retain(&running.log, &keep(4 * HOUR, 24 * HOUR));
                }
                Step::Redact(text) => {
                    running.take().unwrap().close();
                    let text = usize::from(text);
                    let what = matching(TEXTS[text]);
                    let redaction = Redaction { now: clock.now(), ..wanted(dir.path(), &what) };
                    match redact::redact(&redaction, |_| true) {
                        Ok(_) | Err(RedactError::NoMatch { .. }) => {}
                        Err(error) => prop_assert!(false, "{error:?}"),
                    }
                    for known in model.values_mut() {
                        *known = known.filter(|known| *known != text);
                    }
                    prop_assert_eq!(holding(dir.path(), TEXTS[text]), [""; 0]);
                    running = Some(Running::open(dir.path(), &clock));
                }
            }
            let log = &running.as_ref().unwrap().log;
            is_sound(dir.path(), log);
            for stored in read_all(log, 1_000) {
                let Some(text) = model.get(stored.event.id.as_str()) else { continue };
                let payload: serde_json::Value = serde_json::from_str(stored.event.payload()).unwrap();
                let told = payload.get("message").or(payload.get("note")).and_then(|told| told.as_str());
                prop_assert_eq!(told, text.map(|text| TEXTS[text]));
            }
        }
        running.unwrap().close();
    }
}
