//! `PROPERTY=VALUE` against the published schema of the App's spec.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde_json::{Map, Value};

/// One `PROPERTY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// `containerEngine.name`.
    pub(crate) path: String,
    /// As given.
    pub(crate) value: String,
}

/// A property that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Property {
    /// `containerEngine.name`.
    pub(crate) path: String,
    /// `boolean`, or the allowed values.
    pub(crate) values: String,
    /// First sentence of its description.
    pub(crate) summary: String,
}

/// Why an assignment is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub(crate) enum Error {
    #[error("invalid argument {0:?}: expected PROPERTY=VALUE format")]
    NoValue(String),
    #[error("invalid argument {0:?}: property name must not be empty")]
    NoName(String),
    #[error("{path}: unknown property {name:?}{under}; valid properties: {valid}")]
    Unknown { path: String, name: String, under: String, valid: String },
    #[error("{path:?} is an object; set its fields, e.g. {example:?}")]
    Object { path: String, example: String },
    #[error("{0:?} is not an object and has no sub-properties")]
    NotAnObject(String),
    #[error("invalid value {value:?} for {path:?}: {expected}")]
    Value { path: String, value: String, expected: String },
}

/// Takes arguments apart.
///
/// # Errors
/// No `=`, or nothing before it.
pub(crate) fn parse(arguments: &[String]) -> Result<Vec<Assignment>, Error> {
    let parse = |argument: &String| match argument.split_once('=') {
        None => Err(Error::NoValue(argument.clone())),
        Some(("", _)) => Err(Error::NoName(argument.clone())),
        Some((path, value)) => Ok(Assignment { path: path.to_owned(), value: value.to_owned() }),
    };
    arguments.iter().map(parse).collect()
}

/// The merge patch of `spec` that the assignments ask for; of two for one property the last wins.
///
/// # Errors
/// The first assignment that does not fit the schema.
pub(crate) fn patch(spec: &JSONSchemaProps, assignments: &[Assignment]) -> Result<Value, Error> {
    let mut patch = Value::Object(Map::new());
    for assignment in assignments {
        let (schema, required) = find(spec, &assignment.path)?;
        let value = coerce(schema, required, assignment)?;
        let mut at = &mut patch;
        for name in assignment.path.split('.') {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = &mut at[name];
        }
        *at = value;
    }
    Ok(patch)
}

/// The `spec` of a new App: what was given, and zero values for required fields that were not.
pub(crate) fn complete(spec: &JSONSchemaProps, given: Value) -> Value {
    let mut object = match given {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    object.retain(|_, value| !value.is_null());
    for (name, schema) in spec.properties.iter().flatten() {
        let required = spec.required.iter().flatten().any(|r| r == name);
        match object.remove(name) {
            Some(value) if value.is_object() => object.insert(name.clone(), complete(schema, value)),
            Some(value) => object.insert(name.clone(), value),
            None if required && schema.default.is_none() => object.insert(name.clone(), zero(schema)),
            None => None,
        };
    }
    Value::Object(object)
}

/// Every property that can be set, sorted.
pub(crate) fn list(spec: &JSONSchemaProps) -> Vec<Property> {
    let mut found = Vec::new();
    collect(spec, "", &mut found);
    found
}

fn collect(schema: &JSONSchemaProps, prefix: &str, found: &mut Vec<Property>) {
    for (name, child) in children(schema, prefix.is_empty()) {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if is_object(child) {
            collect(child, &path, found);
            continue;
        }
        let values = match values(child) {
            values if values.is_empty() => child.type_.clone().unwrap_or_else(|| "string".to_owned()),
            values => values.join(", "),
        };
        let summary = child.description.as_deref().unwrap_or_default();
        let summary = summary.split_inclusive(". ").next().unwrap_or_default().trim().to_owned();
        found.push(Property { path, values, summary });
    }
}

/// The sub-properties of a schema. The root's `namespace` is left out: it can not be changed once mirrors live in it.
fn children(schema: &JSONSchemaProps, root: bool) -> impl Iterator<Item = (&String, &JSONSchemaProps)> {
    schema.properties.iter().flatten().filter(move |(name, _)| !(root && *name == "namespace"))
}

fn is_object(schema: &JSONSchemaProps) -> bool {
    schema.type_.as_deref() == Some("object")
}

/// The schema of a path, and whether its parent requires it.
fn find<'a>(spec: &'a JSONSchemaProps, path: &str) -> Result<(&'a JSONSchemaProps, bool), Error> {
    let mut schema = spec;
    let mut required = false;
    let mut walked = String::new();
    for name in path.split('.') {
        if !walked.is_empty() && !is_object(schema) {
            return Err(Error::NotAnObject(walked));
        }
        let found = children(schema, walked.is_empty()).find(|(n, _)| *n == name);
        let Some((_, child)) = found else {
            let mut valid = Vec::new();
            collect(schema, &walked, &mut valid);
            return Err(Error::Unknown {
                path: path.to_owned(),
                name: name.to_owned(),
                under: if walked.is_empty() { String::new() } else { format!(" under {walked:?}") },
                valid: valid.into_iter().map(|p| p.path).collect::<Vec<_>>().join(", "),
            });
        };
        required = schema.required.iter().flatten().any(|r| r == name);
        schema = child;
        if !walked.is_empty() {
            walked.push('.');
        }
        walked.push_str(name);
    }
    if is_object(schema) {
        let mut inner = Vec::new();
        collect(schema, path, &mut inner);
        let example = inner.into_iter().next().map_or_else(|| format!("{path}.…"), |p| p.path);
        return Err(Error::Object { path: path.to_owned(), example });
    }
    Ok((schema, required))
}

/// A value of the schema's type. An empty one unsets an optional property.
fn coerce(schema: &JSONSchemaProps, required: bool, assignment: &Assignment) -> Result<Value, Error> {
    let Assignment { path, value } = assignment;
    let refuse = |expected: &str| {
        Err(Error::Value { path: path.clone(), value: value.clone(), expected: expected.to_owned() })
    };
    let allowed = values(schema);
    if !allowed.is_empty() {
        return match allowed.contains(value) {
            true => Ok(value.as_str().into()),
            false => refuse(&format!("valid values: {}", allowed.join(", "))),
        };
    }
    match schema.type_.as_deref() {
        Some("boolean") => match value.as_str() {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => refuse("expected boolean; use \"true\" or \"false\""),
        },
        Some("integer") => value.parse::<i64>().map_or_else(|_| refuse("expected integer"), |n| Ok(n.into())),
        Some("number") => value
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map_or_else(|| refuse("expected number"), |n| Ok(Value::Number(n))),
        Some("array") => refuse("lists can not be set here; use `rdd ctl edit app app`"),
        _ if value.is_empty() && !required => Ok(Value::Null),
        _ => Ok(value.as_str().into()),
    }
}

/// The allowed values of an enumeration.
fn values(schema: &JSONSchemaProps) -> Vec<String> {
    schema.enum_.iter().flatten().filter_map(|value| value.0.as_str().map(str::to_owned)).collect()
}

fn zero(schema: &JSONSchemaProps) -> Value {
    match schema.type_.as_deref() {
        Some("boolean") => false.into(),
        Some("integer" | "number") => 0.into(),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => complete(schema, Value::Null),
        _ => values(schema).into_iter().next().unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests;
