//! What is refused, and what is not.

use std::collections::BTreeSet;

use patze_actors::credentials::Scope;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::{Value, json};

use super::answers::request;
use super::{Document, story};
use crate::support::{Server, heartbeat, json_of};

/// The parameters in the query: those that the document names are those of the route, each allows and refuses what it says.
pub async fn parameters(server: &Server, document: &Document) {
    for operation in document.operations().filter(|operation| operation.method == Method::GET) {
        let id = operation.id;
        if id == "getPageFile" {
            // Its example is a name, and the hash in it changes with the page.
            continue;
        }
        let parameters = document.parameters(&operation, "query");
        let names: BTreeSet<&str> =
            parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let ask = async |pairs: &[(&str, &str)]| {
            let url = request(server, document, &operation, None).build().unwrap().url().clone();
            server.client.get(Url::parse_with_params(url.as_str(), pairs).unwrap()).send().await.unwrap()
        };
        let refused = async |pairs: &[(&str, &str)], code: &str| {
            let body = refused_with(document, id, ask(pairs).await, code, &format!("{pairs:?}")).await;
            body["message"].as_str().unwrap().to_owned()
        };
        if document.codes(&operation, "400").contains(&"invalid_query") {
            let text = refused(&[("nonsense", "1")], "invalid_query").await;
            let taken = text.rsplit_once("takes ").unwrap().1.split(", ").collect::<BTreeSet<_>>();
            assert_eq!(
                names, taken,
                "the parameters of {id} in server/openapi.json (left) and in the program (right) differ"
            );
            let name = parameters[0]["name"].as_str().unwrap();
            refused(&[(name, "x"), (name, "x")], "invalid_query").await;
        } else {
            assert!(ask(&[("nonsense", "1")]).await.status().is_success(), "{id} minds unknown parameters");
        }
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap();
            let schema = document.resolve(&parameter["schema"]);
            let (good, bad) = bounds(document, schema);
            let listed = match &parameter["example"] {
                Value::Null => None,
                Value::Array(items) => {
                    Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","))
                }
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            for value in good.iter().chain(&listed) {
                let status = ask(&[(name, value.as_str())]).await.status();
                assert!(
                    status != StatusCode::BAD_REQUEST && !status.is_server_error(),
                    "{id} refuses {name}={value}: {status}"
                );
            }
            let lists = parameter["x-refused"].as_object();
            assert!(lists.is_some() || bad.is_empty(), "{id}: x-refused of {name} is missing");
            for (code, values) in lists.into_iter().flatten() {
                for value in values.as_array().unwrap() {
                    refused(&[(name, value.as_str().unwrap())], code).await;
                }
            }
            for value in &bad {
                refused(&[(name, value.as_str())], lists.unwrap().keys().next().unwrap()).await;
            }
        }
    }
}

/// Values that a schema allows to the last, and values just beyond.
fn bounds(document: &Document, schema: &Value) -> (Vec<String>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let words = document.resolve(&schema["items"])["enum"].as_array().or(schema["enum"].as_array());
    if let Some(words) = words {
        good.extend(words.iter().filter_map(Value::as_str).map(str::to_owned));
        bad.push("noSuchWord".to_owned());
    }
    for (key, beyond) in [("minimum", -1), ("maximum", 1)] {
        if let Some(bound) = schema[key].as_i64() {
            good.push(bound.to_string());
            bad.push((bound + beyond).to_string());
        }
    }
    if schema["minLength"] == 1 {
        bad.push(String::new());
    }
    if let Some(length) = schema["maxLength"].as_u64() {
        // Two bytes each: lengths are of characters.
        bad.push("é".repeat(usize::try_from(length).unwrap() + 1));
    }
    (good, bad)
}

/// Bodies: what the document refuses, what is no JSON, a missing required field, another content type, too many bytes.
pub async fn bodies(server: &Server, document: &Document) {
    for operation in document.operations().filter(|operation| operation.method != Method::GET) {
        let id = operation.id;
        let send = async |kind: &str, text: String| {
            let request = request(server, document, &operation, None).header(CONTENT_TYPE, kind);
            let mut request = request.build().unwrap();
            *request.body_mut() = Some(text.into());
            request.headers_mut().remove(reqwest::header::CONTENT_LENGTH);
            request.headers_mut().insert(CONTENT_TYPE, kind.parse().unwrap());
            server.client.execute(request).await.unwrap()
        };
        let body = &operation.json["requestBody"];
        if document.codes(&operation, "400").contains(&"request_error") {
            refused_with(
                document,
                id,
                send("application/json", "{".to_owned()).await,
                "request_error",
                "no JSON",
            )
            .await;
        }
        for (code, values) in body["x-refused"].as_object().into_iter().flatten() {
            for value in values.as_array().unwrap() {
                refused_with(
                    document,
                    id,
                    send("application/json", value.to_string()).await,
                    code,
                    &value.to_string(),
                )
                .await;
            }
        }
        let media = &body["content"]["application/json"];
        for field in document.resolve(&media["schema"])["required"].as_array().into_iter().flatten() {
            let mut example = media["example"].clone();
            example.as_object_mut().unwrap().remove(field.as_str().unwrap());
            let response = send("application/json", example.to_string()).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{id} does without {field}");
            document.check(id, response).await;
        }
        let response = send("application/xml", "<a/>".to_owned()).await;
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{id}");
        document.check(id, response).await;
        if document.codes(&operation, "415").contains(&"unsupported_media_type") {
            document.check(id, send("text/plain", "x".to_owned()).await).await;
        }
        let limit = if operation.json["responses"]["413"].is_null() { 4 << 20 } else { 1 << 20 };
        let response = send("application/json", " ".repeat(limit + 1)).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{id}");
        document.check(id, response).await;
    }
}

/// Events that are not taken: each code that the document lists, and every field that it says is required.
pub async fn rejections(server: &Server, document: &Document) {
    let bridge = server.bridge_token(Some("m1")).await;
    let send = async |event: &Value| {
        let request = server.client.post(server.url("/ingest")).bearer_auth(&bridge).json(event);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{event} is taken");
        document.check("ingestEvent", response).await["error"]["code"].as_str().unwrap().to_owned()
    };
    let mut codes = BTreeSet::from(["machine_limit".to_owned()]);
    let event =
        document.operation("ingestEvent").json["requestBody"]["content"]["application/json"]["example"]
            .clone();
    for (field, value, code) in [
        ("id", json!(""), "invalid_envelope"),
        ("version", json!("telemetry.v2"), "invalid_schema_version"),
        ("machineId", json!(" "), "missing_machine_id"),
        ("type", json!("machine.exploded"), "invalid_event_type"),
        ("type", json!("control.tick"), "invalid_event_type"),
        ("severity", json!("loud"), "invalid_severity"),
        ("ts", json!("yesterday"), "invalid_timestamp"),
        ("trace", json!({}), "invalid_trace"),
        ("payload", json!({}), "invalid_payload"),
    ] {
        let mut event = event.clone();
        event[field] = value;
        assert_eq!(send(&event).await, code, "{event}");
        codes.insert(code.to_owned());
    }
    codes.insert(send(&heartbeat("x", "m2")).await);
    let listed = &document.open["components"]["schemas"]["RejectionCode"]["enum"];
    let listed: BTreeSet<String> = serde_json::from_value(listed.clone()).unwrap();
    assert_eq!(
        listed, codes,
        "server/openapi.json's RejectionCode (left), and what is rejected (right; machine_limit is in fleet.rs)"
    );

    // Each type's own required fields; unknown fields are kept.
    for mut event in story::examples(document) {
        event["id"] = json!(format!("kept {}", event["id"]));
        event["payload"]["unknown"] = json!({"kept": [1]});
        let (status, answer) = json_of(server.post("/ingest", &event).await).await;
        assert_eq!(
            (status, &answer["event"]["payload"]["unknown"]),
            (StatusCode::OK, &event["payload"]["unknown"]),
            "{answer}"
        );
        let mut schema = &document.open["components"]["schemas"]["PayloadByType"];
        for part in schema["allOf"].as_array().unwrap() {
            if part["if"]["properties"]["type"]["const"] == event["type"] {
                schema = document.resolve(&part["then"]["properties"]["payload"]);
            }
        }
        let payload = "payload".to_owned();
        for (path, schema) in [
            (vec![payload.clone()], schema),
            (vec![payload, "resource".to_owned()], document.resolve(&schema["properties"]["resource"])),
        ] {
            for field in schema["required"].as_array().into_iter().flatten() {
                let mut event = event.clone();
                let place = path.iter().fold(&mut event, |value, key| &mut value[key.as_str()]);
                place.as_object_mut().unwrap().remove(field.as_str().unwrap());
                assert_eq!(send(&event).await, "invalid_payload", "without {path:?} {field}");
            }
        }
    }
}

/// A token of another scope than the document asks for is 403.
pub async fn scopes(server: &Server, document: &Document) {
    for (scope, name) in [(Scope::Read, "read"), (Scope::Bridge, "bridge")] {
        let token = server.token(scope, None).await;
        for operation in document.operations() {
            let needed = &operation.json["security"][0]["token"][0];
            let may = needed.is_null() || needed == name;
            // What may is asked elsewhere; here, questions alone, which change nothing.
            if may && operation.method != Method::GET {
                continue;
            }
            let response =
                request(server, document, &operation, None).bearer_auth(&token).send().await.unwrap();
            assert_eq!(response.status() != StatusCode::FORBIDDEN, may, "{} with scope {name}", operation.id);
            document.check(operation.id, response).await;
        }
    }
}

async fn refused_with(document: &Document, id: &str, response: Response, code: &str, what: &str) -> Value {
    assert_eq!(
        response.status(),
        StatusCode::BAD_REQUEST,
        "{id} takes {what}; server/openapi.json says {code}"
    );
    let body = document.check(id, response).await;
    assert_eq!(body["error"], code, "{id} refuses {what}: {body}");
    body
}
