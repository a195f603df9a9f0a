//! The body of `POST /ingest/batch` (contract §9.3): `{"events": […]}`, whose envelopes are looked at one by one later.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Why a body is no batch.
#[derive(Debug, thiserror::Error)]
pub enum BatchFault {
    /// It is no JSON.
    #[error("the body is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// It is JSON without a list `events`.
    #[error("the body is not an object with a list named events")]
    NotABatch,
}

/// The envelopes of a batch, as they stand in the body.
///
/// # Errors
/// If it is none.
pub fn split(text: &str) -> Result<Vec<&RawValue>, BatchFault> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        events: Vec<&'a RawValue>,
    }
    // A list of one list would do for serde.
    let is_object = text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{');
    if let Ok(body) = serde_json::from_str::<Body<'_>>(text)
        && is_object
    {
        return Ok(body.events);
    }
    // Whatever is JSON is at fault for its shape alone.
    serde_json::from_str::<IgnoredAny>(text).map_err(BatchFault::NotJson)?;
    Err(BatchFault::NotABatch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_with_a_list_of_events_is_a_batch() {
        let texts =
            |text| split(text).map(|events| events.iter().map(|event| event.get()).collect::<Vec<_>>());
        assert_eq!(
            texts(r#" {"more": 1, "events": [ {"a": 1} , 2,"x"]}"#).unwrap(),
            [r#"{"a": 1}"#, "2", "\"x\""]
        );
        assert!(texts(r#"{"events": []}"#).unwrap().is_empty());
        for other in [r#"{"events": {}}"#, "{}", "[[1]]", "null", "3"] {
            assert!(matches!(split(other), Err(BatchFault::NotABatch)), "{other}");
        }
        for none in ["", "{", r#"{"events": [}"#, r#"{"events": []} x"#] {
            assert!(matches!(split(none), Err(BatchFault::NotJson(_))), "{none}");
        }
    }
}
