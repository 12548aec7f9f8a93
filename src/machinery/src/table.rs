//! Server-side printing.

use crate::path::Path;
use crate::{Object, Resource, go, partial, time};
use serde_json::{Map, Value, json};

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean`, `date`.
    pub kind: String,
    /// `name` for the first one, else as the CRD says.
    pub format: String,
    /// Description.
    pub description: String,
    /// 0: always shown; more: with `-o wide`.
    pub priority: i32,
    /// Where the value is.
    pub source: Source,
}

/// Where a cell comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// `metadata.name`.
    Name,
    /// The age of the object.
    Age,
    /// `metadata.creationTimestamp` as it is.
    Created,
    /// How many members `data` and `binaryData` have.
    DataCount,
    /// A JSON path; `None`: one that can not be read, whose cells stay empty.
    Path(Option<Path>),
}

/// `includeObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    None,
    /// A PartialObjectMetadata (the default).
    Metadata,
    /// The whole object.
    Object,
}

impl Include {
    /// Parses the query parameter; empty is the default.
    ///
    /// # Errors
    /// [`crate::Failure::BadRequest`].
    pub fn parse(word: &str) -> Result<Include, crate::Failure> {
        match word {
            "" | "Metadata" => Ok(Include::Metadata),
            "None" => Ok(Include::None),
            "Object" => Ok(Include::Object),
            other => Err(crate::Failure::BadRequest(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {}: must be 'Metadata', 'Object', 'None', or empty",
                go::quote(other)
            ))),
        }
    }
}

impl Column {
    /// A column that is always shown.
    pub fn new(name: &str, kind: &str, source: Source) -> Column {
        let text = str::to_owned;
        Column {
            name: text(name),
            kind: text(kind),
            format: text(""),
            description: text(""),
            priority: 0,
            source,
        }
    }
    /// NAME, the first one of nearly every kind.
    pub fn name() -> Column {
        let description = "Name must be unique within a namespace. Is required when creating resources, although some resources may allow \
             a client to request the generation of an appropriate name automatically.";
        Column {
            format: "name".to_owned(),
            description: description.to_owned(),
            ..Column::new("Name", "string", Source::Name)
        }
    }
    /// AGE, as custom kinds without columns have it.
    pub fn age(kind: &str) -> Column {
        let description = "CreationTimestamp is a timestamp representing the server time when this object was created. It is not \
             guaranteed to be set in happens-before order across separate operations.";
        Column { description: description.to_owned(), ..Column::new("Age", kind, Source::Age) }
    }

    fn cell(&self, object: &Object, now: &str) -> Value {
        match &self.source {
            Source::Name => object.name().into(),
            Source::Created => object.at(&["metadata", "creationTimestamp"]).cloned().unwrap_or_default(),
            Source::Age => object
                .text(&["metadata", "creationTimestamp"])
                .map_or("<unknown>".into(), |t| time::age(t, now).into()),
            Source::DataCount => {
                let count =
                    |member: &str| object.0.get(member).and_then(Value::as_object).map_or(0, Map::len);
                json!(count("data") + count("binaryData"))
            }
            Source::Path(path) => path
                .as_ref()
                .and_then(|path| path.first_in(object))
                .map_or(Value::Null, |value| self.shown(value, now)),
        }
    }

    /// A value in the column's type; what does not fit is no value.
    fn shown(&self, value: &Value, now: &str) -> Value {
        match (self.kind.as_str(), value) {
            (_, Value::Null) => Value::Null,
            ("integer", Value::Number(n)) => {
                n.as_i64().or(n.as_f64().map(|f| f as i64)).map_or(Value::Null, Value::from)
            }
            ("number", Value::Number(n)) => n.as_f64().map_or(Value::Null, |_| Value::Number(n.clone())),
            ("boolean", Value::Bool(_)) => value.clone(),
            ("string", Value::String(_)) => value.clone(),
            ("string", Value::Number(n)) => go::number(n).into(),
            ("string", Value::Bool(flag)) => flag.to_string().into(),
            ("string", other) => other.to_string().into(),
            ("date", Value::String(text)) if text.parse::<jiff::Timestamp>().is_ok() => {
                time::age(text, now).into()
            }
            ("date", _) => "<invalid>".into(),
            _ => Value::Null,
        }
    }
}

/// `meta.k8s.io/v1` Table of some objects; `metadata` is the list's (resourceVersion, continue, remainingItemCount).
pub fn render(
    resource: &Resource,
    objects: &[Object],
    metadata: Value,
    include: Include,
    now: &str,
) -> Object {
    let rows: Vec<Value> = objects.iter().map(|object| row(resource, object, include, now)).collect();
    let mut table = Map::new();
    table.insert("kind".to_owned(), "Table".into());
    table.insert("apiVersion".to_owned(), "meta.k8s.io/v1".into());
    table.insert("metadata".to_owned(), metadata);
    table.insert("columnDefinitions".to_owned(), definitions(resource));
    table.insert("rows".to_owned(), rows.into());
    Object(table)
}

/// The `columnDefinitions` of a kind's tables.
pub fn definitions(resource: &Resource) -> Value {
    let definition = |c: &Column| json!({"name": c.name, "type": c.kind, "format": c.format, "description": c.description, "priority": c.priority});
    resource.columns.iter().map(definition).collect()
}

/// One row.
pub fn row(resource: &Resource, object: &Object, include: Include, now: &str) -> Value {
    let cells: Vec<Value> = resource.columns.iter().map(|column| column.cell(object, now)).collect();
    let shown = match include {
        Include::None => Value::Null,
        Include::Metadata => Value::Object(partial::metadata(object).0),
        Include::Object => Value::Object(object.0.clone()),
    };
    json!({"cells": cells, "object": shown})
}
