//! `/history/usage`.

use actix_web::{HttpRequest, HttpResponse, web};
use patze_actors::history::query::UsageQuery;
use patze_core::causes::with_causes;
use patze_core::history::{UsageBucket, UsageBy};
use patze_core::time::DAY;

use super::answered;
use super::params::{Params, in_order};
use crate::edge::Edge;
use crate::error::Error;
use crate::prices;

/// Tokens and cost; of the last 30 days, or of the last two in hours, unless told.
pub async fn usage(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let params = Params::read(&request, &["by", "bucket", "tz", "from", "to"])?;
    let by = params.word(
        "by",
        &[
            ("machine", UsageBy::Machine),
            ("agent", UsageBy::Agent),
            ("model", UsageBy::Model),
            ("channel", UsageBy::Channel),
        ],
    )?;
    let bucket = params.word("bucket", &[("hour", UsageBucket::Hour), ("day", UsageBucket::Day)])?;
    let bucket = bucket.unwrap_or(UsageBucket::Day);
    let days = match bucket {
        UsageBucket::Hour => 2,
        UsageBucket::Day => 30,
    };
    let to = params.time("to")?.unwrap_or_else(|| edge.plane.clock.now());
    let from = params.time("from")?.unwrap_or_else(|| to.plus(-days * DAY));
    in_order(from, to)?;
    let tz = params.text("tz")?.unwrap_or_else(|| "UTC".to_owned());
    // Read each time: a table that was corrected counts at once.
    let dir = edge.plane.dir.clone();
    let prices = web::block(move || prices::load(&dir).map_err(|fault| with_causes(&fault)))
        .await
        .unwrap_or_else(|cancelled| Err(with_causes(&cancelled)));
    let query = UsageQuery { by: by.unwrap_or(UsageBy::Machine), bucket, tz, from, to, prices };
    answered(edge.plane.history.usage(query).await)
}
