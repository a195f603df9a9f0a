//! It is OpenAPI, and its examples are what its schemas say.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Document;

/// The schema of OpenAPI 3.1 documents, of the OpenAPI Initiative (Apache-2.0), as the npm package
/// `@seriousme/openapi-schema-validator` 2.11.0 has it: without `$dynamicRef`, which only the schema of schemas needs.
const OPENAPI: &str = include_str!("oas-3.1.json");

/// What our schemas are written with. A validator takes any other word for a comment, a misspelt one too.
const KEYWORDS: [&str; 28] = [
    "$ref",
    "type",
    "description",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "minLength",
    "minProperties",
    "maxLength",
    "minimum",
    "maximum",
    "pattern",
    "format",
    "default",
    "example",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "then",
    "title",
    "deprecated",
];

#[test]
fn it_is_openapi() {
    let document = Document::new();
    let schema: Value = serde_json::from_str(OPENAPI).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&document.open).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert!(errors.is_empty(), "server/openapi.json is not OpenAPI 3.1:\n{}", errors.join("\n"));
    let mut ids = BTreeSet::new();
    for operation in document.operations() {
        assert!(ids.insert(operation.id), "{} is there twice", operation.id);
        let in_path: BTreeSet<&str> =
            operation.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        let described = document.parameters(&operation, "path");
        assert_eq!(
            described.iter().map(|p| p["name"].as_str().unwrap()).collect::<BTreeSet<_>>(),
            in_path,
            "{}",
            operation.id
        );
        assert!(described.iter().all(|parameter| parameter["required"] == true), "{}", operation.id);
    }
}

#[test]
fn its_schemas_are_json_schema_without_a_misspelt_word() {
    let document = Document::new();
    each_schema(&document.open, "", &mut |schema, place| {
        if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
            panic!("{place}: {error}");
        }
        check_words(schema, place);
    });
}

#[test]
fn every_answer_and_body_has_an_example_and_examples_are_what_the_schemas_say() {
    let document = Document::new();
    for operation in document.operations() {
        let id = operation.id;
        let success = operation.json["responses"]
            .as_object()
            .unwrap()
            .iter()
            .find(|(status, _)| status.starts_with('2'));
        let success = document.resolve(success.unwrap_or_else(|| panic!("{id} never succeeds")).1);
        for (what, content) in
            [("answer", &success["content"]), ("body", &operation.json["requestBody"]["content"])]
        {
            for media in content.as_object().into_iter().flat_map(|content| content.values()) {
                assert!(!media["example"].is_null(), "{id}: an example of the {what} is missing");
                document.assert_is(
                    &media["schema"],
                    &media["example"],
                    &format!("the example of {id}'s {what}"),
                );
            }
        }
        for parameter in
            ["path", "query", "header"].iter().flat_map(|place| document.parameters(&operation, place))
        {
            if !parameter["example"].is_null() {
                document.assert_is(
                    &parameter["schema"],
                    &parameter["example"],
                    &format!("{id}: {parameter}"),
                );
            }
        }
    }
    for (name, schema) in document.open["components"]["schemas"].as_object().unwrap() {
        if !schema["example"].is_null() {
            document.assert_is(
                &json!({"$ref": format!("#/components/schemas/{name}")}),
                &schema["example"],
                name,
            );
        }
    }
}

/// Every schema that does not stand in another one.
fn each_schema(value: &Value, place: &str, found: &mut impl FnMut(&Value, &str)) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object.iter().filter(|(key, _)| *key != "example") {
                let place = format!("{place}/{key}");
                match (key.as_str(), inner) {
                    ("schema", _) => found(inner, &place),
                    ("schemas" | "x-frames", Value::Object(schemas)) => {
                        schemas.iter().for_each(|(name, schema)| found(schema, &format!("{place}/{name}")));
                    }
                    _ => each_schema(inner, &place, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| each_schema(inner, place, found)),
        _ => {}
    }
}

fn check_words(schema: &Value, place: &str) {
    for (key, inner) in schema.as_object().unwrap_or_else(|| panic!("{place} is no schema: {schema}")) {
        assert!(KEYWORDS.contains(&key.as_str()), "{place}: {key:?} is no word of a schema");
        let place = format!("{place}/{key}");
        match key.as_str() {
            "properties" => {
                inner.as_object().unwrap().values().for_each(|property| check_words(property, &place));
            }
            "items" | "if" | "then" => check_words(inner, &place),
            "additionalProperties" if inner.is_object() => check_words(inner, &place),
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                inner.as_array().unwrap().iter().for_each(|part| check_words(part, &place));
            }
            _ => {}
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(!schema["properties"][name].is_null(), "{place}: {name} is required and not described");
    }
}
