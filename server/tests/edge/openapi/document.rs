//! The document: its operations, and whether an answer is what it says.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use jsonschema::{Draft, Validator};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Map, Value, json};

const TEXT: &str = include_str!("../../../openapi.json");

/// `server/openapi.json`, with what was seen of it.
pub struct Document {
    /// As it is.
    pub open: Value,
    /// Its components, with every object closed that they leave open.
    closed: Value,
    validators: RefCell<HashMap<String, Rc<Validator>>>,
    /// `Schema.property`, `operation status` and `operation code` of what was answered.
    pub seen: RefCell<BTreeSet<String>>,
}

/// A path and method.
#[derive(Clone)]
pub struct Operation<'a> {
    pub id: &'a str,
    pub path: &'a str,
    pub method: Method,
    pub json: &'a Value,
}

impl Document {
    pub fn new() -> Self {
        let open: Value = serde_json::from_str(TEXT).unwrap();
        let mut closed = open["components"].clone();
        close(&mut closed);
        Self { open, closed, validators: RefCell::default(), seen: RefCell::default() }
    }

    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.open["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, json)| Operation {
                id: json["operationId"].as_str().unwrap(),
                path,
                method: method.to_uppercase().parse().unwrap(),
                json,
            })
        })
    }

    pub fn operation(&self, id: &str) -> Operation<'_> {
        let found = self.operations().find(|operation| operation.id == id);
        found.unwrap_or_else(|| panic!("server/openapi.json has no operation {id}"))
    }

    /// What stands at a `$ref`, or the thing itself.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.at(reference),
            None => value,
        }
    }

    fn at(&self, reference: &str) -> &Value {
        let found = self.open.pointer(reference.trim_start_matches('#'));
        found.unwrap_or_else(|| panic!("nothing is at {reference}"))
    }

    /// The parameters of an operation that are in `place`, resolved.
    pub fn parameters<'a>(&'a self, operation: &Operation<'a>, place: &str) -> Vec<&'a Value> {
        let Some(parameters) = operation.json["parameters"].as_array() else { return Vec::new() };
        parameters.iter().map(|parameter| self.resolve(parameter)).filter(|p| p["in"] == place).collect()
    }

    /// The answer with this status, resolved, and where it stands.
    pub fn response(&self, operation: &Operation<'_>, status: StatusCode) -> (&Value, String) {
        let path = operation.path.replace('~', "~0").replace('/', "~1");
        let method = operation.method.as_str().to_lowercase();
        let key =
            if operation.json["responses"][status.as_str()].is_null() { "default" } else { status.as_str() };
        let place = format!("#/paths/{path}/{method}/responses/{key}");
        match self.at(&place)["$ref"].as_str() {
            Some(reference) => (self.at(reference), reference.to_owned()),
            None => (self.at(&place), place),
        }
    }

    /// The codes that an operation names for a status.
    pub fn codes(&self, operation: &Operation<'_>, status: &str) -> Vec<&str> {
        if operation.json["responses"][status].is_null() {
            return Vec::new();
        }
        let (response, _) = self.response(operation, status.parse().unwrap());
        let mut codes = Vec::new();
        find_codes(&response["content"]["application/json"]["schema"], &mut codes);
        codes
    }

    /// Compares an answer with the document, and gives its body: null where there is none, a string where it is no JSON.
    pub async fn check(&self, id: &str, response: Response) -> Value {
        let operation = self.operation(id);
        let status = response.status();
        let told = format!("{id} answered {status} at {}", response.url());
        let (described, place) = self.response(&operation, status);
        assert!(
            !place.ends_with("/Refused")
                || ["401", "403", "408", "413", "415", "429", "500", "503"].contains(&status.as_str()),
            "{told}: server/openapi.json does not describe that"
        );
        self.seen.borrow_mut().insert(format!("{id} {}", status.as_str()));
        if let Some(headers) = described["headers"].as_object() {
            for (name, header) in headers {
                let header = self.resolve(header);
                let value = response.headers().get(name).map(|value| json!(value.to_str().unwrap()));
                assert!(value.is_some() || header["required"] != true, "{told}: without the header {name}");
                if let Some(value) = value {
                    self.assert_is(&header["schema"], &value, &format!("{told}: header {name}"));
                }
            }
        }
        let Some(content) = described["content"].as_object() else {
            assert_eq!(
                response.text().await.unwrap(),
                "",
                "{told}: a body that server/openapi.json does not describe"
            );
            return Value::Null;
        };
        let kind = response.headers()[CONTENT_TYPE].to_str().unwrap().split(';').next().unwrap().to_owned();
        assert!(content.contains_key(&kind), "{told}: {kind} is not described");
        if kind == "text/event-stream" {
            return Value::Null;
        }
        if kind != "application/json" {
            return response.text().await.unwrap().into();
        }
        let body: Value = response.json().await.unwrap();
        self.assert_is(&content[&kind]["schema"], &body, &told);
        self.see(&content[&kind]["schema"], &body, "");
        for code in [&body["error"], &body["error"]["code"]].into_iter().filter_map(Value::as_str) {
            self.seen.borrow_mut().insert(format!("{id} {code}"));
        }
        body
    }

    /// Asserts that a value is what a schema says, and no more.
    pub fn assert_is(&self, schema: &Value, value: &Value, what: &str) {
        let validator = self.validator(schema);
        let errors: Vec<String> = validator
            .iter_errors(value)
            .take(5)
            .map(|error| format!("  {} at {}", error, error.instance_path()))
            .collect();
        assert!(
            errors.is_empty(),
            "{what}: not what server/openapi.json says. Describe it there, or mend the answer.\n{}\n{value:#}",
            errors.join("\n")
        );
    }

    pub fn is(&self, schema: &Value, value: &Value) -> bool {
        self.validator(schema).is_valid(value)
    }

    /// A validator of a schema of this document.
    fn validator(&self, schema: &Value) -> Rc<Validator> {
        let key = schema.to_string();
        if let Some(known) = self.validators.borrow().get(&key) {
            return Rc::clone(known);
        }
        let mut schema = schema.clone();
        close(&mut schema);
        let root = json!({ "allOf": [schema], "components": self.closed });
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let validator = Rc::new(options.build(&root).unwrap_or_else(|error| panic!("{schema}: {error}")));
        self.validators.borrow_mut().insert(key, Rc::clone(&validator));
        validator
    }

    /// Notes which properties of the document's schemas a value has.
    pub fn see(&self, schema: &Value, value: &Value, name: &str) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap();
            return self.see(self.at(reference), value, name);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.see(part, value, name);
        }
        for part in ["oneOf", "anyOf"].iter().flat_map(|key| schema[key].as_array()).flatten() {
            if self.is(part, value) {
                self.see(part, value, name);
            }
        }
        let rest = &schema["additionalProperties"];
        for (key, inner) in value.as_object().into_iter().flatten() {
            let property = &schema["properties"][key];
            if !property.is_null() {
                if schema["type"] == "object" {
                    self.seen.borrow_mut().insert(format!("{name}.{key}"));
                }
                self.see(property, inner, name);
            } else if rest.is_object() {
                self.see(rest, inner, name);
            }
        }
        for inner in value.as_array().into_iter().flatten().filter(|_| schema["items"].is_object()) {
            self.see(&schema["items"], inner, name);
        }
    }

    /// `Schema.property` of every schema that an answer may have.
    pub fn answerable(&self) -> BTreeSet<String> {
        let (mut found, mut visited) = (BTreeSet::new(), BTreeSet::new());
        for operation in self.operations() {
            for response in operation.json["responses"].as_object().unwrap().values() {
                self.reach(response, "", &mut found, &mut visited);
            }
        }
        found
    }

    fn reach(&self, value: &Value, name: &str, found: &mut BTreeSet<String>, visited: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                if let Some(reference) = object.get("$ref").and_then(Value::as_str)
                    && visited.insert(reference.to_owned())
                {
                    self.reach(self.at(reference), reference.rsplit('/').next().unwrap(), found, visited);
                }
                if object.get("type").is_some_and(|kind| kind == "object") {
                    let properties = object.get("properties").and_then(Value::as_object);
                    found.extend(
                        properties.into_iter().flat_map(Map::keys).map(|key| format!("{name}.{key}")),
                    );
                }
                object
                    .iter()
                    .filter(|(key, _)| *key != "example")
                    .for_each(|(_, inner)| self.reach(inner, name, found, visited));
            }
            Value::Array(list) => list.iter().for_each(|inner| self.reach(inner, name, found, visited)),
            _ => {}
        }
    }
}

/// Closes each object whose properties are told and that is not said to have others.
fn close(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("example");
            let is_open = object.get("type").is_some_and(|kind| kind == "object")
                && object.contains_key("properties")
                && !object.contains_key("additionalProperties");
            object.values_mut().for_each(close);
            if is_open {
                object.insert("unevaluatedProperties".to_owned(), json!(false));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

fn find_codes<'a>(schema: &'a Value, codes: &mut Vec<&'a str>) {
    match schema {
        Value::Object(object) => {
            let list = object.get("properties").and_then(|properties| properties["error"]["enum"].as_array());
            codes.extend(list.into_iter().flatten().filter_map(Value::as_str));
            object.values().for_each(|inner| find_codes(inner, codes));
        }
        Value::Array(list) => list.iter().for_each(|inner| find_codes(inner, codes)),
        _ => {}
    }
}
