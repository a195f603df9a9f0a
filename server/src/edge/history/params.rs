//! The parameters of `/history/…`, read and refused in one place: a name that a route does not have, a value that is not
//! allowed, a time that ends before it begins. Each is 400 with what is allowed.

use actix_web::{HttpRequest, web};
use patze_actors::history::query::{ListQuery, MAX_PAGE, Paging, Span};
use patze_core::event::Severity;
use patze_core::fleet::lifecycle::LifeState;
use patze_core::time::Timestamp;

use crate::error::Error;

/// The longest id or name, in characters; as events have them.
const MAX_CHARS: usize = 256;
/// The longest cursor, in bytes.
const MAX_CURSOR: usize = 128;

/// What [`Params::list`] and [`Params::paging`] take.
pub(super) const LIST: [&str; 9] =
    ["machineId", "agentId", "sessionId", "channel", "state", "from", "to", "limit", "cursor"];

/// A request's parameters.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads them; each name must be one of `known`.
    pub(super) fn read(request: &HttpRequest, known: &[&str]) -> Result<Self, Error> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let pairs = pairs
            .map_err(|_| invalid("", "the query cannot be read; percent-encode its values"))?
            .into_inner();
        for (at, (name, _)) in pairs.iter().enumerate() {
            let refuse = |what: &str| {
                let name: String = name.chars().take(64).collect();
                Err(invalid("", format!("{name:?} {what}; this route takes {}", known.join(", "))))
            };
            if !known.contains(&name.as_str()) {
                return refuse("is no parameter of this route");
            }
            if pairs.iter().take(at).any(|(other, _)| other == name) {
                return refuse("is there twice");
            }
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// An id or a name.
    pub(super) fn text<T: From<String>>(&self, name: &'static str) -> Result<Option<T>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        if text.is_empty() || text.chars().count() > MAX_CHARS {
            return Err(invalid(name, format!("{name} must have 1 to {MAX_CHARS} characters")));
        }
        Ok(Some(T::from(text.to_owned())))
    }

    /// A search, which is read further where it is used.
    pub(super) fn search(&self) -> Option<String> {
        self.get("q").map(str::to_owned)
    }

    /// One of some words.
    pub(super) fn word<T>(&self, name: &'static str, words: &[(&str, T)]) -> Result<Option<T>, Error>
    where
        T: Copy,
    {
        let Some(text) = self.get(name) else { return Ok(None) };
        one_of(name, text, words).map(Some)
    }

    /// Which runs or sessions.
    pub(super) fn list(&self) -> Result<ListQuery, Error> {
        Ok(ListQuery {
            machine: self.text("machineId")?,
            agent: self.text("agentId")?,
            session: self.text("sessionId")?,
            channel: self.text("channel")?,
            state: self.word("state", &LifeState::ALL.map(|state| (state.name(), state)))?,
            span: self.span()?,
        })
    }

    /// Levels, parted by commas.
    pub(super) fn levels(&self) -> Result<Vec<Severity>, Error> {
        let Some(text) = self.get("level") else { return Ok(Vec::new()) };
        let words = Severity::ALL.map(|level| (level.name(), level));
        let mut levels =
            text.split(',').map(|word| one_of("level", word, &words)).collect::<Result<Vec<_>, _>>()?;
        levels.sort_unstable();
        levels.dedup();
        Ok(levels)
    }

    /// A number within bounds.
    pub(super) fn number(
        &self,
        name: &'static str,
        least: usize,
        most: usize,
    ) -> Result<Option<usize>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        let refused = || invalid(name, format!("{name} must be a whole number from {least} to {most}"));
        number.map(Some).ok_or_else(refused)
    }

    /// A time.
    pub(super) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let refused = || {
            invalid(
                name,
                format!("{name} must be a time such as 2026-02-21T08:00:00Z (RFC 3339; encode a `+` as %2B)"),
            )
        };
        Timestamp::parse(text).map(Some).ok_or_else(refused)
    }

    /// `from` and `to`, either of which may be missing.
    pub(super) fn span(&self) -> Result<Span, Error> {
        let span = Span { from: self.time("from")?, to: self.time("to")? };
        if let (Some(from), Some(to)) = (span.from, span.to) {
            in_order(from, to)?;
        }
        Ok(span)
    }

    /// `limit` and `cursor`.
    pub(super) fn paging(&self) -> Result<Paging, Error> {
        let limit = self.number("limit", 1, MAX_PAGE)?;
        let cursor = self.get("cursor").map(str::to_owned);
        if cursor.as_ref().is_some_and(|cursor| cursor.len() > MAX_CURSOR) {
            return Err(invalid("cursor", "the cursor is none of ours; take `next` of the page before"));
        }
        let default = Paging::default();
        Ok(Paging { limit: limit.unwrap_or(default.limit), cursor })
    }
}

/// Refuses a time that ends before, or when, it begins.
pub(super) fn in_order(from: Timestamp, to: Timestamp) -> Result<(), Error> {
    if from < to { Ok(()) } else { Err(invalid("from", format!("from ({from}) must be before to ({to})"))) }
}

/// 400 with the stable code of a parameter.
pub(super) fn invalid(parameter: &str, message: impl Into<String>) -> Error {
    let code = match parameter {
        "cursor" => "invalid_cursor",
        "q" => "invalid_search",
        "from" | "to" => "invalid_time",
        "limit" => "invalid_limit",
        "points" => "invalid_points",
        "buckets" => "invalid_buckets",
        "tz" => "invalid_tz",
        "state" | "status" => "invalid_state",
        "level" => "invalid_level",
        "by" => "invalid_by",
        "bucket" => "invalid_bucket",
        "" => "invalid_query",
        _ => "invalid_filter",
    };
    Error::InvalidField { code, message: message.into().into() }
}

fn one_of<T: Copy>(name: &'static str, text: &str, words: &[(&str, T)]) -> Result<T, Error> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    let allowed = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| invalid(name, format!("{name} must be one of {}", allowed())))
}
