//! `GET /openapi.json`: what this server answers, for machines. Open in every mode: it tells nothing that the source does not.
//!
//! The document is kept by hand (`docs/decisions/openapi.md`). The tests below compare what it lists with the program; what
//! it says of bodies and parameters is compared with a running server in `server/tests/edge/openapi`.

use actix_web::http::header::{self, EntityTag};
use actix_web::{HttpRequest, HttpResponse};

use super::answer;
use crate::error::JSON;

const DOCUMENT: &str = include_str!("../../openapi.json");
const DIGEST: u64 = fnv_1a(DOCUMENT.as_bytes());

/// The document, as it was compiled in.
pub async fn document(request: HttpRequest) -> HttpResponse {
    let tag = EntityTag::new_weak(format!("{DIGEST:016x}"));
    let known = answer::is_known(&request, &tag);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(header::ETag(tag)).insert_header((header::CACHE_CONTROL, "no-cache"));
    if known { response.finish() } else { response.content_type(JSON).body(DOCUMENT) }
}

/// <http://www.isthe.com/chongo/tech/comp/fnv/>
const fn fnv_1a(bytes: &[u8]) -> u64 {
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::BUILD;
    use super::super::routes::{Who, table};
    use super::*;
    use crate::error::Code;

    fn read() -> Value {
        serde_json::from_str(DOCUMENT).expect("server/openapi.json is JSON")
    }

    /// A line for each operation: `get /health, open`.
    fn described(document: &Value) -> BTreeSet<String> {
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("a path has methods");
            methods.iter().map(move |(method, operation)| {
                let who = &operation["security"];
                let who = if *who == serde_json::json!([]) {
                    "open"
                } else {
                    who[0]["token"][0].as_str().unwrap_or("?")
                };
                format!("{method} {path}, {who}")
            })
        });
        operations.collect()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let served = table().into_iter().map(|entry| {
            let who = match entry.who {
                Who::Open => "open",
                Who::Read => "read",
                Who::Bridge => "bridge",
                Who::Admin => "admin",
            };
            format!("{} {}, {who}", entry.method.as_str().to_lowercase(), entry.path)
        });
        let (served, described) = (served.collect::<BTreeSet<_>>(), described(&read()));
        let missing: Vec<_> = served.difference(&described).collect();
        let wrong: Vec<_> = described.difference(&served).collect();
        assert!(
            missing.is_empty() && wrong.is_empty(),
            "server/openapi.json and server/src/edge/routes.rs differ.\n\
             Routes that are not described: {missing:?}\n  Add each to `paths`, beside its neighbours: operationId, tags, summary, \
             `security` ([] is open, else [{{\"token\": [scope]}}]), parameters, requestBody, responses with an example; its \
             types to components.schemas. Then let server/tests/edge/openapi ask for it.\n\
             Described, but not served so: {wrong:?}\n  Correct or remove each."
        );
    }

    #[test]
    fn every_error_code_is_listed_and_nothing_else() {
        let document = read();
        let list = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().expect("a list");
        let listed: BTreeSet<_> = list.iter().filter_map(Value::as_str).collect();
        let answered: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(
            listed, answered,
            "components.schemas.ErrorCode in server/openapi.json (left) and `codes!` in server/src/error.rs (right) differ; \
             add a new code to the former, and to the `error` of each answer that may have it"
        );
    }

    #[test]
    fn the_version_is_this_one() {
        assert_eq!(read()["info"]["version"], BUILD, "set info.version in server/openapi.json");
    }
}
