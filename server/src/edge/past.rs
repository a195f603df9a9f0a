//! `?at=`: which moment of the past a request asks for, and the fleet of that moment (design §10).

use actix_web::HttpRequest;
use patze_actors::log::{Moment, PastError, ReadError, Then};
use patze_core::time::Timestamp;

use super::{Edge, answer};
use crate::error::{Code, Error};

/// The moment that `?at=` names: digits are a position, all else a time. None without `at`, which asks for the newest.
pub(super) fn moment(request: &HttpRequest) -> Result<Option<Moment>, Error> {
    let Some(at) = answer::query(request, "at") else { return Ok(None) };
    let position =
        || at.bytes().all(|byte| byte.is_ascii_digit()).then(|| at.parse().ok().map(Moment::Position));
    let moment = position().unwrap_or_else(|| Timestamp::parse(&at).map(Moment::Time));
    moment.map(Some).ok_or(Error::InvalidField {
        code: Code::InvalidAt,
        message: "at must be a position (a whole number) or a time such as 2026-11-25T03:12:00Z".into(),
    })
}

/// The fleet of a moment, built off the worker threads.
pub(super) async fn fleet(edge: &Edge, moment: Moment) -> Result<Then, Error> {
    edge.log().fleet_at(moment).await.map_err(|error| match error {
        PastError::Ahead { .. } | PastError::Future { .. } => {
            Error::InvalidField { code: Code::AtInFuture, message: error.to_string().into() }
        }
        PastError::Before { horizon } => {
            Error::Gone { message: error.to_string(), position: horizon.position, time: horizon.time }
        }
        PastError::Read(ReadError::Read { .. }) => Error::internal(error),
        PastError::Busy | PastError::Read(_) => Error::Unavailable(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn parsed(query: &str) -> Result<Option<Moment>, String> {
        let request = TestRequest::with_uri(&format!("/state?{query}")).to_http_request();
        moment(&request).map_err(|error| error.to_string())
    }

    #[test]
    fn digits_are_a_position_and_all_else_a_time() {
        assert_eq!(parsed("x=1"), Ok(None));
        assert_eq!(parsed("at=0"), Ok(Some(Moment::Position(0))));
        assert_eq!(parsed("at=123"), Ok(Some(Moment::Position(123))));
        let time = Timestamp::parse("2026-11-25T03:12:00Z").unwrap();
        assert_eq!(parsed("at=2026-11-25T03:12:00Z"), Ok(Some(Moment::Time(time))));
        assert_eq!(parsed("at=2026-11-25T04:12:00%2B01:00"), Ok(Some(Moment::Time(time))));
        for odd in ["at=", "at=-1", "at=1.5", "at=99999999999999999999", "at=yesterday", "at=1e3"] {
            assert!(parsed(odd).is_err_and(|text| text.contains("position")), "{odd}");
        }
    }
}
