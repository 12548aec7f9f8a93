//! Objects of typed kinds held to their types, as decoding into a Go struct does it.

use crate::go;
use base64::Engine;
use serde_json::{Map, Value};

/// The type of a field.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Whatever it is.
    Any,
    Text,
    Flag,
    Integer,
    Float,
    /// Base64.
    Bytes,
    Map(&'static Shape),
    List(&'static Shape),
    Struct(&'static Struct),
    /// A struct, or a boolean.
    Either(&'static Struct),
}

/// Fields by name.
pub(super) struct Struct {
    pub(super) name: &'static str,
    pub(super) fields: &'static [(&'static str, Shape)],
}

/// Holds an object to a struct: unknown members and nulls go, the former are told. Its head (apiVersion, kind, metadata) is left alone.
pub(super) fn coerce(
    shape: &Struct,
    members: &mut Map<String, Value>,
    dropped: &mut Vec<String>,
) -> Result<(), String> {
    let mut walk = Walk { dropped };
    walk.members(shape, members, "", "", true)
}

struct Walk<'a> {
    dropped: &'a mut Vec<String>,
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl Walk<'_> {
    /// `place` is where strict validation sees it (with indices), `path` where Go's decoder does (without).
    fn members(
        &mut self,
        shape: &Struct,
        members: &mut Map<String, Value>,
        place: &str,
        path: &str,
        root: bool,
    ) -> Result<(), String> {
        let mut unknown = Vec::new();
        for (name, value) in members.iter_mut() {
            if root && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
                continue;
            }
            match shape.fields.iter().find(|(field, _)| field == name) {
                None => unknown.push(name.clone()),
                Some((_, inner)) => {
                    self.value(*inner, value, shape.name, &below(place, name), &below(path, name))?
                }
            }
        }
        self.dropped.extend(unknown.iter().map(|name| below(place, name)));
        let emptied = |name: &str, value: &Value| {
            let list_or_map = shape
                .fields
                .iter()
                .any(|(field, shape)| *field == name && matches!(shape, Shape::List(_) | Shape::Map(_)));
            list_or_map
                && (value.as_array().is_some_and(Vec::is_empty)
                    || value.as_object().is_some_and(Map::is_empty))
        };
        members.retain(|name, value| !unknown.contains(name) && !value.is_null() && !emptied(name, value));
        Ok(())
    }

    fn value(
        &mut self,
        shape: Shape,
        value: &mut Value,
        owner: &str,
        place: &str,
        path: &str,
    ) -> Result<(), String> {
        let wrong = |value: &Value, wanted: &str| {
            let found = match value {
                Value::Number(number) if matches!(shape, Shape::Integer) => {
                    format!("number {}", go::number(number))
                }
                other => go::json_type(other).to_owned(),
            };
            Err(format!(
                "json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {wanted}"
            ))
        };
        match (shape, &mut *value) {
            (Shape::Any, _) | (_, Value::Null) => Ok(()),
            (Shape::Text, Value::String(_))
            | (Shape::Flag, Value::Bool(_))
            | (Shape::Either(_), Value::Bool(_)) => Ok(()),
            (Shape::Integer, Value::Number(number)) if number.is_i64() => Ok(()),
            (Shape::Float, Value::Number(_)) => Ok(()),
            (Shape::Bytes, Value::String(text)) => base64(text),
            (Shape::Struct(inner) | Shape::Either(inner), Value::Object(members)) => {
                self.members(inner, members, place, path, false)
            }
            (Shape::Map(inner), Value::Object(members)) => {
                for (name, value) in members.iter_mut() {
                    if value.is_null() && matches!(inner, Shape::Text | Shape::Bytes) {
                        *value = "".into();
                    }
                    self.value(*inner, value, owner, &below(place, name), path)?;
                }
                Ok(())
            }
            (Shape::List(inner), Value::Array(list)) => {
                for (index, entry) in list.iter_mut().enumerate() {
                    self.value(*inner, entry, owner, &format!("{place}[{index}]"), path)?;
                }
                Ok(())
            }
            (Shape::Text, other) => wrong(other, "string"),
            (Shape::Flag, other) => wrong(other, "bool"),
            (Shape::Integer, other) => wrong(other, "int64"),
            (Shape::Float, other) => wrong(other, "float64"),
            (Shape::Bytes, other) => wrong(other, "[]uint8"),
            (Shape::Map(_), other) => wrong(other, "map[string]string"),
            (Shape::List(_), other) => wrong(other, "[]string"),
            (Shape::Struct(inner), other) => wrong(other, &format!("v1.{}", inner.name)),
            (Shape::Either(_), _) => Err("JSON schema bool or object expected".to_owned()),
        }
    }
}

/// The byte at which Go's decoder gives up is the first of the group of four that is wrong, or the first wrong character in it.
fn base64(text: &str) -> Result<(), String> {
    let engine = base64::engine::general_purpose::STANDARD;
    match engine.decode(text.replace(['\r', '\n'], "")) {
        Ok(_) => Ok(()),
        Err(base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _)) => {
            Err(format!("illegal base64 data at input byte {at}"))
        }
        Err(_) => Err(format!("illegal base64 data at input byte {}", text.len() / 4 * 4)),
    }
}
