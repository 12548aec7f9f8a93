//! What keeps a schema from being structural, and what else a CRD may not say in one.

use super::node::Type;
use super::place::Place;
use super::{build, check, lists, node, regexp};
use crate::Cause;
use serde_json::{Value, json};

/// What is wrong with an `openAPIV3Schema`, below the field path given.
pub fn faults(schema: &Value, path: &str) -> Vec<Cause> {
    let mut walk = Walk { causes: Vec::new() };
    walk.level(schema, path, Level::Root);
    if let Some(metadata) = schema.pointer("/properties/metadata") {
        walk.metadata(metadata, &format!("{path}.properties[metadata]"));
    }
    walk.causes
}

#[derive(Clone, Copy, PartialEq)]
enum Level {
    Root,
    Property,
    Item,
}

struct Walk {
    causes: Vec<Cause>,
}

/// Keywords of JSON schema that structural schemas have no use for.
const UNSUPPORTED: [&str; 6] =
    ["$ref", "definitions", "dependencies", "id", "patternProperties", "additionalItems"];
/// What may stand only outside of `allOf`, `anyOf`, `oneOf` and `not`.
const STRUCTURE: [&str; 10] = [
    "type",
    "title",
    "description",
    "default",
    "nullable",
    "additionalProperties",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
];

fn truthy(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
        Some(_) => true,
    }
}

impl Walk {
    fn push(&mut self, cause: Cause) {
        self.causes.push(cause);
    }

    fn level(&mut self, schema: &Value, path: &str, level: Level) {
        self.kind(schema, path, level);
        for keyword in UNSUPPORTED.iter().filter(|keyword| truthy(schema.get(**keyword))) {
            self.push(Cause::forbidden(format!("{path}.{keyword}"), &format!("{keyword} is not supported")));
        }
        if truthy(schema.get("uniqueItems")) {
            let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.push(Cause::forbidden(format!("{path}.uniqueItems"), why));
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
            && let Err(why) = regexp::compile(pattern)
        {
            let why = format!("must be a valid regular expression, but isn't: {why}");
            self.push(Cause::invalid(format!("{path}.pattern"), &pattern.into(), &why));
        }
        self.members(schema, path, level);
        self.list(schema, path);
        self.extensions(schema, path);
        self.nested_all(schema, path);
        self.default(schema, path);
    }

    fn kind(&mut self, schema: &Value, path: &str, level: Level) {
        let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        let flag = |name: &str| truthy(schema.get(name));
        let field = format!("{path}.type");
        let free = flag("x-kubernetes-int-or-string") || flag("x-kubernetes-preserve-unknown-fields");
        match (kind, level) {
            ("", Level::Root) => self.push(Cause::required(field, "must not be empty at the root")),
            ("object", Level::Root) => {}
            (other, Level::Root) => {
                self.push(Cause::invalid(field, &other.into(), "must be object at the root"))
            }
            ("", _) if free => {}
            ("", Level::Property) => {
                self.push(Cause::required(field, "must not be empty for specified object fields"));
            }
            ("", Level::Item) => {
                self.push(Cause::required(field, "must not be empty for specified array items"))
            }
            ("null", _) => {
                let why = "type cannot be set to null, use nullable as an alternative";
                self.push(Cause::forbidden(field, why));
            }
            (other, _) if Type::parse(other).is_none() => {
                let offered = ["array", "boolean", "integer", "number", "object", "string"];
                self.push(Cause::not_supported(field, &other.into(), &offered));
            }
            _ => {}
        }
        if kind == "array" && schema.get("items").is_none_or(Value::is_null) {
            self.push(Cause::required(format!("{path}.items"), "must be specified"));
        }
    }

    fn members(&mut self, schema: &Value, path: &str, level: Level) {
        let properties = schema.get("properties").and_then(Value::as_object).filter(|p| !p.is_empty());
        let field = format!("{path}.additionalProperties");
        match schema.get("additionalProperties") {
            None | Some(Value::Null) => {}
            Some(_) if level == Level::Root => {
                self.push(Cause::forbidden(field, "must not be used at the root"));
            }
            Some(more) if properties.is_some() && *more != json!(false) => {
                self.push(Cause::forbidden(
                    field,
                    "additionalProperties and properties are mutual exclusive",
                ));
            }
            Some(inner @ Value::Object(_)) => self.level(inner, &field, Level::Property),
            Some(_) => {}
        }
        for (name, inner) in properties.into_iter().flatten() {
            self.level(inner, &format!("{path}.properties[{name}]"), Level::Property);
        }
        match schema.get("items") {
            Some(Value::Array(_)) => {
                let why = "items must be a schema object and not an array";
                self.push(Cause::forbidden(format!("{path}.items"), why));
            }
            Some(inner @ Value::Object(_)) => self.level(inner, &format!("{path}.items"), Level::Item),
            _ => {}
        }
    }

    fn list(&mut self, schema: &Value, path: &str) {
        let list_type = schema.get("x-kubernetes-list-type").and_then(Value::as_str);
        let field = format!("{path}.x-kubernetes-list-type");
        let keys_field = format!("{path}.x-kubernetes-list-map-keys");
        let keys = schema.get("x-kubernetes-list-map-keys").filter(|keys| truthy(Some(keys)));
        let Some(word) = list_type else {
            if keys.is_some() {
                self.push(Cause::required(field, "must be map if x-kubernetes-list-map-keys is non-empty"));
            }
            return;
        };
        if !matches!(word, "atomic" | "set" | "map") {
            self.push(Cause::not_supported(field, &word.into(), &["atomic", "set", "map"]));
            return;
        }
        self.must_be(schema, path, "array", "must be array if x-kubernetes-list-type is specified");
        let items = schema.get("items").unwrap_or(&Value::Null);
        match (word, keys) {
            ("set", None) => self.set_items(items, path),
            ("map", Some(keys)) => self.map_items(items, keys, path),
            ("map", None) => {
                let why = "must not be empty if x-kubernetes-list-type is map";
                self.push(Cause::required(keys_field, why));
            }
            (_, Some(_)) => {
                self.push(Cause::invalid(
                    field,
                    &word.into(),
                    "must be map if x-kubernetes-list-map-keys is non-empty",
                ));
            }
            _ => {}
        }
    }

    fn set_items(&mut self, items: &Value, path: &str) {
        let (attribute, name) = match items.get("type").and_then(Value::as_str) {
            Some("object") => (items.get("x-kubernetes-map-type"), "x-kubernetes-map-type"),
            Some("array") => match items.get("x-kubernetes-list-type") {
                // Absent means atomic.
                None => return,
                given => (given, "x-kubernetes-list-type"),
            },
            _ => return,
        };
        if attribute.and_then(Value::as_str) != Some("atomic") {
            let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
            let value = attribute.cloned().unwrap_or_default();
            self.push(Cause::invalid(format!("{path}.items.{name}"), &value, why));
        }
    }

    fn map_items(&mut self, items: &Value, keys: &Value, path: &str) {
        self.must_be(
            items,
            &format!("{path}.items"),
            "object",
            "must be object if parent array's x-kubernetes-list-type is map",
        );
        let names: Vec<&str> = keys.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = items.get("properties");
        if names.iter().any(|name| properties.and_then(|p| p.get(*name)).is_none()) {
            let why = "entries must all be names of item properties";
            self.push(Cause::invalid(format!("{path}.x-kubernetes-list-map-keys"), keys, why));
        }
        let required: Vec<&str> = items
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for name in names {
            let Some(property) = properties.and_then(|p| p.get(name)) else { continue };
            let field = format!("{path}.items.properties[{name}]");
            if matches!(property.get("type").and_then(Value::as_str), Some("array" | "object")) {
                let why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                self.push(Cause::invalid(format!("{field}.type"), &property["type"], why));
            }
            if truthy(property.get("nullable")) {
                let why = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                self.push(Cause::forbidden(format!("{field}.nullable"), why));
            }
            match (property.get("default"), required.contains(&name)) {
                (None | Some(Value::Null), false) => {
                    let why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                    self.push(Cause::required(format!("{field}.default"), why));
                }
                (Some(default), true) if !default.is_null() => {
                    let why = "this property is in x-kubernetes-list-map-keys, so it must not have both a default and be required";
                    self.push(Cause::invalid(format!("{field}.default"), default, why));
                }
                _ => {}
            }
        }
    }

    fn extensions(&mut self, schema: &Value, path: &str) {
        if let Some(word) = schema.get("x-kubernetes-map-type").and_then(Value::as_str) {
            if matches!(word, "atomic" | "granular") {
                self.must_be(schema, path, "object", "must be object if x-kubernetes-map-type is specified");
            } else {
                let field = format!("{path}.x-kubernetes-map-type");
                self.push(Cause::not_supported(field, &word.into(), &["granular", "atomic"]));
            }
        }
        if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
            let field = format!("{path}.x-kubernetes-preserve-unknown-fields");
            self.push(Cause::invalid(field, &false.into(), "must be true or undefined"));
        }
        if truthy(schema.get("x-kubernetes-embedded-resource")) {
            self.must_be(schema, path, "object", "must be object if x-kubernetes-embedded-resource is true");
            let free = truthy(schema.get("x-kubernetes-preserve-unknown-fields"));
            if !free && !truthy(schema.get("properties")) {
                let why = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
                self.push(Cause::required(format!("{path}.properties"), why));
            }
        }
    }

    fn must_be(&mut self, schema: &Value, path: &str, kind: &str, why: &str) {
        let field = format!("{path}.type");
        match schema.get("type").and_then(Value::as_str).unwrap_or_default() {
            "" => self.push(Cause::required(field, why)),
            found if found != kind => self.push(Cause::invalid(field, &found.into(), why)),
            _ => {}
        }
    }

    /// `allOf`, `anyOf`, `oneOf`, `not`: rules alone, for fields that are specified outside.
    fn nested_all(&mut self, schema: &Value, path: &str) {
        let int_or_string = truthy(schema.get("x-kubernetes-int-or-string")) && is_int_or_string(schema);
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let list = schema.get(keyword).and_then(Value::as_array);
            for (index, inner) in list.into_iter().flatten().enumerate() {
                let skip =
                    int_or_string && (keyword == "anyOf" || (keyword == "allOf" && is_int_or_string(inner)));
                if !skip {
                    self.nested(schema, inner, &format!("{path}.{keyword}[{index}]"), path);
                }
            }
        }
        if let Some(inner) = schema.get("not").filter(|not| not.is_object()) {
            self.nested(schema, inner, &format!("{path}.not"), path);
        }
    }

    fn nested(&mut self, outer: &Value, inner: &Value, path: &str, outer_path: &str) {
        for keyword in STRUCTURE.iter().filter(|keyword| truthy(inner.get(**keyword))) {
            self.push(Cause::forbidden(format!("{path}.{keyword}"), "must be empty to be structural"));
        }
        let properties = inner.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let place = format!("{path}.properties[{name}]");
            let outer_place = format!("{outer_path}.properties[{name}]");
            match outer.pointer("/properties").and_then(|p| p.get(name)) {
                Some(specified) => self.nested(specified, property, &place, &outer_place),
                None => self.push(Cause::required(outer_place, &format!("because it is defined in {place}"))),
            }
        }
        if let Some(items) = inner.get("items").filter(|items| items.is_object()) {
            let (place, outer_place) = (format!("{path}.items"), format!("{outer_path}.items"));
            match outer.get("items") {
                Some(specified) => self.nested(specified, items, &place, &outer_place),
                None => self.push(Cause::required(outer_place, &format!("because it is defined in {place}"))),
            }
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let list = inner.get(keyword).and_then(Value::as_array);
            for (index, deeper) in list.into_iter().flatten().enumerate() {
                self.nested(outer, deeper, &format!("{path}.{keyword}[{index}]"), outer_path);
            }
        }
        if let Some(deeper) = inner.get("not").filter(|not| not.is_object()) {
            self.nested(outer, deeper, &format!("{path}.not"), outer_path);
        }
    }

    /// A default must be a value that the schema would take.
    fn default(&mut self, schema: &Value, path: &str) {
        let Some(default) = schema.get("default").filter(|default| !default.is_null()) else { return };
        let node: node::Node = build::node(schema);
        let mut value = default.clone();
        super::defaults::value(&node, &mut value);
        let field = format!("{path}.default");
        let mut checker = check::Checker { prefix: &field, causes: &mut self.causes };
        checker.value(&node, &value, None, &Place::Root);
        if let Value::Array(list) = &value {
            lists::once_in(&node, list, &field, &mut self.causes);
        }
    }

    /// The top-level metadata, of which a schema may restrict the name and nothing else.
    fn metadata(&mut self, metadata: &Value, path: &str) {
        let properties = metadata.get("properties").and_then(Value::as_object);
        let others = ["additionalProperties", "items", "nullable", "x-kubernetes-preserve-unknown-fields"];
        let beyond = properties
            .into_iter()
            .flatten()
            .any(|(name, _)| !matches!(name.as_str(), "name" | "generateName"));
        if beyond || others.iter().any(|keyword| truthy(metadata.get(*keyword))) {
            let why = "must not specify anything other than name and generateName, but metadata is implicitly specified";
            self.push(Cause::forbidden(path, why));
        }
        for (name, property) in properties.into_iter().flatten() {
            if truthy(property.get("default")) {
                let field = format!("{path}.properties[{name}].default");
                self.push(Cause::forbidden(field, "must not be set in top-level metadata"));
            }
        }
    }
}

/// `anyOf: [{type: integer}, {type: string}]`, at this level or in one `allOf`.
fn is_int_or_string(schema: &Value) -> bool {
    let wanted = json!([{"type": "integer"}, {"type": "string"}]);
    let here = |schema: &Value| schema.get("anyOf") == Some(&wanted);
    here(schema) || schema.get("allOf").and_then(Value::as_array).is_some_and(|all| all.iter().any(here))
}
